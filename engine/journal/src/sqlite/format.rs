//! The database's file: its version, its tables, and what makes it a store.
//!
//! Owns [`FORMAT_VERSION`], which also covers what entries can be: a new kind of entry is a new
//! version, because an older krun could not read it. Never writes to a file that is not empty.

use std::os::unix::fs::OpenOptionsExt as _;

use camino::{Utf8Path, Utf8PathBuf};
use krun_model::{Fault, FaultCode};
use rusqlite::{Connection, TransactionBehavior};

use crate::{Remark, faults, folders};

/// The version of the store's format that this krun writes. It reads all versions up to it.
pub const FORMAT_VERSION: u32 = 5;

/// The database's name in the store's folder.
pub(crate) const FILE: &str = "journal.db";

/// `krun` in the file's header: what file(1) and we know it by.
const APPLICATION_ID: i64 = 0x6b72_756e;

pub(super) const OPENING: &str = "could not open the state store";

// Each table is one tree without a separate index, so that an append touches two pages: the end of
// the entries, and the head that says where it is.
const TABLES: &str = "
    CREATE TABLE heads (
        deployment TEXT NOT NULL PRIMARY KEY,
        seq INTEGER NOT NULL,
        at_ms INTEGER NOT NULL,
        hash TEXT NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE entries (
        deployment TEXT NOT NULL,
        seq INTEGER NOT NULL,
        run INTEGER NOT NULL,
        at_ms INTEGER NOT NULL,
        body TEXT NOT NULL,
        prev TEXT NOT NULL,
        hash TEXT NOT NULL,
        PRIMARY KEY (deployment, seq)
    ) STRICT, WITHOUT ROWID";

/// What a file turned out to be.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Content {
    /// Nothing yet.
    Empty,
    /// A store of this version.
    Store,
}

/// Makes the tables and marks the file, at once.
pub(super) fn create(connection: &mut Connection, path: &Utf8Path) -> Result<(), Fault> {
    let failed =
        |error: rusqlite::Error| faults::sqlite("could not make a state store", path, &error);
    let transaction = connection
        .transaction_with_behavior(TransactionBehavior::Immediate)
        .map_err(failed)?;
    // Another krun may have been here in the meantime.
    if judge(headers(&transaction).map_err(failed)?, path)? == Content::Store {
        return Ok(());
    }
    transaction.execute_batch(TABLES).map_err(failed)?;
    transaction
        .pragma_update(None, "application_id", APPLICATION_ID)
        .map_err(failed)?;
    transaction
        .pragma_update(None, "user_version", FORMAT_VERSION)
        .map_err(failed)?;
    transaction.commit().map_err(failed)
}

/// Makes a file of an older format one of this, and keeps a copy of what it was. So far a migration
/// is a mark: all that the file holds is as it was, and what is written from now on an older krun may
/// not know.
pub(super) fn migrate(
    connection: &mut Connection,
    path: &Utf8Path,
) -> Result<Option<Remark>, Fault> {
    let failed =
        |error: rusqlite::Error| faults::sqlite("could not migrate the state store", path, &error);
    let from = version(connection).map_err(failed)?;
    if from >= i64::from(FORMAT_VERSION) {
        return Ok(None);
    }
    let copy = backup(connection, path, from)?;
    let transaction = connection
        .transaction_with_behavior(TransactionBehavior::Immediate)
        .map_err(failed)?;
    // Another krun may have been faster.
    if version(&transaction).map_err(failed)? < i64::from(FORMAT_VERSION) {
        transaction
            .pragma_update(None, "user_version", FORMAT_VERSION)
            .map_err(failed)?;
    }
    transaction.commit().map_err(failed)?;
    Ok(Some(Remark::Migrated {
        from: from.unsigned_abs(),
        to: FORMAT_VERSION,
        copy,
    }))
}

/// The version that a file's header says.
pub(super) fn version(connection: &Connection) -> rusqlite::Result<i64> {
    connection.query_row("PRAGMA user_version", [], |row| row.get(0))
}

