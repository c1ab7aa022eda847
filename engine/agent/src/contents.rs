//! The contents of a folder that belongs to a process.

use std::{collections::BTreeSet, ffi::OsString, io::ErrorKind};

use camino::{Utf8Path, Utf8PathBuf};
use krun_model::{Fault, FaultCode, TargetState, names::numbered};

use crate::{
    files,
    folders::make_parents,
    own_names,
    rename::{rename_failed, rename_new, sync_folder},
};

/// The names in a folder, without krun's own; absent where nothing is.
pub fn state(path: &Utf8Path) -> Result<TargetState, Fault> {
    Ok(match files::list(path)? {
        Some(names) => TargetState::Contents(names.into_iter().collect()),
        None if files::kind_of(path)?.is_none() => TargetState::Absent,
        None => return Err(not_a_folder(path)),
    })
}

/// Moves every entry whose name is not in `keep` to `quarantine/<name>`, or to `<name>-2` and so on where
/// that is taken: a folder can be set aside once more, when a rollback was killed, a run went on after
/// it and then all of it is rolled back.
///
/// Killed half-way, it goes on with what is left when it is called again.
///
/// # Errors
/// What the filesystem reports.
pub fn release(
    path: &Utf8Path,
    keep: &BTreeSet<String>,
    quarantine: &Utf8Path,
) -> Result<(), Fault> {
    let names = names_to_move(path, keep)?;
    if names.is_empty() {
        return Ok(());
    }
    make_parents(&quarantine.join("x"))?;
    for name in names {
        let (Some(from), Some(name)) = (inside(path, &name), name.to_str()) else {
            return Err(
                Fault::new(FaultCode::Io, "could not set aside what is in a folder")
                    .at(path)
                    .because(format!("the name {} is not UTF-8", name.display())),
            );
        };
        set_aside(&from, quarantine, name)?;
    }
    sync_folder(quarantine)?;
    sync_folder(path)
}

fn names_to_move(path: &Utf8Path, keep: &BTreeSet<String>) -> Result<Vec<OsString>, Fault> {
    let failed = |error| Fault::io("could not list a folder", path, &error);
    let entries = match path.as_std_path().read_dir() {
        Ok(entries) => entries,
        Err(_) if files::kind_of(path)?.is_none() => return Ok(vec![]),
        Err(error) if files::is_missing(&error) => return Err(not_a_folder(path)),
        Err(error) => return Err(failed(error)),
    };
    let mut names = vec![];
    for entry in entries {
        let name = entry.map_err(failed)?.file_name();
        if !own_names::is_own(&name) && !keep.contains(&*name.to_string_lossy()) {
            names.push(name);
        }
    }
    names.sort_unstable();
    Ok(names)
}

fn set_aside(from: &Utf8Path, quarantine: &Utf8Path, name: &str) -> Result<(), Fault> {
    for free in numbered(name) {
        let to = quarantine.join(free);
        match rename_new(from, &to) {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
            result => return result.map_err(|error| rename_failed(from, &to, &error)),
        }
    }
    Ok(())
}

fn inside(folder: &Utf8Path, name: &OsString) -> Option<Utf8PathBuf> {
    name.to_str().map(|name| folder.join(name))
}

fn not_a_folder(path: &Utf8Path) -> Fault {
    Fault::new(FaultCode::Conflict, "a folder is expected here")
        .at(path)
        .because("something else is there")
}
