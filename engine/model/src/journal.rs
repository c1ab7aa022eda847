//! The contract of the durable event log, and its entries.
//!
//! The present state of a deployment is a fold over its entries ([`History`]).
//! Before an effect its intent is durable; its outcome may become durable with the next intent.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::{
    Address, Change, Choice, Decision, DeploymentName, Digest, Effect, Fault, History, Map,
    OnFailure, Outputs, Part, ProcessSpec, Reason, RunId, TargetState, Undo,
    event::RunStatus,
    history::StepMemory,
    process::Running,
    reconcile::{Move, Reconciled},
};

/// The position of an entry in its deployment's log, counted from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Seq(pub u64);

/// Which command a run serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verb {
    /// `krun RUNBOOK`.
    Run,
    /// `krun rollback`.
    Rollback,
    /// `krun stop`.
    Stop,
    /// `krun start`.
    Start,
    /// `krun adopt`.
    Adopt,
    /// What `--prune` takes back after a run: steps that left the runbook.
    Prune,
}

impl Verb {
    /// Whether it takes back what runs did: what it does itself is not to be taken back.
    pub fn takes_back(self) -> bool {
        matches!(self, Self::Rollback | Self::Prune)
    }
}

/// What a run pins, so that it can be resumed, started and shown as it was.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Pin {
    /// The runbook's file as the user named it, made absolute.
    pub path: String,
    /// Name, digest and blob of each source file, the runbook's own first.
    pub sources: Vec<(String, Digest)>,
    /// All parameters' values.
    pub params: Map<serde_json::Value>,
    /// Those that were given, not defaulted.
    pub given: Map<serde_json::Value>,
    /// Those that are marked identity.
    pub identity: Vec<String>,
    /// Which steps the run is about.
    #[serde(default, skip_serializing_if = "Choice::is_everything")]
    pub choice: Choice,
    /// What becomes of the run if a step fails, where that was decided.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_failure: Option<OnFailure>,
}

/// What follows a failed attempt that is not the last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Again {
    /// Which attempt failed, from 1.
    pub attempt: u32,
    /// How many there may be.
    pub of: u32,
    /// Milliseconds until the next.
    pub wait_ms: u64,
}

/// Who ran krun.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Who {
    /// User name or number.
    pub user: String,
    /// Host name.
    pub host: String,
    /// Process id of krun.
    pub pid: u32,
    /// krun's version.
    pub krun: String,
}

/// How an effect ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It was brought about; the state after it.
    Done(TargetState),
    /// After a crash it was found brought about; the state found.
    Recovered(TargetState),
    /// After a crash it was found not begun, or it failed and left nothing.
    NotDone(String),
}

