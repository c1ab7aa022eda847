//! Folders that survive a loss of power.
//!
//! Owns making folders (0700: before-images may hold secrets) and syncing names in them. Never
//! looks into files.

use std::{
    fs::{DirBuilder, File},
    io,
    os::unix::fs::DirBuilderExt,
};

use camino::Utf8Path;

/// Makes a folder and those above it, each durable in its parent. A folder that is there stays as
/// it is, with its rights.
pub(crate) fn make(folder: &Utf8Path) -> io::Result<()> {
    match DirBuilder::new().mode(0o700).create(folder) {
        Ok(()) => sync_parent(folder),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let Some(parent) = folder.parent().filter(|parent| !parent.as_str().is_empty()) else {
                return Err(error);
            };
            make(parent)?;
            make(folder)
        }
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && folder.is_dir() => Ok(()),
        Err(error) => Err(error),
    }
}

/// Makes the names in a folder durable.
pub(crate) fn sync(folder: &Utf8Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

fn sync_parent(folder: &Utf8Path) -> io::Result<()> {
    match folder.parent() {
        Some(parent) if parent.as_str().is_empty() => sync(".".into()),
        Some(parent) => sync(parent),
        None => Ok(()),
    }
}
