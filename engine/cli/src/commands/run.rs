//! `krun run`, short `krun RUNBOOK`.

use std::sync::Arc;

use krun_model::{event::RunStatus, journal::Verb, kind::UndoClass};
use krun_run::{Approval, Ended, RunOptions, RunRequest};

use super::{Outcome, exit, with_session};
use crate::{args::RunArgs, context::Context, prompt, registry, select};

pub fn run(context: &Context, args: RunArgs) -> Outcome {
    let kinds = registry::kinds(context.patterns()?);
    let selected = select::runbook(context, &args.runbook, &kinds)?;
    select::remark_kept(context, &selected.kept);
    let store = Arc::new(context.store()?);
    let _lock = context.lock(&store, &selected.name, "run")?;
    let request = RunRequest {
        path: select::pinned_path(&args.runbook.runbook)?,
        runbook: selected.runbook,
        kinds,
        given: selected.given,
        verb: Verb::Run,
        options: RunOptions {
            prove: args.prove,
            only_processes: false,
            force: args.force,
        },
        choice: args.choice.choice(),
        approve: approval(args.yes),
    };
    let name = selected.name.clone();
    let ended = with_session(context, store.clone(), name.clone(), async |session| {
        krun_run::run(&session, request).await
    })?;
    if ended.status == RunStatus::Succeeded {
        super::status::closing_words(context, store, name)?;
    } else {
        say_how_to_go_on(context, &ended);
    }
    Ok(exit(&ended))
}

/// Asks before something that can't be taken back.
pub fn approval(yes: bool) -> Approval {
    Box::new(move |plan| {
        let irreversible: Vec<_> = plan
            .steps
            .iter()
            .filter(|step| step.change.is_change() && step.undo == UndoClass::Irreversible)
            .map(|step| step.address.to_string())
            .collect();
        if irreversible.is_empty() {
            return Ok(());
        }
        let question = format!(
            "These steps can't be taken back: {}. Go on?",
            irreversible.join(", ")
        );
        prompt::confirm(&question, yes)
    })
}

/// After a run that did not end well.
pub fn say_how_to_go_on(context: &Context, ended: &Ended) {
    if context.global.json {
        return;
    }
    context.remark(match (ended.began, ended.status) {
        (false, _) => "Nothing was touched.",
        (true, RunStatus::Cancelled) => {
            "Stopped; what is done stays done. Run the same command again to go on, `krun show last` \
             to see what happened, `krun rollback` to take it back."
        }
        (true, _) => {
            "Not finished; what is done stays done. Run the same command again to go on, `krun show \
             last` to see what happened, `krun rollback` to take it back."
        }
    });
}
