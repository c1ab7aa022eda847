//! What every command that acts on a deployment has in common.

use std::{sync::Arc, time::Instant};

use camino::Utf8PathBuf;
use krun_model::{
    Address, Effect, Effector, Entry, Event, Fault, FaultCode, Outputs, Part, Plan, ProcessId,
    RunId, Secrets as _, Target, TargetState,
    event::{EVENTS_VERSION, RunStatus},
    history::EffectMemory,
    host::Machine,
    journal::{Pin, Verb, Who},
    plugin::Plugins,
};
use krun_secrets::Vault;
use tokio::sync::watch;

use crate::{EventSender, Ledger, acts};

/// A deployment, the machine it is on, and who watches.
#[derive(Clone)]
pub struct Session {
    /// Its journal.
    pub ledger: Arc<Ledger>,
    /// The machine.
    pub machine: Arc<dyn Machine>,
    /// The clients of its clusters: topics, records, replicas and leaders.
    pub cluster: Arc<dyn Effector>,
    /// Who asks plugins about what they did.
    pub plugins: Arc<dyn Plugins>,
    /// Where events go.
    pub events: EventSender,
    /// Who runs krun.
    pub who: Who,
    /// The state folder's place for what is set aside.
    pub quarantine: Utf8PathBuf,
    /// Set when the run is to stop.
    pub cancel: watch::Receiver<bool>,
    /// Values of secrets, and the key.
    pub vault: Arc<Vault>,
    /// The folder that no effect may leave, for a scratch deployment.
    pub fence: Option<Utf8PathBuf>,
}

/// How a run ended, for the exit code.
#[derive(Clone, Debug, PartialEq)]
pub struct Ended {
    /// The run.
    pub run: RunId,
    /// Whether it began: a run that was refused is not in the journal.
    pub began: bool,
    /// How.
    pub status: RunStatus,
    /// What failed, in order.
    pub faults: Vec<(Option<Address>, Fault)>,
    /// What the steps said.
    pub outputs: std::collections::BTreeMap<Address, Outputs>,
    /// The checkpoints that it passed.
    pub passed: Vec<String>,
}

/// Steps counted for the end of a run.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Counts {
    pub(crate) changed: usize,
    pub(crate) unchanged: usize,
    pub(crate) failed: usize,
}

impl Session {
    /// Who sees and changes a target.
    pub(crate) fn effector(&self, target: &Target) -> &dyn Effector {
        match target {
            Target::Topic(_)
            | Target::Records(_)
            | Target::Configs(_)
            | Target::Group(_)
            | Target::Replicas(_)
            | Target::Leaders(_) => &*self.cluster,
            Target::Path(_)
            | Target::Contents(_)
            | Target::Moved { .. }
            | Target::Process(_)
            | Target::Packages(_)
            | Target::Plugin(_)
            | Target::Kept { .. } => &*self.machine,
        }
    }

    /// The state of a target now.
    pub(crate) async fn observe(&self, target: &Target) -> Result<TargetState, Fault> {
        let state = self.found(target).await?;
        match target {
            Target::Path(path) if self.vault.guards(path) => self.sealed_state(target, state).await,
            _ => Ok(state),
        }
    }

    /// The state of an effect's target now, as what the journal has of the effect can be compared with.
    pub(crate) async fn observe_like(&self, effect: &EffectMemory) -> Result<TargetState, Fault> {
        let target = effect.effect.target();
        let state = self.found(&target).await?;
        match effect.is_sealed() {
            true => self.sealed_state(&target, state).await,
            false => Ok(state),
        }
    }

    /// What is found of a target, by whoever can see it.
    async fn found(&self, target: &Target) -> Result<TargetState, Fault> {
        match target {
            Target::Plugin(act) => Ok(acts::observe(self, act).await),
            Target::Kept { step, plugin } => {
                let kept = self.ledger.history().kept(step).remove(plugin);
                Ok(kept.map_or(TargetState::Absent, TargetState::Kept))
            }
            _ => self.effector(target).observe(target).await,
        }
    }

    /// Performs an effect whose content may still lie in the blobs.
    pub(crate) async fn perform(&self, effect: &Effect) -> Result<(), Fault> {
        let mut effect = effect.clone();
        for content in effect.contents_mut() {
            if content.bytes.is_none() {
                content.bytes = Some(self.bytes(&content.digest).await?);
            }
        }
        self.effector(&effect.target()).perform(&effect).await
    }

    /// Tells the machine which processes were adopted, or have their marker from an address that their
    /// step had before. To be called before anything is looked at.
    pub fn know_adopted(&self) {
        let history = self.ledger.history();
        for adopted in history.adopted.values() {
            self.machine.adopt(&adopted.spec.id, &adopted.running);
        }
        for (step, running) in &history.moved {
            let id = ProcessId {
                deployment: self.ledger.id().to_owned(),
                step: step.clone(),
            };
            self.machine.adopt(&id, running);
        }
    }

