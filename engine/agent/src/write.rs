//! Writing and removing one file, so that a reader sees the old bytes or the new ones.

use std::{
    fs::Permissions,
    io::Write,
    os::unix::fs::{PermissionsExt, fchown},
};

use camino::Utf8Path;
use krun_model::{Fault, FaultCode, host::FileKind};

use crate::{
    files, own_names,
    rename::{folder_of, sync_folder},
};

/// Writes a file as a whole: temporary file in the same folder, owner, mode, fsync, rename, fsync of
/// the folder.
///
/// The temporary file is readable for nobody else until it has its mode. Extended attributes and
/// access control lists of a file that was there are not carried over.
///
/// # Errors
/// A conflict where anything but a regular file is at the path.
pub fn write_file(
    path: &Utf8Path,
    bytes: &[u8],
    mode: u32,
    owner: Option<(u32, u32)>,
) -> Result<(), Fault> {
    refuse(path, "could not write a file", &[FileKind::File])?;
    let failed = |error| Fault::io("could not write a file", path, &error);
    let folder = folder_of(path);
    let mut temp = own_names::temp().tempfile_in(folder).map_err(failed)?;
    temp.write_all(bytes).map_err(failed)?;
    let file = temp.as_file();
    if let Some((uid, gid)) = owner {
        // Before the mode: giving a file away clears its set-uid bits.
        fchown(file, Some(uid), Some(gid)).map_err(failed)?;
    }
    file.set_permissions(Permissions::from_mode(mode))
        .map_err(failed)?;
    file.sync_all().map_err(failed)?;
    temp.persist(path).map_err(|error| failed(error.error))?;
    sync_folder(folder)
}

/// Removes a file or a link; fine where nothing is.
pub fn remove_file(path: &Utf8Path) -> Result<(), Fault> {
    let what = "could not remove a file";
    if refuse(path, what, &[FileKind::File, FileKind::Link])?.is_none() {
        return Ok(());
    }
    match std::fs::remove_file(path) {
        Ok(()) => sync_folder(folder_of(path)),
        Err(error) if files::is_missing(&error) => Ok(()),
        Err(error) => Err(Fault::io(what, path, &error)),
    }
}

/// What is at a path, or a conflict if it is none of what may be there.
pub fn refuse(path: &Utf8Path, what: &str, may_be: &[FileKind]) -> Result<Option<FileKind>, Fault> {
    let found = files::kind_of(path)?;
    match found {
        Some(kind) if !may_be.contains(&kind) => Err(Fault::new(FaultCode::Conflict, what)
            .at(path)
            .because(match kind {
                FileKind::File => "a file is there",
                FileKind::Dir => "a folder is there",
                FileKind::Link => "a symbolic link is there",
                FileKind::Other => "a pipe, socket or device is there",
            })
            .hint("Move away what is there, or name another path in the runbook.")),
        found => Ok(found),
    }
}
