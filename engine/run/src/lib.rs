//! The only place where the stages meet: observe, plan, run, resume, roll back, stop, start.
//!
//! This crate owns the order of things: what is looked at before what is decided, the journal entry
//! before the effect and the one after it, which steps run at the same time, and when a run ends.
//! It never decides what a step should do (that is `krun-plan`), never touches a machine but through
//! a [`Machine`](krun_model::host::Machine), and never prints: events go to a reporter.

mod acting;
mod acts;
mod adopt;
mod attempts;
mod checkpoints;
mod concealed;
mod dispatch;
mod doubt;
mod events;
mod execute;
mod foresight;
mod host;
mod identity;
mod in_hand;
mod kill;
mod leave;
mod ledger;
mod observe;
mod overlay;
mod part;
mod preflight;
mod prepare;
mod probe;
mod processes;
mod prune;
mod reconcile;
mod remembered;
mod resolve;
mod rollback;
mod sealing;
mod session;
mod skipped;
mod turns;
mod verify;

pub use adopt::{AdoptLine, adopt, survey};
pub use dispatch::{run, run_planned};
pub use doubt::{Doubt, doubts};
pub use events::{EventSender, report};
pub use leave::leave;
pub use ledger::{Ledger, Pending};
pub use part::by_words;
pub use prepare::{Approval, RunOptions, RunRequest, plan, plan_file};
pub use processes::{ProcessView, processes, start, stop};
pub use prune::{plan_prune, prune};
pub use resolve::resolve;
pub use rollback::{RollbackOptions, plan_rollback, rollback, undo_words};
pub use sealing::know_secrets;
pub use session::{Ended, Session};
