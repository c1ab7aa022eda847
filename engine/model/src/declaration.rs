//! A runbook as something other than a script declares it: data that is not believed yet.
//!
//! Owns the words between whoever declares (a plugin's component) and whoever makes a [`Runbook`] of it
//! (the script crate, which holds it against the same rules as a script). Nothing here is checked.
//!
//! [`Runbook`]: crate::Runbook

use serde_json::Value as Json;

/// What a runbook says of itself before any parameter is given.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Manifest {
    /// Its name, which is the plugin's.
    pub name: String,
    /// Its version.
    pub version: String,
    /// One line on what it does.
    pub summary: String,
    /// The prose at its head.
    pub doc: String,
    /// The versions of krun that it needs, such as `>=0.1`.
    pub requires: Option<String>,
    /// What becomes of a run that fails.
    pub on_failure: Option<String>,
    /// Other plugins whose kinds it uses, by name.
    pub uses: Vec<String>,
    /// Its parameters in the order in which they are shown.
    pub params: Vec<DeclaredParam>,
}

/// A parameter, as `param(…)` of a script has it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct DeclaredParam {
    /// Its name.
    pub name: String,
    /// The word for its type, such as `list<string>`.
    pub ty: String,
    /// What it is if nobody gives it; without one it must be given.
    pub default: Option<Json>,
    /// What it is for.
    pub doc: String,
    /// Whether it can't change while the deployment exists.
    pub identity: bool,
    /// The least value, length or number of items.
    pub min: Option<i64>,
    /// The greatest.
    pub max: Option<i64>,
    /// The values that it can have; any, where there is none.
    pub choices: Vec<Json>,
}

/// A phase, a gate or a checkpoint.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Titled {
    /// Its title or name.
    pub title: String,
    /// Its prose.
    pub doc: String,
}

/// A step.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct DeclaredStep {
    /// The kind, such as `kafka::topic`.
    pub kind: String,
    /// Its name in the runbook.
    pub address: String,
    /// Its prose.
    pub doc: String,
    /// Its arguments, those that every step has among them. Objects with one key that begins with `$` stand
    /// for what JSON does not have: see `plugins/wit`.
    pub arguments: serde_json::Map<String, Json>,
}

/// One thing that a runbook declares.
#[derive(Clone, Debug, PartialEq)]
pub enum Statement {
    /// The steps after it are part of this section.
    Phase(Titled),
    /// No step after it begins before all steps before it are done.
    Gate(Titled),
    /// The same, and a place that a rollback can go back to.
    Checkpoint(Titled),
    /// A step that is called something else now keeps its history.
    Moved {
        /// What it was called.
        from: String,
        /// What it is called.
        to: String,
    },
    /// A step.
    Step(DeclaredStep),
}
