//! `krun check`: everything that can be found before anything runs.

use std::process::ExitCode;

use super::Outcome;
use crate::{
    args::CheckArgs,
    context::Context,
    registry::{self, Brought},
    runbooks::RunbookFile,
    select,
};

pub fn check(context: &Context, args: CheckArgs) -> Outcome {
    let file = RunbookFile::open(context, &args.runbook.runbook)?;
    let Brought { kinds, .. } = registry::kinds_for(context, &file)?;
    let selected = select::runbook(context, &args.runbook, &file, &kinds)?;
    let (steps, phases) = (selected.runbook.steps.len(), selected.runbook.phases.len());
    if context.global.json {
        let object = serde_json::json!({
            "event": "checked", "runbook": selected.runbook.name, "steps": steps, "phases": phases,
        });
        context.print(&format!("{object}\n"));
    } else {
        context.remark(&format!(
            "{}: {steps} steps in {phases} phases, no errors",
            args.runbook.runbook
        ));
    }
    Ok(ExitCode::SUCCESS)
}