/// Keeps the database as it is, as one file: `backups/format-N.db`, the first of each format.
fn backup(connection: &Connection, path: &Utf8Path, from: i64) -> Result<Utf8PathBuf, Fault> {
    let folder = path.with_file_name("backups");
    let failed = |error| faults::io("could not keep the older format", &folder, &error);
    folders::make(&folder).map_err(failed)?;
    let copy = folder.join(format!("format-{from}.db"));
    if copy.exists() {
        return Ok(copy);
    }
    let work = tempfile::tempdir_in(&folder).map_err(failed)?;
    let made = work.path().join("copy");
    snapshot(connection, path, &made)?;
    match std::fs::hard_link(&made, &copy) {
        Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => Err(failed(error)),
        _ => {
            folders::sync(&folder).map_err(failed)?;
            Ok(copy)
        }
    }
}

/// Writes the database as of one moment into a file that is not there yet, durably, for its owner
/// only.
pub(super) fn snapshot(
    connection: &Connection,
    path: &Utf8Path,
    to: &std::path::Path,
) -> Result<(), Fault> {
    let what = "could not copy the state store";
    let name = to
        .to_str()
        .ok_or_else(|| Fault::internal("the state folder's name is not UTF-8"))?;
    // SQLite takes an empty file for one to write to, and leaves its rights as they are.
    let file = std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(to)
        .map_err(|error| faults::io(what, Utf8Path::new(name), &error))?;
    connection
        .execute("VACUUM INTO ?1", [name])
        .map_err(|error| faults::sqlite(what, path, &error))?;
    file.sync_all()
        .map_err(|error| faults::io(what, Utf8Path::new(name), &error))
}

/// What the file's header and schema say.
#[derive(Clone, Copy, Debug)]
pub(super) struct Headers {
    application: i64,
    version: i64,
    tables: i64,
}

/// What a file is, or why it is refused.
pub(super) fn inspect(connection: &mut Connection, path: &Utf8Path) -> Result<Content, Fault> {
    let headers = look(connection).map_err(|error| faults::sqlite(OPENING, path, &error))?;
    judge(headers, path)
}

pub(super) fn look(connection: &mut Connection) -> rusqlite::Result<Headers> {
    // One transaction, so that a store which is being made is seen before or after, not between.
    headers(&*connection.transaction()?)
}

fn headers(connection: &Connection) -> rusqlite::Result<Headers> {
    let number = |query: &str| connection.query_row(query, [], |row| row.get(0));
    Ok(Headers {
        tables: number("SELECT count(*) FROM sqlite_schema")?,
        application: number("PRAGMA application_id")?,
        version: number("PRAGMA user_version")?,
    })
}

/// What a file with these headers is, or why it is refused.
pub(super) fn judge(headers: Headers, path: &Utf8Path) -> Result<Content, Fault> {
    match headers {
        Headers {
            application: 0,
            version: 0,
            tables: 0,
        } => Ok(Content::Empty),
        Headers {
            application: APPLICATION_ID,
            version,
            ..
        } if (1..=i64::from(FORMAT_VERSION)).contains(&version) => Ok(Content::Store),
        Headers {
            application: APPLICATION_ID,
            version,
            ..
        } if version > i64::from(FORMAT_VERSION) => Err(newer(version, path)),
        Headers {
            application: APPLICATION_ID,
            version,
            ..
        } => {
            let why = format!("its header says format {version}, which never was");
            Err(faults::damaged(OPENING, path, why))
        }
        _ => {
            let why = "it is a database, but not one of krun";
            Err(faults::damaged(OPENING, path, why))
        }
    }
}

fn newer(version: i64, path: &Utf8Path) -> Fault {
    Fault::new(FaultCode::StateNewer, OPENING)
        .at(path)
        .because(format_args!(
            "a newer krun wrote it: it has format {version}, and this krun knows formats up to {FORMAT_VERSION}"
        ))
        .hint("Use a krun that is at least as new as the one that wrote it.")
        .hint("Or name another state folder with --state.")
}
