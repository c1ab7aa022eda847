//! `krun status`: what is there now.

use std::{process::ExitCode, sync::Arc, time::Duration};

use krun_journal::Store;
use krun_kafka::view::ClusterView;
use krun_model::{DeploymentName, journal::Verb, journal::Who};
use krun_report::ProcessState;
use krun_run::{RunOptions, RunRequest};

use super::{Found, Outcome, find, look, pinned_request};
use crate::{
    args::StatusArgs,
    context::Context,
    errors::{self, CliError},
    export, status_view,
};

/// How long brokers have for an answer.
const PATIENCE: Duration = Duration::from_secs(5);

pub fn status(context: &Context, args: StatusArgs) -> Outcome {
    let found = find(context, &args.select, false)?;
    if args.cluster {
        return cluster(context, found.store, found.name);
    }
    let holder = found.store.holder(&found.name)?.map(|holder| Who {
        user: holder.user,
        host: holder.host,
        pid: holder.pid,
        krun: holder.command,
    });
    let request = pinned_request(context, &found, Verb::Run, RunOptions::default())?;
    if args.check {
        return check(context, found, &request);
    }
    let view = look(context, found.store, found.name, async |session| {
        let (plan, _) = krun_run::plan(&session, &request).await?;
        let processes = krun_run::processes(&session).await?;
        Ok(status_view::gather(
            &session,
            &request.runbook,
            &request.path,
            &plan,
            &processes,
            holder,
        ))
    })?;
    if context.global.json {
        print_json(context, &view);
    } else {
        context.print(&krun_report::status_text(&view, context.out_style));
    }
    Ok(ExitCode::SUCCESS)
}

/// Whether everything is as wanted: few words, and an exit code for whoever watches.
fn check(context: &Context, found: Found, request: &RunRequest) -> Outcome {
    let name = found.name.clone();
    let (mut steps, mut processes) = look(context, found.store, found.name, async |session| {
        let (plan, _) = krun_run::plan(&session, request).await?;
        let processes = krun_run::processes(&session).await?;
        Ok((
            status_view::steps(&session.ledger.history(), &plan.steps),
            processes
                .iter()
                .map(status_view::process)
                .collect::<Vec<_>>(),
        ))
    })?;
    steps.retain(|step| !step.state.is_settled());
    processes.retain(|process| process.state != ProcessState::Running);
    let open = found.history.pending.len();
    let as_wanted = steps.is_empty() && processes.is_empty() && open == 0;
    if context.global.json {
        let object = serde_json::json!({
            "event": "status_check", "deployment": name, "as_wanted": as_wanted,
            "steps": steps, "processes": processes, "open_effects": open,
        });
        print_json(context, &object);
    } else if as_wanted {
        context.print(&format!("{name}: everything is as wanted\n"));
    } else {
        let mut text = String::new();
        for step in &steps {
            let detail = step.detail.as_deref().unwrap_or_default();
            text.push_str(&format!(
                "{}: {}: {detail}\n",
                step.address,
                step.state.words()
            ));
        }
        for process in &processes {
            text.push_str(&format!("{}: {}\n", process.step, process.state.word()));
        }
        if open > 0 {
            text.push_str(&format!("{open} effects of an interrupted run are open\n"));
        }
        context.print(&text);
    }
    Ok(ExitCode::from(match as_wanted {
        true => errors::DONE,
        false => errors::CONFLICT,
    }))
}

fn cluster(context: &Context, store: Arc<Store>, name: DeploymentName) -> Outcome {
    let table = look(context, store, name, async |session| {
        let processes = krun_run::processes(&session).await?;
        let bootstrap = status_view::bootstrap(&processes)?;
        let view = ClusterView::fetch(&bootstrap, PATIENCE).await?;
        let groups = view.groups(&bootstrap).await?;
        Ok(export::cluster_table(&view, groups))
    })?;
    if context.global.json {
        print_json(context, &table);
    } else {
        context.print(&krun_report::cluster_text(&table, context.out_style));
    }
    Ok(ExitCode::SUCCESS)
}

pub(super) fn print_json(context: &Context, value: &impl serde::Serialize) {
    let line = serde_json::to_string(value).unwrap_or_default();
    context.print(&format!("{line}\n"));
}

/// After a run that ended well: what runs where, how to look at it, how to take it back.
pub fn closing_words(
    context: &Context,
    store: Arc<Store>,
    name: DeploymentName,
) -> Result<(), CliError> {
    if context.global.json || context.global.quiet {
        return Ok(());
    }
    let alias = format!(" --as {name}");
    let alias = if store_has_one(&store)? { "" } else { &alias };
    let mut processes = look(context, store, name, async |session| {
        Ok(krun_run::processes(&session).await?)
    })?;
    processes.sort_by(|a, b| a.step.cmp(&b.step));
    if processes.is_empty() {
        return Ok(());
    }
    let mut text = String::from("\nRunning:\n");
    let width = processes
        .iter()
        .map(|view| view.step.as_str().len())
        .max()
        .unwrap_or(0);
    for view in &processes {
        let endpoint = status_view::endpoint(view).unwrap_or_default();
        let pid = view
            .running
            .as_ref()
            .map_or("not running".into(), |r| format!("pid {}", r.pid));
        text.push_str(&format!("  {:width$}  {endpoint:<21}  {pid}\n", view.step));
    }
    text.push_str(&format!(
        "\nLook at it    krun status --cluster{alias} · krun status{alias} · krun logs STEP{alias}\n\
         Stop, start   krun stop{alias} · krun start{alias}\n\
         Take it back  krun rollback{alias}"
    ));
    context.remark(&text);
    Ok(())
}

fn store_has_one(store: &Store) -> Result<bool, CliError> {
    use krun_model::Journal as _;
    Ok(store.deployments()?.len() == 1)
}
