//! `krun plan`: what a run would do; changes nothing, not even the state folder.

use std::{process::ExitCode, sync::Arc};

use krun_model::{
    Address, DeploymentName, Digest, Entry, Fault, Journal, RunId,
    journal::{Record, Verb},
};
use krun_run::{RunOptions, RunRequest};

use super::{Outcome, look};
use crate::{
    args::PlanArgs,
    context::Context,
    errors, plan_file,
    registry::{self, Brought, InUse},
    runbooks::RunbookFile,
    select,
};

pub fn plan(context: &Context, args: PlanArgs) -> Outcome {
    let file = RunbookFile::open(context, &args.runbook.runbook)?;
    let Brought { kinds, plugins, .. } = registry::kinds_for(context, &file)?;
    let selected = select::runbook(context, &args.runbook, &file, &kinds)?;
    select::remark_kept(context, &selected.kept);
    let request = RunRequest {
        before: selected.before,
        path: select::pinned_path(&args.runbook.runbook)?,
        runbook: selected.runbook,
        kinds,
        given: selected.given,
        verb: Verb::Run,
        options: RunOptions {
            prove: args.prove,
            prune: args.prune,
            ..RunOptions::default()
        },
        choice: args.choice.choice(),
        on_failure: None,
        approve: Box::new(|_| Ok(())),
    };
    let (plan, faults) = with_any_store(context, selected.name, async |session| {
        let Some(out) = &args.out else {
            return Ok(krun_run::plan(&session, &request).await?);
        };
        let now = jiff::Timestamp::now().as_millisecond();
        let (file, faults) = krun_run::plan_file(&session, &request, now).await?;
        plan_file::write(out, &file)?;
        Ok((file.plan, faults))
    })?;
    if context.global.json {
        let object = serde_json::json!({
            "event": "plan", "version": krun_model::event::EVENTS_VERSION, "plan": plan, "plugins": plugins,
            "faults": faults.iter().map(|(step, fault)| serde_json::json!({"step": step, "fault": fault})).collect::<Vec<_>>(),
        });
        context.print(&format!("{object}\n"));
    } else {
        context.print(&krun_report::plan_text(&plan, context.out_style));
        context.print(&plugins_text(&plugins));
    }
    if let Some(out) = args.out.filter(|_| !context.global.json) {
        context.remark(&format!("exactly this is done by `krun run {out}`"));
    }
    if args.detailed_exitcode && faults.is_empty() && plan.changes() > 0 {
        return Ok(ExitCode::from(errors::CHANGES));
    }
    Ok(show_faults(context, &faults))
}

/// What the runbook's plugins could touch at most, whatever the plan says.
fn plugins_text(plugins: &[InUse]) -> String {
    let mut text = String::new();
    for plugin in plugins {
        let may = match plugin.may.is_empty() {
            true => "nothing beyond its own arguments".to_owned(),
            false => plugin.may.join("; "),
        };
        let digits = plugin.sha256.get(..12).unwrap_or_default();
        let (name, version) = (&plugin.name, &plugin.version);
        text.push_str(&format!("plugin {name} {version} ({digits}) may: {may}\n"));
    }
    text
}

/// Shows what is in the way; the first decides the exit code.
pub fn show_faults(context: &Context, faults: &[(Address, Fault)]) -> ExitCode {
    for (step, fault) in faults {
        let text = krun_report::fault_text(fault, context.err_style);
        context.warn(&format!("{step} is in the way of a run:\n{text}"));
    }
    faults.first().map_or(ExitCode::SUCCESS, |(_, fault)| {
        errors::exit(context, errors::exit_code(fault.code))
    })
}

/// Looks with the store that is there, or with none where there is none.
pub fn with_any_store<T>(
    context: &Context,
    name: DeploymentName,
    work: impl AsyncFnOnce(krun_run::Session) -> Result<T, errors::CliError>,
) -> Result<T, errors::CliError> {
    match context.store_to_read()? {
        Some(store) => look(context, Arc::new(store), name, work),
        None => super::look_journal(context, Arc::new(NoStore), name, work),
    }
}

/// What is known where no store is: nothing. A plan appends nothing to it.
struct NoStore;

impl NoStore {
    fn refuse<T>() -> Result<T, Fault> {
        Err(Fault::internal("a plan tried to write to the journal"))
    }
}

impl Journal for NoStore {
    fn deployments(&self) -> Result<Vec<DeploymentName>, Fault> {
        Ok(vec![])
    }
    fn read(&self, _: &DeploymentName) -> Result<Vec<Record>, Fault> {
        Ok(vec![])
    }
    fn append(&self, _: &DeploymentName, _: RunId, _: &Entry, _: bool) -> Result<Record, Fault> {
        Self::refuse()
    }
    fn put_blob(&self, _: &[u8]) -> Result<Digest, Fault> {
        Self::refuse()
    }
    fn blob(&self, _: &Digest) -> Result<Vec<u8>, Fault> {
        Self::refuse()
    }
}
