//! A deployment's state now, gathered from the journal and the machine.

use krun_model::{Change, Fault, History, Plan, Reason, Runbook, plan::PlannedStep};
use krun_report::{ProcessState, StatusProcess, StatusRun, StatusStep, StatusView, StepState};
use krun_run::{ProcessView, Session};

/// Fills in the view from a plan made now: what would change is what has drifted.
pub fn gather(
    session: &Session,
    runbook: &Runbook,
    path: &str,
    plan: &Plan,
    processes: &[ProcessView],
    holder: Option<krun_model::journal::Who>,
) -> StatusView {
    let history = session.ledger.history();
    // What was rolled back has no state to show.
    let planned = if history.is_baseline() {
        &[][..]
    } else {
        &plan.steps[..]
    };
    let steps = steps(&history, planned);
    let open = steps.iter().filter(|step| !step.state.is_settled()).count();
    let summary = match (history.is_baseline(), open) {
        (true, _) => "nothing that krun did is there".to_owned(),
        (false, 0) => "everything is as wanted".to_owned(),
        (false, 1) => "one step differs from what is wanted".to_owned(),
        (false, n) => format!("{n} steps differ from what is wanted"),
    };
    StatusView {
        deployment: session.ledger.name().clone(),
        runbook: Some(path.to_owned()),
        root: runbook
            .values
            .get("root")
            .and_then(|v| v.as_str())
            .map(str::to_owned),
        summary,
        last_run: history.runs.last().map(|run| StatusRun {
            id: run.id,
            verb: run.verb,
            status: run.finished.map(|(status, _)| status),
            started_ms: run.started_ms,
            duration_ms: run.finished.map(|(_, ms)| ms),
        }),
        steps,
        processes: processes.iter().map(process).collect(),
        holder,
    }
}

/// How each step's thing stands, of steps that were planned now.
pub fn steps(history: &History, planned: &[PlannedStep]) -> Vec<StatusStep> {
    planned
        .iter()
        .map(|step| {
            let known = history.steps.contains_key(&step.address);
            let state = state_of(step.change, &step.reason, known);
            let detail = (!state.is_settled() || state == StepState::Skipped)
                .then(|| step.reason.to_string());
            StatusStep {
                address: step.address.clone(),
                kind: step.kind.clone(),
                state,
                detail,
            }
        })
        .collect()
}

fn state_of(change: Change, reason: &Reason, known: bool) -> StepState {
    match (change, reason) {
        (_, reason) if reason.is_skip() => StepState::Skipped,
        (Change::NoOp, Reason::Found) => StepState::Found,
        (Change::NoOp, Reason::AlreadyDone { .. } | Reason::Proven { .. }) => StepState::Done,
        (Change::NoOp, _) => StepState::AsWanted,
        (_, Reason::NeverDone | Reason::NeverProven) => StepState::Pending,
        _ if !known => StepState::Pending,
        (_, Reason::KnownAfterApply(_)) => StepState::Unknown,
        (_, _) => StepState::Drifted,
    }
}

pub fn process(view: &ProcessView) -> StatusProcess {
    let state = match &view.running {
        None => ProcessState::Stopped,
        Some(running) if running.digest == Some(view.spec.digest) => ProcessState::Running,
        Some(_) => ProcessState::Outdated,
    };
    StatusProcess {
        step: view.step.clone(),
        pid: view.running.as_ref().map(|running| running.pid),
        state,
        endpoint: endpoint(view),
        log: view.spec.log.to_string(),
    }
}

/// Where a process listens, as its step said.
pub fn endpoint(view: &ProcessView) -> Option<String> {
    Some(view.outputs.get("endpoint")?.as_str()?.to_owned())
}

/// The endpoints of a cluster's brokers, for clients.
pub fn bootstrap(processes: &[ProcessView]) -> Result<Vec<String>, Fault> {
    let brokers = processes.iter().filter(|view| view.kind == "kafka::broker");
    let endpoints: Vec<String> = brokers.filter_map(endpoint).collect();
    if endpoints.is_empty() {
        return Err(Fault::new(
            krun_model::FaultCode::Usage,
            "this deployment has no brokers that were started",
        )
        .hint("Run its runbook first; `krun status` shows what is there."));
    }
    Ok(endpoints)
}
