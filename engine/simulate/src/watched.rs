//! A krun's journal: the deployment's, through the krun's fate.
//!
//! Owns the moments before and after each record. A krun that is dead writes nothing any more.

use std::sync::Arc;

use krun_model::{
    DeploymentName, Digest, Entry, Fault, History, Journal, Moment, RunId, journal::Record,
};

use crate::{
    fate::{Class, Fate, Now},
    journal::MemoryJournal,
    world::{World, verb},
};

/// The journal of one krun.
pub struct Watched {
    /// What is kept.
    pub journal: Arc<MemoryJournal>,
    /// What befalls the krun.
    pub fate: Arc<Fate>,
    /// The machine, on which a process may die at any moment.
    pub world: Arc<std::sync::Mutex<World>>,
}

impl Watched {
    fn moment(&self, moment: Moment, entry: &Entry) -> Result<(), Fault> {
        let place = self.fate.place(moment, entry);
        match self.fate.moment(class(moment, entry), || place) {
            Now::GoesOn => Ok(()),
            Now::Dead => Err(dead()),
            Now::Befalls(mishap) => {
                let said = crate::world::now(&self.world).befalls(mishap);
                self.fate.say_all(said);
                Ok(())
            }
        }
    }
}

/// The sort of moment that a record makes.
fn class(moment: Moment, entry: &Entry) -> Class {
    let when = match moment {
        Moment::Before => "before",
        _ => "after",
    };
    let what = match entry {
        Entry::Intent { effect, .. } => verb(effect),
        Entry::Outcome { .. } => "outcome",
        Entry::StepStarted { .. } => "step begins",
        Entry::StepDone { .. } => "step done",
        Entry::StepFailed { .. } => "step fails",
        Entry::Undone { .. } => "undone",
        _ => "run",
    };
    (when, what)
}

/// Nobody sees it: who is killed says nothing.
fn dead() -> Fault {
    Fault::internal("this krun was killed")
}

impl Journal for Watched {
    fn blocks(&self) -> bool {
        false
    }

    fn deployments(&self) -> Result<Vec<DeploymentName>, Fault> {
        self.journal.deployments()
    }

    fn read(&self, deployment: &DeploymentName) -> Result<Vec<Record>, Fault> {
        self.journal.read(deployment)
    }

    fn history(&self, deployment: &DeploymentName) -> Result<Arc<History>, Fault> {
        self.journal.history(deployment)
    }

    fn append(
        &self,
        deployment: &DeploymentName,
        run: RunId,
        entry: &Entry,
        durable: bool,
    ) -> Result<Record, Fault> {
        self.moment(Moment::Before, entry)?;
        let record = self.journal.append(deployment, run, entry, durable)?;
        self.fate.wrote(&record);
        self.moment(Moment::After, entry)?;
        Ok(record)
    }

    fn put_blob(&self, bytes: &[u8]) -> Result<Digest, Fault> {
        match self.fate.is_alive() {
            true => self.journal.put_blob(bytes),
            false => Err(dead()),
        }
    }

    fn blob(&self, digest: &Digest) -> Result<Vec<u8>, Fault> {
        self.journal.blob(digest)
    }
}
