//! What a run would do to each step, and why.

use std::collections::{BTreeMap, BTreeSet};

use krun_model::{
    Address, Change, Digest, Effect, Fault, History, Plan, Reason, Runbook, Step, Target,
    history::{AdoptedMemory, StepMemory},
    journal::Seq,
    kind::{Check, Declared, Kind, Kinds, UndoClass},
    plan::{DiffLine, PlannedGate, PlannedStep, notes},
};

use crate::{Graph, Observation, Observed, inputs::act_key, orphaned, prune::steps_of};

/// What the user asked for beside the runbook.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options {
    /// Run every proof.
    pub prove: bool,
}

/// What a whole run would do.
pub fn decide(
    runbook: &Runbook,
    kinds: &Kinds,
    observed: &Observed,
    history: &History,
    options: Options,
) -> Plan {
    let mut planned = BTreeMap::new();
    // Only proofs ask for it.
    let proves = |seen: &Observation| matches!(seen, Observation::Proof { .. });
    let graph = if observed.steps.values().any(proves) {
        Graph::of_runbook(runbook)
    } else {
        Graph::default()
    };
    let steps: Vec<_> = runbook
        .steps
        .iter()
        .map(|step| {
            let (change, reason, diff) =
                decide_step(step, &graph, observed, &planned, history, options);
            let change = announced(kinds.get(&step.kind), change, &reason);
            planned.insert(step.address.clone(), change);
            let undo = undo_class(step, kinds, observed, history, change, &diff);
            PlannedStep {
                address: step.address.clone(),
                kind: step.kind.clone(),
                phase: step
                    .phase
                    .and_then(|at| runbook.phases.get(at))
                    .map(|p| p.title.clone()),
                change,
                reason,
                diff,
                undo,
                notes: match observed.steps.get(&step.address) {
                    Some(Observation::State {
                        check: Check::Satisfied(outputs),
                        ..
                    }) => notes(outputs),
                    _ => vec![],
                },
            }
        })
        .collect();
    Plan {
        left_behind: left_behind(&steps, history),
        steps,
        orphans: steps_of(&orphaned(runbook, &observed.declared, history)),
        prune: false,
        reconciled: vec![],
        gates: runbook
            .gates
            .iter()
            .map(|gate| PlannedGate {
                name: gate.name.clone(),
                steps: gate.steps,
                checkpoint: gate.checkpoint,
            })
            .collect(),
    }
}

/// What is said of a step of which more is known only later: that, at least, its kind tells.
fn announced(kind: Option<&Kind>, change: Change, reason: &Reason) -> Change {
    match (kind, reason) {
        (Some(Kind::Proof(_)), Reason::KnownAfterApply(_)) => Change::Prove,
        (Some(Kind::Once(_)), Reason::KnownAfterApply(_)) => Change::Act,
        _ => change,
    }
}

/// Steps that the runbook skips now, not the user, and of which effects are still there.
fn left_behind(steps: &[PlannedStep], history: &History) -> Vec<Address> {
    let skipped = |step: &&PlannedStep| step.reason.is_skip() && !step.reason.is_choice();
    let mut skipped = steps.iter().filter(skipped).peekable();
    if skipped.peek().is_none() {
        return vec![];
    }
    let done: BTreeSet<_> = history.effects.iter().map(|effect| &effect.step).collect();
    skipped
        .map(|step| &step.address)
        .filter(|address| done.contains(address))
        .cloned()
        .collect()
}

/// What a rollback can do about what is done to a step. A change that can't be taken back by itself
/// goes with the topic that it is made to, if krun created that. A process that krun did not start,
/// once ended, can't be given back.
pub fn undo_class(
    step: &Step,
    kinds: &Kinds,
    observed: &Observed,
    history: &History,
    change: Change,
    diff: &[DiffLine],
) -> UndoClass {
    let ends = matches!(change, Change::Restart | Change::Delete);
    if ends && history.adopted.contains_key(&step.address) {
        return UndoClass::Irreversible;
    }
    let class = kinds.get(&step.kind).map_or(UndoClass::Nothing, |kind| {
        kind.common().undo_of(change, diff)
    });
    let writes = observed.declared.get(&step.address).map(|d| &d.writes);
    let created = writes.into_iter().flatten().any(|target| {
        matches!(target, Target::Topic(_))
            && history
                .effects
                .iter()
                .find(|memory| memory.effect.target().is_same(target))
                .is_some_and(|first| matches!(first.effect, Effect::CreateTopic { .. }))
    });
    match (class, change) {
        (UndoClass::Irreversible, Change::Update) if created => UndoClass::Contained,
        (class, _) => class,
    }
}

