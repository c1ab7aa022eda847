//! Making a symbolic link.

use std::os::unix::fs::symlink;

use camino::Utf8Path;
use krun_model::{Fault, host::FileKind};

use crate::{
    own_names,
    rename::{folder_of, sync_folder},
    write::refuse,
};

/// Makes a link, or lets a link point elsewhere in one step.
///
/// # Errors
/// A conflict where anything but a link is at the path.
pub fn make_link(path: &Utf8Path, to: &str) -> Result<(), Fault> {
    let what = "could not make a link";
    refuse(path, what, &[FileKind::Link])?;
    let failed = |error| Fault::io(what, path, &error);
    let folder = folder_of(path);
    own_names::temp()
        .make_in(folder, |temp| symlink(to, temp))
        .map_err(failed)?
        .persist(path)
        .map_err(|error| failed(error.error))?;
    sync_folder(folder)
}
