//! One step of a run: look again, decide, apply, verify, write down.
//!
//! The plan was made before anything changed. A step that is to do something looks at the machine
//! once more when its turn comes, with the outputs of the steps before it, and the same pure decision
//! is taken again on what is there now. So does a step that the plan leaves alone because of what an
//! earlier one was foreseen to leave behind.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use krun_model::{
    Address, Change, Digest, Entry, Event, Fault, FaultCode, History, Outputs, Plan, Reason, RunId,
    Runbook, Step,
    kind::{ApplyCx, Check, CheckCx, Kind, Kinds, UndoClass},
    plan::{DiffLine, PlannedStep},
};
use krun_plan::{
    Graph, Observation, Observed, Options, act_key, decide_step, keeps_to, undo_class,
};

use crate::{
    Session,
    events::StepProgress,
    host::JournaledHost,
    in_hand::{InHand, Limit},
    observe::{self, Known},
    probe,
    remembered::Remembered,
    skipped,
    verify::{settles, verify},
};

/// Everything that the steps of one run share.
pub(crate) struct RunCx {
    pub(crate) session: Session,
    pub(crate) run: RunId,
    pub(crate) runbook: Runbook,
    pub(crate) kinds: Kinds,
    pub(crate) plan: Plan,
    pub(crate) graph: Graph,
    pub(crate) options: Options,
    /// Steps whose plan rests on what was not there yet.
    pub(crate) foreseen: BTreeSet<Address>,
    /// Whether nothing else may be done than the plan says.
    pub(crate) exact: bool,
    /// Whether what can't be taken back was agreed to, though no plan showed it.
    pub(crate) agreed: bool,
    /// Whether a step has failed, so that nothing more is taken down.
    pub(crate) failed: AtomicBool,
    /// One at a time restarts, by group: the dispatcher holds back those that are planned, this
    /// those that turn out to be restarts.
    pub(crate) groups: HashMap<String, tokio::sync::Mutex<()>>,
    pub(crate) state: Mutex<State>,
}

/// What the steps of a run have found out so far.
#[derive(Default)]
pub(crate) struct State {
    pub(crate) observed: Observed,
    pub(crate) known: Known,
    /// What was really done, by step.
    pub(crate) done: BTreeMap<Address, Change>,
}

/// How a step ended.
#[derive(Debug)]
pub(crate) struct StepEnd {
    pub(crate) change: Change,
    pub(crate) reason: Reason,
    pub(crate) outputs: Outputs,
}

impl RunCx {
    /// What is known now. Who also needs the ledger's history takes this first: in the other order two
    /// steps can wait for each other for ever.
    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// One attempt to bring a step about.
    pub(crate) async fn attempt(&self, at: usize, limit: &Limit) -> Result<StepEnd, Fault> {
        let step = &self.runbook.steps[at];
        let planned = &self.plan.steps[at];
        let kind = observe::kind_of(&self.kinds, step)?;
        if let Some(reason) = self.skip(step)? {
            if self.exact && !keeps_to(planned, Change::NoOp, &[]) {
                return Err(not_agreed(planned, Change::NoOp, &reason));
            }
            return Ok(StepEnd {
                change: Change::NoOp,
                reason,
                outputs: Outputs::new(),
            });
        }
        let stands = !planned.reason.is_skip() && !self.foreseen.contains(&step.address);
        if planned.change == Change::NoOp && stands {
            return self.leave_alone(step, planned).await;
        }
        let args = observe::resolve(step, &self.state().known).map_err(|_| {
            Fault::internal("an argument is not known though all earlier steps are done")
                .at(&step.address)
        })?;
        let look = async {
            let machine = &*self.session.machine;
            Ok(observe::look(&self.session, machine, kind, step, &args).await)
        };
        let seen = limit.finish(&InHand::default(), look).await?;
        let (change, reason, diff) = self.decide_again(step, &seen)?;
        if self.exact && !keeps_to(planned, change, &diff) {
            return Err(not_agreed(planned, change, &reason));
        }
        self.refuse_unasked(step, planned, change, &reason, &diff)?;
        if change == Change::NoOp {
            let outputs = observe::outputs(&self.session, &step.address, &seen).unwrap_or_default();
            self.remember(step, &args, &seen, Change::NoOp, &outputs)
                .await?;
            return Ok(StepEnd {
                change,
                reason,
                outputs,
            });
        }
        let acted = self.act(step, kind, &args, (change, &reason), limit);
        let outputs = acted.await?;
        self.remember(step, &args, &seen, change, &outputs).await?;
        Ok(StepEnd {
            change,
            reason,
            outputs,
        })
    }

