//! A journal in memory: as durable as the test that holds it.
//!
//! Owns entries and blobs of a deployment while krun after krun is killed, and what a loss of power
//! takes of them. Never keeps what a store on a disk would not: the bytes of a file to write are a
//! blob, and an intent that is read back has their digest alone.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use krun_model::{
    Content, DeploymentName, Digest, Effect, Entry, Fault, FaultCode, Journal, RunId, Undo,
    journal::{Record, Seq},
};

/// When simulated journals begin, in milliseconds since 1970.
const EPOCH_MS: i64 = 1_700_000_000_000;

/// The journal.
#[derive(Debug, Default)]
pub struct MemoryJournal(Mutex<Kept>);

#[derive(Debug, Default)]
struct Kept {
    logs: BTreeMap<DeploymentName, Log>,
    blobs: BTreeMap<Digest, Vec<u8>>,
}

#[derive(Debug, Default)]
struct Log {
    records: Vec<Record>,
    /// How many of them survive a loss of power for certain.
    durable: usize,
}

impl MemoryJournal {
    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many entries of a deployment a loss of power may take.
    pub fn at_risk(&self, deployment: &DeploymentName) -> usize {
        let kept = self.kept();
        let log = kept.logs.get(deployment);
        log.map_or(0, |log| log.records.len() - log.durable)
    }

    /// The power fails: the last `lost` entries of a deployment are gone, none of them durable.
    pub fn lose(&self, deployment: &DeploymentName, lost: usize) {
        if let Some(log) = self.kept().logs.get_mut(deployment) {
            let left = log.records.len().saturating_sub(lost).max(log.durable);
            log.records.truncate(left);
        }
    }
}

impl Journal for MemoryJournal {
    fn blocks(&self) -> bool {
        false
    }

    fn deployments(&self) -> Result<Vec<DeploymentName>, Fault> {
        Ok(self.kept().logs.keys().cloned().collect())
    }

    fn read(&self, deployment: &DeploymentName) -> Result<Vec<Record>, Fault> {
        let kept = self.kept();
        let log = kept.logs.get(deployment);
        Ok(log.map(|log| log.records.clone()).unwrap_or_default())
    }

    fn append(
        &self,
        deployment: &DeploymentName,
        run: RunId,
        entry: &Entry,
        durable: bool,
    ) -> Result<Record, Fault> {
        let mut kept = self.kept();
        let log = kept.logs.entry(deployment.clone()).or_default();
        let seq = log.records.len() as u64 + 1;
        let record = Record {
            seq: Seq(seq),
            run,
            at_ms: EPOCH_MS + seq.cast_signed(),
            entry: without_bytes(entry),
        };
        log.records.push(record.clone());
        if durable {
            log.durable = log.records.len();
        }
        Ok(record)
    }

    fn put_blob(&self, bytes: &[u8]) -> Result<Digest, Fault> {
        let digest = Digest::of(bytes);
        let mut kept = self.kept();
        kept.blobs.entry(digest).or_insert_with(|| bytes.to_vec());
        Ok(digest)
    }

    fn blob(&self, digest: &Digest) -> Result<Vec<u8>, Fault> {
        let kept = self.kept();
        kept.blobs
            .get(digest)
            .cloned()
            .ok_or_else(|| Fault::new(FaultCode::StateDamaged, "a blob is missing").at(digest))
    }
}

/// An entry as it would be read back.
fn without_bytes(entry: &Entry) -> Entry {
    let mut entry = entry.clone();
    if let Entry::Intent { effect, undo, .. } = &mut entry {
        forget(effect);
        if let Undo::By(effect) = undo {
            forget(effect);
        }
    }
    entry
}

fn forget(effect: &mut Effect) {
    for content in effect.contents_mut() {
        let values = std::mem::take(&mut content.values);
        *content = Content {
            values,
            ..Content::stored(content.digest)
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_the_promises_of_a_journal() {
        krun_journal::conformance::run(|| Box::new(MemoryJournal::default()));
    }

    #[test]
    fn power_takes_only_what_was_not_durable() {
        let (journal, name) = (MemoryJournal::default(), "d".parse().unwrap());
        let note = |n: u32, durable| {
            let id = n.to_string();
            let entry = Entry::Created { id };
            journal.append(&name, RunId(1), &entry, durable).unwrap();
        };
        for (n, durable) in [(1, true), (2, false), (3, true), (4, false), (5, false)] {
            note(n, durable);
        }
        assert_eq!(journal.at_risk(&name), 2);
        journal.lose(&name, 1);
        assert_eq!(journal.read(&name).unwrap().len(), 4);
        journal.lose(&name, 9);
        assert_eq!(journal.read(&name).unwrap().len(), 3);
    }
}
