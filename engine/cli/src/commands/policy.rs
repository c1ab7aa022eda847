//! What becomes of a run of which a step failed: `--on-failure`, or what the runbook says.

use std::{process::ExitCode, sync::Arc};

use krun_journal::Store;
use krun_model::{
    DeploymentName, Fault, FaultCode, History, Journal as _, OnFailure, Part, RunId, Runbook,
    event::RunStatus,
    journal::Verb,
    names::{listed, nearest},
};
use krun_run::{Ended, RollbackOptions};

use super::{Outcome, exit, rollback, run::say_how_to_go_on};
use crate::{context::Context, errors};

/// What holds for a run: what the user says, else what the runbook says.
pub fn of(asked: Option<&OnFailure>, runbook: &Runbook) -> Result<OnFailure, Fault> {
    let policy = asked.unwrap_or(&runbook.on_failure).clone();
    let OnFailure::RollbackTo(name) = &policy else {
        return Ok(policy);
    };
    let known: Vec<_> = runbook.checkpoints().collect();
    if known.contains(&name.as_str()) {
        return Ok(policy);
    }
    let fault = Fault::new(
        FaultCode::Usage,
        format!("the runbook has no checkpoint `{name}`"),
    );
    Err(match nearest(name, known.iter().copied()) {
        Some(near) => fault.hint(format!("Did you mean `{near}`?")),
        None if known.is_empty() => fault.hint("A runbook declares one with `checkpoint(\"…\")`."),
        None => fault.hint(format!("There is {}.", listed(known))),
    })
}

/// What the policy of the last run still asks for: krun was killed after that run had failed, before
/// its rollback began.
pub fn left_over(history: &History) -> Option<Part> {
    let last = history.runs.last()?;
    let failed = last.verb == Verb::Run && matches!(last.finished, Some((RunStatus::Failed, _)));
    let policy = history.pin.as_ref()?.on_failure.as_ref();
    // One that passed its checkpoint only because an earlier run had is gone on with.
    let passed = |name: &str| {
        let mut checkpoints = history.checkpoints.iter();
        checkpoints.any(|one| one.name == name && one.run == last.id)
    };
    let part = part(policy.filter(|_| failed)?, history, last.id, passed)?;
    has_anything(history, &part).then_some(part)
}

/// What a policy wants taken back of a run that failed. Nothing of one that did not get to the checkpoint.
fn part(
    policy: &OnFailure,
    history: &History,
    run: RunId,
    passed: impl Fn(&str) -> bool,
) -> Option<Part> {
    match policy {
        OnFailure::Stop => None,
        OnFailure::Rollback => Some(Part::Run(run)),
        OnFailure::RollbackTo(name) => {
            let mut known = history.checkpoints.iter().rev();
            let last = known.find(|one| one.name == *name && passed(name))?;
            Some(Part::Since {
                checkpoint: name.clone(),
                passed: last.seq,
            })
        }
    }
}

fn has_anything(history: &History, part: &Part) -> bool {
    let own = history.part(part);
    !own.effects.is_empty() || !own.pending.is_empty()
}

/// After a run that did not end well: takes back what the policy says, and says both how the run and how
/// the rollback ended. A run that was stopped, or that never began, leaves nothing to a policy.
pub fn after_run(
    context: &Context,
    store: &Arc<Store>,
    name: &DeploymentName,
    policy: &OnFailure,
    ended: &Ended,
) -> Outcome {
    if !ended.began || ended.status != RunStatus::Failed {
        say_how_to_go_on(context, ended);
        return Ok(exit(ended));
    }
    let history = store.history(name)?;
    let passed = |name: &str| ended.passed.iter().any(|one| one == name);
    let Some(part) = part(policy, &history, ended.run, passed) else {
        if let OnFailure::RollbackTo(checkpoint) = policy {
            context.remark(&format!(
                "The run failed before it passed checkpoint `{checkpoint}`: nothing was taken back."
            ));
        }
        say_how_to_go_on(context, ended);
        return Ok(exit(ended));
    };
    if !has_anything(&history, &part) {
        context.remark(&format!(
            "The run failed; of {part} there is nothing to take back (`--on-failure {policy}`)."
        ));
        return Ok(exit(ended));
    }
    let options = RollbackOptions {
        part: Some(part.clone()),
        force: false,
    };
    let back = rollback::take_back(context, store, name, options)?;
    let command = match &part {
        Part::Run(run) => format!("krun rollback --run {run}"),
        Part::Since { checkpoint, .. } => format!("krun rollback --to {checkpoint}"),
    };
    if back.status == RunStatus::Succeeded {
        context.remark(&format!(
            "The run failed, and {part} was taken back (`--on-failure {policy}`). `krun show {}` shows \
             what failed.",
            ended.run
        ));
        return Ok(exit(ended));
    }
    context.warn(&format!(
        "The run failed, and the rollback of {part} is incomplete (`--on-failure {policy}`). Give `{command}` \
         once the cause is gone."
    ));
    Ok(ExitCode::from(errors::ROLLBACK_INCOMPLETE))
}
