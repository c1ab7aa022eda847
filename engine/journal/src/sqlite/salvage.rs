//! What can still be read of a damaged database, and a new one made of it.
//!
//! Owns reading without trust: whatever fails to read or to verify ends that deployment's entries
//! there. Writes only into a file of its own.

use camino::Utf8Path;
use krun_model::Fault;
use rusqlite::{Connection, OpenFlags, params};

use super::{commit, entries, format};
use crate::{chain::Row, faults};

/// What is left of a deployment.
#[derive(Clone, Debug)]
pub(crate) struct Salvaged {
    pub(crate) name: String,
    /// The entries that verify, from the first.
    pub(crate) rows: Vec<Row>,
    /// How many there should be.
    pub(crate) claimed: u64,
}

/// What is left of a database.
#[derive(Clone, Debug)]
pub(crate) struct Salvage {
    pub(crate) deployments: Vec<Salvaged>,
}

impl Salvage {
    /// Reads what can be read, of a copy that nobody else has open.
    pub(crate) fn read(copy: &Utf8Path) -> Result<Self, Fault> {
        let failed = |error: rusqlite::Error| faults::sqlite(format::OPENING, copy, &error);
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let mut connection = Connection::open_with_flags(copy, flags).map_err(failed)?;
        connection
            .pragma_update(None, "query_only", true)
            .map_err(failed)?;
        format::inspect(&mut connection, copy)?;
        let deployments = entries::all_names(&connection)
            .into_iter()
            .map(|name| Salvaged {
                rows: name
                    .parse()
                    .map(|name| entries::sound_rows(&connection, &name))
                    .unwrap_or_default(),
                claimed: entries::claimed(&connection, &name),
                name,
            })
            .collect();
        Ok(Self { deployments })
    }

    /// Writes it as a new database into an empty file, durably.
    pub(crate) fn write(&self, to: &Utf8Path) -> Result<(), Fault> {
        let failed =
            |error: rusqlite::Error| faults::sqlite("could not write the store anew", to, &error);
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let mut connection = Connection::open_with_flags(to, flags).map_err(failed)?;
        connection
            .pragma_update(None, "synchronous", "FULL")
            .map_err(failed)?;
        format::create(&mut connection, to)?;
        for deployment in &self.deployments {
            put(&mut connection, &deployment.name, &deployment.rows).map_err(failed)?;
        }
        Ok(())
    }
}

/// Writes the entries of a deployment as they are, at once, with the head that they end in.
pub(crate) fn put(connection: &mut Connection, name: &str, rows: &[Row]) -> rusqlite::Result<()> {
    let Some(last) = rows.last() else {
        return Ok(());
    };
    let transaction = connection.transaction()?;
    {
        let mut insert = transaction.prepare_cached(commit::INSERT)?;
        for row in rows {
            insert.execute(params![
                name, row.seq, row.run, row.at_ms, row.body, row.prev, row.hash
            ])?;
        }
    }
    transaction
        .prepare_cached(commit::MOVE_HEAD)?
        .execute(params![name, last.seq, last.at_ms, last.hash])?;
    transaction.commit()
}

/// What SQLite finds wrong with a database.
pub(super) fn integrity(connection: &Connection) -> Vec<String> {
    let found = || -> rusqlite::Result<Vec<String>> {
        let mut statement = connection.prepare("PRAGMA integrity_check(20)")?;
        statement.query_map([], |row| row.get(0))?.collect()
    };
    match found() {
        Ok(lines) => lines.into_iter().filter(|line| line != "ok").collect(),
        Err(error) => vec![error.to_string()],
    }
}
