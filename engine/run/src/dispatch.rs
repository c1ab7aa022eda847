//! The dispatcher: owns the state of a run, begins steps when those before them are done, and ends
//! the run.

use std::{
    collections::{BTreeMap, HashMap, HashSet, VecDeque},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Instant,
};

use krun_model::{Address, Change, Entry, Event, Fault, FaultCode, event::RunStatus};
use krun_plan::{Graph, Options, PlanFile};
use tokio::task::JoinSet;

use crate::{
    Ended, Session,
    checkpoints::Checkpoints,
    execute::{RunCx, State, StepEnd},
    identity,
    prepare::{RunRequest, all_faults, head, prepare, refuse_stale},
    probe, reconcile,
    session::Counts,
    turns::Turns,
};

/// Runs a runbook: looks, decides, and brings about what is wanted.
///
/// # Errors
/// What keeps a run from beginning, or the journal from being written. What a step reports is in
/// [`Ended::faults`].
pub async fn run(session: &Session, request: RunRequest) -> Result<Ended, Fault> {
    run_as_agreed(session, request, None).await
}

/// Runs exactly what a plan in a file says: refused if the world has moved, and stopped at a step that
/// turns out to be something else than was agreed to.
///
/// # Errors
/// As [`run`]; [`FaultCode::PlanStale`] for a plan that is out of date.
pub async fn run_planned(
    session: &Session,
    request: RunRequest,
    agreed: &PlanFile,
) -> Result<Ended, Fault> {
    run_as_agreed(session, request, Some(agreed)).await
}

async fn run_as_agreed(
    session: &Session,
    request: RunRequest,
    agreed: Option<&PlanFile>,
) -> Result<Ended, Fault> {
    let since = Instant::now();
    let head = agreed.map(|_| head(session)).transpose()?.flatten();
    let recovered = probe::settle_for_run(session, request.options.force).await?;
    let (plan, seen, reconciled) = prepare(session, &request, agreed.is_some()).await?;
    if let Some(agreed) = agreed {
        refuse_stale(session, agreed, head, &plan, &seen)?;
    }
    let faults = all_faults(session, &request, &plan, &seen.observed).await?;
    if !faults.is_empty() {
        let status = RunStatus::Failed;
        return Ok(session.refuse(request.verb, status, Some(plan), faults, since));
    }
    (request.approve)(&plan)?;
    if session.vault.is_in_use() {
        // From here on things are made with the key: let it be the one that stays.
        session.vault.sealer()?;
        session.vault.keep_key()?;
    }
    for source in &request.runbook.sources {
        session
            .ledger
            .put_blob(source.text.as_bytes().into())
            .await?;
    }
    let pin = identity::pin(&request);
    let run = session.begin(request.verb, Some(pin)).await?;
    reconcile::journal(session, run, reconciled).await?;
    session.say_all(recovered);
    session.events.send(Event::Planned { plan: plan.clone() });
    let groups = seen
        .observed
        .declared
        .values()
        .filter_map(|declared| declared.restart_group.clone())
        .map(|group| (group, tokio::sync::Mutex::new(())))
        .collect::<HashMap<_, _>>();
    let graph = Graph::of_runbook(&request.runbook);
    let cx = Arc::new(RunCx {
        session: session.clone(),
        run,
        runbook: request.runbook,
        kinds: request.kinds,
        plan,
        graph,
        options: Options {
            prove: request.options.prove,
        },
        agreed: request.options.agreed,
        groups,
        failed: AtomicBool::new(false),
        foreseen: seen.foreseen,
        exact: agreed.is_some(),
        state: Mutex::new(State {
            observed: seen.observed,
            known: seen.known,
            done: BTreeMap::new(),
        }),
    });
    let (status, counts, faults, passed) = Dispatcher::new(cx.clone()).run().await?;
    session.end(run, status, counts, since).await?;
    if status == RunStatus::Succeeded {
        session.machine.begin_errands().await;
    }
    let outputs = std::mem::take(&mut cx.state().known);
    Ok(Ended {
        run,
        began: true,
        status,
        faults,
        outputs,
        passed,
    })
}

/// The state of a run: which steps wait for how many others, and what came of those that began.
struct Dispatcher {
    cx: Arc<RunCx>,
    waits_for: Vec<usize>,
    dependents: Vec<Vec<usize>>,
    ready: VecDeque<usize>,
    begun: HashSet<usize>,
    running: JoinSet<(usize, Instant, Result<StepEnd, Fault>)>,
    turns: Turns,
    counts: Counts,
    faults: Vec<(Option<Address>, Fault)>,
    checkpoints: Checkpoints,
}

/// How a run ended, what was counted, what failed, and the checkpoints that it passed.
type End = (
    RunStatus,
    Counts,
    Vec<(Option<Address>, Fault)>,
    Vec<String>,
);

