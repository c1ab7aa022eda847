//! Looks at the machine for every step before anything is decided.
//!
//! Steps whose arguments are known are looked at together; an output that a look yields lets the
//! next ones be looked at. What a run leaves out is not looked at, unless others need to know what it
//! says. Nothing is changed.

use std::collections::{BTreeMap, HashSet};

use futures::future::join_all;
use krun_model::{
    Address, Change, Digest, Fault, FaultCode, Outputs, Plan, Reason, Runbook, Step,
    condition::Verdict,
    kind::{Check, CheckCx, Kind, Kinds, StepRef},
};
use krun_plan::{LeftOut, Observation, Observed, inputs_digest, once_done};

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

/// Why a step is not done whatever the machine is like, if it is not: it was not chosen, its `when:`
/// does not hold, or it needs what a step that is left out would have said. An observation says what
/// that still depends on.
///
/// # Errors
/// What keeps its `when:` from being decided at all.
pub(crate) fn skip(
    step: &Step,
    known: &Known,
    left_out: &BTreeMap<Address, Reason>,
) -> Result<Option<Reason>, Observation> {
    if let Some(reason) = left_out.get(&step.address).filter(|r| r.is_choice()) {
        return Ok(Some(reason.clone()));
    }
    if let Some(reason) = unmet(step, known, left_out)? {
        return Ok(Some(reason));
    }
    if left_out.is_empty() {
        return Ok(None);
    }
    Ok(match resolve(step, known) {
        Err(Observation::Unresolved { waits_for, output }) => absent(waits_for, output, left_out),
        _ => None,
    })
}

fn absent(step: Address, output: String, left_out: &BTreeMap<Address, Reason>) -> Option<Reason> {
    left_out
        .contains_key(&step)
        .then_some(Reason::OutputAbsent { step, output })
}

/// Why a step's `when:` keeps it from being done, if it does.
fn unmet(
    step: &Step,
    known: &Known,
    left_out: &BTreeMap<Address, Reason>,
) -> Result<Option<Reason>, Observation> {
    let Some(when) = &step.manner.when else {
        return Ok(None);
    };
    let lookup = |address: &Address, name: &str| known.get(address)?.get(name).cloned();
    match when.condition.verdict(&lookup) {
        Ok(Verdict::Holds) => Ok(None),
        Ok(Verdict::Fails) => Ok(Some(Reason::WhenFalse {
            when: when.text.clone(),
            found: when.condition.facts(&lookup),
        })),
        Ok(Verdict::Open {
            step: waits_for,
            output,
        }) => match absent(waits_for.clone(), output.clone(), left_out) {
            Some(reason) => Ok(Some(reason)),
            None => Err(Observation::Undecided {
                when: when.text.clone(),
                waits_for,
                output,
            }),
        },
        Err(why) => Err(Observation::Failed(
            Fault::new(
                FaultCode::Script,
                format!("`when: {}` can't be decided", when.text),
            )
            .at(&step.address)
            .because(why)
            .evidence(when.condition.facts(&lookup)),
        )),
    }
}

/// Looks at all steps but those that are left out.
pub(crate) async fn observe(
    session: &Session,
    runbook: &Runbook,
    kinds: &Kinds,
    left_out: LeftOut,
) -> Result<(Observed, Known), Fault> {
    let LeftOut {
        mut steps,
        looked_at,
    } = left_out;
    // Only once they were looked at is it clear that they don't say something.
    let for_outputs: BTreeMap<_, _> = looked_at
        .iter()
        .filter_map(|address| steps.remove_entry(address))
        .collect();
    let mut observed = Observed {
        left_out: steps,
        ..Observed::default()
    };
    for step in &runbook.steps {
        let kind = kind_of(kinds, step)?.common();
        let declared = kind.declare(&step.address, session.ledger.id(), &step.args)?;
        observed.declared.insert(step.address.clone(), declared);
    }
    let mut known = Known::new();
    let open = runbook.steps.iter().collect();
    look_at(session, kinds, open, for_outputs, &mut observed, &mut known).await?;
    Ok((observed, known))
}

