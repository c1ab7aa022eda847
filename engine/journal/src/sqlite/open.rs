//! How the database is opened, to write and to read.
//!
//! Owns the settings of connections. Looks before it writes, so that a file which is somebody
//! else's stays as it is. Never checks the whole file (a run that has nothing to do should cost
//! nothing): what is read is verified when it is read.

use std::{
    fs, io, thread,
    time::{Duration, Instant},
};

use camino::Utf8Path;
use krun_model::{Fault, FaultCode};
use rusqlite::{Connection, ErrorCode, OpenFlags, TransactionBehavior};

use super::{
    format::{self, Content, OPENING},
    tail::{self, Log},
};
use crate::{Remark, faults, folders, kept};

/// How long another process may have the database to itself: a commit on a slow disk.
const PATIENCE: Duration = Duration::from_secs(15);

/// Opens the database to write, and makes it where there is none. What it found and did is said in
/// the remarks.
pub(super) fn to_write(path: &Utf8Path) -> Result<(Connection, Vec<Remark>), Fault> {
    refuse_headless(path)?;
    let failed = |error: rusqlite::Error| faults::sqlite(OPENING, path, &error);
    make_file(path).map_err(|error| faults::io(OPENING, path, &error))?;
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut connection = Connection::open_with_flags(path, flags).map_err(failed)?;
    connection.busy_timeout(PATIENCE).map_err(failed)?;
    format::inspect(&mut connection, path)?;
    // SQLite opens what can't be written all the same, and fails at the first append.
    if connection.is_readonly("main").map_err(failed)? {
        return Err(faults::not_writable(OPENING, path));
    }
    let mode = use_wal(&connection).map_err(failed)?;
    if mode != "wal" {
        return Err(Fault::new(FaultCode::State, OPENING)
            .at(path)
            .because(format_args!(
                "its journal mode is `{mode}` and cannot be `wal`"
            ))
            .hint("Name a folder on a local filesystem with --state."));
    }
    connection
        .pragma_update(None, "synchronous", "FULL")
        .map_err(failed)?;
    // Before anything is written over it.
    let mut remarks: Vec<Remark> = cut_tail(&mut connection, path)?.into_iter().collect();
    if format::inspect(&mut connection, path)? == Content::Empty {
        format::create(&mut connection, path)?;
    }
    remarks.extend(format::migrate(&mut connection, path)?);
    Ok((connection, remarks))
}

/// Refuses a log whose header is damaged: SQLite would take it for empty, and would overwrite it.
fn refuse_headless(path: &Utf8Path) -> Result<(), Fault> {
    let headless = tail::is_headless(path).map_err(|error| faults::io(OPENING, path, &error))?;
    match headless {
        true => Err(faults::damaged(
            OPENING,
            Utf8Path::new(&format!("{path}-wal")),
            "the header of its log is damaged",
        )),
        false => Ok(()),
    }
}

/// Takes away what SQLite can't read at the end of the log, after keeping a copy if it may have been
/// more than what a killed krun was about to write.
fn cut_tail(connection: &mut Connection, path: &Utf8Path) -> Result<Option<Remark>, Fault> {
    let failed = |error: rusqlite::Error| faults::sqlite(OPENING, path, &error);
    // Nobody writes meanwhile, and so the end of the log is its end.
    let alone = connection
        .transaction_with_behavior(TransactionBehavior::Immediate)
        .map_err(failed)?;
    let log = tail::look(path).map_err(|error| faults::io(OPENING, path, &error))?;
    let Log::Torn(torn) = log else {
        return Ok(None);
    };
    let copy = match torn.commits {
        0 => None,
        _ => Some(kept::keep(path, &["-wal"])?),
    };
    drop(alone);
    // Where a reader keeps it from being cut now, the next commit overwrites it.
    connection
        .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))
        .map_err(failed)?;
    Ok(Some(Remark::TailCut {
        bytes: torn.bytes,
        commits: torn.commits,
        copy,
    }))
}

