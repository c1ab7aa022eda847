//! A deployment as it is now: its steps, its processes, its last run and who holds it.
//!
//! Only data and words: who looks at the machine fills in a [`StatusView`].

use krun_model::{
    Address, DeploymentName, RunId,
    event::RunStatus,
    journal::{Verb, Who},
};
use serde::Serialize;

mod render;
#[cfg(test)]
mod tests;

pub use render::status_text;

/// A deployment as it is now.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct StatusView {
    /// Its name.
    pub deployment: DeploymentName,
    /// The runbook's file that the last run pinned.
    pub runbook: Option<String>,
    /// The folder that everything is under, where the runbook has one.
    pub root: Option<String>,
    /// One line that sums it up, as a fragment: "everything is as wanted".
    pub summary: String,
    /// The last run; none before the first.
    pub last_run: Option<StatusRun>,
    /// Every step.
    pub steps: Vec<StatusStep>,
    /// Every process that a step keeps.
    pub processes: Vec<StatusProcess>,
    /// Who holds the deployment now.
    pub holder: Option<Who>,
}

/// The last run of a deployment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct StatusRun {
    /// Its number.
    pub id: RunId,
    /// Which command.
    pub verb: Verb,
    /// How it ended; none while it goes on or was interrupted.
    pub status: Option<RunStatus>,
    /// When it began, in milliseconds since 1970.
    pub started_ms: i64,
    /// How long it took, in milliseconds; none without an end.
    pub duration_ms: Option<u64>,
}

/// How a step's thing stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum StepState {
    /// As wanted, and krun made it so.
    AsWanted,
    /// As wanted before krun came.
    Found,
    /// An act that was done, or a proof that held.
    Done,
    /// Its `when:` does not hold, or it needs a step that is skipped.
    Skipped,
    /// It differs from what is wanted.
    Drifted,
    /// Never done.
    Pending,
    /// It could not be seen.
    Unknown,
}

impl StepState {
    /// The words for it.
    pub fn words(self) -> &'static str {
        match self {
            Self::AsWanted => "as wanted",
            Self::Found => "found as wanted",
            Self::Done => "done",
            Self::Skipped => "skipped",
            Self::Drifted => "drifted",
            Self::Pending => "not done yet",
            Self::Unknown => "not known",
        }
    }

    /// Whether there is nothing to do about it.
    pub fn is_settled(self) -> bool {
        matches!(
            self,
            Self::AsWanted | Self::Found | Self::Done | Self::Skipped
        )
    }
}

/// A step and how its thing stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct StatusStep {
    /// The step.
    pub address: Address,
    /// Its kind.
    pub kind: String,
    /// How its thing stands.
    pub state: StepState,
    /// What differs, or why it isn't known.
    pub detail: Option<String>,
}

/// Whether a process runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ProcessState {
    /// It runs as wanted.
    Running,
    /// It runs, started with something other than what is wanted now.
    Outdated,
    /// It runs, and does not answer.
    Silent,
    /// It does not run.
    Stopped,
}

impl ProcessState {
    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Outdated => "running, to be restarted",
            Self::Silent => "running, no answer",
            Self::Stopped => "stopped",
        }
    }
}

/// A process that a step keeps.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct StatusProcess {
    /// The step.
    pub step: Address,
    /// Its process id, while it runs.
    pub pid: Option<u32>,
    /// Whether it runs.
    pub state: ProcessState,
    /// Where it listens, `host:port`.
    pub endpoint: Option<String>,
    /// Its log file.
    pub log: String,
}
