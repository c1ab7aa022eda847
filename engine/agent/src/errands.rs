//! Errands: commands that nobody waits for, begun when a run has ended.

use std::{
    collections::BTreeMap,
    process::{Command, Stdio},
    sync::{Mutex, PoisonError},
};

use krun_model::host::{ERRAND, Errand};

use crate::process::detach;

/// The errands that were asked for, by name.
#[derive(Debug, Default)]
pub struct Errands(Mutex<BTreeMap<String, Errand>>);

impl Errands {
    /// Asks for one.
    pub fn ask(&self, errand: Errand) {
        let mut asked = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        asked.insert(errand.name.clone(), errand);
    }

    /// Begins all that were asked for.
    pub fn begin(&self) {
        let asked = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        for errand in asked.into_values() {
            // One that can't be begun is asked for again by the next run that misses its result.
            let _lost = begin(&errand);
        }
    }
}

fn begin(errand: &Errand) -> std::io::Result<()> {
    let Some((program, arguments)) = errand.argv.split_first() else {
        return Ok(());
    };
    let mut command = Command::new(program);
    command
        .args(arguments)
        .env_clear()
        .envs(&errand.env)
        .env(ERRAND, &errand.name)
        .current_dir(&errand.cwd)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    detach::detach(&mut command);
    command.spawn().map(drop)
}
