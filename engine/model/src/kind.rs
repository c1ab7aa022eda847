//! The contract of step kinds: built in, script closures and plugins alike.
//!
//! A kind decides what is wanted and how it differs from what is there. The engine decides order,
//! journals, takes before-images, retries and compensates. The three traits are the three modes of
//! a step; a kind that only proves something has no way to change anything.

use std::{collections::BTreeMap, sync::Arc};

use async_trait::async_trait;
use camino::Utf8PathBuf;
use serde::{Deserialize, Serialize};

use crate::{
    Address, Change, Digest, Effect, Fault, Map, Outputs, ProcessSpec, ReadHost, Secrets, Target,
    Value, WriteHost,
    by_hand::{ByHand, HandCx},
    history::StepMemory,
    plan::DiffLine,
    plugin::KeptBy,
    process::{ProcessId, Running},
    schema::{ArgSpec, OutputSpec},
};

/// What a rollback can do with the effects of a kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UndoClass {
    /// Back to the byte: files, folders, links.
    Reversible,
    /// By the opposite act: start and stop, create and delete.
    Compensable,
    /// Goes away with what contains it, as records with their topic.
    Contained,
    /// Stays on purpose: installed packages.
    Kept,
    /// Cannot be taken back.
    Irreversible,
    /// Nothing to take back.
    Nothing,
}

/// What a kind says of itself.
#[derive(Clone, Copy, Debug)]
pub struct KindSpec {
    /// Its name in scripts, such as `kafka::broker`.
    pub name: &'static str,
    /// What a step of it does.
    pub doc: &'static str,
    /// Its arguments.
    pub args: &'static [ArgSpec],
    /// Its outputs, known once a step ran.
    pub outputs: &'static [OutputSpec],
    /// What a rollback can do with its effects.
    pub undo: UndoClass,
    /// Statements of a runbook that use it, for the reference: each declares one step of the kind, and
    /// may use the variables that `krun_doc::example` defines.
    pub examples: &'static [&'static str],
}

/// What a step will touch, as far as its arguments say before anything ran.
#[derive(Clone, Debug, Default)]
pub struct Declared {
    /// What it writes: two steps that write one target need an edge between them.
    pub writes: Vec<Target>,
    /// Files that a process reads when it starts: a later change of one is a reason to restart.
    pub reads: Vec<Utf8PathBuf>,
    /// Restarts of steps that name the same group go one at a time.
    pub restart_group: Option<String>,
    /// What the machine must have before the step is applied; looked at before a run changes
    /// anything, for all steps that will create something taken together.
    pub needs: Needs,
}

/// What a step takes from a machine when it creates something.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Needs {
    /// Bytes of memory.
    pub memory: u64,
    /// TCP ports that must be free.
    pub ports: Vec<u16>,
    /// Bytes of disk below a path.
    pub disk: Vec<(Utf8PathBuf, u64)>,
}

/// Who a step is, for its kind.
#[derive(Clone, Copy)]
pub struct StepRef<'a> {
    /// Its address.
    pub address: &'a Address,
    /// The deployment's random id.
    pub deployment: &'a str,
    /// Its arguments with all outputs filled in; they fit the kind's schema.
    pub args: &'a serde_json::Value,
    /// What the journal remembers of it.
    pub memory: Option<&'a StepMemory>,
    /// Whether that was said of the process that it has now; see [`History::same_process`](crate::History::same_process).
    pub same_process: bool,
    /// Effects that it asked for and of which the end is not known: they may still be under way.
    pub unfinished: &'a [Effect],
    /// What plugins keep for it.
    pub kept: &'a KeptBy,
    /// The secrets that its arguments name, and what is known of files that hold any.
    pub secrets: &'a dyn Secrets,
}

impl StepRef<'_> {
    /// The arguments as a kind's own type.
    ///
    /// # Errors
    /// A fault of the step where they don't fit, which the schema was to rule out unless an output
    /// has another type than its consumer expects.
    pub fn args<T: serde::de::DeserializeOwned>(&self) -> Result<T, Fault> {
        T::deserialize(self.args).map_err(|error| {
            Fault::new(crate::FaultCode::Script, "an argument has the wrong type")
                .at(self.address)
                .because(error)
        })
    }

    /// The marker of the process that this step starts.
    pub fn process_id(&self) -> ProcessId {
        ProcessId {
            deployment: self.deployment.to_owned(),
            step: self.address.clone(),
        }
    }
}