    /// Why the step is not done, if it is not, now that those before it are done.
    fn skip(&self, step: &Step) -> Result<Option<Reason>, Fault> {
        let mut state = self.state();
        let state = &mut *state;
        let left_out = &mut state.observed.left_out;
        match skipped::why(step, &state.known, left_out) {
            Ok(Some(reason)) => {
                if !reason.is_choice() {
                    state.known.remove(&step.address);
                }
                left_out.insert(step.address.clone(), reason.clone());
                Ok(Some(reason))
            }
            Ok(None) => {
                left_out.remove(&step.address);
                Ok(None)
            }
            Err(Observation::Failed(fault)) => Err(fault),
            Err(open) => Err(Fault::internal(format!(
                "a condition is open though all earlier steps are done: {open:?}"
            ))
            .at(&step.address)),
        }
    }

    /// A step that the plan leaves alone: what was seen of it stands.
    async fn leave_alone(&self, step: &Step, planned: &PlannedStep) -> Result<StepEnd, Fault> {
        let (outputs, seen) = {
            let state = self.state();
            let seen = state.observed.steps.get(&step.address).cloned();
            let outputs = match (state.known.get(&step.address), &seen) {
                (Some(outputs), _) => outputs.clone(),
                (None, Some(Observation::Proof { .. })) => {
                    observe::remembered(&self.session, &step.address)
                }
                (None, _) => Outputs::new(),
            };
            (outputs, seen)
        };
        if let Some(seen @ Observation::State { .. }) = &seen {
            let args = observe::resolve(step, &self.state().known).unwrap_or_default();
            self.remember(step, &args, seen, Change::NoOp, &outputs)
                .await?;
        }
        Ok(StepEnd {
            change: Change::NoOp,
            reason: planned.reason.clone(),
            outputs,
        })
    }

    /// Takes the plan's decision once more, on what is there now.
    fn decide_again(
        &self,
        step: &Step,
        seen: &Observation,
    ) -> Result<(Change, Reason, Vec<DiffLine>), Fault> {
        let still_unknown = |why: &str| {
            Fault::new(FaultCode::Conflict, "this step can't be done yet")
                .at(&step.address)
                .because(why)
                .hint("Let it come after the step that makes what it needs (`after:`).")
        };
        match seen {
            Observation::Failed(fault) => return Err(fault.clone()),
            Observation::State {
                check: Check::Unknown { why, .. },
                ..
            } => {
                return Err(still_unknown(why));
            }
            Observation::Once {
                incarnation: None, ..
            } => {
                return Err(still_unknown("what it is done to is not there"));
            }
            _ => {}
        }
        let mut state = self.state();
        state
            .observed
            .steps
            .insert(step.address.clone(), seen.clone());
        let history = self.session.ledger.history();
        Ok(decide_step(
            step,
            &self.graph,
            &state.observed,
            &state.done,
            &history,
            self.options,
        ))
    }

    /// A plan that was agreed to did not show that something can't be taken back: nobody was asked.
    fn refuse_unasked(
        &self,
        step: &Step,
        planned: &PlannedStep,
        change: Change,
        reason: &Reason,
        diff: &[DiffLine],
    ) -> Result<(), Fault> {
        let asked = planned.change.is_change() && planned.undo == UndoClass::Irreversible;
        if self.agreed || asked || !change.is_change() {
            return Ok(());
        }
        let undo = {
            let state = self.state();
            let history = self.session.ledger.history();
            undo_class(step, &self.kinds, &state.observed, &history, change, diff)
        };
        if undo != UndoClass::Irreversible {
            return Ok(());
        }
        let what = "this step can't be taken back, which was not known when the run began";
        Err(Fault::new(FaultCode::NeedsConfirmation, what)
            .at(&step.address)
            .because(reason)
            .hint("Run the same command again: now that it is known, it is asked for.")
            .hint("Or say yes beforehand with `--yes`."))
    }

    /// Applies or proves, and verifies.
    async fn act(
        &self,
        step: &Step,
        kind: &Kind,
        args: &serde_json::Value,
        (change, reason): (Change, &Reason),
        limit: &Limit,
    ) -> Result<Outputs, Fault> {
        let _turn = self.restart_turn(step, change).await;
        if change == Change::Restart && self.failed.load(Ordering::SeqCst) {
            return Err(Fault::new(FaultCode::Cancelled, "not restarted")
                .at(&step.address)
                .because("another step has failed"));
        }
        self.session.events.send(Event::StepStarted {
            step: step.address.clone(),
            change,
            reason: reason.clone(),
        });
        let progress = StepProgress {
            step: step.address.clone(),
            events: self.session.events.clone(),
        };
        let remembered = Remembered::of(&self.session, &step.address);
        let me = remembered.told(&self.session, &step.address, args);
        let host = JournaledHost {
            session: &self.session,
            run: self.run,
            step: &step.address,
            in_hand: InHand::default(),
        };
        let apply = ApplyCx {
            step: me,
            host: &host,
            change,
            progress: &progress,
        };
        if !matches!(kind, Kind::Proof(_)) {
            self.started(step, change, reason).await?;
        }
        let work = self.apply(step, kind, args, &apply);
        let outputs = limit.finish(&host.in_hand, work).await?;
        probe::settle_late(&self.session, &step.address).await?;
        Ok(outputs)
    }

