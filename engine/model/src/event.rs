//! What happens during a run, for whoever watches: one closed enum that feeds every reporter.

use serde::{Deserialize, Serialize};

use crate::{
    Address, Change, DeploymentName, Fault, Outputs, Part, Plan, Reason, RunId,
    journal::{Again, Verb},
};

/// The version of the event stream; raised when a field changes its meaning or goes away.
pub const EVENTS_VERSION: u32 = 1;

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RunStatus {
    /// Everything is as wanted.
    Succeeded,
    /// A step failed; nothing that depends on it was begun.
    Failed,
    /// It was told to stop.
    Cancelled,
    /// A rollback stopped at something that someone else changed.
    Conflict,
}

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// A run began.
    RunStarted {
        /// [`EVENTS_VERSION`].
        version: u32,
        /// The deployment.
        deployment: DeploymentName,
        /// The run.
        run: RunId,
        /// Which command.
        verb: Verb,
        /// Whether it goes on with an interrupted run.
        resumed: bool,
        /// Which part a rollback takes back; none for all.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        part: Option<Part>,
    },
    /// What was there is known, and so is what will be done.
    Planned {
        /// The plan.
        plan: Plan,
    },
    /// An effect whose outcome was not known was probed.
    Recovered {
        /// The step.
        step: Address,
        /// The target.
        target: String,
        /// What was found, in words.
        found: String,
    },
    /// A step began.
    StepStarted {
        /// The step.
        step: Address,
        /// What is to be done.
        change: Change,
        /// Why.
        reason: Reason,
    },
    /// A step says what it is doing.
    StepProgress {
        /// The step.
        step: Address,
        /// What.
        message: String,
    },
    /// A step ended well.
    StepFinished {
        /// The step.
        step: Address,
        /// What was done.
        change: Change,
        /// Why.
        reason: Reason,
        /// What it says.
        outputs: Outputs,
        /// How long it took, in milliseconds.
        duration_ms: u64,
    },
    /// A step failed.
    StepFailed {
        /// The step.
        step: Address,
        /// Why.
        fault: Fault,
        /// How long it took, in milliseconds.
        duration_ms: u64,
    },
    /// A step was not begun.
    StepSkipped {
        /// The step.
        step: Address,
        /// Why, in words.
        why: String,
        /// Why, where the runbook or the user's choice says so; none after a failure or a stop.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<Reason>,
    },
    /// An attempt at a step failed, and there will be another.
    StepRetried {
        /// The step.
        step: Address,
        /// Which attempt failed and what follows.
        #[serde(flatten)]
        again: Again,
        /// Why it failed.
        fault: Fault,
    },
    /// A rollback took something back, or says why it stays.
    Undone {
        /// The step that had done it.
        step: Address,
        /// The target.
        target: String,
        /// What was done, in words.
        how: String,
    },
    /// A run ended: always the last event.
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

/// Who shows events. Called in one order, from one place.
pub trait Reporter: Send {
    /// Shows one event.
    fn event(&mut self, event: &Event);
}