/// Where a running step says what it is doing, for the reader of a terminal.
pub trait Progress: Send + Sync {
    /// One short line; replaces the one before.
    fn say(&self, text: &str);
}

/// What a kind is given when it may change something.
pub struct ApplyCx<'a> {
    /// The step.
    pub step: StepRef<'a>,
    /// The machine; every change is journaled.
    pub host: &'a dyn WriteHost,
    /// What is to be done.
    pub change: Change,
    /// Where to say what is going on.
    pub progress: &'a dyn Progress,
}

/// What a kind is given when it may only look.
pub struct CheckCx<'a> {
    /// The step.
    pub step: StepRef<'a>,
    /// The machine, read-only.
    pub host: &'a dyn ReadHost,
    /// Where to say what is going on.
    pub progress: &'a dyn Progress,
}

/// What a check found.
#[derive(Clone, Debug, PartialEq)]
pub enum Check {
    /// As wanted; with what the step's outputs are.
    Satisfied(Outputs),
    /// Not as wanted.
    Drift {
        /// What applying would do.
        change: Change,
        /// Why, as a lower-case fragment: "the process is not running".
        why: String,
        /// What differs.
        diff: Vec<DiffLine>,
    },
    /// Can't be known before an earlier step ran, because something it needs is not there yet.
    Unknown {
        /// What is missing.
        why: String,
        /// What is known of the difference already.
        diff: Vec<DiffLine>,
    },
}

/// What every kind has.
pub trait StepKind: Send + Sync {
    /// What it says of itself.
    fn spec(&self) -> &KindSpec;

    /// What a step with these arguments would touch. An argument that is an output of another step
    /// is missing from what can be said. Also the place to refuse arguments that contradict each
    /// other; pure.
    ///
    /// # Errors
    /// Arguments that contradict each other.
    fn declare(
        &self,
        step: &Address,
        deployment: &str,
        args: &Map<Value>,
    ) -> Result<Declared, Fault>;

    /// What a rollback can do about one change of a step: what the kind says of itself, unless that
    /// depends on the change.
    fn undo_of(&self, _change: Change, _diff: &[DiffLine]) -> UndoClass {
        self.spec().undo
    }

    /// What can be computed from the arguments alone: properties of the step's handle that a script
    /// may look at, such as the paths of a distribution.
    fn computed(&self, _args: &Map<Value>) -> Map<Value> {
        Map::new()
    }

    /// What a person types to do the step without krun, for the runbook's guide; pure. Nothing where
    /// there is nothing to type.
    fn by_hand(&self, _cx: &HandCx<'_>) -> ByHand {
        ByHand::default()
    }
}

