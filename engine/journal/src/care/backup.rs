//! A copy of a store that is a store.

use std::{fs, io};

use camino::{Utf8Path, Utf8PathBuf};
use krun_model::{Fault, FaultCode};

use crate::{Store, faults, folders, sqlite};

/// What was copied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Copied {
    /// Where the copy is.
    pub folder: Utf8PathBuf,
    /// How many blobs it has.
    pub blobs: u64,
    /// How many bytes it has.
    pub bytes: u64,
}

/// Copies a store, as of one moment and while others may be writing to it, into a folder that is not
/// there yet. The copy is a state folder like any other. What lies in the quarantine is not part of
/// it: it can be large, and a rollback looks for it where it was put.
///
/// # Errors
/// `Usage` if something is in the place; `DiskFull` or `State` if it can't be written. What was
/// written until then is taken away.
pub fn backup(store: &Store, to: &Utf8Path) -> Result<Copied, Fault> {
    let what = "could not make a backup";
    if to.symlink_metadata().is_ok() {
        return Err(Fault::new(FaultCode::Usage, what)
            .at(to)
            .because("something is there already")
            .hint("Name a folder that is not there yet."));
    }
    let failed = |error: io::Error| faults::io(what, to, &error);
    let parent = to.parent().filter(|parent| !parent.as_str().is_empty());
    folders::make(parent.unwrap_or(".".into())).map_err(failed)?;
    let work = tempfile::Builder::new()
        .prefix(".krun-backup-")
        .tempdir_in(parent.unwrap_or(".".into()))
        .map_err(failed)?;
    let folder = Utf8Path::from_path(work.path())
        .ok_or_else(|| Fault::internal("the folder's name is not UTF-8"))?;
    // First the entries, then the blobs: a blob is there before an entry speaks of it.
    store.snapshot(&folder.join(sqlite::FILE))?;
    let (mut blobs, mut bytes) = (0, 0);
    for blob in store.blobs()? {
        let name = blob.digest.to_string();
        let place = folder.join("blobs").join(&name[..2]);
        folders::make(&place).map_err(failed)?;
        let copy = place.join(&name[2..]);
        fs::copy(&blob.path, &copy).map_err(failed)?;
        fs::File::open(&copy)
            .and_then(|file| file.sync_all())
            .map_err(failed)?;
        folders::sync(&place).map_err(failed)?;
        blobs += 1;
        bytes += blob.bytes;
    }
    bytes += fs::metadata(folder.join(sqlite::FILE))
        .map_err(failed)?
        .len();
    folders::sync(folder).map_err(failed)?;
    rustix::fs::renameat_with(
        rustix::fs::CWD,
        folder.as_std_path(),
        rustix::fs::CWD,
        to.as_std_path(),
        rustix::fs::RenameFlags::NOREPLACE,
    )
    .map_err(|error| failed(error.into()))?;
    let _moved = work.keep();
    folders::sync(parent.unwrap_or(".".into())).map_err(failed)?;
    Ok(Copied {
        folder: to.to_owned(),
        blobs,
        bytes,
    })
}
