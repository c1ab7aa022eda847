//! Entries as they are read: verified, in order, as of one moment.
//!
//! Owns the statements that read. Never writes, and never hands out an entry that does not verify.

use std::collections::BTreeSet;

use camino::Utf8Path;
use krun_model::{DeploymentName, Fault, journal::Record};
use rusqlite::{Connection, OptionalExtension};

use crate::{
    chain::{Head, Row, Verifier},
    faults,
};

const HEAD: &str = "SELECT seq, at_ms, hash FROM heads WHERE deployment = ?1";

const NAMES: &str = "SELECT deployment FROM heads ORDER BY deployment";

// Goes from name to name through the tree; DISTINCT would look at every entry.
const NAMES_OF_ENTRIES: &str = "
    WITH RECURSIVE names(name) AS (
        SELECT min(deployment) FROM entries
        UNION ALL
        SELECT (SELECT min(deployment) FROM entries WHERE deployment > name)
        FROM names WHERE name IS NOT NULL
    )
    SELECT name FROM names WHERE name IS NOT NULL";

const ENTRIES: &str = "
    SELECT seq, run, at_ms, body, prev, hash FROM entries
    WHERE deployment = ?1 AND seq > ?2 ORDER BY seq";

const HASH: &str = "SELECT hash FROM entries WHERE deployment = ?1 AND seq = ?2";

/// Where the entries of a deployment end.
pub(super) fn head(connection: &Connection, deployment: &str) -> rusqlite::Result<Head> {
    let head = connection
        .prepare_cached(HEAD)?
        .query_row([deployment], |row| {
            Ok(Head {
                seq: row.get(0)?,
                at_ms: row.get(1)?,
                hash: row.get(2)?,
            })
        })
        .optional()?;
    Ok(head.unwrap_or_else(|| Head::origin(deployment)))
}

/// The names of all deployments, sorted.
pub(super) fn deployments(
    connection: &mut Connection,
    path: &Utf8Path,
) -> Result<Vec<DeploymentName>, Fault> {
    const WHAT: &str = "could not read which deployments there are";
    let failed = |error: rusqlite::Error| faults::sqlite(WHAT, path, &error);
    let moment = connection.transaction().map_err(failed)?;
    let names = names(&moment, NAMES).map_err(failed)?;
    if names != self::names(&moment, NAMES_OF_ENTRIES).map_err(failed)? {
        let why = "the deployments that are listed are not those that have entries";
        return Err(faults::damaged(WHAT, path, why));
    }
    let parse = |name: String| name.parse().map_err(|bad| faults::damaged(WHAT, path, bad));
    names.into_iter().map(parse).collect()
}

fn names(connection: &Connection, query: &str) -> rusqlite::Result<Vec<String>> {
    let mut statement = connection.prepare_cached(query)?;
    statement.query_map([], |row| row.get(0))?.collect()
}

/// The names of all deployments that anything is known of, though the lists may not agree.
pub(super) fn all_names(connection: &Connection) -> Vec<String> {
    let listed = names(connection, NAMES).unwrap_or_default();
    let with_entries = names(connection, NAMES_OF_ENTRIES).unwrap_or_default();
    let all: BTreeSet<String> = listed.into_iter().chain(with_entries).collect();
    all.into_iter().collect()
}

/// The rows of a deployment from the first on for as long as each continues the one before, whatever
/// its head says.
pub(super) fn sound_rows(connection: &Connection, deployment: &DeploymentName) -> Vec<Row> {
    let head = Head {
        seq: i64::MAX,
        ..Head::origin(deployment.as_str())
    };
    let mut verifier = Verifier::new(deployment, head);
    let mut sound = vec![];
    let Ok(mut statement) = connection.prepare_cached(ENTRIES) else {
        return sound;
    };
    let Ok(mut rows) = statement.query(rusqlite::params![deployment.as_str(), 0]) else {
        return sound;
    };
    while let Ok(Some(row)) = rows.next() {
        match take(row) {
            Ok(row) if verifier.take(row.clone()).is_ok() => sound.push(row),
            _ => break,
        }
    }
    sound
}