/// *State*: checked on the machine each time.
#[async_trait]
pub trait StateKind: StepKind {
    /// Compares what is there with what is wanted. Changes nothing.
    async fn check(&self, cx: &CheckCx<'_>) -> Result<Check, Fault>;

    /// Brings about what is wanted; a check afterwards must be satisfied.
    async fn apply(&self, cx: &ApplyCx<'_>) -> Result<Outputs, Fault>;

    /// Goes through the motions of `apply` on a host that changes nothing, so that a plan can check
    /// the steps after this one against what will be there. What can't be known before it is really
    /// done is left out, and all that is not known to be the same each time; with none the outputs
    /// stay unknown. A kind of which `apply` does nothing but read and perform effects on files lets
    /// `apply` do it; the default foresees nothing.
    ///
    /// # Errors
    /// As `apply`. A plan then goes on as if nothing were foreseen.
    async fn foresee(&self, _cx: &ApplyCx<'_>) -> Result<Option<Outputs>, Fault> {
        Ok(None)
    }

    /// Looks for something that was made by hand and is what the step wants, where the step's check is
    /// not satisfied. Changes nothing.
    ///
    /// # Errors
    /// Something is there that can't be what the step wants, such as a broker with another id.
    async fn adopt(&self, _cx: &CheckCx<'_>) -> Result<Adoption, Fault> {
        Ok(Adoption::Nothing)
    }

    /// Whether what a step of this kind did may be taken back while the rest of the deployment goes
    /// on. Asked before a prune touches anything.
    ///
    /// # Errors
    /// What would be lost.
    async fn may_leave(&self, _cx: &LeaveCx<'_>) -> Result<(), Fault> {
        Ok(())
    }
}

/// What `krun adopt` can make of what is there for a step.
#[derive(Clone, Debug)]
pub enum Adoption {
    /// Nothing: the step is done by the next run, if it differs.
    Nothing,
    /// What is there is in use and stays as it is; these effects say so where the step's check looks.
    Accepted {
        /// What says so.
        effects: Vec<Effect>,
        /// The step's outputs.
        outputs: Outputs,
        /// What was found, as a fragment.
        found: String,
    },
    /// A process that krun did not start.
    Process(Box<FoundProcess>),
}

/// A process that krun did not start and that is what a step wants, but for differences.
#[derive(Clone, Debug)]
pub struct FoundProcess {
    /// What the step would start.
    pub spec: ProcessSpec,
    /// The process. Its digest is that of `spec` where nothing differs.
    pub running: Running,
    /// Digest of its command line.
    pub argv: Digest,
    /// What the step says of it, as it was found.
    pub outputs: Outputs,
    /// What differs from what is wanted: the next run would restart it for these.
    pub differences: Vec<DiffLine>,
}

/// What a kind is given when it is asked whether a step may leave.
pub struct LeaveCx<'a> {
    /// The step that left the runbook.
    pub address: &'a Address,
    /// What the journal remembers of it.
    pub memory: &'a StepMemory,
    /// What it remembers of the steps that stay.
    pub staying: &'a [&'a StepMemory],
    /// The machine, read-only.
    pub host: &'a dyn ReadHost,
}

/// *Once*: an act that is done once per key.
#[async_trait]
pub trait OnceKind: StepKind {
    /// Arguments that say how a thing is reached and not what is done, such as bootstrap servers:
    /// another way to the same thing is no reason to act again.
    fn ways(&self) -> &'static [&'static str] {
        &[]
    }

    /// The incarnation of what the act is done to (a topic's id, an ensemble's generation): with the
    /// arguments it is the key under which the act is done once. None before an earlier step ran.
    async fn incarnation(&self, cx: &CheckCx<'_>) -> Result<Option<Digest>, Fault>;

    /// Acts.
    async fn apply(&self, cx: &ApplyCx<'_>) -> Result<Outputs, Fault>;
}

/// *Proof*: looks, and fails if it doesn't see what it should.
#[async_trait]
pub trait ProofKind: StepKind {
    /// Looks. The outputs are shown to the user.
    async fn prove(&self, cx: &CheckCx<'_>) -> Result<Outputs, Fault>;
}

/// A kind in one of the three modes.
#[derive(Clone)]
pub enum Kind {
    /// Checked on the machine each time.
    State(Arc<dyn StateKind>),
    /// Done once per key.
    Once(Arc<dyn OnceKind>),
    /// Read-only.
    Proof(Arc<dyn ProofKind>),
}

impl Kind {
    /// What all kinds have.
    pub fn common(&self) -> &dyn StepKind {
        match self {
            Self::State(kind) => &**kind,
            Self::Once(kind) => &**kind,
            Self::Proof(kind) => &**kind,
        }
    }

    /// What it says of itself.
    pub fn spec(&self) -> &KindSpec {
        self.common().spec()
    }
}

/// All kinds by name.
#[derive(Clone, Default)]
pub struct Kinds(BTreeMap<&'static str, Kind>);

impl Kinds {
    /// All these kinds.
    pub fn new(kinds: impl IntoIterator<Item = Kind>) -> Self {
        Self(
            kinds
                .into_iter()
                .map(|kind| (kind.spec().name, kind))
                .collect(),
        )
    }

    /// The kind with a name.
    pub fn get(&self, name: &str) -> Option<&Kind> {
        self.0.get(name)
    }

    /// All kinds, by name.
    pub fn iter(&self) -> impl Iterator<Item = &Kind> {
        self.0.values()
    }
}
