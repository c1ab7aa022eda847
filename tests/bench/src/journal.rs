//! What a durable entry of the journal costs beside the bare write and sync.

use std::process::Command;

use krun_tests::lab::repository;

use crate::{
    table::Row,
    work::{Work, finished},
};

/// Runs the journal's own example, which lets both alternate.
pub fn measure(work: &Work) -> Result<Vec<Row>, String> {
    let folder = work.path("journal");
    std::fs::create_dir_all(&folder).map_err(|error| error.to_string())?;
    let output = finished(
        Command::new("cargo")
            .args(["run", "--release", "--quiet", "--package", "krun-journal"])
            .args(["--example", "commit_cost", "--"])
            .arg(&folder)
            .current_dir(repository()),
    )?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let micros = |line: &str| {
        let line = text.lines().find(|one| one.starts_with(line))?;
        line.split_whitespace().find_map(|word| {
            let number = |unit: &str| word.strip_suffix(unit)?.parse::<f64>().ok();
            number("µs").or_else(|| Some(number("ms")? * 1000.0))
        })
    };
    let (Some(bare), Some(durable), Some(group)) = (
        micros("bare append"),
        micros("durable append"),
        micros("durable,"),
    ) else {
        return Err(format!("the example said something else: {text}"));
    };
    let (one, eight) = (durable / bare, group / bare);
    Ok(vec![
        Row::beside("bare append and fdatasync", format!("{bare:.0} µs")),
        Row::judged(
            "journal: the two durable entries of a step, beside two bare fdatasyncs",
            "at most 1.3 ×",
            format!("{one:.2} × ({durable:.0} µs each)"),
            one <= 1.3,
        ),
        Row::judged(
            "journal: a durable entry while 8 threads write, beside one bare fdatasync",
            "less than 1 ×",
            format!("{eight:.2} × ({group:.0} µs each)"),
            eight < 1.0,
        ),
    ])
}
