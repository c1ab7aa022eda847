//! A deployment's journal and the history folded from it, always in step.
//!
//! Owns the rule of two phases: an effect needs a [`Pending`], which only a durable intent gives, and
//! a pending effect must be settled; and who has the turn at a target. Never looks at a machine.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use krun_model::{
    Address, Bytes, Content, DeploymentName, Effect, Entry, Fault, History, Journal, KillPoint,
    Moment, RunId, Target, TargetState, Undo, Whose,
    history::EffectMemory,
    journal::{Outcome, Record, Seq},
};

use krun_secrets::Vault;

use crate::{
    acting::{Acting, Turn},
    concealed,
    kill::KillSwitch,
};

/// The journal of one deployment.
pub struct Ledger {
    journal: Arc<dyn Journal>,
    name: DeploymentName,
    id: String,
    history: Mutex<Arc<History>>,
    kill: Option<KillSwitch>,
    vault: Option<Arc<Vault>>,
    acting: Acting,
}

/// An intent that is durable and has no outcome yet: the licence to perform one effect.
#[must_use = "an intent needs an outcome"]
#[derive(Debug)]
pub struct Pending {
    seq: Seq,
    run: RunId,
}

impl Ledger {
    /// Reads a deployment's log. `fresh_id` becomes its id if it has none yet.
    ///
    /// # Errors
    /// What the journal reports.
    pub fn open(
        journal: Arc<dyn Journal>,
        name: DeploymentName,
        fresh_id: String,
    ) -> Result<Self, Fault> {
        let history = journal.history(&name)?;
        let id = history.id.clone().unwrap_or(fresh_id);
        Ok(Self {
            journal,
            name,
            id,
            history: Mutex::new(history),
            kill: None,
            vault: None,
            acting: Acting::default(),
        })
    }

    /// Ends this process with SIGKILL at a point, for tests of what follows.
    #[must_use]
    pub fn killed_at(mut self, point: Option<KillPoint>) -> Self {
        self.kill = point.map(KillSwitch::new);
        self
    }

    /// From now on writes nothing of the values in a vault.
    #[must_use]
    pub fn concealing(mut self, vault: Arc<Vault>) -> Self {
        self.vault = Some(vault);
        self
    }

    /// To be called when an effect begins.
    pub(crate) fn acting(&self, step: &Address, effect: &Effect) {
        if let Some(kill) = &self.kill {
            kill.acting(Whose::of_effect(step, effect));
        }
    }

    /// To be called when an effect was brought about, before anybody looks at it.
    pub(crate) fn acted(&self, step: &Address, effect: &Effect) {
        if let Some(kill) = &self.kill {
            kill.acted(Whose::of_effect(step, effect));
        }
    }

    /// A turn at a target: until it is dropped nobody else of this run acts on it.
    pub(crate) async fn turn_at(&self, target: Target) -> Turn<'_> {
        self.acting.turn(target).await
    }

    /// The deployment's name.
    pub fn name(&self) -> &DeploymentName {
        &self.name
    }

    /// The random id that marks the deployment's processes.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The journal itself.
    pub fn journal(&self) -> &Arc<dyn Journal> {
        &self.journal
    }

    /// The history now. Not to be held across anything slow.
    pub fn history(&self) -> MutexGuard<'_, Arc<History>> {
        self.history.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Appends an entry and folds it in. With `durable` it survives a loss of power once this
    /// returns.
    ///
    /// # Errors
    /// What the journal reports; nothing is folded in then.
    pub async fn append(&self, run: RunId, entry: Entry, durable: bool) -> Result<Seq, Fault> {
        let entry = match &self.vault {
            Some(vault) => concealed::entry(vault.veil(), entry),
            None => entry,
        };
        let (journal, name) = (self.journal.clone(), self.name.clone());
        let kill = self.kill.as_ref().map(|kill| {
            let whose = Whose::of_entry(&entry, &self.history());
            (kill, kill.counted(whose))
        });
        if let Some((kill, place)) = &kill {
            kill.reached(Moment::Before, place);
        }
        let record = calling(journal, move |journal| {
            journal.append(&name, run, &entry, durable)
        })
        .await?;
        if let Some((kill, place)) = &kill {
            kill.reached(Moment::After, place);
        }
        Arc::make_mut(&mut self.history()).push(&record);
        Ok(record.seq)
    }

    /// Tells the journal that a run is over.
    pub(crate) async fn run_ended(&self) {
        let (journal, name) = (self.journal.clone(), self.name.clone());
        let told = calling(journal, move |journal| {
            journal.run_ended(&name);
            Ok(())
        });
        // Nothing depends on it.
        let _ = told.await;
    }

    /// Keeps bytes as a blob, durably.
    ///
    /// # Errors
    /// What the journal reports.
    pub async fn put_blob(&self, bytes: Bytes) -> Result<(), Fault> {
        let journal = self.journal.clone();
        calling(journal, move |journal| journal.put_blob(&bytes))
            .await
            .map(drop)
    }

    /// The bytes of a blob; of a sealed digest the sealed form.
    ///
    /// # Errors
    /// What the journal reports.
    pub async fn blob(&self, digest: krun_model::Digest) -> Result<Vec<u8>, Fault> {
        let journal = self.journal.clone();
        calling(journal, move |journal| journal.blob(&digest.blob())).await
    }

    /// All entries so far.
    ///
    /// # Errors
    /// What the journal reports.
    pub async fn records(&self) -> Result<Vec<Record>, Fault> {
        let (journal, name) = (self.journal.clone(), self.name.clone());
        calling(journal, move |journal| journal.read(&name)).await
    }

    /// Writes an intent, durably.
    ///
    /// # Errors
    /// What the journal reports; the effect must then not be performed.
    pub async fn intend(
        &self,
        run: RunId,
        step: &Address,
        effect: &Effect,
        before: TargetState,
        undo: Undo,
    ) -> Result<Pending, Fault> {
        if effect.contents().any(Content::is_open) {
            return Err(Fault::internal("a secret was about to be journaled").at(step));
        }
        let entry = Entry::Intent {
            step: step.clone(),
            effect: effect.clone(),
            before,
            undo,
        };
        let seq = self.append(run, entry, true).await?;
        Ok(Pending { seq, run })
    }

    /// Writes an outcome. It need not be durable by itself: a lost one is probed for.
    ///
    /// # Errors
    /// What the journal reports; the intent then stays pending and is probed by the next run.
    pub async fn settle(&self, pending: Pending, outcome: Outcome) -> Result<(), Fault> {
        let entry = Entry::Outcome {
            intent: pending.seq,
            outcome,
        };
        self.append(pending.run, entry, false).await.map(drop)
    }

    /// Takes up an intent that an earlier run left without an outcome.
    pub fn take_up(&self, effect: &EffectMemory) -> Pending {
        Pending {
            seq: effect.seq,
            run: effect.run,
        }
    }
}

/// Calls a journal: off the threads that serve everything else, where it blocks on a disk.
async fn calling<T: Send + 'static>(
    journal: Arc<dyn Journal>,
    call: impl FnOnce(&dyn Journal) -> Result<T, Fault> + Send + 'static,
) -> Result<T, Fault> {
    if !journal.blocks() {
        return call(&*journal);
    }
    tokio::task::spawn_blocking(move || call(&*journal))
        .await
        .unwrap_or_else(|error| Err(Fault::internal(format!("a journal call ended: {error}"))))
}
