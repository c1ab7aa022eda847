//! What a script or a plugin declares.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::{
    Address, Digest, Manner, Map, OnFailure, ParamSpec, Value, reconcile::Moved, secret::SecretSpec,
};

/// A place in a source file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Span {
    /// The file as the user named it.
    pub file: Arc<str>,
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
}

impl std::fmt::Display for Span {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}:{}", self.file, self.line, self.column)
    }
}

/// One step as declared.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Step {
    /// Its name within the runbook.
    pub address: Address,
    /// The name of its kind, such as `kafka::broker`.
    pub kind: String,
    /// Its arguments; outputs of other steps may stand in them.
    pub args: Map<Value>,
    /// The steps that must be done before: from `after:`, from handles and outputs in `args`, and
    /// from gates. Sorted, without repeats.
    pub after: Vec<Address>,
    /// How the engine treats it.
    #[serde(default)]
    pub manner: Manner,
    /// The prose before it.
    pub doc: String,
    /// Index into [`Runbook::phases`].
    pub phase: Option<usize>,
    /// Where it is declared.
    pub span: Span,
}

/// A section of a runbook, for people.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Phase {
    /// Its title.
    pub title: String,
    /// The prose before it.
    pub doc: String,
}

/// A barrier: all steps before it are done, and verified, before any behind it begins.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gate {
    /// Its name.
    pub name: String,
    /// The prose before it.
    pub doc: String,
    /// How many of [`Runbook::steps`] stand before it.
    pub steps: usize,
    /// Whether its passing is journaled, so that a rollback can go back to it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub checkpoint: bool,
}

/// A source file that a run pins.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceFile {
    /// Path relative to the folder of the runbook's own file.
    pub path: String,
    /// Digest of its text.
    pub digest: Digest,
    /// Its text.
    #[serde(skip)]
    pub text: Arc<str>,
}

/// A runbook after evaluation: data only.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Runbook {
    /// Its name: the deployment's name unless `--as` says otherwise.
    pub name: String,
    /// Its version.
    pub version: String,
    /// One line on what it does.
    pub summary: String,
    /// The prose at its head.
    pub doc: String,
    /// Its parameters in the order of declaration.
    pub params: Vec<ParamSpec>,
    /// The parameters' values.
    pub values: Map<serde_json::Value>,
    /// Its sections in order.
    pub phases: Vec<Phase>,
    /// Its gates in order.
    #[serde(default)]
    pub gates: Vec<Gate>,
    /// Addresses that steps had before, in the order of declaration.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub moved: Vec<Moved>,
    /// What becomes of a run that fails, unless the command line says otherwise.
    #[serde(default)]
    pub on_failure: OnFailure,
    /// The secrets that it refers to, in the order of declaration.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub secrets: Vec<SecretSpec>,
    /// Its steps in the order of declaration, which is an order of dependencies too.
    pub steps: Vec<Step>,
    /// The source files: the runbook's own first, then its imports.
    pub sources: Vec<SourceFile>,
}

impl Runbook {
    /// The step with an address.
    pub fn step(&self, address: &Address) -> Option<&Step> {
        self.steps.iter().find(|step| step.address == *address)
    }

    /// The names of its checkpoints, in order.
    pub fn checkpoints(&self) -> impl Iterator<Item = &str> {
        let gates = self.gates.iter().filter(|gate| gate.checkpoint);
        gates.map(|gate| gate.name.as_str())
    }
}
