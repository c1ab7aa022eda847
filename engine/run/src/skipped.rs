//! Steps that are not done whatever the machine is like: not chosen, their `when:` does not hold, or
//! they need what such a step would have said.
//!
//! Says why; never looks at a machine.

use std::collections::BTreeMap;

use krun_model::{Address, Fault, FaultCode, Reason, Step, condition::Verdict};
use krun_plan::Observation;

use crate::observe::{Known, resolve};

/// What comes next for a step.
pub(crate) enum Turn {
    /// It is looked at with these arguments.
    Look(serde_json::Value),
    /// It is not to be done.
    Skip(Reason),
    /// That can't be said yet, or not at all.
    Wait(Observation),
}

/// What comes next for a step, given what is known and what is left out before it.
pub(crate) fn turn(step: &Step, known: &Known, left_out: &BTreeMap<Address, Reason>) -> Turn {
    match why(step, known, left_out) {
        Ok(Some(reason)) => Turn::Skip(reason),
        Ok(None) => resolve(step, known).map_or_else(Turn::Wait, Turn::Look),
        Err(seen) => Turn::Wait(seen),
    }
}

/// Why a step is not done whatever the machine is like, if it is not: it was not chosen, its `when:`
/// does not hold, or it needs what a step that is left out would have said. An observation says what
/// that still depends on.
///
/// # Errors
/// What keeps its `when:` from being decided at all.
pub(crate) fn why(
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