/// How many entries a deployment has, or had: the highest position that anything speaks of.
pub(super) fn claimed(connection: &Connection, deployment: &str) -> u64 {
    let number = |query: &str| {
        connection
            .query_row(query, [deployment], |row| row.get::<_, Option<i64>>(0))
            .ok()
            .flatten()
    };
    let last = number("SELECT max(seq) FROM entries WHERE deployment = ?1");
    let head = number("SELECT seq FROM heads WHERE deployment = ?1");
    last.max(head).unwrap_or_default().max(0).unsigned_abs()
}

/// All entries of a deployment.
pub(super) fn read(
    connection: &mut Connection,
    path: &Utf8Path,
    deployment: &DeploymentName,
) -> Result<Vec<Record>, Fault> {
    let all = read_after(connection, path, deployment, &Place::origin(deployment))?;
    let all = all.ok_or_else(|| {
        let what = format!("could not read entry 1 of deployment `{deployment}`");
        faults::damaged(&what, path, "its head says that it has no entries")
    })?;
    Ok(all.records)
}

/// Between which entries of a deployment something is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    /// The position of the entry before.
    pub(crate) seq: i64,
    /// Its hash.
    pub(crate) hash: String,
}

impl Place {
    /// Before the first entry.
    pub(crate) fn origin(deployment: &DeploymentName) -> Self {
        let Head { seq, hash, .. } = Head::origin(deployment.as_str());
        Self { seq, hash }
    }
}

/// The entries after a place, and the place after them.
pub(crate) struct Tail {
    pub(crate) records: Vec<Record>,
    pub(crate) end: Place,
}

/// The entries of a deployment after a place; none if the entry before that is another one.
pub(super) fn read_after(
    connection: &mut Connection,
    path: &Utf8Path,
    deployment: &DeploymentName,
    place: &Place,
) -> Result<Option<Tail>, Fault> {
    let what = |position| format!("could not read entry {position} of deployment `{deployment}`");
    let failed = |position, error| faults::sqlite(&what(position), path, &error);
    let at_first = |error| failed(place.seq + 1, error);
    let moment = connection.transaction().map_err(at_first)?;
    if place.seq > 0 {
        let hash: Option<String> = moment
            .prepare_cached(HASH)
            .and_then(|mut statement| {
                let key = rusqlite::params![deployment.as_str(), place.seq];
                statement.query_row(key, |row| row.get(0)).optional()
            })
            .map_err(at_first)?;
        if hash.as_ref() != Some(&place.hash) {
            return Ok(None);
        }
    }
    let head = head(&moment, deployment.as_str()).map_err(at_first)?;
    if head.seq < place.seq || (head.seq == place.seq && head.hash != place.hash) {
        return Ok(None);
    }
    let end = Place {
        seq: head.seq,
        hash: head.hash.clone(),
    };
    let mut verifier = Verifier::after(place.seq, &place.hash, head);
    let mut statement = moment.prepare_cached(ENTRIES).map_err(at_first)?;
    let mut rows = statement
        .query(rusqlite::params![deployment.as_str(), place.seq])
        .map_err(at_first)?;
    let mut records = vec![];
    loop {
        let position = verifier.position();
        let broken = |broken| faults::damaged(&what(position), path, broken);
        let row = rows.next().and_then(|row| row.map(take).transpose());
        match row.map_err(|error| failed(position, error))? {
            Some(row) => records.push(verifier.take(row).map_err(broken)?),
            None => {
                verifier.finish().map_err(broken)?;
                return Ok(Some(Tail { records, end }));
            }
        }
    }
}

fn take(row: &rusqlite::Row<'_>) -> rusqlite::Result<Row> {
    Ok(Row {
        seq: row.get(0)?,
        run: row.get(1)?,
        at_ms: row.get(2)?,
        body: row.get(3)?,
        prev: row.get(4)?,
        hash: row.get(5)?,
    })
}
