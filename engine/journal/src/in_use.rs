//! Who has a store open to write.
//!
//! Owns `store.lock`: everyone who opens a store to write holds it shared, for as long as it is
//! open; what changes the store as a whole (repair, import, `krun gc`) holds it alone. So the
//! database's file is never exchanged, and no blob is ever deleted, below a run. Like the lock of a
//! deployment it is flock(2), so that the kernel releases it, and the file is never deleted.
//! Readers do not take it.

use std::{
    fs::{File, OpenOptions},
    io,
    os::unix::fs::OpenOptionsExt,
    thread,
    time::Duration,
};

use camino::Utf8Path;
use krun_model::{Fault, FaultCode};
use rustix::{
    fs::{FlockOperation, flock},
    io::Errno,
};

use crate::{faults, folders};

const FILE: &str = "store.lock";
const TRIES: u32 = 100;
const PAUSE: Duration = Duration::from_millis(10);

/// A store that is in use; dropping it says that it is not any more.
#[derive(Debug)]
#[must_use = "the store is free again when this is dropped"]
pub(crate) struct InUse {
    _file: File,
}

/// Says that a store is written to, beside others that write to it.
pub(crate) fn shared(folder: &Utf8Path) -> Result<InUse, Fault> {
    take(folder, FlockOperation::NonBlockingLockShared)?.ok_or_else(|| {
        let why = "it is being repaired, imported into or cleared up";
        busy(folder, why).hint("Wait until that has ended, then run the same command again.")
    })
}

/// Has a store for oneself.
pub(crate) fn alone(folder: &Utf8Path) -> Result<InUse, Fault> {
    take(folder, FlockOperation::NonBlockingLockExclusive)?.ok_or_else(|| {
        busy(folder, "another krun is running with it")
            .hint("Wait until that has ended; `krun status` shows how far it is.")
    })
}

fn take(folder: &Utf8Path, how: FlockOperation) -> Result<Option<InUse>, Fault> {
    let path = folder.join(FILE);
    let failed = |error: io::Error| faults::io("could not lock the state store", &path, &error);
    folders::make(folder).map_err(failed)?;
    let file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(&path)
        .map_err(failed)?;
    for _ in 0..TRIES {
        match flock(&file, how) {
            Ok(()) => return Ok(Some(InUse { _file: file })),
            Err(Errno::WOULDBLOCK) => thread::sleep(PAUSE),
            Err(Errno::INTR) => {}
            Err(error) => return Err(failed(error.into())),
        }
    }
    Ok(None)
}

fn busy(folder: &Utf8Path, why: &str) -> Fault {
    Fault::new(FaultCode::Locked, "the state store is in use")
        .at(folder)
        .because(why)
}
