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

use krun_model::{
    Address, Change, Choice, Entry, Event, Fault, FaultCode, Map, Plan, Reason, Runbook,
    event::RunStatus, journal::Verb, kind::Kinds,
};
use krun_plan::{
    Graph, Head, Observed, Options, PlanFile, PlannedSource, decide, failures, left_out,
};
use tokio::task::JoinSet;

use crate::{
    Ended, Session,
    execute::{RunCx, State, StepEnd},
    foresight, identity, observe, preflight, probe,
    processes::is_process,
    session::Counts,
    turns::Turns,
};

/// How a run is to be done.
#[derive(Clone, Copy, Debug, Default)]
pub struct RunOptions {
    /// Run every proof.
    pub prove: bool,
    /// Only steps that keep a process, as `krun start` wants.
    pub only_processes: bool,
    /// Take effects that are in doubt as they are found.
    pub force: bool,
    /// What can't be taken back was agreed to beforehand, though it shows only during the run.
    pub agreed: bool,
    /// Whether steps that left the runbook are to be taken back after it: shown in the plan.
    pub prune: bool,
}

/// A question asked once a plan is known; an error is a no.
pub type Approval = Box<dyn Fn(&Plan) -> Result<(), Fault> + Send + Sync>;

/// What is to be run.
pub struct RunRequest {
    /// The runbook.
    pub runbook: Runbook,
    /// All kinds.
    pub kinds: Kinds,
    /// Its file, as it is pinned.
    pub path: String,
    /// The parameters that were given.
    pub given: Map<serde_json::Value>,
    /// Which command this is.
    pub verb: Verb,
    /// How.
    pub options: RunOptions,
    /// Which steps it is about.
    pub choice: Choice,
    /// Asked once the plan is known; an error ends the run before it begins.
    pub approve: Approval,
}

/// What a run would do. Changes nothing: neither the machine nor the journal.
///
/// # Errors
/// A deployment that is another one, or looks that failed for everything.
pub async fn plan(
    session: &Session,
    request: &RunRequest,
) -> Result<(Plan, Vec<(Address, Fault)>), Fault> {
    let (plan, seen) = prepare(session, request, false).await?;
    let faults = all_faults(session, request, &plan, &seen.observed).await?;
    Ok((plan, faults))
}

/// [`plan`], with all that it rests on, so that a later run can do exactly that.
///
/// # Errors
/// As [`plan`].
pub async fn plan_file(
    session: &Session,
    request: &RunRequest,
    made_ms: i64,
) -> Result<(PlanFile, Vec<(Address, Fault)>), Fault> {
    let (plan, seen) = prepare(session, request, true).await?;
    let faults = all_faults(session, request, &plan, &seen.observed).await?;
    let sources = request.runbook.sources.iter();
    let file = PlanFile {
        krun: session.who.krun.clone(),
        made_ms,
        deployment: session.ledger.name().clone(),
        id: session.ledger.id().to_owned(),
        head: head(session)?,
        path: request.path.clone(),
        sources: sources
            .map(|source| PlannedSource {
                path: source.path.clone(),
                digest: source.digest,
                text: source.text.to_string(),
            })
            .collect(),
        params: request.runbook.values.clone(),
        given: request.given.clone(),
        prove: request.options.prove,
        choice: request.choice.clone(),
        plan,
        seen: seen.digests,
    };
    Ok((file, faults))
}

/// Where the deployment's journal ends.
fn head(session: &Session) -> Result<Option<Head>, Fault> {
    let records = session.ledger.journal().read(session.ledger.name())?;
    Ok(Head::of(&records))
}

/// Refuses a plan that rests on what is no longer so.
fn refuse_stale(
    session: &Session,
    agreed: &PlanFile,
    head: Option<Head>,
    plan: &Plan,
    seen: &observe::Seen,
) -> Result<(), Fault> {
    let stale = |why: &str| {
        Fault::new(FaultCode::PlanStale, "the plan is out of date")
            .at(session.ledger.name())
            .because(why)
            .hint("Make a new one and look at it: `krun plan RUNBOOK --out FILE`.")
    };
    if agreed.id != session.ledger.id() {
        return Err(stale("it was made for another deployment of that name"));
    }
    if agreed.head != head {
        return Err(
            stale("krun has run on this deployment since it was made").hint(
                "If that was a run of this plan which was cut off, `krun resume` goes on with it.",
            ),
        );
    }
    let differences = agreed.differences(plan, &seen.digests);
    if !differences.is_empty() {
        return Err(stale("the world has moved since it was made").evidence(differences));
    }
    Ok(())
}

