//! Decisions as values: what a run would do to each step and why, and what a rollback would take
//! back.
//!
//! Everything here is a pure function of data: a runbook, what was observed, and the history folded
//! from the journal. Nothing here reads a disk, a clock or a network, and nothing is remembered
//! between calls.

mod choice;
mod decide;
mod file;
mod graph;
mod inputs;
mod observed;
mod prune;
mod reconcile;
mod rollback;
mod world;

pub use choice::{LeftOut, left_out};
pub use decide::{Options, decide, decide_step, failures, once_done, undo_class};
pub use file::{Head, PLAN_FILE_EXTENSION, PLAN_FILE_VERSION, PlanFile, PlannedSource, keeps_to};
pub use graph::{Graph, waves};
pub use inputs::{act_key, inputs_digest};
pub use observed::{Observation, Observed};
pub use prune::{intents_of, orphaned, steps_of};
pub use reconcile::{Reconciliation, reconcile};
pub use rollback::{RollbackPlan, UndoAction, UndoLine, rollback, rollback_part, targets};
pub use world::World;