/// Takes over what proofs that need not run again said when they ran, and looks at the steps that
/// waited for it; whether there were any.
pub(crate) async fn observe_behind_proofs(
    session: &Session,
    runbook: &Runbook,
    kinds: &Kinds,
    plan: &Plan,
    observed: &mut Observed,
    known: &mut Known,
) -> Result<bool, Fault> {
    let is_waiting = |step: &&Step| waits_for(observed, step).is_some();
    let open: Vec<&Step> = runbook.steps.iter().filter(is_waiting).collect();
    let waited_for: HashSet<&Address> = open
        .iter()
        .filter_map(|step| waits_for(observed, step))
        .collect();
    let mut any = false;
    for proof in &plan.steps {
        let stands = proof.change == Change::NoOp && !proof.reason.is_skip();
        let is_proof = || {
            let seen = observed.steps.get(&proof.address);
            matches!(seen, Some(Observation::Proof { .. }))
        };
        if stands
            && waited_for.contains(&proof.address)
            && !known.contains_key(&proof.address)
            && is_proof()
        {
            known.insert(proof.address.clone(), remembered(session, &proof.address));
            any = true;
        }
    }
    if any {
        look_at(session, kinds, open, BTreeMap::new(), observed, known).await?;
    }
    Ok(any)
}

/// What a step said when it was last done.
pub(crate) fn remembered(session: &Session, step: &Address) -> Outputs {
    let history = session.ledger.history();
    let memory = history.steps.get(step);
    memory
        .map(|memory| memory.outputs.clone())
        .unwrap_or_default()
}

fn waits_for<'a>(observed: &'a Observed, step: &Step) -> Option<&'a Address> {
    match observed.steps.get(&step.address)? {
        Observation::Unresolved { waits_for, .. } | Observation::Undecided { waits_for, .. } => {
            Some(waits_for)
        }
        _ => None,
    }
}

/// Looks at some steps, which stand in an order of dependencies. `for_outputs` are those that a run
/// leaves out, with why, and that are looked at only for what they say.
async fn look_at(
    session: &Session,
    kinds: &Kinds,
    mut open: Vec<&Step>,
    mut for_outputs: BTreeMap<Address, Reason>,
    observed: &mut Observed,
    known: &mut Known,
) -> Result<(), Fault> {
    loop {
        let mut looks = Vec::new();
        let mut waiting = Vec::new();
        for step in open {
            match skip(step, known, &observed.left_out) {
                Ok(Some(reason)) => {
                    observed.steps.remove(&step.address);
                    observed.left_out.insert(step.address.clone(), reason);
                }
                Ok(None) => match resolve(step, known) {
                    Ok(args) => {
                        let kind = kind_of(kinds, step)?;
                        looks.push(async move { (step, look(session, kind, step, &args).await) });
                    }
                    Err(unresolved) => {
                        observed.steps.insert(step.address.clone(), unresolved);
                        waiting.push(step);
                    }
                },
                Err(seen) => {
                    if matches!(seen, Observation::Undecided { .. }) {
                        waiting.push(step);
                    }
                    observed.steps.insert(step.address.clone(), seen);
                }
            }
        }
        if looks.is_empty() {
            observed.left_out.append(&mut for_outputs);
            return Ok(());
        }
        for (step, seen) in join_all(looks).await {
            if let Some(outputs) = outputs(session, &step.address, &seen) {
                known.insert(step.address.clone(), outputs);
            }
            if let Some((address, reason)) = for_outputs.remove_entry(&step.address) {
                observed.left_out.insert(address, reason);
            }
            observed.steps.insert(step.address.clone(), seen);
        }
        open = waiting;
    }
}

/// The kind of a step; that there is one was found at check.
pub(crate) fn kind_of<'a>(kinds: &'a Kinds, step: &Step) -> Result<&'a Kind, krun_model::Fault> {
    kinds.get(&step.kind).ok_or_else(|| {
        krun_model::Fault::internal(format!("no kind `{}`", step.kind)).at(&step.address)
    })
}
