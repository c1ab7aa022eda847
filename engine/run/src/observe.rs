//! Looks at the machine for every step before anything is decided.
//!
//! Steps whose arguments are known are looked at together; an output that a look yields lets the
//! next ones be looked at. What a run leaves out is not looked at, unless others need to know what it
//! says. What steps find after changes that can be foreseen is [`foresight`](crate::foresight)'s.
//! Nothing is changed.

use std::{
    collections::{BTreeMap, BTreeSet, HashSet},
    num::NonZero,
};

use futures::{StreamExt as _, stream};
use krun_model::{
    Address, Change, Digest, Fault, Outputs, Plan, ReadHost, Reason, Runbook, Step,
    kind::{Check, CheckCx, Kind, Kinds},
};
use krun_plan::{LeftOut, Observation, Observed, inputs_digest, once_done};

use crate::{
    Session,
    events::Silent,
    overlay::{Lens, Overlay},
    remembered::Remembered,
    skipped::{self, Turn},
};

/// Outputs that are known now, by step.
pub(crate) type Known = BTreeMap<Address, Outputs>;

/// What is to be looked at, and how.
#[derive(Clone, Copy)]
pub(crate) struct Look<'a> {
    /// Whether a step will be done if it differs: only then do those after it see what it leaves.
    pub(crate) will_do: &'a (dyn Fn(&Step) -> bool + Sync),
    /// Whether digests of what was seen are wanted.
    pub(crate) remember: bool,
    /// Whether a step is not looked at if it is remembered: what it said when it was last done holds.
    pub(crate) recalls: &'a (dyn Fn(&Step) -> bool + Sync),
}

/// All that was seen.
#[derive(Default)]
pub(crate) struct Seen {
    /// Of the machine as it is or, after steps that will change it, as it will be.
    pub(crate) observed: Observed,
    /// Outputs as they are now.
    pub(crate) known: Known,
    /// Steps that were checked against what is not there yet: to be looked at again in a run.
    pub(crate) foreseen: BTreeSet<Address>,
    /// Digests of what was seen, by step, where they are wanted.
    pub(crate) digests: BTreeMap<Address, Digest>,
}

impl Seen {
    /// What keeps a step from being looked at: a step that has not said what it needs to know.
    fn waits_for(&self, step: &Address) -> Option<&Address> {
        match self.observed.steps.get(step)? {
            Observation::Unresolved { waits_for, .. }
            | Observation::Undecided { waits_for, .. } => Some(waits_for),
            _ => None,
        }
    }

    fn is_proof(&self, step: &Address) -> bool {
        let seen = self.observed.steps.get(step);
        matches!(seen, Some(Observation::Proof { .. }))
    }

    /// Whether a step waits for what a proof says.
    pub(crate) fn waits_for_proofs(&self) -> bool {
        let waited_for = self
            .observed
            .steps
            .keys()
            .filter_map(|at| self.waits_for(at));
        waited_for.into_iter().any(|at| self.is_proof(at))
    }
}

/// A step's arguments, or what they wait for.
pub(crate) fn resolve(step: &Step, known: &Known) -> Result<serde_json::Value, Observation> {
    let lookup = |address: &Address, name: &str| known.get(address)?.get(name).cloned();
    let mut args = serde_json::Map::new();
    for (name, value) in &step.args {
        let value =
            value
                .resolve(&lookup)
                .map_err(|(address, output)| Observation::Unresolved {
                    waits_for: address.clone(),
                    output: output.to_owned(),
                })?;
        args.insert(name.clone(), value);
    }
    Ok(args.into())
}

/// The digest of what a step is asked to do.
pub(crate) fn inputs(kind: &Kind, step: &Step, args: &serde_json::Value) -> Digest {
    match (kind, args) {
        (Kind::Once(kind), serde_json::Value::Object(args)) => {
            let mut args = args.clone();
            args.retain(|name, _| !kind.ways().contains(&name.as_str()));
            inputs_digest(&step.kind, &args.into())
        }
        _ => inputs_digest(&step.kind, args),
    }
}