/// One entry of the log. A new variant here, or in [`Effect`], is a new format of the store: an older
/// krun must refuse it by version, not call it damage.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Entry {
    /// The deployment begins; its random id marks its processes.
    Created {
        /// The random id.
        id: String,
    },
    /// A run begins.
    RunStarted {
        /// Which command.
        verb: Verb,
        /// What it pins; a rollback pins nothing new.
        pin: Option<Pin>,
        /// Who.
        who: Who,
        /// Which part of what was done a rollback takes back; none for all of it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        part: Option<Part>,
    },
    /// An interrupted run goes on.
    RunResumed {
        /// Who.
        who: Who,
    },
    /// A step begins.
    StepStarted {
        /// The step.
        step: Address,
        /// Its kind.
        kind: String,
        /// What is to be done.
        change: Change,
        /// Why.
        reason: Reason,
        /// The steps it comes after: a rollback goes the other way.
        after: Vec<Address>,
    },
    /// An effect is about to happen. Durable before it does.
    Intent {
        /// The step that asks for it.
        step: Address,
        /// The effect.
        effect: Effect,
        /// What is there before it; the bytes of a file are a blob.
        before: TargetState,
        /// The way back.
        undo: Undo,
    },
    /// How it ended.
    Outcome {
        /// The intent.
        intent: Seq,
        /// How.
        outcome: Outcome,
    },
    /// Somebody decided what becomes of an effect in doubt. Durable before it is carried out, so that
    /// whoever comes after a crash carries it out.
    Resolved {
        /// The step.
        step: Address,
        /// The intent.
        intent: Seq,
        /// What was decided.
        decision: Decision,
        /// What was found: for anything else the decision does not hold.
        found: TargetState,
        /// Who.
        who: Who,
    },
    /// The runbook is another one than the last run's: what becomes of its steps, and whose history is
    /// whose from now on. Written before a run looks at what to do first.
    Reconciled {
        /// Histories that change their address, all at once.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        moves: Vec<Move>,
        /// One line a step.
        table: Vec<Reconciled>,
    },
    /// All steps before a checkpoint are done, and none behind it was begun.
    Checkpoint {
        /// Its name.
        name: String,
    },
    /// A step is done.
    StepDone {
        /// The step.
        step: Address,
        /// Its kind.
        kind: String,
        /// What was done.
        change: Change,
        /// Digest of kind and arguments.
        inputs: Digest,
        /// The key of an act or a proof.
        key: Option<Digest>,
        /// What it says.
        outputs: Outputs,
    },
    /// A step failed.
    StepFailed {
        /// The step.
        step: Address,
        /// Why.
        fault: Fault,
        /// Given where it is tried again.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        again: Option<Again>,
    },
    /// A process that krun did not start stands for a step from now on.
    Adopted {
        /// The step.
        step: Address,
        /// What the step would have started.
        spec: ProcessSpec,
        /// Which process it is, and the digest of what it was found to run with.
        running: Running,
        /// Digest of its command line.
        argv: Digest,
    },
    /// A rollback has taken back, or passed over, what these intents did.
    Undone {
        /// The intents.
        intents: Vec<Seq>,
        /// What was done about them, for people.
        how: String,
    },
    /// The deployment is back at its baseline: history before this is no longer its state.
    RolledBack,
    /// A part of what was done is taken back.
    Returned {
        /// Which.
        part: Part,
        /// What is remembered of the steps that it was about: what was before that part. Of those that
        /// are not named, nothing.
        steps: Vec<(Address, StepMemory)>,
        /// What the last run before that part pinned; none where that is to stay as it is.
        pin: Option<Pin>,
    },
    /// A run ends.
    RunFinished {
        /// How.
        status: RunStatus,
        /// Steps that changed something.
        changed: usize,
        /// Steps that did not.
        unchanged: usize,
        /// Steps that failed.
        failed: usize,
        /// How long it took, in milliseconds.
        duration_ms: u64,
    },
}

/// An entry with its place and time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// Its position.
    pub seq: Seq,
    /// The run it belongs to.
    pub run: RunId,
    /// When it was written, in milliseconds since 1970 (UTC).
    pub at_ms: i64,
    /// The entry.
    pub entry: Entry,
}

/// A durable event log per deployment, and the blobs beside it.
///
/// Calls block for as long as a disk does. `append` gives the entry its position; with `durable` it
/// returns only when this and all earlier entries survive a loss of power.
pub trait Journal: Send + Sync {
    /// Whether its calls may block. One in memory does not, and is then called where the run goes on
    /// instead of on a thread for such calls.
    fn blocks(&self) -> bool {
        true
    }

    /// The names of all deployments, sorted.
    ///
    /// # Errors
    /// What the store reports.
    fn deployments(&self) -> Result<Vec<DeploymentName>, Fault>;

    /// All entries of a deployment in order.
    ///
    /// # Errors
    /// What the store reports; damage is [`FaultCode::StateDamaged`](crate::FaultCode).
    fn read(&self, deployment: &DeploymentName) -> Result<Vec<Record>, Fault>;

    /// What a deployment's entries come to.
    ///
    /// # Errors
    /// As [`Journal::read`]. A journal that keeps a fold of its first entries need not read these.
    fn history(&self, deployment: &DeploymentName) -> Result<Arc<History>, Fault> {
        Ok(Arc::new(History::fold(&self.read(deployment)?)))
    }

    /// Told when a run is over, however it ended: time for a journal to make itself ready for whoever reads next,
    /// such as by keeping what its entries come to. Nothing depends on it.
    fn run_ended(&self, _deployment: &DeploymentName) {}

    /// Appends an entry.
    ///
    /// # Errors
    /// What the store reports. The entry may be in the log all the same, after a crash; what it
    /// announces must not be done.
    fn append(
        &self,
        deployment: &DeploymentName,
        run: RunId,
        entry: &Entry,
        durable: bool,
    ) -> Result<Record, Fault>;

    /// Keeps bytes under their digest, durably.
    ///
    /// # Errors
    /// What the store reports.
    fn put_blob(&self, bytes: &[u8]) -> Result<Digest, Fault>;

    /// The bytes with a digest, verified.
    ///
    /// # Errors
    /// Missing or damaged blobs are [`FaultCode::StateDamaged`](crate::FaultCode).
    fn blob(&self, digest: &Digest) -> Result<Vec<u8>, Fault>;
}
