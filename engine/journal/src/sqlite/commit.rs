//! A commit: a group of entries in one transaction.
//!
//! Owns the writing connection, the order of entries and their time, and what durable means:
//!
//! - A commit with a durable entry runs with `synchronous=FULL`: SQLite syncs the log, and with it
//!   every frame that earlier commits left unsynced.
//! - A commit without runs with `synchronous=NORMAL`: written, visible to every process, safe from
//!   a SIGKILL of krun; a loss of power may take it, but never an entry before one that stays.
//!
//! Never retries. After an I/O error it refuses all further entries: the kernel drops what it could
//! not write and then reports success, so a later sync would promise what is not on the disk.

use std::{
    collections::HashMap,
    os::unix::fs::MetadataExt as _,
    time::{SystemTime, UNIX_EPOCH},
};

use camino::{Utf8Path, Utf8PathBuf};
use krun_model::Fault;
use rusqlite::{Connection, Transaction, TransactionBehavior, params};

use super::{
    entries,
    writer::{Append, Placed},
};
use crate::{
    chain::{self, Head},
    faults,
};

const WHAT: &str = "could not write to the journal";

pub(super) const INSERT: &str = "
    INSERT INTO entries (deployment, seq, run, at_ms, body, prev, hash)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";

pub(super) const MOVE_HEAD: &str = "
    INSERT INTO heads (deployment, seq, at_ms, hash) VALUES (?1, ?2, ?3, ?4)
    ON CONFLICT (deployment) DO UPDATE
    SET seq = excluded.seq, at_ms = excluded.at_ms, hash = excluded.hash";

/// What writes groups of entries.
pub(super) struct Committer {
    connection: Connection,
    path: Utf8PathBuf,
    /// Whether the connection syncs at commit now.
    syncs: bool,
    /// Which file it writes to: device and inode.
    identity: Option<(u64, u64)>,
    /// Why nothing can be written any more.
    broken: Option<Fault>,
}

impl Committer {
    /// Writes to a connection that syncs at commit.
    pub(super) fn new(connection: Connection, path: &Utf8Path) -> Self {
        Self {
            connection,
            path: path.to_owned(),
            syncs: true,
            identity: identity(path),
            broken: None,
        }
    }

    /// Writes a group in one commit: all of it or nothing.
    pub(super) fn write(&mut self, group: &[Append]) -> Result<Vec<Placed>, Fault> {
        if let Some(fault) = &self.broken {
            return Err(fault.clone());
        }
        let placed = self.commit(group).map_err(|error| {
            let fault = faults::sqlite(WHAT, &self.path, &error);
            if faults::is_io_failure(&error) {
                self.broken = Some(fault.clone());
            }
            fault
        })?;
        // SQLite goes on writing to a file that has lost its name.
        if identity(&self.path) != self.identity {
            let fault = faults::taken_away(WHAT, &self.path);
            self.broken = Some(fault.clone());
            return Err(fault);
        }
        Ok(placed)
    }

    fn commit(&mut self, group: &[Append]) -> rusqlite::Result<Vec<Placed>> {
        self.sync_at_commit(group.iter().any(|append| append.durable))?;
        let transaction = self
            .connection
            .transaction_with_behavior(TransactionBehavior::Immediate)?;
        let mut heads: HashMap<&str, Head> = HashMap::new();
        let mut placed = Vec::with_capacity(group.len());
        for append in group {
            let deployment = append.deployment.as_str();
            // Looked up in each commit: another krun may have written since the last.
            let last = match heads.remove(deployment) {
                Some(head) => head,
                None => entries::head(&transaction, deployment)?,
            };
            let head = insert(&transaction, append, &last)?;
            placed.push(Placed {
                seq: head.seq,
                at_ms: head.at_ms,
            });
            heads.insert(deployment, head);
        }
        for (deployment, head) in heads {
            transaction
                .prepare_cached(MOVE_HEAD)?
                .execute(params![deployment, head.seq, head.at_ms, head.hash])?;
        }
        transaction.commit()?;
        Ok(placed)
    }

    fn sync_at_commit(&mut self, syncs: bool) -> rusqlite::Result<()> {
        if self.syncs != syncs {
            let level = if syncs { "FULL" } else { "NORMAL" };
            self.connection.pragma_update(None, "synchronous", level)?;
            self.syncs = syncs;
        }
        Ok(())
    }
}

fn insert(transaction: &Transaction<'_>, append: &Append, last: &Head) -> rusqlite::Result<Head> {
    let Append {
        deployment,
        run,
        body,
        ..
    } = append;
    let seq = last.seq + 1;
    // A clock that was set back does not make history go backwards.
    let at_ms = now_ms().max(last.at_ms);
    let hash = chain::link(&last.hash, seq, *run, at_ms, body);
    transaction
        .prepare_cached(INSERT)?
        .execute(params![deployment, seq, run, at_ms, body, last.hash, hash])?;
    Ok(Head { seq, at_ms, hash })
}

/// Which file has a name now: device and inode.
fn identity(path: &Utf8Path) -> Option<(u64, u64)> {
    let meta = std::fs::metadata(path).ok()?;
    Some((meta.dev(), meta.ino()))
}

fn now_ms() -> i64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .ok()
        .and_then(|since| i64::try_from(since.as_millis()).ok())
        .unwrap_or_default()
}