    async fn apply(
        &self,
        step: &Step,
        kind: &Kind,
        args: &serde_json::Value,
        apply: &ApplyCx<'_>,
    ) -> Result<Outputs, Fault> {
        match kind {
            Kind::Proof(kind) => {
                let cx = CheckCx {
                    step: apply.step,
                    host: &*self.session.machine,
                    progress: apply.progress,
                };
                kind.prove(&cx).await
            }
            Kind::Once(kind) => kind.apply(apply).await,
            Kind::State(state) => {
                let outputs = state.apply(apply).await?;
                let settles = {
                    let declared = &self.state().observed.declared;
                    declared.get(&step.address).is_some_and(settles)
                };
                verify(&self.session, step, kind, args, settles, apply.host).await?;
                Ok(outputs)
            }
        }
    }

    async fn restart_turn(
        &self,
        step: &Step,
        change: Change,
    ) -> Option<tokio::sync::MutexGuard<'_, ()>> {
        if change != Change::Restart {
            return None;
        }
        let group = self
            .state()
            .observed
            .declared
            .get(&step.address)?
            .restart_group
            .clone()?;
        Some(self.groups.get(&group)?.lock().await)
    }

    async fn started(&self, step: &Step, change: Change, reason: &Reason) -> Result<(), Fault> {
        let entry = Entry::StepStarted {
            step: step.address.clone(),
            kind: step.kind.clone(),
            change,
            reason: reason.clone(),
            after: edges_to_started(&self.session.ledger.history(), &self.runbook, step),
        };
        self.session
            .ledger
            .append(self.run, entry, false)
            .await
            .map(drop)
    }

    /// Writes down what a step said, unless the journal says the same already.
    async fn remember(
        &self,
        step: &Step,
        args: &serde_json::Value,
        seen: &Observation,
        change: Change,
        outputs: &Outputs,
    ) -> Result<(), Fault> {
        let kind = observe::kind_of(&self.kinds, step)?;
        let inputs = observe::inputs(kind, step, args);
        let key: Option<Digest> = match seen {
            Observation::Once {
                incarnation: Some(incarnation),
                ..
            } => Some(act_key(&inputs, incarnation)),
            Observation::Proof { .. } => Some(inputs),
            _ => None,
        };
        if change == Change::NoOp {
            let history = self.session.ledger.history();
            let same = history.steps.get(&step.address).is_some_and(|memory| {
                memory.inputs == inputs
                    && (key.is_some()
                        || memory.outputs == *outputs && history.same_process(&step.address))
            });
            if same || key.is_some() {
                return Ok(());
            }
        }
        let entry = Entry::StepDone {
            step: step.address.clone(),
            kind: step.kind.clone(),
            change,
            inputs,
            key,
            outputs: outputs.clone(),
        };
        self.session
            .ledger
            .append(self.run, entry, false)
            .await
            .map(drop)
    }
}

/// A step of an agreed plan that turns out to be something else.
fn not_agreed(planned: &PlannedStep, change: Change, reason: &Reason) -> Fault {
    Fault::new(FaultCode::PlanStale, "this is not what was agreed to")
        .at(&planned.address)
        .because(format!(
            "the plan says {} ({}), and now it is {} ({reason})",
            planned.change.word(),
            planned.reason,
            change.word()
        ))
        .hint("Find out what changed it meanwhile, then make a new plan of what is left.")
}

/// The nearest earlier steps that ever began: edges over steps that never did are kept.
pub(crate) fn edges_to_started(history: &History, runbook: &Runbook, step: &Step) -> Vec<Address> {
    let mut edges = BTreeSet::new();
    let mut open: Vec<&Address> = step.after.iter().collect();
    let mut seen = std::collections::HashSet::new();
    while let Some(address) = open.pop() {
        if !seen.insert(address) {
            continue;
        }
        if history.after.contains_key(address) {
            edges.insert(address.clone());
        } else if let Some(step) = runbook.step(address) {
            open.extend(&step.after);
        }
    }
    edges.into_iter().collect()
}
