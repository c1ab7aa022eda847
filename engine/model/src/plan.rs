//! A plan as data: what would be done to each step, and why.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{Address, RunId, kind::UndoClass, reconcile::Reconciled};

/// What is done to the thing that a step describes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Change {
    /// Nothing.
    NoOp,
    /// Read-only proof.
    Prove,
    /// It is made, started, installed.
    Create,
    /// It is changed in place.
    Update,
    /// It is ended and started again.
    Restart,
    /// It is taken away.
    Delete,
    /// An act, done once.
    Act,
}

impl Change {
    /// Whether the world is changed by it.
    pub fn is_change(self) -> bool {
        !matches!(self, Self::NoOp | Self::Prove)
    }

    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::NoOp => "no-op",
            Self::Prove => "prove",
            Self::Create => "create",
            Self::Update => "update",
            Self::Restart => "restart",
            Self::Delete => "delete",
            Self::Act => "act",
        }
    }
}

/// What is wanted of one key of a thing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum After {
    /// This.
    Value(String),
    /// It is taken away.
    Gone,
    /// Known only after an earlier step was applied.
    KnownAfterApply,
}

impl fmt::Display for After {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Value(value) => value,
            Self::Gone => "gone",
            Self::KnownAfterApply => "known after apply",
        })
    }
}

/// One difference.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DiffLine {
    /// A property's key, a path, `mode`.
    pub key: String,
    /// What is there; none where nothing is.
    pub before: Option<String>,
    /// What is wanted.
    pub after: After,
}

impl DiffLine {
    /// A difference between what is there and a value that is known.
    pub fn new(key: impl Into<String>, before: Option<&str>, after: impl Into<String>) -> Self {
        Self {
            key: key.into(),
            before: before.map(str::to_owned),
            after: After::Value(after.into()),
        }
    }
}

/// Why a step runs or does not.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// It is as wanted, and krun made it so.
    Satisfied,
    /// It was as wanted before krun came: no effect, untouched by rollback.
    Found,
    /// It is as wanted: a process that krun did not start and that was adopted.
    Adopted {
        /// Its process id.
        pid: u32,
    },
    /// The machine differs from what is wanted.
    Drift(String),
    /// It can be known only after an earlier step.
    KnownAfterApply(String),
    /// An earlier step changes what this one is made of.
    Upstream {
        /// The earlier step.
        step: Address,
        /// What happens to it.
        change: Change,
    },
    /// A file that the process read when it started was changed since.
    ConfigChanged {
        /// The file.
        path: String,
        /// The run in which krun changed it.
        run: RunId,
    },
    /// The act was never done.
    NeverDone,
    /// The act was done with these inputs on this incarnation.
    AlreadyDone {
        /// The run that did it.
        run: RunId,
    },
    /// The act was done, but with other inputs or on another incarnation.
    KeyChanged,
    /// It was never proven.
    NeverProven,
    /// It was proven and nothing upstream changed.
    Proven {
        /// The run that proved it.
        run: RunId,
    },
    /// What it proves is stated differently now.
    ProofChanged,
    /// `--prove` asked for it.
    Asked,
    /// Skipped: its `when:` does not hold.
    WhenFalse {
        /// The condition as the runbook puts it.
        when: String,
        /// What it was decided on; empty where the parameters decide it.
        found: Vec<String>,
    },
    /// Skipped: it needs what a step that is skipped itself would have said.
    OutputAbsent {
        /// The step that is skipped.
        step: Address,
        /// The output's name.
        output: String,
    },
    /// Left alone: the run is about other steps (`--target`, `--tag`).
    NotChosen,
    /// Left alone: a tag of it was given to `--skip-tag`.
    TagSkipped {
        /// The tag.
        tag: String,
    },
}

impl Reason {
    /// Whether the step is not done whatever the machine is like: it was neither found to be as
    /// wanted nor made so.
    pub fn is_skip(&self) -> bool {
        self.is_choice() || matches!(self, Self::WhenFalse { .. } | Self::OutputAbsent { .. })
    }

