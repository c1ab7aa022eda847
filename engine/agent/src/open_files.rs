//! Which process has a file open. Of other users' processes an ordinary user sees nothing.

use std::{fs, path::Path};

use camino::Utf8Path;
use krun_model::{Fault, process::Running};

use crate::{files, process::proc};

/// The first process, by pid, that has an open file below a folder; not this one.
pub fn folder_user(folder: &Utf8Path) -> Result<Option<Running>, Fault> {
    // The kernel shows open files by their real paths.
    let folder = match folder.as_std_path().canonicalize() {
        Ok(folder) => folder,
        Err(error) if files::is_missing(&error) => return Ok(None),
        Err(error) => return Err(Fault::io("could not look at a path", folder, &error)),
    };
    let own = std::process::id();
    Ok(holder(|pid, file| pid != own && file.starts_with(&folder)))
}

/// The first process, by pid, with an open file that `matches`.
pub fn holder(matches: impl Fn(u32, &Path) -> bool) -> Option<Running> {
    proc::pids()
        .into_iter()
        .filter(|pid| has_open(*pid, &matches))
        .find_map(|pid| proc::running(pid).map(|(running, ..)| running))
}

fn has_open(pid: u32, matches: &impl Fn(u32, &Path) -> bool) -> bool {
    fs::read_dir(format!("/proc/{pid}/fd"))
        .into_iter()
        .flatten()
        .filter_map(|entry| fs::read_link(entry.ok()?.path()).ok())
        .any(|file| matches(pid, &file))
}