/// The looks that failed though nothing that comes before them will change: these end a run before
/// anything is done.
pub fn failures<'a>(
    runbook: &'a Runbook,
    observed: &'a Observed,
    plan: &Plan,
) -> Vec<(&'a Address, &'a Fault)> {
    let mut failed = observed
        .steps
        .iter()
        .filter_map(|(address, seen)| match seen {
            Observation::Failed(fault) => Some((address, fault)),
            _ => None,
        })
        .filter(|(address, _)| !observed.left_out.contains_key(*address))
        .peekable();
    if failed.peek().is_none() {
        return vec![];
    }
    let graph = Graph::of_runbook(runbook);
    let changing: BTreeSet<_> = plan
        .steps
        .iter()
        .filter(|s| s.change.is_change())
        .map(|s| &s.address)
        .collect();
    failed
        .filter(|(address, _)| {
            graph.ancestors(address).iter().all(|ancestor| {
                !changing.contains(*ancestor)
                    || matches!(observed.steps.get(*ancestor), Some(Observation::Failed(_)))
            })
        })
        .collect()
}

/// What would be done to one step, given what is done to those before it.
pub fn decide_step(
    step: &Step,
    graph: &Graph,
    observed: &Observed,
    before: &BTreeMap<Address, Change>,
    history: &History,
    options: Options,
) -> (Change, Reason, Vec<DiffLine>) {
    if let Some(reason) = observed.left_out.get(&step.address) {
        return (Change::NoOp, reason.clone(), vec![]);
    }
    let memory = history.steps.get(&step.address);
    match observed.steps.get(&step.address) {
        Some(Observation::State { check, .. }) => {
            let declared = observed.declared.get(&step.address);
            decide_state(step, check, declared, observed, before, history)
        }
        Some(Observation::Once {
            incarnation,
            inputs,
        }) => {
            let (change, reason) = decide_once(memory, incarnation.as_ref(), inputs);
            (change, reason, vec![])
        }
        Some(Observation::Proof { inputs }) => {
            let (change, reason) =
                decide_proof(step, memory, inputs, graph, before, history, options);
            (change, reason, vec![])
        }
        Some(Observation::Unresolved { waits_for, output }) => {
            let why = format!("`{output}` of {waits_for}");
            (first_or_again(memory), Reason::KnownAfterApply(why), vec![])
        }
        Some(Observation::Undecided {
            when,
            waits_for,
            output,
        }) => {
            let why = format!("whether `when: {when}` holds: `{output}` of {waits_for}");
            (first_or_again(memory), Reason::KnownAfterApply(why), vec![])
        }
        Some(Observation::Failed(fault)) => (
            first_or_again(memory),
            Reason::KnownAfterApply(fault.to_string()),
            vec![],
        ),
        None => (
            first_or_again(memory),
            Reason::KnownAfterApply("not looked at yet".into()),
            vec![],
        ),
    }
}

fn first_or_again(memory: Option<&StepMemory>) -> Change {
    if memory.is_none() {
        Change::Create
    } else {
        Change::Update
    }
}

fn decide_state(
    step: &Step,
    check: &Check,
    declared: Option<&Declared>,
    observed: &Observed,
    before: &BTreeMap<Address, Change>,
    history: &History,
) -> (Change, Reason, Vec<DiffLine>) {
    let restart = || declared.and_then(|d| restart_reason(d, observed, before, history));
    match check {
        // A process that runs and does not serve yet may also have read what was changed since.
        Check::Drift { change, why, diff } => match restart() {
            Some(reason) if *change == Change::Update => (Change::Restart, reason, diff.clone()),
            _ => (*change, Reason::Drift(why.clone()), diff.clone()),
        },
        Check::Unknown { why, diff } => (
            first_or_again(history.steps.get(&step.address)),
            Reason::KnownAfterApply(why.clone()),
            diff.clone(),
        ),
        Check::Satisfied(_) => {
            let adopted = history.adopted.get(&step.address);
            match restart() {
                Some(reason) => (Change::Restart, reason, vec![]),
                None if adopted.is_some() => {
                    let pid = adopted.map_or(0, |adopted| adopted.running.pid);
                    (Change::NoOp, Reason::Adopted { pid }, vec![])
                }
                None if history.after.contains_key(&step.address) => {
                    (Change::NoOp, Reason::Satisfied, vec![])
                }
                None => (Change::NoOp, Reason::Found, vec![]),
            }
        }
    }
}

