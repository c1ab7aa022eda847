//! Making and removing one folder.

use std::{
    fs::{DirBuilder, DirEntry, Permissions},
    io::ErrorKind,
    os::unix::fs::{DirBuilderExt, PermissionsExt},
};

use camino::Utf8Path;
use krun_model::{Fault, FaultCode, host::FileKind};

use crate::{
    files, own_names,
    rename::{folder_of, rename_new, sync_folder},
    write::refuse,
};

/// How many names of a folder that is not empty a fault shows.
const SHOWN: usize = 5;

/// Makes a folder whose parent exists; one that is there gets the mode.
///
/// It is made under another name and renamed, so that it never appears with a mode that a umask
/// left of it.
pub fn make_dir(path: &Utf8Path, mode: u32) -> Result<(), Fault> {
    let what = "could not make a folder";
    let failed = |error| Fault::io(what, path, &error);
    let chmod = |path: &Utf8Path| std::fs::set_permissions(path, Permissions::from_mode(mode));
    if refuse(path, what, &[FileKind::Dir])?.is_some() {
        return chmod(path).map_err(failed);
    }
    let folder = folder_of(path);
    let temp = own_names::temp().tempdir_in(folder).map_err(failed)?;
    let made = Utf8Path::from_path(temp.path())
        .ok_or_else(|| Fault::internal("a temporary folder has a name that is not UTF-8"))?;
    chmod(made).map_err(failed)?;
    match rename_new(made, path) {
        Ok(()) => {
            let _moved_away = temp.keep();
            sync_folder(folder)
        }
        // Somebody made it meanwhile.
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            refuse(path, what, &[FileKind::Dir])?;
            chmod(path).map_err(failed)
        }
        Err(error) => Err(failed(error)),
    }
}

/// Removes an empty folder; fine where nothing is. Temporary files that a killed krun left in it go
/// with it.
///
/// # Errors
/// A conflict that names some of what is in the folder.
pub fn remove_dir(path: &Utf8Path) -> Result<(), Fault> {
    let what = "could not remove a folder";
    let failed = |error| Fault::io(what, path, &error);
    if refuse(path, what, &[FileKind::Dir])?.is_none() {
        return Ok(());
    }
    let (temps, others) = sort_out(path).map_err(failed)?;
    if !others.is_empty() {
        return Err(not_empty(path, others));
    }
    remove_temps(&temps).map_err(failed)?;
    match std::fs::remove_dir(path) {
        Ok(()) => sync_folder(folder_of(path)),
        Err(error) if files::is_missing(&error) => Ok(()),
        Err(error) if error.kind() == ErrorKind::DirectoryNotEmpty => Err(not_empty(path, vec![])),
        Err(error) => Err(failed(error)),
    }
}

/// Removes temporary files that a killed krun left in a folder; fine where no folder is.
///
/// # Errors
/// The folder can't be read, or a file in it not be removed.
pub fn sweep(folder: &Utf8Path) -> Result<(), Fault> {
    let swept = sort_out(folder).and_then(|(temps, _)| remove_temps(&temps));
    match swept {
        Err(error) if !files::is_missing(&error) => {
            Err(Fault::io("could not tidy a folder", folder, &error))
        }
        _ => Ok(()),
    }
}

/// What lies in a folder: krun's temporary files, and the names of everything else.
fn sort_out(folder: &Utf8Path) -> std::io::Result<(Vec<DirEntry>, Vec<String>)> {
    let (mut temps, mut others) = (vec![], vec![]);
    for entry in folder.as_std_path().read_dir()? {
        let entry = entry?;
        if own_names::is_temp(&entry.file_name()) {
            temps.push(entry);
        } else {
            others.push(entry.file_name().to_string_lossy().into_owned());
        }
    }
    Ok((temps, others))
}

fn remove_temps(temps: &[DirEntry]) -> std::io::Result<()> {
    for temp in temps {
        let removed = if temp.file_type().is_ok_and(|kind| kind.is_dir()) {
            std::fs::remove_dir(temp.path())
        } else {
            std::fs::remove_file(temp.path())
        };
        match removed {
            Err(error) if !files::is_missing(&error) => return Err(error),
            _ => {}
        }
    }
    Ok(())
}

/// Makes the folders above a path that are not there yet, for this user alone: what is put below
/// them may have been kept private by the folders it comes from.
pub fn make_parents(path: &Utf8Path) -> Result<(), Fault> {
    let missing: Vec<_> = path
        .ancestors()
        .skip(1)
        .take_while(|folder| !folder.as_str().is_empty() && !folder.is_dir())
        .collect();
    for folder in missing.into_iter().rev() {
        match DirBuilder::new().mode(0o700).create(folder) {
            Ok(()) => sync_folder(folder_of(folder))?,
            Err(error) if error.kind() == ErrorKind::AlreadyExists && folder.is_dir() => {}
            Err(error) => return Err(Fault::io("could not make a folder", folder, &error)),
        }
    }
    Ok(())
}

fn not_empty(path: &Utf8Path, mut names: Vec<String>) -> Fault {
    names.sort_unstable();
    let more = names.len().saturating_sub(SHOWN);
    names.truncate(SHOWN);
    if more > 0 {
        names.push(format!("… and {more} more"));
    }
    Fault::new(FaultCode::Conflict, "could not remove a folder")
        .at(path)
        .because("it is not empty")
        .evidence(names)
        .hint("Move away what is in it, then run the same command again.")
}