    /// Whether the user's choice of steps is the reason.
    pub fn is_choice(&self) -> bool {
        matches!(self, Self::NotChosen | Self::TagSkipped { .. })
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Satisfied => f.write_str("as wanted"),
            Self::Found => f.write_str("found as wanted; krun leaves it alone"),
            Self::Adopted { pid } => write!(f, "adopted: pid {pid}, which krun did not start"),
            Self::Drift(why) => f.write_str(why),
            Self::KnownAfterApply(why) => write!(f, "known after apply: {why}"),
            Self::Upstream { step, change } => match change {
                Change::Prove | Change::NoOp => write!(f, "follows {step}"),
                change => write!(f, "because of {step} ({})", change.word()),
            },
            Self::ConfigChanged { path, run } => {
                write!(
                    f,
                    "{path} was changed (run {run}) after the process had started"
                )
            }
            Self::NeverDone => f.write_str("never done before"),
            Self::AlreadyDone { run } => write!(f, "done in run {run}"),
            Self::KeyChanged => {
                f.write_str("done before, but not with these inputs or on this one")
            }
            Self::NeverProven => f.write_str("never proven before"),
            Self::Proven { run } => write!(f, "proven in run {run}, and nothing before it changed"),
            Self::ProofChanged => f.write_str("what it proves is stated differently now"),
            Self::Asked => f.write_str("asked for with --prove"),
            Self::WhenFalse { when, found } if found.is_empty() => {
                write!(f, "`when: {when}` does not hold")
            }
            Self::WhenFalse { when, found } => {
                write!(f, "`when: {when}` does not hold: {}", found.join(", "))
            }
            Self::OutputAbsent { step, output } => {
                write!(f, "it needs `{output}` of {step}, which is skipped")
            }
            Self::NotChosen => f.write_str("not chosen"),
            Self::TagSkipped { tag } => write!(f, "left out with --skip-tag {tag}"),
        }
    }
}

/// What would be done to one step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlannedStep {
    /// The step.
    pub address: Address,
    /// Its kind.
    pub kind: String,
    /// The title of its section.
    pub phase: Option<String>,
    /// What would be done.
    pub change: Change,
    /// Why.
    pub reason: Reason,
    /// What differs.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub diff: Vec<DiffLine>,
    /// What a rollback can do about it.
    pub undo: UndoClass,
    /// What a reader should know though nothing is done about it: see [`NOTES`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

/// The output, a list of texts, in which a step says what a reader should know though it does nothing
/// about it: shown with a step that stays as it is, too.
pub const NOTES: &str = "notes";

/// The notes among a step's outputs.
pub fn notes(outputs: &crate::Outputs) -> Vec<String> {
    let list = outputs.get(NOTES).and_then(serde_json::Value::as_array);
    list.into_iter()
        .flatten()
        .filter_map(|note| note.as_str().map(str::to_owned))
        .collect()
}

/// What a run would do, in order of dependencies.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// One entry a step.
    pub steps: Vec<PlannedStep>,
    /// Steps that the journal knows and the runbook no longer has: they stay until pruned, in order of address.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub orphans: Vec<Address>,
    /// Steps that are skipped now and that an earlier run did: what it made stays until rollback.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub left_behind: Vec<Address>,
    /// The runbook's gates.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub gates: Vec<PlannedGate>,
    /// Whether the run takes back what they did.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub prune: bool,
    /// What becomes of the steps of a runbook that is another one than the last run's; empty where it
    /// is the same, or differs in nothing that matters.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reconciled: Vec<Reconciled>,
}

/// A barrier among the steps.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlannedGate {
    /// Its name.
    pub name: String,
    /// How many of [`Plan::steps`] stand before it.
    pub steps: usize,
    /// Whether its passing is journaled.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub checkpoint: bool,
}

impl Plan {
    /// How many steps change the world.
    pub fn changes(&self) -> usize {
        self.steps
            .iter()
            .filter(|step| step.change.is_change())
            .count()
    }

    /// The entry of a step.
    pub fn step(&self, address: &Address) -> Option<&PlannedStep> {
        self.steps.iter().find(|step| step.address == *address)
    }
}
