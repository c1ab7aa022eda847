//! What SQLite and the filesystem report, as faults that say what to do next.
//!
//! Owns the mapping of error codes and the words of damage. Decides nothing else.

use std::{fmt, io};

use camino::Utf8Path;
use krun_model::{Fault, FaultCode};
use rusqlite::ErrorCode;

/// Below this much room an error of the device is taken for a full disk.
const NO_ROOM: u64 = 1 << 20;

/// A fault from SQLite, about the database at `path`.
pub(crate) fn sqlite(what: &str, path: &Utf8Path, error: &rusqlite::Error) -> Fault {
    let state = || Fault::new(FaultCode::State, what).at(path).because(error);
    let Some(code) = code(error) else {
        return match error {
            // The statements are fixed, so a value of another type is in the file, not in the code.
            rusqlite::Error::FromSqlConversionFailure(..)
            | rusqlite::Error::IntegralValueOutOfRange(..)
            | rusqlite::Error::Utf8Error(..)
            | rusqlite::Error::InvalidColumnType(..) => damaged(what, path, error),
            _ => state(),
        };
    };
    match code {
        ErrorCode::DiskFull => full(what, path, error),
        ErrorCode::SystemIoFailure if no_room(path) => full(what, path, error),
        ErrorCode::SystemIoFailure => state()
            .hint("Look at the disk: the system log says what it reported, and a quota may be used up."),
        ErrorCode::ReadOnly | ErrorCode::CannotOpen | ErrorCode::PermissionDenied => {
            state().hint(ANOTHER_FOLDER)
        }
        ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked => state().hint(format!(
            "Another process has held the database for too long; `fuser {path}` says which."
        )),
        ErrorCode::FileLockingProtocolFailed => state().hint(
            "The filesystem does not lock files as a local one does; name a local folder with --state.",
        ),
        // Likewise, a table or column that is missing is missing in the file.
        ErrorCode::DatabaseCorrupt
        | ErrorCode::NotADatabase
        | ErrorCode::ConstraintViolation
        | ErrorCode::TypeMismatch
        | ErrorCode::Unknown => damaged(what, path, error),
        _ => state(),
    }
}

const ANOTHER_FOLDER: &str =
    "Let this user write to the folder and the files in it, or name another folder with --state.";

/// Whether SQLite's call to the device failed, after which nobody knows what the device holds.
pub(crate) fn is_io_failure(error: &rusqlite::Error) -> bool {
    code(error) == Some(ErrorCode::SystemIoFailure)
}

/// A fault from the filesystem, about a file of the store.
pub(crate) fn io(what: &str, path: &Utf8Path, error: &io::Error) -> Fault {
    let mut fault = Fault::io(what, path, error);
    if fault.code == FaultCode::Io {
        fault.code = FaultCode::State;
        fault.hints = vec![ANOTHER_FOLDER.to_owned()];
    }
    fault
}

/// The fault of a store in which something is not as krun left it.
pub(crate) fn damaged(what: &str, path: &Utf8Path, why: impl fmt::Display) -> Fault {
    Fault::new(FaultCode::StateDamaged, what)
        .at(path)
        .because(why)
        .hint("`krun state check` says what is damaged; `krun state repair` keeps a copy of everything and goes on with what is sound.")
        .hint("Or restore the folder from a backup, or name another folder with --state.")
}

/// The fault of a store that is to be written and can only be read.
pub(crate) fn not_writable(what: &str, path: &Utf8Path) -> Fault {
    Fault::new(FaultCode::State, what)
        .at(path)
        .because("it can only be read")
        .hint(ANOTHER_FOLDER)
}

/// The fault of a store whose file lost its name while it was written to.
pub(crate) fn taken_away(what: &str, path: &Utf8Path) -> Fault {
    Fault::new(FaultCode::StateDamaged, what)
        .at(path)
        .because("the file that this krun has open is not there any more: somebody removed or replaced it")
        .hint("Nothing more was done. What was done before is known only to whoever has the state folder: put it back if it was moved.")
        .hint("Without it, krun knows nothing of this deployment, and cannot take it back.")
}

/// The fault of a call that writes to a store which was opened for reading.
pub(crate) fn read_only() -> Fault {
    Fault::internal("a state store that was opened for reading is written to")
}

fn full(what: &str, path: &Utf8Path, error: &rusqlite::Error) -> Fault {
    Fault::new(FaultCode::DiskFull, what)
        .at(path)
        .because(error)
        .hint("Free some room on that filesystem, then run the same command again.")
}

fn code(error: &rusqlite::Error) -> Option<ErrorCode> {
    match error {
        rusqlite::Error::SqliteFailure(error, _) | rusqlite::Error::SqlInputError { error, .. } => {
            Some(error.code)
        }
        _ => None,
    }
}

fn no_room(path: &Utf8Path) -> bool {
    let folder = path.parent().unwrap_or(path);
    rustix::fs::statvfs(folder.as_str())
        .is_ok_and(|fs| fs.f_bavail.saturating_mul(fs.f_frsize) < NO_ROOM)
}

#[cfg(test)]
mod tests {
    use rusqlite::ffi;

    use super::*;

    #[test]
    fn codes() {
        for (code, expected) in [
            (ffi::SQLITE_FULL, FaultCode::DiskFull),
            (ffi::SQLITE_READONLY, FaultCode::State),
            (ffi::SQLITE_CANTOPEN, FaultCode::State),
            (ffi::SQLITE_PERM, FaultCode::State),
            (ffi::SQLITE_IOERR_FSYNC, FaultCode::State),
            (ffi::SQLITE_BUSY_RECOVERY, FaultCode::State),
            (ffi::SQLITE_PROTOCOL, FaultCode::State),
            (ffi::SQLITE_CORRUPT, FaultCode::StateDamaged),
            (ffi::SQLITE_NOTADB, FaultCode::StateDamaged),
            (ffi::SQLITE_ERROR, FaultCode::StateDamaged),
        ] {
            let error = rusqlite::Error::SqliteFailure(ffi::Error::new(code), None);
            let fault = sqlite("could not write", "/tmp/journal.db".into(), &error);
            assert_eq!(fault.code, expected, "{error}");
            assert_eq!(fault.place.as_deref(), Some("/tmp/journal.db"));
            assert!(!fault.hints.is_empty(), "{error}");
        }
    }
}
