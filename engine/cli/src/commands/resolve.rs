//! `krun resolve`: what becomes of effects in doubt.

use std::{process::ExitCode, sync::Arc};

use krun_journal::Store;
use krun_model::{Address, Decision, DeploymentName, Fault, FaultCode, Journal as _};
use krun_report::DoubtView;
use krun_run::Doubt;

use super::{Outcome, find, look};
use crate::{
    args::ResolveArgs,
    context::Context,
    errors::{self, CliError},
    prompt,
};

pub fn resolve(context: &Context, args: ResolveArgs) -> Outcome {
    let writes = args.step.is_some();
    let found = find(context, &args.select, writes)?;
    let (store, name) = (found.store, found.name);
    let Some(step) = &args.step else {
        let doubts = doubts(context, &store, &name)?;
        show(context, &doubts);
        let none = doubts.is_empty();
        return Ok(ExitCode::from(if none {
            errors::DONE
        } else {
            errors::IN_DOUBT
        }));
    };
    let step: Address = step.parse().map_err(|error| {
        Fault::new(FaultCode::Usage, "this can't be a step's address").because(error)
    })?;
    let _lock = context.lock(&store, &name, "resolve")?;
    if args.decision.leave {
        leave(context, &store, &name, &step)?;
        return Ok(ExitCode::SUCCESS);
    }
    let open = doubts(context, &store, &name)?;
    let own: Vec<_> = open
        .iter()
        .filter(|one| one.step == step)
        .cloned()
        .collect();
    if own.is_empty() {
        return Err(nothing(&step, &open).into());
    }
    let decision = match args.decision.decision() {
        Some(decision) => decision,
        None => {
            show(context, &own);
            ask(&step)?
        }
    };
    decide(context, &store, &name, &step, decision)?;
    Ok(ExitCode::SUCCESS)
}

/// Asks on a terminal about all that is in doubt, before a command that would stop at it. Without a
/// terminal nothing is asked: the command says what to do.
pub fn ask_first(
    context: &Context,
    store: &Arc<Store>,
    name: &DeploymentName,
) -> Result<(), CliError> {
    if context.global.json || !prompt::can_ask() || store.history(name)?.pending.is_empty() {
        return Ok(());
    }
    let open = doubts(context, store, name)?;
    let mut steps: Vec<&Address> = open.iter().map(|one| &one.step).collect();
    steps.dedup();
    for step in steps {
        let own: Vec<_> = open
            .iter()
            .filter(|one| one.step == *step)
            .cloned()
            .collect();
        show(context, &own);
        let decision = ask(step)?;
        decide(context, store, name, step, decision)?;
    }
    Ok(())
}

fn doubts(
    context: &Context,
    store: &Arc<Store>,
    name: &DeploymentName,
) -> Result<Vec<Doubt>, CliError> {
    look(context, store.clone(), name.clone(), async |session| {
        Ok(krun_run::doubts(&session).await?)
    })
}

fn decide(
    context: &Context,
    store: &Arc<Store>,
    name: &DeploymentName,
    step: &Address,
    decision: Decision,
) -> Result<(), CliError> {
    let resolved = look(context, store.clone(), name.clone(), async |session| {
        Ok(krun_run::resolve(&session, step, decision).await?)
    })?;
    if context.global.json {
        let effects: Vec<_> = resolved.iter().map(view).collect();
        let object = serde_json::json!({
            "event": "resolved", "deployment": name, "step": step, "decision": decision,
            "effects": effects,
        });
        context.print(&format!("{object}\n"));
        return Ok(());
    }
    for doubt in &resolved {
        let how = match decision {
            Decision::Adopt => "taken as it is found",
            Decision::Redo => "brought about again",
            Decision::Undo => "put back as it was before",
        };
        context.remark(&format!("{step}: {}: {how}", doubt.target));
    }
    Ok(())
}

/// Leaves what a step did as it is, for good.
fn leave(
    context: &Context,
    store: &Arc<Store>,
    name: &DeploymentName,
    step: &Address,
) -> Result<(), CliError> {
    let left = look(context, store.clone(), name.clone(), async |session| {
        Ok(krun_run::leave(&session, step).await?)
    })?;
    let targets = left.iter().map(|effect| effect.effect.target().to_string());
    if context.global.json {
        let object = serde_json::json!({
            "event": "left", "deployment": name, "step": step, "targets": targets.collect::<Vec<_>>(),
        });
        context.print(&format!("{object}\n"));
        return Ok(());
    }
    for target in targets {
        context.remark(&format!("{step}: {target}: left as it is"));
    }
    Ok(())
}

fn ask(step: &Address) -> Result<Decision, Fault> {
    if !prompt::can_ask() {
        let what = "somebody has to decide about this step";
        return Err(Fault::new(FaultCode::NeedsConfirmation, what)
            .at(step)
            .because("there is no terminal to ask on")
            .hint(format!(
                "Take it as it is found: `krun resolve {step} --adopt`."
            ))
            .hint(format!(
                "Bring it about again: `krun resolve {step} --redo`."
            ))
            .hint(format!(
                "Put back what was there before: `krun resolve {step} --undo`."
            )));
    }
    let question = format!("{step}: take it as it is found, bring it about, or put it back?");
    prompt::choose(&question, &Decision::ALL).ok_or_else(|| {
        Fault::new(FaultCode::Cancelled, "nothing was decided")
            .because("the answer was none of these")
    })
}

fn show(context: &Context, doubts: &[Doubt]) {
    let views: Vec<_> = doubts.iter().map(view).collect();
    if context.global.json {
        let object = serde_json::json!({"event": "in_doubt", "effects": views});
        return context.print(&format!("{object}\n"));
    }
    if views.is_empty() {
        return context.remark("nothing is in doubt");
    }
    context.remark(&krun_report::doubt_text(&views, context.err_style));
}

fn view(doubt: &Doubt) -> DoubtView {
    DoubtView {
        intent: doubt.intent.0,
        step: doubt.step.to_string(),
        run: doubt.run.0,
        target: doubt.target.to_string(),
        before: doubt.before.clone(),
        wanted: doubt.wanted.clone(),
        found: doubt.found.clone(),
        since_before: doubt.since_before.clone(),
        since_wanted: doubt.since_wanted.clone(),
    }
}

fn nothing(step: &Address, open: &[Doubt]) -> Fault {
    let fault = Fault::new(FaultCode::Usage, "nothing of this step is in doubt").at(step);
    let mut steps: Vec<_> = open.iter().map(|one| one.step.to_string()).collect();
    steps.dedup();
    if steps.is_empty() {
        return fault.hint("Nothing of this deployment is: run again to go on.");
    }
    fault.hint(format!("What is in doubt is of {}.", steps.join(", ")))
}
