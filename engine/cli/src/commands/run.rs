//! `krun run`, short `krun RUNBOOK`.

use std::sync::Arc;

use krun_model::{Journal as _, event::RunStatus, journal::Verb, kind::UndoClass};
use krun_plan::PlanFile;
use krun_run::{Approval, Ended, RunOptions, RunRequest};
use krun_script::Loader;

use super::{Outcome, exit, policy, prune, resolve, with_session, with_session_as};
use crate::{
    args::{PlanArgs, RunArgs},
    context::Context,
    plan_file, prompt,
    registry::{self, Brought},
    runbooks::RunbookFile,
    select,
};

pub fn run(context: &Context, args: RunArgs) -> Outcome {
    if args.dry_run {
        let args = PlanArgs {
            runbook: args.runbook,
            choice: args.choice,
            detailed_exitcode: false,
            prove: args.prove,
            prune: args.prune,
            out: None,
        };
        return super::plan::plan(context, args);
    }
    if let Some(agreed) = plan_file::read(&args.runbook.runbook)? {
        return run_planned(context, &args, &agreed);
    }
    let file = RunbookFile::open(context, &args.runbook.runbook)?;
    let Brought { kinds, .. } = registry::kinds_for(context, &file)?;
    let selected = select::runbook(context, &args.runbook, &file, &kinds)?;
    select::remark_kept(context, &selected.kept);
    let store = Arc::new(context.store()?);
    let _lock = context.lock(&store, &selected.name, "run")?;
    if !args.force {
        resolve::ask_first(context, &store, &selected.name)?;
    }
    let policy = policy::of(args.on_failure.as_ref(), &selected.runbook)?;
    let pruning = args.prune.then(|| prune::Pruning {
        runbook: selected.runbook.clone(),
        kinds: kinds.clone(),
        force: args.force,
    });
    let request = RunRequest {
        before: selected.before,
        path: select::pinned_path(&args.runbook.runbook)?,
        runbook: selected.runbook,
        kinds,
        given: selected.given,
        verb: Verb::Run,
        options: RunOptions {
            prove: args.prove,
            only_processes: false,
            force: args.force,
            agreed: args.yes,
            prune: args.prune,
        },
        choice: args.choice.choice(),
        on_failure: Some(policy.clone()),
        approve: approval(args.yes),
    };
    let name = selected.name.clone();
    let ended = with_session(context, store.clone(), name.clone(), async |session| {
        krun_run::run(&session, request).await
    })?;
    if ended.status != RunStatus::Succeeded {
        return policy::after_run(context, &store, &name, &policy, &ended);
    }
    let ended = match pruning {
        None => ended,
        Some(pruning) => match prune::after_run(context, &store, &name, pruning)? {
            None => ended,
            Some(pruned) if pruned.status == RunStatus::Succeeded => pruned,
            Some(pruned) => return Ok(prune::incomplete(context, &pruned)),
        },
    };
    super::status::closing_words(context, store, name)?;
    Ok(exit(&ended))
}

/// Runs exactly what a plan in a file says.
fn run_planned(context: &Context, args: &RunArgs, agreed: &PlanFile) -> Outcome {
    plan_file::refuse_more(args)?;
    let sources = agreed.source_files();
    let builtin = registry::kinds(context.patterns()?);
    let Brought { kinds, .. } = registry::kinds_pinned(context, &builtin, &agreed.path, &sources)?;
    let loader = Loader::new(&kinds, context.path_base()?);
    // Paths among the parameters were made absolute when the plan was made.
    let runbook = loader.load_sources(sources, &agreed.params)?;
    let store = Arc::new(context.store()?);
    let name = agreed.deployment.clone();
    let _lock = context.lock(&store, &name, "run")?;
    let policy = policy::of(args.on_failure.as_ref(), &runbook)?;
    let request = RunRequest {
        before: select::before(context, &store, &*store.history(&name)?, &kinds, &runbook),
        path: agreed.path.clone(),
        runbook,
        kinds,
        given: agreed.given.clone(),
        verb: Verb::Run,
        options: RunOptions {
            prove: agreed.prove,
            only_processes: false,
            force: args.force,
            agreed: args.yes,
            prune: false,
        },
        choice: agreed.choice.clone(),
        on_failure: Some(policy.clone()),
        approve: approval(args.yes),
    };
    let id = Some(agreed.id.clone());
    let (journal, deployment) = (store.clone(), name.clone());
    let ended = with_session_as(context, journal, deployment, id, async |session| {
        krun_run::run_planned(&session, request, agreed).await
    })?;
    if ended.status != RunStatus::Succeeded {
        return policy::after_run(context, &store, &name, &policy, &ended);
    }
    super::status::closing_words(context, store, name)?;
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
        if !irreversible.is_empty() {
            let question = format!(
                "These steps can't be taken back: {}. Go on?",
                irreversible.join(", ")
            );
            prompt::confirm(&question, yes)?;
        }
        prune::approve(plan, yes)
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
