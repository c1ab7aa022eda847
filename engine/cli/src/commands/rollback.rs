//! `krun rollback`: everything back to what it was before krun's first run, or a part of it.

use std::{process::ExitCode, sync::Arc};

use krun_journal::Store;
use krun_model::{
    DeploymentName, Fault, FaultCode, History, Part, RunId, event::RunStatus, names::listed,
};
use krun_run::{Ended, RollbackOptions};

use super::{Outcome, exit, find, look, with_session};
use crate::{
    args::RollbackArgs,
    context::Context,
    errors::{self, CliError},
    export, prompt,
};

pub fn rollback(context: &Context, args: RollbackArgs) -> Outcome {
    let found = find(context, &args.select, true)?;
    let part = part(&found.history, &args)?;
    let nothing = match &part {
        None => found.history.is_baseline(),
        Some(part) => {
            let own = found.history.part(part);
            own.effects.is_empty() && own.pending.is_empty()
        }
    };
    if nothing {
        return Ok(nothing_to_do(context, &found.name, part.as_ref()));
    }
    let (store, name) = (found.store.clone(), found.name.clone());
    let plan = look(context, store.clone(), name.clone(), async |session| {
        Ok(krun_run::plan_rollback(&session, part.as_ref()).await?)
    })?;
    let lines = export::rollback_lines(&plan);
    if args.plan || !args.yes {
        if let Some(part) = &part {
            context.remark(&about(&found.history, part));
        }
        let text = krun_report::rollback_plan_text(&lines, context.out_style);
        match (args.plan, context.global.json) {
            (_, true) => {
                let object =
                    serde_json::json!({"event": "rollback_plan", "part": part, "lines": lines});
                context.print(&format!("{object}\n"));
            }
            (true, false) => context.print(&text),
            (false, false) => context.remark(&text),
        }
    }
    if args.plan {
        let conflicts = plan.conflicts().next().is_some() || plan.built_on().next().is_some();
        return Ok(ExitCode::from(if conflicts {
            errors::CONFLICT
        } else {
            errors::DONE
        }));
    }
    let what = match &part {
        None => format!("everything that `{name}` did"),
        Some(part) => format!("{part} of `{name}`"),
    };
    prompt::confirm(&format!("Take back {what}?"), args.yes)?;
    let _lock = context.lock(&store, &name, "rollback")?;
    if !args.force {
        super::resolve::ask_first(context, &store, &name)?;
    }
    let options = RollbackOptions {
        part,
        force: args.force,
    };
    let ended = take_back(context, &store, &name, options.clone())?;
    close(context, &ended, options.part.as_ref())
}

/// Takes back what the options say.
pub fn take_back(
    context: &Context,
    store: &Arc<Store>,
    name: &DeploymentName,
    options: RollbackOptions,
) -> Result<Ended, CliError> {
    with_session(context, store.clone(), name.clone(), async |session| {
        krun_run::rollback(&session, options).await
    })
}

/// The part that is meant, if not all.
fn part(history: &History, args: &RollbackArgs) -> Result<Option<Part>, Fault> {
    match (&args.run, &args.to) {
        (Some(run), _) => one_run(history, run).map(Some),
        (None, Some(name)) => since(history, name).map(Some),
        (None, None) => Ok(None),
    }
}

fn one_run(history: &History, text: &str) -> Result<Part, Fault> {
    let mut runs = history.runs.iter().rev();
    let found = match text {
        "last" => runs.find(|run| !run.verb.takes_back()),
        text => runs.find(|run| run.id.to_string() == text),
    };
    let wrong =
        |what: String| Fault::new(FaultCode::Usage, what).hint("`krun history` lists the runs.");
    match found {
        None => Err(wrong(format!("there is no run {text}"))),
        Some(run) if run.verb.takes_back() => Err(wrong(format!(
            "run {} took back what others did, and can't itself be taken back",
            run.id
        ))
        .hint("Run the runbook again.")),
        Some(run) => Ok(Part::Run(run.id)),
    }
}

/// What came after a checkpoint was passed for the last time before anything was done behind it: a run
/// that passes it and changes nothing is no other place to go back to.
fn since(history: &History, name: &str) -> Result<Part, Fault> {
    let parts = history
        .checkpoints
        .iter()
        .rev()
        .filter(|one| one.name == name);
    let mut parts = parts.map(|one| Part::Since {
        checkpoint: one.name.clone(),
        passed: one.seq,
    });
    let last = parts.next().ok_or_else(|| not_passed(history, name))?;
    let holds = |part: &Part| {
        let mut effects = history.effects.iter().chain(&history.pending);
        effects.any(|effect| part.holds(effect.run, effect.seq))
    };
    if holds(&last) {
        return Ok(last);
    }
    Ok(parts.find(holds).unwrap_or(last))
}

fn not_passed(history: &History, name: &str) -> Fault {
    let mut known: Vec<_> = history
        .checkpoints
        .iter()
        .map(|one| one.name.as_str())
        .collect();
    known.sort_unstable();
    known.dedup();
    let fault = Fault::new(
        FaultCode::Usage,
        format!("no run of this deployment passed a checkpoint `{name}`"),
    );
    match known.is_empty() {
        true => fault.hint("A runbook declares one with `checkpoint(\"…\")`."),
        false => fault.hint(format!("Passed were {}.", listed(known))),
    }
}

/// What is taken back, with when that was.
fn about(history: &History, part: &Part) -> String {
    let run = |id: RunId| {
        let run = history.runs.iter().find(|run| run.id == id);
        run.map_or_else(String::new, |run| {
            format!(", which began {}", krun_report::stamp(run.started_ms))
        })
    };
    match part {
        Part::Run(id) => format!("run {id}{}", run(*id)),
        Part::Since { passed, .. } => {
            let one = history.checkpoints.iter().find(|one| one.seq == *passed);
            one.map_or_else(
                || part.to_string(),
                |one| {
                    let at = krun_report::stamp(one.at_ms);
                    format!("{part}, passed in run {} {at}", one.run)
                },
            )
        }
    }
}

fn nothing_to_do(context: &Context, name: &DeploymentName, part: Option<&Part>) -> ExitCode {
    let of = part.map_or_else(String::new, |part| format!(" of {part}"));
    context.remark(&format!("{name}: nothing to take back{of}"));
    if context.global.json {
        let object = serde_json::json!({
            "event": "run_finished", "status": RunStatus::Succeeded, "changed": 0,
            "unchanged": 0, "failed": 0, "duration_ms": 0,
        });
        context.print(&format!("{object}\n"));
    }
    ExitCode::SUCCESS
}

/// The words and the exit code after a rollback, resumed or not.
pub fn close(context: &Context, ended: &Ended, part: Option<&Part>) -> Outcome {
    match (ended.status, part) {
        (RunStatus::Failed, _) => {
            context.remark(
                "the rollback is incomplete; give the same command again once the cause is gone",
            );
            return Ok(ExitCode::from(errors::ROLLBACK_INCOMPLETE));
        }
        (RunStatus::Succeeded, None) if !context.global.json => context.remark(&format!(
            "back at the state before krun's first run. Installed packages, the download cache \
             ({}) and the quarantine with what the processes wrote stay.",
            context.cache_folder()?
        )),
        (RunStatus::Succeeded, Some(part)) if !context.global.json => {
            context.remark(&format!(
                "taken back: {part}. What was done before it stays."
            ));
        }
        _ => {}
    }
    Ok(exit(ended))
}