    /// Refuses an effect on a path outside the fence, if there is one. Clusters and packages have none.
    pub(crate) fn within_fence(&self, target: &Target) -> Result<(), Fault> {
        let Some(fence) = &self.fence else {
            return Ok(());
        };
        let inside = match target {
            Target::Path(path) | Target::Contents(path) => path.starts_with(fence),
            Target::Moved { from, to } => from.starts_with(fence) && to.starts_with(fence),
            Target::Process(_) | Target::Packages(_) | Target::Plugin(_) | Target::Kept { .. } => {
                true
            }
            other => other.is_in_cluster(),
        };
        if inside {
            return Ok(());
        }
        Err(Fault::new(
            FaultCode::Usage,
            "a step would change what is not the scratch deployment's",
        )
        .at(target)
        .because(format!("it lies outside {fence}")))
    }

    pub(crate) fn cancelled(&self) -> bool {
        *self.cancel.borrow()
    }

    /// Begins a run, or goes on with one that was interrupted if it served the same command with
    /// the same pin.
    pub(crate) async fn begin(&self, verb: Verb, pin: Option<Pin>) -> Result<RunId, Fault> {
        self.begin_part(verb, pin, None).await
    }

    /// [`Session::begin`] for a rollback of a part; one that was interrupted goes on if it was about the
    /// same part.
    pub(crate) async fn begin_part(
        &self,
        verb: Verb,
        pin: Option<Pin>,
        part: Option<Part>,
    ) -> Result<RunId, Fault> {
        let (fresh, next, again) = {
            let history = self.ledger.history();
            let again = history
                .interrupted()
                .filter(|run| run.verb == verb && run.part == part)
                .filter(|_| pin.is_none() || pin == history.pin)
                .map(|run| run.id);
            (history.id.is_none(), history.next_run(), again)
        };
        let run = again.unwrap_or(next);
        if fresh {
            let id = self.ledger.id().to_owned();
            self.ledger
                .append(run, Entry::Created { id }, false)
                .await?;
        }
        let (who, announced) = (self.who.clone(), part.clone());
        let entry = match again {
            Some(_) => Entry::RunResumed { who },
            None => Entry::RunStarted {
                verb,
                pin,
                who,
                part,
            },
        };
        self.ledger.append(run, entry, true).await?;
        self.announce(run, verb, again.is_some(), announced);
        Ok(run)
    }

    pub(crate) fn announce(&self, run: RunId, verb: Verb, resumed: bool, part: Option<Part>) {
        self.events.send(Event::RunStarted {
            version: EVENTS_VERSION,
            deployment: self.ledger.name().clone(),
            run,
            verb,
            resumed,
            part,
        });
    }

    /// Refuses a run before it begins: nothing is journaled, and whoever watches sees why.
    pub(crate) fn refuse(
        &self,
        verb: Verb,
        status: RunStatus,
        plan: Option<Plan>,
        faults: Vec<(Address, Fault)>,
        since: Instant,
    ) -> Ended {
        let run = self.ledger.history().next_run();
        self.announce(run, verb, false, None);
        self.say_all(
            plan.map(|plan| Event::Planned { plan })
                .into_iter()
                .collect(),
        );
        for (step, fault) in &faults {
            self.events.send(Event::StepFailed {
                step: step.clone(),
                fault: fault.clone(),
                duration_ms: 0,
            });
        }
        let counts = Counts {
            failed: faults.len(),
            ..Counts::default()
        };
        self.finished(status, counts, since);
        let faults = faults
            .into_iter()
            .map(|(step, fault)| (Some(step), fault))
            .collect();
        let outputs = std::collections::BTreeMap::new();
        Ended {
            run,
            began: false,
            status,
            faults,
            outputs,
            passed: vec![],
        }
    }

    /// Says what was found before the run began.
    pub(crate) fn say_all(&self, events: Vec<Event>) {
        events.into_iter().for_each(|event| self.events.send(event));
    }

    /// Ends a run: in the journal, then for whoever watches.
    pub(crate) async fn end(
        &self,
        run: RunId,
        status: RunStatus,
        counts: Counts,
        since: Instant,
    ) -> Result<(), Fault> {
        let Counts {
            changed,
            unchanged,
            failed,
        } = counts;
        let duration_ms = since.elapsed().as_millis() as u64;
        let entry = Entry::RunFinished {
            status,
            changed,
            unchanged,
            failed,
            duration_ms,
        };
        let written = self.ledger.append(run, entry, true).await;
        // What the journal does not know did not succeed: the next run goes on with it.
        let said = written.as_ref().map_or(RunStatus::Failed, |_| status);
        self.finished(said, counts, since);
        if written.is_ok() {
            self.ledger.run_ended().await;
        }
        written.map(drop)
    }

    pub(crate) fn finished(&self, status: RunStatus, counts: Counts, since: Instant) {
        let Counts {
            changed,
            unchanged,
            failed,
        } = counts;
        let duration_ms = since.elapsed().as_millis() as u64;
        self.events.send(Event::RunFinished {
            status,
            changed,
            unchanged,
            failed,
            duration_ms,
        });
    }
}