impl Dispatcher {
    fn new(cx: Arc<RunCx>) -> Self {
        let steps = &cx.runbook.steps;
        let places: HashMap<&Address, usize> = steps
            .iter()
            .enumerate()
            .map(|(at, step)| (&step.address, at))
            .collect();
        let mut dependents = vec![Vec::new(); steps.len()];
        let mut waits_for = vec![0; steps.len()];
        for (at, step) in steps.iter().enumerate() {
            for before in step.after.iter().filter_map(|address| places.get(address)) {
                dependents[*before].push(at);
                waits_for[at] += 1;
            }
        }
        let ready = (0..steps.len()).filter(|at| waits_for[*at] == 0).collect();
        let checkpoints = Checkpoints::of(&cx.runbook);
        let turns = Turns::of(&cx.runbook, &cx.plan, &cx.state().observed);
        Self {
            cx,
            waits_for,
            dependents,
            ready,
            begun: HashSet::new(),
            running: JoinSet::new(),
            turns,
            counts: Counts::default(),
            faults: Vec::new(),
            checkpoints,
        }
    }

    async fn run(mut self) -> Result<End, Fault> {
        self.checkpoints.pass(&self.cx, None).await?;
        loop {
            self.begin_ready();
            let Some(joined) = self.running.join_next().await else {
                break;
            };
            let (at, since, result) =
                joined.map_err(|error| Fault::internal(format!("a step ended: {error}")))?;
            self.ended(at, since, result).await?;
        }
        if self.may_begin() && self.begun.len() < self.cx.runbook.steps.len() {
            let why = "steps wait for each other, and were not begun";
            self.faults.push((None, Fault::internal(why)));
        }
        self.skip_the_rest();
        let cancelled = self
            .faults
            .iter()
            .any(|(_, fault)| fault.code == FaultCode::Cancelled);
        let status = match (
            self.faults.is_empty(),
            cancelled || self.cx.session.cancelled(),
        ) {
            (_, true) => RunStatus::Cancelled,
            (true, false) => RunStatus::Succeeded,
            (false, false) => RunStatus::Failed,
        };
        let passed = self.checkpoints.passed();
        Ok((status, self.counts, self.faults, passed))
    }

    /// Begins every step that may begin. After a failure, or when told to stop, none does.
    fn begin_ready(&mut self) {
        if !self.may_begin() {
            return;
        }
        while let Some(at) = self.ready.pop_front() {
            if self.turns.ask(at) {
                self.begin(at);
            }
        }
    }

    fn may_begin(&self) -> bool {
        self.faults.is_empty() && !self.cx.session.cancelled()
    }

    fn begin(&mut self, at: usize) {
        self.begun.insert(at);
        let cx = self.cx.clone();
        self.running.spawn(async move {
            let since = Instant::now();
            let result = cx.execute(at).await;
            (at, since, result)
        });
    }

    async fn ended(
        &mut self,
        at: usize,
        since: Instant,
        result: Result<StepEnd, Fault>,
    ) -> Result<(), Fault> {
        let step = self.cx.runbook.steps[at].address.clone();
        let duration_ms = since.elapsed().as_millis() as u64;
        let let_in = self.turns.ended(at);
        match result {
            Ok(StepEnd {
                change,
                reason,
                outputs,
            }) => {
                let event = if reason.is_skip() {
                    self.cx.state().done.insert(step.clone(), change);
                    Event::StepSkipped {
                        step,
                        why: reason.to_string(),
                        reason: Some(reason),
                    }
                } else {
                    self.count(change);
                    let mut state = self.cx.state();
                    state.done.insert(step.clone(), change);
                    state.known.insert(step.clone(), outputs.clone());
                    Event::StepFinished {
                        step,
                        change,
                        reason,
                        outputs,
                        duration_ms,
                    }
                };
                self.cx.session.events.send(event);
                self.checkpoints.pass(&self.cx, Some(at)).await?;
                for next in std::mem::take(&mut self.dependents[at]) {
                    self.waits_for[next] -= 1;
                    if self.waits_for[next] == 0 {
                        self.ready.push_back(next);
                    }
                }
            }
            Err(fault) => {
                self.cx.failed.store(true, Ordering::SeqCst);
                self.counts.failed += 1;
                let entry = Entry::StepFailed {
                    step: step.clone(),
                    fault: fault.clone(),
                    again: None,
                };
                self.cx
                    .session
                    .ledger
                    .append(self.cx.run, entry, false)
                    .await?;
                let event = Event::StepFailed {
                    step: step.clone(),
                    fault: fault.clone(),
                    duration_ms,
                };
                self.cx.session.events.send(event);
                self.faults.push((Some(step), fault));
            }
        }
        if self.may_begin() {
            let_in.into_iter().for_each(|at| self.begin(at));
        }
        Ok(())
    }

    fn count(&mut self, change: Change) {
        if change.is_change() {
            self.counts.changed += 1;
        } else {
            self.counts.unchanged += 1;
        }
    }

    fn skip_the_rest(&self) {
        let why = if self.cx.session.cancelled() {
            "the run was stopped"
        } else {
            "a step failed"
        };
        for (at, step) in self.cx.runbook.steps.iter().enumerate() {
            if !self.begun.contains(&at) {
                self.cx.session.events.send(Event::StepSkipped {
                    step: step.address.clone(),
                    why: why.to_owned(),
                    reason: None,
                });
            }
        }
    }
}
