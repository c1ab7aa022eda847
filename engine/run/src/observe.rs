//! Looks at the machine for every step before anything is decided.
//!
//! Steps whose arguments are known are looked at together; an output that a look yields lets the
//! next ones be looked at. Nothing is changed.

use std::{collections::BTreeMap, num::NonZero};

use futures::future::join_all;
use krun_model::{
    Address, Digest, Outputs, Runbook, Step,
    kind::{Check, CheckCx, Kind, Kinds, StepRef},
};
use krun_plan::{Observation, Observed, inputs_digest, once_done};

use crate::{Session, events::Silent};

/// Outputs that are known now, by step.
pub(crate) type Known = BTreeMap<Address, Outputs>;

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

/// Looks at one step.
pub(crate) async fn look(
    session: &Session,
    kind: &Kind,
    step: &Step,
    args: &serde_json::Value,
) -> Observation {
    let inputs = inputs(kind, step, args);
    let memory = session.ledger.history().steps.get(&step.address).cloned();
    let cx = CheckCx {
        step: StepRef {
            address: &step.address,
            deployment: session.ledger.id(),
            args,
            memory: memory.as_ref(),
        },
        host: &*session.machine,
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
) -> Result<(Observed, Known), krun_model::Fault> {
    let mut observed = Observed::default();
    let mut known = Known::new();
    for step in &runbook.steps {
        let kind = kind_of(kinds, step)?.common();
        let declared = kind.declare(&step.address, session.ledger.id(), &step.args)?;
        observed.declared.insert(step.address.clone(), declared);
    }
    let mut open: Vec<&Step> = runbook.steps.iter().collect();
    loop {
        let mut looks = Vec::new();
        let mut waiting = Vec::new();
        for step in open {
            match resolve(step, &known) {
                Ok(args) => {
                    let kind = kind_of(kinds, step)?;
                    looks.push(async move { (step, look(session, kind, step, &args).await) });
                }
                Err(unresolved) => {
                    observed.steps.insert(step.address.clone(), unresolved);
                    waiting.push(step);
                }
            }
        }
        if looks.is_empty() {
            return Ok((observed, known));
        }
        for (step, seen) in all(looks).await {
            if let Some(outputs) = outputs(session, &step.address, &seen) {
                known.insert(step.address.clone(), outputs);
            }
            observed.steps.insert(step.address.clone(), seen);
        }
        open = waiting;
    }
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
