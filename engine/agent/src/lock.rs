//! One krun at a time for one thing of the cache.
//!
//! The lock is the kernel's: it ends with whoever holds it, however that ends.

use std::{
    fs::{File, OpenOptions, TryLockError},
    thread::sleep,
    time::Duration,
};

use camino::Utf8Path;
use krun_model::Fault;

use crate::{commands::cancelled, rename::folder_of, stop::Stop};

/// How often a lock that somebody else holds is tried.
const EVERY: Duration = Duration::from_millis(50);

/// Holds the lock of a path (a file `….lock` beside it, which stays) until the result is dropped. The
/// folder of it is made. `waiting` is called once where somebody else holds it.
///
/// # Errors
/// A folder that cannot be written; a cancellation while waiting.
pub fn hold(path: &Utf8Path, stop: &Stop, waiting: impl FnOnce()) -> Result<File, Fault> {
    let lock = format!("{path}.lock");
    let failed = |error| Fault::io("could not lock a thing of the cache", &lock, &error);
    std::fs::create_dir_all(folder_of(path)).map_err(failed)?;
    let file = OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .open(&lock)
        .map_err(failed)?;
    let mut waiting = Some(waiting);
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::WouldBlock) => {}
            Err(TryLockError::Error(error)) => return Err(failed(error)),
        }
        if let Some(waiting) = waiting.take() {
            waiting();
        }
        if stop.asked() {
            return Err(cancelled("waiting for another krun was broken off"));
        }
        sleep(EVERY);
    }
}
