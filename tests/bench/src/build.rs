//! The cold release build of the README's first command.

use std::{process::Command, time::Duration};

use krun_tests::lab::repository;

use crate::{
    table::{Row, Times},
    work::{Work, finished, timed},
};

/// Builds once into an empty folder; crates are downloaded before.
pub fn measure(work: &Work) -> Result<Vec<Row>, String> {
    finished(Command::new("cargo").arg("fetch").current_dir(repository()))?;
    let time = timed(
        Command::new("cargo")
            .args(["build", "--release", "--quiet", "--package", "krun-cli"])
            .arg("--target-dir")
            .arg(work.path("target"))
            .current_dir(repository()),
    )?;
    let reached = time <= Duration::from_secs(300);
    let text = Times::new([time]).text();
    let what = "cold release build, crates downloaded";
    Ok(vec![Row::judged(what, "at most 300 s", text, reached)])
}