/// Why a process that runs with the right digest is restarted all the same: a file it read when it
/// started will be changed by this run, or was changed by krun since. (A file that was altered and
/// repaired has the right content again; what the process made of it in between, nobody knows.)
fn restart_reason(
    declared: &Declared,
    observed: &Observed,
    before: &BTreeMap<Address, Change>,
    history: &History,
) -> Option<Reason> {
    let process = declared
        .writes
        .iter()
        .find(|target| matches!(target, Target::Process(_)))?;
    for path in &declared.reads {
        let target = Target::Path(path.clone());
        let writer = before.iter().find(|(address, change)| {
            change.is_change()
                && observed
                    .declared
                    .get(*address)
                    .is_some_and(|d| d.writes.contains(&target))
        });
        if let Some((step, change)) = writer {
            return Some(Reason::Upstream {
                step: step.clone(),
                change: *change,
            });
        }
        let started = history
            .last_effect(process)
            .map(|effect| effect.seq)
            .or_else(|| Some(adopted(process, history)?.seq))
            .unwrap_or(Seq(u64::MAX));
        if let Some(changed) = history.last_effect(&target).filter(|e| e.seq > started) {
            return Some(Reason::ConfigChanged {
                path: path.to_string(),
                run: changed.run,
            });
        }
    }
    None
}

fn adopted<'a>(process: &Target, history: &'a History) -> Option<&'a AdoptedMemory> {
    let Target::Process(id) = process else {
        return None;
    };
    history.adopted.get(&id.step)
}

/// The run in which an act was done with these inputs on this incarnation.
pub fn once_done<'a>(
    memory: Option<&'a StepMemory>,
    incarnation: Option<&Digest>,
    inputs: &Digest,
) -> Option<&'a StepMemory> {
    let key = act_key(inputs, incarnation?);
    memory.filter(|memory| memory.key == Some(key))
}

fn decide_once(
    memory: Option<&StepMemory>,
    incarnation: Option<&Digest>,
    inputs: &Digest,
) -> (Change, Reason) {
    if let Some(done) = once_done(memory, incarnation, inputs) {
        return (Change::NoOp, Reason::AlreadyDone { run: done.run });
    }
    let reason = match (memory, incarnation) {
        (_, None) => Reason::KnownAfterApply("what it is done to is not there yet".into()),
        (None, Some(_)) => Reason::NeverDone,
        (Some(_), Some(_)) => Reason::KeyChanged,
    };
    (Change::Act, reason)
}

fn decide_proof(
    step: &Step,
    memory: Option<&StepMemory>,
    inputs: &Digest,
    graph: &Graph,
    before: &BTreeMap<Address, Change>,
    history: &History,
    options: Options,
) -> (Change, Reason) {
    let Some(memory) = memory else {
        return (Change::Prove, Reason::NeverProven);
    };
    if memory.key != Some(*inputs) {
        return (Change::Prove, Reason::ProofChanged);
    }
    let ancestors = graph.ancestors(&step.address);
    let changed = ancestors.iter().find_map(|a| {
        before
            .get(*a)
            .filter(|c| c.is_change())
            .map(|change| (*a, *change))
    });
    if let Some((step, change)) = changed {
        return (
            Change::Prove,
            Reason::Upstream {
                step: step.clone(),
                change,
            },
        );
    }
    let since = history
        .effects
        .iter()
        .rev()
        .find(|e| ancestors.contains(&e.step));
    if let Some(effect) = since.filter(|effect| effect.seq > memory.seq) {
        let reason = Reason::Upstream {
            step: effect.step.clone(),
            change: Change::Update,
        };
        return (Change::Prove, reason);
    }
    if options.prove {
        return (Change::Prove, Reason::Asked);
    }
    (Change::NoOp, Reason::Proven { run: memory.run })
}
