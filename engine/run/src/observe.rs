//! Looks at the machine for every step before anything is decided.
//!
//! Steps whose arguments are known are looked at together; an output that a look yields lets the
//! next ones be looked at. Then [`foresight`](crate::foresight) looks again at those that come after a
//! change that can be foreseen. Nothing is changed.

use std::{
    collections::{BTreeMap, BTreeSet},
    num::NonZero,
};

use futures::future::join_all;
use krun_model::{
    Address, Digest, Outputs, ReadHost, Runbook, Step,
    kind::{Check, CheckCx, Kind, Kinds, StepRef},
};
use krun_plan::{Observation, Observed, inputs_digest, once_done};

use crate::{
    Session,
    events::Silent,
    foresight,
    overlay::{Lens, Overlay},
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
    let (memory, unfinished) = {
        let history = session.ledger.history();
        let memory = history.steps.get(&step.address).cloned();
        (memory, history.unfinished(&step.address))
    };
    let cx = CheckCx {
        step: StepRef {
            address: &step.address,
            deployment: session.ledger.id(),
            args,
            memory: memory.as_ref(),
            unfinished: &unfinished,
        },
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

/// Looks at all steps.
pub(crate) async fn observe(
    session: &Session,
    runbook: &Runbook,
    kinds: &Kinds,
    how: Look<'_>,
) -> Result<Seen, krun_model::Fault> {
    let mut seen = Seen::default();
    for step in &runbook.steps {
        let kind = kind_of(kinds, step)?.common();
        let declared = kind.declare(&step.address, session.ledger.id(), &step.args)?;
        seen.observed
            .declared
            .insert(step.address.clone(), declared);
    }
    let run = session.ledger.history().next_run();
    let overlay = Overlay::default();
    let mut open: Vec<&Step> = runbook.steps.iter().collect();
    loop {
        let mut looks = Vec::new();
        let mut waiting = Vec::new();
        for step in open {
            match resolve(step, &seen.known) {
                Ok(args) => {
                    let kind = kind_of(kinds, step)?;
                    let lens = Lens::new(session, &overlay, run, &step.address, how.remember);
                    looks.push(async move {
                        let found = look(session, &lens, kind, step, &args).await;
                        (step, found, lens.seen())
                    });
                }
                Err(unresolved) => {
                    let steps = &mut seen.observed.steps;
                    steps.insert(step.address.clone(), unresolved);
                    waiting.push(step);
                }
            }
        }
        if looks.is_empty() {
            break;
        }
        for (step, found, digest) in all(looks).await {
            if let Some(outputs) = outputs(session, &step.address, &found) {
                seen.known.insert(step.address.clone(), outputs);
            }
            seen.digests
                .extend(digest.map(|digest| (step.address.clone(), digest)));
            seen.observed.steps.insert(step.address.clone(), found);
        }
        open = waiting;
    }
    foresight::look_ahead(session, runbook, kinds, how, &overlay, &mut seen).await?;
    Ok(seen)
}

/// More looks than this are shared out among threads: each is little, all are much.
const MANY: usize = 1_000;

/// Does all looks at the same time; what they yield is in their order.
async fn all<T: Send>(mut looks: Vec<impl Future<Output = T> + Send>) -> Vec<T> {
    let threads = std::thread::available_parallelism().map_or(1, NonZero::get);
    if looks.len() < MANY || threads == 1 {
        return join_all(looks).await;
    }
    let share = looks.len().div_ceil(threads);
    let runtime = tokio::runtime::Handle::current();
    std::thread::scope(|scope| {
        let mut running = vec![];
        while !looks.is_empty() {
            let rest = looks.split_off(share.min(looks.len()));
            let part = std::mem::replace(&mut looks, rest);
            let runtime = &runtime;
            running.push(scope.spawn(move || runtime.block_on(join_all(part))));
        }
        let done = running.into_iter().map(|thread| thread.join());
        done.flat_map(|part| part.unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
            .collect()
    })
}

/// The kind of a step; that there is one was found at check.
pub(crate) fn kind_of<'a>(kinds: &'a Kinds, step: &Step) -> Result<&'a Kind, krun_model::Fault> {
    kinds.get(&step.kind).ok_or_else(|| {
        krun_model::Fault::internal(format!("no kind `{}`", step.kind)).at(&step.address)
    })
}
