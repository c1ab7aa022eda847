//! `krun resume`: goes on with an interrupted run, with the runbook that it pinned.

use krun_model::{Fault, FaultCode, Part, event::RunStatus, journal::Verb};
use krun_run::{RollbackOptions, RunOptions};

use super::{Outcome, exit, find, pinned_request, policy, with_session};
use crate::{args::ResumeArgs, context::Context};

pub fn resume(context: &Context, args: ResumeArgs) -> Outcome {
    let found = find(context, &args.select, true)?;
    let _lock = context.lock(&found.store, &found.name, "resume")?;
    if !args.force {
        super::resolve::ask_first(context, &found.store, &found.name)?;
    }
    let verb = resumable(&found.history).ok_or_else(|| {
        Fault::new(FaultCode::Usage, "there is nothing to resume")
            .at(&found.name)
            .because("the last run ended well, or none ever began")
            .hint("`krun history` lists the runs; `krun RUNBOOK` runs today's file.")
    })?;
    let (store, name) = (found.store.clone(), found.name.clone());
    let take_back = |part: Option<Part>| {
        let options = RollbackOptions {
            part: part.clone(),
            force: args.force,
        };
        let ended = super::rollback::take_back(context, &store, &name, options)?;
        super::rollback::close(context, &ended, part.as_ref())
    };
    if verb == Verb::Rollback {
        return take_back(found.history.runs.last().and_then(|run| run.part.clone()));
    }
    if let Some(part) = policy::left_over(&found.history) {
        context.remark(&format!(
            "The run failed, and its policy was not carried out yet: {part} is taken back."
        ));
        return take_back(Some(part));
    }
    if verb == Verb::Prune {
        return super::prune::resume(context, &found, args.force);
    }
    let options = RunOptions {
        force: args.force,
        ..RunOptions::default()
    };
    let mut request = pinned_request(context, &found, verb, options)?;
    if let Some(pin) = &found.history.pin {
        request.choice = pin.choice.clone();
        request.on_failure = pin.on_failure.clone();
    }
    let policy = policy::of(request.on_failure.as_ref(), &request.runbook)?;
    let ended = with_session(
        context,
        store.clone(),
        name.clone(),
        async |session| match verb {
            Verb::Start => krun_run::start(&session, request).await,
            Verb::Stop => krun_run::stop(&session).await,
            Verb::Run | Verb::Rollback | Verb::Adopt | Verb::Prune => {
                krun_run::run(&session, request).await
            }
        },
    )?;
    if ended.status == RunStatus::Succeeded && verb != Verb::Stop {
        super::status::closing_words(context, store, name)?;
    } else if verb == Verb::Run {
        return policy::after_run(context, &store, &name, &policy, &ended);
    }
    Ok(exit(&ended))
}

/// What the last run was, if it was cut off, stopped or failed.
fn resumable(history: &krun_model::History) -> Option<Verb> {
    let last = history.runs.last()?;
    match last.finished {
        Some((RunStatus::Succeeded, _)) => None,
        // What it would adopt is looked for again, by whoever asks for it.
        _ if last.verb == Verb::Adopt => None,
        _ => Some(last.verb),
    }
}
