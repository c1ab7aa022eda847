//! `krun run --prune`: after the run, what steps did that left the runbook is taken back.

use std::{process::ExitCode, sync::Arc};

use krun_journal::Store;
use krun_model::{DeploymentName, Fault, Plan, Runbook, event::RunStatus, kind::Kinds};
use krun_run::Ended;

use super::{Found, Outcome, exit, look, with_session};
use crate::{
    context::Context,
    errors::{self, CliError},
    prompt, select,
};

/// What a prune needs to know: the runbook as the run had it.
pub struct Pruning {
    pub runbook: Runbook,
    pub kinds: Kinds,
    /// Go on over what somebody else changed.
    pub force: bool,
}

/// Asks before a run whose plan ends with a prune.
pub fn approve(plan: &Plan, yes: bool) -> Result<(), Fault> {
    if !plan.prune || plan.orphans.is_empty() {
        return Ok(());
    }
    let names: Vec<_> = plan.orphans.iter().map(|step| step.as_str()).collect();
    let question = format!(
        "After the run, take back what these steps did, which left the runbook: {}?",
        names.join(", ")
    );
    prompt::confirm(&question, yes)
}

/// Prunes after a run that ended well; none where nothing left the runbook.
pub fn after_run(
    context: &Context,
    store: &Arc<Store>,
    name: &DeploymentName,
    pruning: Pruning,
) -> Result<Option<Ended>, CliError> {
    let Pruning {
        runbook,
        kinds,
        force,
    } = pruning;
    let plan = look(context, store.clone(), name.clone(), async |session| {
        Ok(krun_run::plan_prune(&session, &runbook, &kinds).await?)
    })?;
    if plan.lines.is_empty() {
        return Ok(None);
    }
    let ended = with_session(context, store.clone(), name.clone(), async |session| {
        krun_run::prune(&session, &runbook, &kinds, force).await
    })?;
    Ok(Some(ended))
}

/// Goes on with a prune that was cut off, with the runbook that its run pinned.
pub fn resume(context: &Context, found: &Found, force: bool) -> Outcome {
    let (runbook, _, kinds) = select::pinned(context, &found.store, &found.history, &found.kinds)?;
    let pruning = Pruning {
        runbook,
        kinds,
        force,
    };
    Ok(
        match after_run(context, &found.store, &found.name, pruning)? {
            Some(ended) if ended.status != RunStatus::Succeeded => incomplete(context, &ended),
            Some(ended) => exit(&ended),
            None => ExitCode::SUCCESS,
        },
    )
}

/// The words and the exit code after a prune that did not end well.
pub fn incomplete(context: &Context, ended: &Ended) -> ExitCode {
    if ended.began && ended.status == RunStatus::Failed {
        context.remark(
            "the run is done, the prune is incomplete; run with `--prune` again once the cause is gone",
        );
        return ExitCode::from(errors::ROLLBACK_INCOMPLETE);
    }
    context.remark("the run is done; of the steps that left the runbook nothing was taken back");
    exit(ended)
}
