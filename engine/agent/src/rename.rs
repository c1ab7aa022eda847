//! A rename that replaces nothing, and what makes renames last.

use std::{fs::File, io};

use camino::Utf8Path;
use krun_model::{Fault, FaultCode};
use rustix::{
    fs::{CWD, RenameFlags},
    io::Errno,
};

/// Renames to a path where nothing is.
///
/// # Errors
/// `AlreadyExists` where something is, `CrossesDevices` between filesystems.
pub fn rename_new(from: &Utf8Path, to: &Utf8Path) -> io::Result<()> {
    let (from, to) = (from.as_std_path(), to.as_std_path());
    match rustix::fs::renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE) {
        // A filesystem that has no such rename, NFS for one. Looking first leaves a gap in which
        // another program could put something there, which it would have to do on purpose.
        Err(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) => {
            if to.symlink_metadata().is_ok() {
                return Err(io::ErrorKind::AlreadyExists.into());
            }
            std::fs::rename(from, to)
        }
        result => Ok(result?),
    }
}

/// The fault of a rename.
pub fn rename_failed(from: &Utf8Path, to: &Utf8Path, error: &io::Error) -> Fault {
    let what = format!("could not move {from}");
    match error.kind() {
        io::ErrorKind::CrossesDevices => Fault::new(FaultCode::Io, what)
            .at(to)
            .because(
                "the two lie on different filesystems, mounts or layers of an overlay, and krun \
                 moves by renaming only",
            )
            .hint("Choose a destination on the same mount."),
        io::ErrorKind::AlreadyExists | io::ErrorKind::DirectoryNotEmpty => {
            Fault::new(FaultCode::Conflict, what)
                .at(to)
                .because("something is at the destination already")
        }
        _ => Fault::io(what, to, error),
    }
}

/// Makes what was created, renamed or removed in a folder last through a power failure.
pub fn sync_folder(path: &Utf8Path) -> Result<(), Fault> {
    File::open(path)
        .and_then(|folder| folder.sync_all())
        .map_err(|error| Fault::io("could not sync a folder to disk", path, &error))
}

/// The folder that a path lies in.
pub fn folder_of(path: &Utf8Path) -> &Utf8Path {
    match path.parent() {
        Some(parent) if !parent.as_str().is_empty() => parent,
        Some(_) => Utf8Path::new("."),
        None => path,
    }
}
