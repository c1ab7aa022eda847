//! The processes of a deployment: which there are, ending them, starting them again.

use std::time::Instant;

use futures::future::join_all;
use krun_model::{
    Address, Change, Effect, Event, Fault, Outputs, ProcessSpec, Reason, Target, WriteHost,
    event::RunStatus, journal::Verb, process::Running,
};
use krun_plan::{Graph, waves};

use crate::{
    Ended, RunRequest, Session, host::JournaledHost, in_hand::InHand, probe, session::Counts,
};

/// A process that krun started or adopted, and whether it runs.
#[derive(Clone, Debug)]
pub struct ProcessView {
    /// The step.
    pub step: Address,
    /// The step's kind.
    pub kind: String,
    /// What it was started with last.
    pub spec: ProcessSpec,
    /// What the operating system shows of it now.
    pub running: Option<Running>,
    /// What its step said, such as the endpoint.
    pub outputs: Outputs,
    /// Whether krun did not start it, so that krun does not end it either.
    pub adopted: bool,
}

/// The deployment's processes in the order in which they were first started.
///
/// # Errors
/// What the machine reports.
pub async fn processes(session: &Session) -> Result<Vec<ProcessView>, Fault> {
    let mut views: Vec<ProcessView> = Vec::new();
    {
        let history = session.ledger.history();
        for effect in history.effects.iter().chain(&history.pending) {
            let Effect::StartProcess(spec) = &effect.effect else {
                continue;
            };
            if let Some(view) = views.iter_mut().find(|view| view.spec.id == spec.id) {
                view.spec = spec.clone();
                continue;
            }
            let memory = history.steps.get(&effect.step);
            let outputs = memory.map(|m| m.outputs.clone()).unwrap_or_default();
            let kind = memory.map(|m| m.kind.clone()).unwrap_or_default();
            let (step, spec) = (effect.step.clone(), spec.clone());
            views.push(ProcessView {
                step,
                kind,
                spec,
                running: None,
                outputs,
                adopted: false,
            });
        }
        for (step, adopted) in &history.adopted {
            let Some(memory) = history.steps.get(step) else {
                continue;
            };
            views.retain(|view| view.spec.id != adopted.spec.id);
            let mut spec = adopted.spec.clone();
            spec.digest = adopted.running.digest.unwrap_or(spec.digest);
            views.push(ProcessView {
                step: step.clone(),
                kind: memory.kind.clone(),
                spec,
                running: None,
                outputs: memory.outputs.clone(),
                adopted: true,
            });
        }
    }
    for view in &mut views {
        view.running = session.machine.process(&view.spec.id).await?;
    }
    Ok(views)
}

/// Ends all processes that krun started gracefully, those that others depend on last. Data is kept.
///
/// # Errors
/// What keeps the run from beginning; what a process reports is in [`Ended::faults`].
pub async fn stop(session: &Session) -> Result<Ended, Fault> {
    let since = Instant::now();
    let recovered = probe::settle_for_run(session, false).await?;
    let run = session.begin(Verb::Stop, None).await?;
    session.say_all(recovered);
    let mut views = processes(session).await?;
    views.retain(|view| !view.adopted);
    views.reverse();
    let graph = Graph::of_history(&session.ledger.history());
    let unrelated = |a: &ProcessView, b: &ProcessView| {
        !graph.precedes(&a.step, &b.step) && !graph.precedes(&b.step, &a.step)
    };
    let mut counts = Counts::default();
    let mut faults = Vec::new();
    for wave in waves(views, unrelated) {
        let stops = wave.iter().map(|view| stop_one(session, run, view));
        for (view, result) in wave.iter().zip(join_all(stops).await) {
            match result {
                Ok(true) => counts.changed += 1,
                Ok(false) => counts.unchanged += 1,
                Err(fault) => {
                    counts.failed += 1;
                    faults.push((Some(view.step.clone()), fault));
                }
            }
        }
        if !faults.is_empty() {
            break;
        }
    }
    let status = if faults.is_empty() {
        RunStatus::Succeeded
    } else {
        RunStatus::Failed
    };
    session.end(run, status, counts, since).await?;
    Ok(Ended {
        run,
        began: true,
        status,
        faults,
        outputs: Default::default(),
        passed: vec![],
    })
}

/// Ends one process; whether it ran.
async fn stop_one(
    session: &Session,
    run: krun_model::RunId,
    view: &ProcessView,
) -> Result<bool, Fault> {
    let since = Instant::now();
    let step = view.step.clone();
    let (change, reason) = match &view.running {
        Some(running) => (
            Change::Delete,
            Reason::Drift(format!("runs as pid {}", running.pid)),
        ),
        None => (Change::NoOp, Reason::Drift("does not run".into())),
    };
    if view.running.is_some() {
        session.events.send(Event::StepStarted {
            step: step.clone(),
            change,
            reason: reason.clone(),
        });
        let host = JournaledHost {
            session,
            run,
            step: &step,
            in_hand: InHand::default(),
        };
        let effect = Effect::StopProcess {
            id: view.spec.id.clone(),
            grace_ms: view.spec.stop_grace_ms,
        };
        if let Err(fault) = host.perform(effect).await {
            let duration_ms = since.elapsed().as_millis() as u64;
            let event = Event::StepFailed {
                step,
                fault: fault.clone(),
                duration_ms,
            };
            session.events.send(event);
            return Err(fault);
        }
    }
    let duration_ms = since.elapsed().as_millis() as u64;
    let outputs = Outputs::new();
    session.events.send(Event::StepFinished {
        step,
        change,
        reason,
        outputs,
        duration_ms,
    });
    Ok(view.running.is_some())
}

/// Starts the processes of the pinned runbook again, each awaited, and touches nothing else.
///
/// # Errors
/// As [`run`](crate::run).
pub async fn start(session: &Session, mut request: RunRequest) -> Result<Ended, Fault> {
    request.options.only_processes = true;
    request.verb = Verb::Start;
    crate::run(session, request).await
}

/// Whether a target is a process.
pub(crate) fn is_process(target: &Target) -> bool {
    matches!(target, Target::Process(_))
}
