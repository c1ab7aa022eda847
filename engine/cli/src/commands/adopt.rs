//! `krun adopt`: takes over what was started by hand.

use std::{process::ExitCode, sync::Arc};

use krun_model::{Fault, FaultCode, journal::Verb, plan::DiffLine};
use krun_report::{AdoptRow, adopt_text};
use krun_run::{AdoptLine, RunOptions, RunRequest};

use super::{Outcome, exit, with_session};
use crate::{
    args::AdoptArgs,
    context::Context,
    prompt,
    registry::{self, Brought},
    runbooks::RunbookFile,
    select,
};

pub fn adopt(context: &Context, args: AdoptArgs) -> Outcome {
    let file = RunbookFile::open(context, &args.runbook.runbook)?;
    let Brought { kinds, .. } = registry::kinds_for(context, &file)?;
    let selected = select::runbook(context, &args.runbook, &file, &kinds)?;
    select::remark_kept(context, &selected.kept);
    let request = RunRequest {
        before: None,
        path: select::pinned_path(&args.runbook.runbook)?,
        runbook: selected.runbook,
        kinds,
        given: selected.given,
        verb: Verb::Adopt,
        options: RunOptions::default(),
        choice: krun_model::Choice::default(),
        on_failure: None,
        approve: Box::new(|_| Ok(())),
    };
    if args.plan {
        let lines = super::plan::with_any_store(context, selected.name, async |session| {
            Ok(krun_run::survey(&session, &request).await?)
        })?;
        show(context, &lines);
        return Ok(ExitCode::SUCCESS);
    }
    let store = Arc::new(context.store()?);
    let name = selected.name;
    let _lock = context.lock(&store, &name, "adopt")?;
    let agree = |lines: &[AdoptLine]| {
        if !lines.iter().any(AdoptLine::is_new) {
            return Err(nothing(&name));
        }
        show(context, lines);
        prompt::confirm("Adopt these?", args.yes)
    };
    let ended = with_session(context, store.clone(), name.clone(), async |session| {
        krun_run::adopt(&session, request, agree).await
    })?;
    super::status::closing_words(context, store, name)?;
    Ok(exit(&ended))
}

fn nothing(name: &krun_model::DeploymentName) -> Fault {
    Fault::new(FaultCode::Usage, "there is nothing to adopt")
        .at(name)
        .because("nothing that runs is what a step of the runbook wants and krun does not know yet")
        .hint("`krun plan` shows what a run would do; ports and folders are parameters.")
}

/// What was found, for people or programs.
fn show(context: &Context, lines: &[AdoptLine]) {
    let rows: Vec<AdoptRow> = lines.iter().map(row).collect();
    if context.global.json {
        let object = serde_json::json!({"event": "adoption", "steps": rows});
        context.print(&format!("{object}\n"));
    } else {
        context.print(&adopt_text(&rows, context.out_style));
    }
}

fn row(line: &AdoptLine) -> AdoptRow {
    use krun_model::kind::Adoption;
    let (pid, found, differences): (_, _, &[DiffLine]) = match &line.adoption {
        None => (None, "as wanted, or adopted already".to_owned(), &[]),
        Some(Adoption::Nothing) => (None, "left to the next run".to_owned(), &[]),
        Some(Adoption::Accepted { found, .. }) => (None, found.clone(), &[]),
        Some(Adoption::Process(process)) => (
            Some(process.running.pid),
            process.running.command.clone(),
            &process.differences,
        ),
    };
    AdoptRow {
        step: line.step.clone(),
        pid,
        found,
        differences: differences.to_vec(),
    }
}
