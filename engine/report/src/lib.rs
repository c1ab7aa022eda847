//! What people and programs see: of a run while it happens, of plans, faults, history and state.
//!
//! This crate owns words, marks, colours, columns and line breaks. It turns data into text or into
//! JSON lines and writes only to a writer that it is handed. It never opens standard streams, reads
//! the environment, asks a question, or decides what a run does; a write that fails never stops one.
//!
//! | what | where |
//! |---|---|
//! | events as they happen | [`HumanReporter`], [`JsonReporter`] |
//! | what would be done | [`plan_text`], [`rollback_plan_text`] |
//! | what went wrong | [`fault_text`], [`diagnosis_text`] |
//! | what could be adopted | [`adopt_text`] |
//! | what was done | [`history_text`], [`run_text`] |
//! | what is there | [`status_text`], [`cluster_text`] |

mod adopt;
mod cluster;
mod diagnosis;
mod doubt;
mod effects;
mod fault;
mod history;
mod human;
mod json;
mod outputs;
mod plan;
mod reconciled;
mod rollback;
mod run;
mod status;
mod style;
mod table;
mod text;
mod time;

#[cfg(test)]
mod samples;

pub use adopt::{AdoptRow, adopt_text};
pub use cluster::{
    ClusterBroker, ClusterGroup, ClusterPartition, ClusterTable, ClusterTopic, GroupPlace,
    cluster_text,
};
pub use diagnosis::{DiagnosedLine, DiagnosedLog, diagnosis_text};
pub use doubt::{DoubtView, doubt_text};
pub use fault::fault_text;
pub use history::history_text;
pub use human::HumanReporter;
pub use json::JsonReporter;
pub use plan::{plan_text, undo_words};
pub use rollback::{RollbackLine, rollback_plan_text};
pub use run::run_text;
pub use status::{
    ProcessState, StatusProcess, StatusRun, StatusStep, StatusView, StepState, status_text,
};
pub use style::{Style, Verbosity};
pub use time::{seconds, stamp};
