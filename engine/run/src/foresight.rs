//! What the steps after a change will find, before the change is made.
//!
//! Goes through the steps in order. One that differs and can be foreseen goes through its motions on
//! the [`Overlay`]; those that come after it are looked at again there, so that a plan shows what they
//! will really do. Steps that come after nothing foreseen are not looked at twice, what nothing comes
//! after is not foreseen, and what is left out foresees nothing.

use std::collections::{HashMap, HashSet};

use krun_model::{
    Address, Change, Fault, Outputs, Reason, Runbook, Step,
    kind::{ApplyCx, Check, Kind, Kinds, StepRef},
};
use krun_plan::Observation;

use crate::{
    Session,
    events::Silent,
    observe::{Known, Look, Seen, all, kind_of, look, outputs, resolve},
    overlay::{Lens, Overlay},
    remembered::Remembered,
    skipped::{self, Turn},
};

/// Looks again at every step that comes after a foreseen change.
pub(crate) async fn look_ahead<'a>(
    session: &Session,
    runbook: &'a Runbook,
    kinds: &'a Kinds,
    how: Look<'_>,
    seen: &mut Seen,
) -> Result<(), Fault> {
    let overlay = &Overlay::default();
    let run = session.ledger.history().next_run();
    let lens = |step| Lens::new(session, overlay, run, step, how.remember);
    let awaited: HashSet<&Address> = runbook.steps.iter().flat_map(|step| &step.after).collect();
    if awaited.is_empty() {
        return Ok(());
    }
    let mut known = seen.known.clone();
    let mut changed: HashSet<&Address> = HashSet::new();
    for level in levels(runbook) {
        let mut looks = Vec::new();
        for &step in &level {
            if !step.after.iter().any(|before| changed.contains(before)) {
                continue;
            }
            changed.insert(&step.address);
            let left_out = &mut seen.observed.left_out;
            if left_out.get(&step.address).is_some_and(Reason::is_choice) {
                continue;
            }
            known.remove(&step.address);
            left_out.remove(&step.address);
            let args = match skipped::turn(step, &known, left_out) {
                Turn::Look(args) => args,
                Turn::Wait(found) => {
                    seen.known.remove(&step.address);
                    seen.observed.steps.insert(step.address.clone(), found);
                    continue;
                }
                Turn::Skip(reason) => {
                    seen.known.remove(&step.address);
                    seen.observed.steps.remove(&step.address);
                    left_out.insert(step.address.clone(), reason);
                    continue;
                }
            };
            let kind = kind_of(kinds, step)?;
            looks.push((step, kind, args));
        }
        let again = |(step, kind, args): (&'a Step, &'a Kind, serde_json::Value)| async move {
            let lens = lens(&step.address);
            let found = look(session, &lens, kind, step, &args).await;
            (step, args, found, lens)
        };
        for (step, args, found, lens) in all(looks, again).await {
            let said = outputs(session, &step.address, &found);
            if let Some(outputs) = &said {
                known.insert(step.address.clone(), outputs.clone());
            }
            // What is only foreseen is no output yet. What is there now is, also where the first look
            // at it found something else: a cluster changes by itself.
            let is_foreseen = lens.saw_ahead() || resolve(step, &seen.known).ok() != Some(args);
            match said.filter(|_| !is_foreseen) {
                Some(outputs) => seen.known.insert(step.address.clone(), outputs),
                None => seen.known.remove(&step.address),
            };
            if is_foreseen {
                seen.foreseen.insert(step.address.clone());
            }
            seen.digests
                .extend(lens.seen().map(|digest| (step.address.clone(), digest)));
            seen.observed.steps.insert(step.address.clone(), found);
        }
        let awaited = level
            .iter()
            .copied()
            .filter(|step| awaited.contains(&step.address));
        let (known_now, seen_now) = (&known, &*seen);
        let ahead = |step: &'a Step| async move {
            let lens = lens(&step.address);
            let outputs = foresee(session, kinds, how, step, known_now, seen_now, &lens).await;
            (step, outputs, lens.performed())
        };
        for (step, outputs, performed) in all(awaited.collect(), ahead).await {
            if let Some(outputs) = outputs? {
                known.insert(step.address.clone(), outputs);
            }
            if performed {
                changed.insert(&step.address);
            }
        }
    }
    Ok(())
}

/// Lets a step that differs go through its motions; its outputs, where those are known then.
async fn foresee(
    session: &Session,
    kinds: &Kinds,
    how: Look<'_>,
    step: &Step,
    known: &Known,
    seen: &Seen,
    lens: &Lens<'_>,
) -> Result<Option<Outputs>, Fault> {
    let is_left_out = seen.observed.left_out.contains_key(&step.address);
    let drift = drift(step, known, seen).filter(|_| !is_left_out && (how.will_do)(step));
    let Some((change, args)) = drift else {
        return Ok(None);
    };
    let Kind::State(kind) = kind_of(kinds, step)? else {
        return Ok(None);
    };
    let remembered = Remembered::of(session, &step.address);
    let cx = ApplyCx {
        step: StepRef {
            unfinished: &[],
            ..remembered.told(session, &step.address, &args)
        },
        host: lens,
        change,
        progress: &Silent,
    };
    // What can't be foreseen is no reason to plan nothing: the step itself will say what is wrong.
    Ok(kind.foresee(&cx).await.ok().flatten())
}

/// What a step will do, where that is known.
fn drift(step: &Step, known: &Known, seen: &Seen) -> Option<(Change, serde_json::Value)> {
    match seen.observed.steps.get(&step.address) {
        Some(Observation::State {
            check: Check::Drift { change, .. },
            ..
        }) => Some((*change, resolve(step, known).ok()?)),
        _ => None,
    }
}

/// The steps by how many come before them at most: those of one level don't depend on one another.
fn levels(runbook: &Runbook) -> Vec<Vec<&Step>> {
    let mut level_of: HashMap<&Address, usize> = HashMap::new();
    let mut levels: Vec<Vec<&Step>> = Vec::new();
    for step in &runbook.steps {
        let before = step.after.iter().filter_map(|before| level_of.get(before));
        let level = before.max().map_or(0, |level| level + 1);
        level_of.insert(&step.address, level);
        if levels.len() <= level {
            levels.resize_with(level + 1, Vec::new);
        }
        if let Some(steps) = levels.get_mut(level) {
            steps.push(step);
        }
    }
    levels
}