/// Looks at one step, on the machine as `host` shows it.
pub(crate) async fn look(
    session: &Session,
    host: &dyn ReadHost,
    kind: &Kind,
    step: &Step,
    args: &serde_json::Value,
) -> Observation {
    let inputs = inputs(kind, step, args);
    let remembered = Remembered::of(session, &step.address);
    let cx = CheckCx {
        step: remembered.told(session, &step.address, args),
        host,
        progress: &Silent,
    };
    let seen = match kind {
        Kind::State(kind) => kind
            .check(&cx)
            .await
            .map(|check| Observation::State { check, inputs }),
        Kind::Once(kind) => kind
            .incarnation(&cx)
            .await
            .map(|incarnation| Observation::Once {
                incarnation,
                inputs,
            }),
        Kind::Proof(_) => Ok(Observation::Proof { inputs }),
    };
    seen.unwrap_or_else(Observation::Failed)
}

/// How the name of a secret begins where its value stood.
const CONCEALED: &str = "(secret ";

/// What a look at a step would have found when it was last done, if it was done with these arguments and said
/// nothing that is concealed in the journal.
fn recall(
    session: &Session,
    kind: &Kind,
    step: &Step,
    args: &serde_json::Value,
) -> Option<Observation> {
    let Kind::State(_) = kind else {
        return None;
    };
    let inputs = inputs(kind, step, args);
    let history = session.ledger.history();
    let memory = history.steps.get(&step.address)?;
    let said = serde_json::to_string(&memory.outputs).ok()?;
    if memory.inputs != inputs || said.contains(CONCEALED) {
        return None;
    }
    Some(Observation::State {
        check: Check::Satisfied(memory.outputs.clone()),
        inputs,
    })
}

/// What a look says a step's outputs are, if it says so.
pub(crate) fn outputs(session: &Session, address: &Address, seen: &Observation) -> Option<Outputs> {
    match seen {
        Observation::State {
            check: Check::Satisfied(outputs),
            ..
        } => Some(outputs.clone()),
        Observation::Once {
            incarnation,
            inputs,
        } => {
            let history = session.ledger.history();
            let memory = history.steps.get(address);
            once_done(memory, incarnation.as_ref(), inputs).map(|done| done.outputs.clone())
        }
        _ => None,
    }
}

/// Looks at all steps but those that are left out.
pub(crate) async fn observe(
    session: &Session,
    runbook: &Runbook,
    kinds: &Kinds,
    left_out: LeftOut,
    how: Look<'_>,
) -> Result<Seen, Fault> {
    let mut seen = Seen::default();
    let is_looked_at = |step: &Step| {
        let address = &step.address;
        !left_out.steps.contains_key(address) || left_out.looked_at.contains(address)
    };
    session.have_secrets(runbook, kinds, is_looked_at).await?;
    let LeftOut {
        mut steps,
        looked_at,
    } = left_out;
    // Only once they were looked at is it clear that they don't say something.
    let for_outputs: BTreeMap<_, _> = looked_at
        .iter()
        .filter_map(|address| steps.remove_entry(address))
        .collect();
    seen.observed.left_out = steps;
    for step in &runbook.steps {
        let kind = kind_of(kinds, step)?.common();
        let declared = kind.declare(&step.address, session.ledger.id(), &step.args)?;
        seen.observed
            .declared
            .insert(step.address.clone(), declared);
    }
    let open = runbook.steps.iter().collect();
    look_at(session, kinds, open, for_outputs, how, &mut seen).await?;
    Ok(seen)
}

/// Takes over what proofs that need not run again said when they ran, and looks at the steps that
/// waited for it; whether there were any.
pub(crate) async fn observe_behind_proofs(
    session: &Session,
    runbook: &Runbook,
    kinds: &Kinds,
    how: Look<'_>,
    plan: &Plan,
    seen: &mut Seen,
) -> Result<bool, Fault> {
    let is_waiting = |step: &&Step| seen.waits_for(&step.address).is_some();
    let open: Vec<&Step> = runbook.steps.iter().filter(is_waiting).collect();
    let waited_for: HashSet<&Address> = open
        .iter()
        .filter_map(|step| seen.waits_for(&step.address))
        .collect();
    let stand: Vec<&Address> = plan
        .steps
        .iter()
        .filter(|step| step.change == Change::NoOp && !step.reason.is_skip())
        .map(|step| &step.address)
        .filter(|at| waited_for.contains(at) && seen.is_proof(at))
        .filter(|at| !seen.known.contains_key(*at))
        .collect();
    if stand.is_empty() {
        return Ok(false);
    }
    for proof in stand {
        let said = remembered(session, proof);
        seen.known.insert(proof.clone(), said);
    }
    look_at(session, kinds, open, BTreeMap::new(), how, seen).await?;
    Ok(true)
}

