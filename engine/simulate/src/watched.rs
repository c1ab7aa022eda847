//! A krun's journal: the deployment's, through the krun's fate.
//!
//! Owns the moments before and after each record. A krun that is dead writes nothing any more.

use std::sync::Arc;

use krun_model::{
    DeploymentName, Digest, Entry, Fault, History, Journal, Moment, RunId, journal::Record,
};

use crate::{
    fate::{Fate, Now},
    journal::MemoryJournal,
    world::World,
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
        match self.fate.moment(|| place) {
            Now::GoesOn => Ok(()),
            Now::Dead => Err(dead()),
            Now::ProcessDies(number) => {
                let mut world = self.world.lock().unwrap_or_else(|e| e.into_inner());
                if let Some(id) = world.one_dies(number) {
                    self.fate.say(|| format!("process {} dies", id.step));
                }
                Ok(())
            }
        }
    }
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
