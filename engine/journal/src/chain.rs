//! The hash chain of a deployment's entries.
//!
//! Owns what an entry's hash is made of and how a stored row is verified:
//!
//! | part | why |
//! |---|---|
//! | hash of the entry before, or of the deployment's name | nothing is taken out, put in or moved |
//! | position, run, time | they are part of the record |
//! | the entry as JSON text | it is what was written |
//!
//! What the last entry is stands apart, in the deployment's head: a chain alone does not show that
//! its end is missing, and a single damaged page can take the end away without an error.
//!
//! This detects damage and careless editing; whoever can write to the store can compute it anew.
//! Never touches a database.

use krun_model::{
    DeploymentName, Digest, RunId,
    journal::{Record, Seq},
};

/// An entry as a backend keeps it.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    pub(crate) seq: i64,
    pub(crate) run: i64,
    pub(crate) at_ms: i64,
    pub(crate) body: String,
    pub(crate) prev: String,
    pub(crate) hash: String,
}

/// Where the entries of a deployment end.
#[derive(Clone, Debug)]
pub(crate) struct Head {
    pub(crate) seq: i64,
    pub(crate) at_ms: i64,
    pub(crate) hash: String,
}

impl Head {
    /// The head of a deployment without entries.
    pub(crate) fn origin(deployment: &str) -> Self {
        Self {
            seq: 0,
            at_ms: i64::MIN,
            hash: Digest::of(format!("krun journal of {deployment}")).to_string(),
        }
    }
}

/// Why a row does not belong where it is.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Break {
    #[error("it is missing; position {0} comes next")]
    Missing(i64),
    #[error("it is missing; the last position is {0}")]
    End(i64),
    #[error("it is beyond the last position, {0}")]
    Beyond(i64),
    #[error("it is the last one, and the deployment's last one is another")]
    Last,
    #[error("it does not continue the entry before it")]
    Prev,
    #[error("its hash is not the hash of its content")]
    Hash,
    #[error("its run is no number of a run")]
    Run,
    #[error("its content is not an entry: {0}")]
    Body(#[from] serde_json::Error),
}

/// The hash of an entry. Only the body can hold a line break, and it is the last part, so no two
/// entries are written alike.
pub(crate) fn link(prev: &str, seq: i64, run: i64, at_ms: i64, body: &str) -> String {
    Digest::of(format!("{prev}\n{seq}\n{run}\n{at_ms}\n{body}")).to_string()
}

/// Verifies the rows of one deployment in order, up to its head.
pub(crate) struct Verifier {
    prev: String,
    next: i64,
    head: Head,
}

impl Verifier {
    pub(crate) fn new(deployment: &DeploymentName, head: Head) -> Self {
        Self::after(0, &Head::origin(deployment.as_str()).hash, head)
    }

    /// For the rows after a position, of which the hash is known.
    pub(crate) fn after(seq: i64, hash: &str, head: Head) -> Self {
        Self {
            prev: hash.to_owned(),
            next: seq + 1,
            head,
        }
    }

    /// The position that the next row must have.
    pub(crate) fn position(&self) -> i64 {
        self.next
    }

    /// The record in the next row.
    pub(crate) fn take(&mut self, row: Row) -> Result<Record, Break> {
        if row.seq != self.next {
            return Err(Break::Missing(row.seq));
        }
        if row.prev != self.prev {
            return Err(Break::Prev);
        }
        if row.hash != link(&row.prev, row.seq, row.run, row.at_ms, &row.body) {
            return Err(Break::Hash);
        }
        if row.seq > self.head.seq {
            return Err(Break::Beyond(self.head.seq));
        }
        if row.seq == self.head.seq && row.hash != self.head.hash {
            return Err(Break::Last);
        }
        let record = Record {
            seq: Seq(row.seq.unsigned_abs()),
            run: RunId(u64::try_from(row.run).map_err(|_| Break::Run)?),
            at_ms: row.at_ms,
            entry: serde_json::from_str(&row.body)?,
        };
        self.prev = row.hash;
        self.next += 1;
        Ok(record)
    }

    /// Verifies that these were all rows.
    pub(crate) fn finish(&self) -> Result<(), Break> {
        if self.next <= self.head.seq {
            return Err(Break::End(self.head.seq));
        }
        Ok(())
    }
}
