//! Arguments of the commands that look back: what becomes of what was done, or begun.

use clap::Args;
use krun_model::Decision;

use super::SelectArgs;

#[derive(Args, Debug)]
pub struct ResolveArgs {
    /// The step, such as broker-2/config; without it, all that is in doubt is shown.
    pub step: Option<String>,
    #[command(flatten)]
    pub select: SelectArgs,
    #[command(flatten)]
    pub decision: DecisionArgs,
}

/// What becomes of the effects of a step in doubt.
#[derive(Args, Debug, Clone, Copy)]
#[group(multiple = false)]
pub struct DecisionArgs {
    /// Take what is found for what was wanted; a rollback still puts back what was there before.
    #[arg(long, requires = "step")]
    pub adopt: bool,
    /// Bring the effect about over what is found, which is kept in the state folder.
    #[arg(long, requires = "step")]
    pub redo: bool,
    /// Put back what was there before, as if the effect had never begun.
    #[arg(long, requires = "step")]
    pub undo: bool,
    /// Leave all that the step did as it is, in doubt or not: no rollback takes it back any more. For what
    /// can't be taken back for good, such as by a plugin's own undo that always fails.
    #[arg(long, requires = "step")]
    pub leave: bool,
}

impl DecisionArgs {
    /// As data; none where nothing was decided yet.
    pub fn decision(self) -> Option<Decision> {
        match (self.adopt, self.redo, self.undo) {
            (true, _, _) => Some(Decision::Adopt),
            (_, true, _) => Some(Decision::Redo),
            (_, _, true) => Some(Decision::Undo),
            _ => None,
        }
    }
}

#[derive(Args, Debug)]
pub struct RollbackArgs {
    #[command(flatten)]
    pub select: SelectArgs,
    /// Only what one run did; `last` for the last one. Refused where a later run rests on it.
    #[arg(long, value_name = "ID", conflicts_with = "to")]
    pub run: Option<String>,
    /// Only what came after a checkpoint of the runbook was passed.
    #[arg(long, value_name = "CHECKPOINT")]
    pub to: Option<String>,
    /// Answer yes to the question.
    #[arg(long, short = 'y')]
    pub yes: bool,
    /// Go on over what somebody else changed; what is overwritten is kept in the state folder.
    #[arg(long)]
    pub force: bool,
    /// Only show what would be taken back.
    #[arg(long)]
    pub plan: bool,
}