/// Opens the database to read; none if there is nothing in it yet.
///
/// Where no log is, it is opened as if to write, and every statement that would is refused: only such
/// a connection takes away again, when it is closed, the files that SQLite makes to read. A log that a
/// killed krun left is not merged by a reader.
pub(super) fn to_read(path: &Utf8Path) -> Result<Option<Connection>, Fault> {
    refuse_headless(path)?;
    let access = match has_log(path) {
        true => OpenFlags::SQLITE_OPEN_READ_ONLY,
        false => OpenFlags::SQLITE_OPEN_READ_WRITE,
    };
    let flags = access | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let open = |name: &str, flags| {
        let connection = Connection::open_with_flags(name, flags)?;
        connection.busy_timeout(PATIENCE)?;
        connection.pragma_update(None, "query_only", true)?;
        Ok(connection)
    };
    let failed = |error: rusqlite::Error| faults::sqlite(OPENING, path, &error);
    let mut connection = open(path.as_str(), flags).map_err(failed)?;
    let mut seen = format::look(&mut connection);
    if seen.as_ref().is_err_and(needs_shared_memory) && !has_log(path) {
        // On a medium that can't be written, SQLite can't make the memory that its log is shared
        // by. Where no log is, nobody is writing, and the file alone is everything.
        let name = immutable(path);
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY
            | OpenFlags::SQLITE_OPEN_NO_MUTEX
            | OpenFlags::SQLITE_OPEN_URI;
        connection = open(&name, flags).map_err(failed)?;
        seen = format::look(&mut connection);
    }
    let content = format::judge(seen.map_err(failed)?, path)?;
    Ok((content == Content::Store).then_some(connection))
}

/// Opens the database to copy it: a connection that reads the database and writes another file.
pub(super) fn to_copy(path: &Utf8Path) -> Result<Connection, Fault> {
    let failed = |error: rusqlite::Error| faults::sqlite(OPENING, path, &error);
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags).map_err(failed)?;
    connection.busy_timeout(PATIENCE).map_err(failed)?;
    Ok(connection)
}

/// Makes an empty file that only its owner can read; SQLite gives its log the same rights. The file
/// gets its name when it is closed already, so that no lock of SQLite's can be lost by closing it.
fn make_file(path: &Utf8Path) -> io::Result<()> {
    let Some(folder) = path.parent().filter(|_| !path.exists()) else {
        return Ok(());
    };
    let file = tempfile::NamedTempFile::new_in(folder)?.into_temp_path();
    match file.persist_noclobber(path) {
        Err(error) if error.error.kind() != io::ErrorKind::AlreadyExists => Err(error.error),
        _ => folders::sync(folder),
    }
}

/// Turns the write-ahead log on. SQLite does not wait by itself when two processes do so at once.
fn use_wal(connection: &Connection) -> rusqlite::Result<String> {
    let start = Instant::now();
    loop {
        let mode = connection.query_row("PRAGMA journal_mode = WAL", [], |row| row.get(0));
        match mode {
            Err(error)
                if error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy)
                    && start.elapsed() < PATIENCE =>
            {
                thread::sleep(Duration::from_millis(5));
            }
            mode => return mode,
        }
    }
}

fn needs_shared_memory(error: &rusqlite::Error) -> bool {
    matches!(
        error.sqlite_error_code(),
        Some(ErrorCode::CannotOpen | ErrorCode::ReadOnly)
    )
}

fn has_log(path: &Utf8Path) -> bool {
    ["wal", "journal"]
        .iter()
        .any(|log| fs::metadata(format!("{path}-{log}")).is_ok_and(|log| log.len() > 0))
}

fn immutable(path: &Utf8Path) -> String {
    let mut name = String::from("file:");
    for letter in path.as_str().chars() {
        match letter {
            '%' => name.push_str("%25"),
            '?' => name.push_str("%3f"),
            '#' => name.push_str("%23"),
            letter => name.push(letter),
        }
    }
    name + "?immutable=1"
}