async fn prepare(
    session: &Session,
    request: &RunRequest,
    remember: bool,
) -> Result<(Plan, observe::Seen), Fault> {
    identity::check(
        &session.ledger.history(),
        &request.runbook,
        session.ledger.name().as_str(),
    )?;
    let (runbook, kinds) = (&request.runbook, &request.kinds);
    let left_out = left_out(runbook, &request.choice)?;
    // Only what is done can leave anything to those after it.
    let all = !request.options.only_processes;
    let how = observe::Look {
        will_do: &|_| all,
        remember,
    };
    let mut seen = observe::observe(session, runbook, kinds, left_out, how).await?;
    let decided = |seen: &observe::Seen| {
        let options = Options {
            prove: request.options.prove,
        };
        let history = session.ledger.history();
        decide(runbook, kinds, &seen.observed, &history, options)
    };
    while seen.waits_for_proofs() {
        let plan = decided(&seen);
        if !observe::observe_behind_proofs(session, runbook, kinds, how, &plan, &mut seen).await? {
            break;
        }
    }
    foresight::look_ahead(session, runbook, kinds, how, &mut seen).await?;
    let mut plan = decided(&seen);
    for step in &mut plan.steps {
        if step.reason == Reason::Found && seen.foreseen.contains(&step.address) {
            step.reason = Reason::Satisfied;
        }
    }
    plan.prune = request.options.prune;
    if request.options.only_processes {
        seen.foreseen.clear();
        for step in plan.steps.iter_mut().filter(|step| !step.reason.is_skip()) {
            let keeps_process = seen
                .observed
                .declared
                .get(&step.address)
                .is_some_and(|declared| declared.writes.iter().any(is_process));
            if !keeps_process {
                step.change = Change::NoOp;
                step.reason = Reason::Satisfied;
                step.diff.clear();
            }
        }
    }
    Ok((plan, seen))
}

/// What is in the way of a plan: looks that failed, and what the machine lacks.
async fn all_faults(
    session: &Session,
    request: &RunRequest,
    plan: &Plan,
    observed: &Observed,
) -> Result<Vec<(Address, Fault)>, Fault> {
    let mut faults: Vec<_> = failures(&request.runbook, observed, plan)
        .into_iter()
        .map(|(address, fault)| (address.clone(), fault.clone()))
        .collect();
    faults.extend(preflight::obstacles(session, plan, observed).await?);
    Ok(faults)
}

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
    let (plan, seen) = prepare(session, &request, agreed.is_some()).await?;
    if let Some(agreed) = agreed {
        refuse_stale(session, agreed, head, &plan, &seen)?;
    }
    let faults = all_faults(session, &request, &plan, &seen.observed).await?;
    if !faults.is_empty() {
        let status = RunStatus::Failed;
        return Ok(session.refuse(request.verb, status, Some(plan), faults, since));
    }
    (request.approve)(&plan)?;
    for source in &request.runbook.sources {
        session
            .ledger
            .put_blob(source.text.as_bytes().into())
            .await?;
    }
    let pin = identity::pin(
        &request.runbook,
        request.path.clone(),
        request.given.clone(),
        request.choice,
    );
    let run = session.begin(request.verb, Some(pin)).await?;
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
    let (status, counts, faults) = Dispatcher::new(cx.clone()).run().await?;
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
}

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
        }
    }

    async fn run(mut self) -> Result<(RunStatus, Counts, Vec<(Option<Address>, Fault)>), Fault> {
        loop {
            self.begin_ready();
            let Some(joined) = self.running.join_next().await else {
                break;
            };
            let (at, since, result) =
                joined.map_err(|error| Fault::internal(format!("a step ended: {error}")))?;
            self.ended(at, since, result).await?;
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
        Ok((status, self.counts, self.faults))
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