/// What a step said when it was last done.
pub(crate) fn remembered(session: &Session, step: &Address) -> Outputs {
    let history = session.ledger.history();
    let memory = history.steps.get(step);
    memory
        .map(|memory| memory.outputs.clone())
        .unwrap_or_default()
}

/// Looks at some steps, which stand in an order of dependencies. `for_outputs` are those that a run
/// leaves out, with why, and that are looked at only for what they say.
async fn look_at<'a>(
    session: &Session,
    kinds: &'a Kinds,
    mut open: Vec<&'a Step>,
    mut for_outputs: BTreeMap<Address, Reason>,
    how: Look<'_>,
    seen: &mut Seen,
) -> Result<(), Fault> {
    let run = session.ledger.history().next_run();
    let nothing_foreseen = &Overlay::default();
    loop {
        let mut looks = Vec::new();
        let mut waiting = Vec::new();
        let observed = &mut seen.observed;
        for step in open {
            match skipped::turn(step, &seen.known, &observed.left_out) {
                Turn::Look(args) => looks.push((step, kind_of(kinds, step)?, args)),
                Turn::Wait(found) => {
                    observed.steps.insert(step.address.clone(), found);
                    waiting.push(step);
                }
                Turn::Skip(reason) => {
                    observed.steps.remove(&step.address);
                    observed.left_out.insert(step.address.clone(), reason);
                }
            }
        }
        if looks.is_empty() && for_outputs.is_empty() {
            return Ok(());
        }
        if looks.is_empty() {
            observed.left_out.append(&mut for_outputs);
        }
        let look = |(step, kind, args): (&'a Step, &'a Kind, serde_json::Value)| async move {
            let lens = Lens::new(session, nothing_foreseen, run, &step.address, how.remember);
            let recalled = (how.recalls)(step).then(|| recall(session, kind, step, &args));
            let found = match recalled.flatten() {
                Some(found) => found,
                None => look(session, &lens, kind, step, &args).await,
            };
            (step, found, lens.seen())
        };
        for (step, found, digest) in all(looks, look).await {
            if let Some(outputs) = outputs(session, &step.address, &found) {
                seen.known.insert(step.address.clone(), outputs);
            }
            if let Some((address, reason)) = for_outputs.remove_entry(&step.address) {
                seen.observed.left_out.insert(address, reason);
            }
            seen.digests
                .extend(digest.map(|digest| (step.address.clone(), digest)));
            seen.observed.steps.insert(step.address.clone(), found);
        }
        open = waiting;
    }
}

/// More looks than this are shared out among threads: each is little, all are much.
const MANY: usize = 1_000;
/// As many looks as one thread has under way: so many have their state in memory.
const TOGETHER: usize = 4_000;

/// Does all looks at the same time; what they yield is in the order of what is looked at.
pub(crate) async fn all<I, T, F>(mut of: Vec<I>, look: impl Fn(I) -> F + Sync) -> Vec<T>
where
    I: Send,
    T: Send,
    F: Future<Output = T> + Send,
{
    let look = &look;
    let together = async |part: Vec<I>| -> Vec<T> {
        stream::iter(part)
            .map(look)
            .buffered(TOGETHER)
            .collect()
            .await
    };
    let threads = std::thread::available_parallelism().map_or(1, NonZero::get);
    if of.len() < MANY || threads == 1 {
        return together(of).await;
    }
    let share = of.len().div_ceil(threads);
    let runtime = &tokio::runtime::Handle::current();
    let together = &together;
    std::thread::scope(|scope| {
        let mut running = vec![];
        while !of.is_empty() {
            let rest = of.split_off(share.min(of.len()));
            let part = std::mem::replace(&mut of, rest);
            running.push(scope.spawn(move || runtime.block_on(together(part))));
        }
        let done = running.into_iter().map(|thread| thread.join());
        done.flat_map(|part| part.unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
            .collect()
    })
}

/// The kind of a step; that there is one was found at check.
pub(crate) fn kind_of<'a>(kinds: &'a Kinds, step: &Step) -> Result<&'a Kind, Fault> {
    kinds
        .get(&step.kind)
        .ok_or_else(|| Fault::internal(format!("no kind `{}`", step.kind)).at(&step.address))
}
