//! What a kind is told of its step beside the arguments: what the journal remembers of it.
//!
//! Reads the history once. Never looks at a machine.

use krun_model::{Address, Effect, history::StepMemory, kind::StepRef, plugin::KeptBy};

use crate::Session;

/// What the journal remembers of a step.
pub(crate) struct Remembered {
    memory: Option<StepMemory>,
    same_process: bool,
    unfinished: Vec<Effect>,
    kept: KeptBy,
}

impl Remembered {
    /// As it is now.
    pub(crate) fn of(session: &Session, step: &Address) -> Self {
        let history = session.ledger.history();
        Self {
            memory: history.steps.get(step).cloned(),
            same_process: history.same_process(step),
            unfinished: history.unfinished(step),
            kept: history.kept(step),
        }
    }

    /// The step as its kind gets it.
    pub(crate) fn told<'a>(
        &'a self,
        session: &'a Session,
        address: &'a Address,
        args: &'a serde_json::Value,
    ) -> StepRef<'a> {
        StepRef {
            address,
            deployment: session.ledger.id(),
            args,
            memory: self.memory.as_ref(),
            same_process: self.same_process,
            unfinished: &self.unfinished,
            kept: &self.kept,
            secrets: &*session.vault,
        }
    }
}
