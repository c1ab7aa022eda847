//! Two steps that write one thing need an edge between them.

use std::collections::HashMap;

use krun_model::{Condition, Fault, Target, Value, kind::Kinds};

use crate::{
    diagnostic::{Diagnostic, Place},
    draft::{Draft, StepDraft},
    order::Order,
};

/// What kinds are told in place of a deployment's id, which is not known yet.
const DEPLOYMENT: &str = "<deployment>";

/// Reports arguments that a kind refuses, and writes that no edge orders.
pub(crate) fn check(draft: &mut Draft, kinds: &Kinds, order: &Order) {
    let mut writers: HashMap<Target, Vec<usize>> = HashMap::with_capacity(draft.steps.len());
    let mut found = vec![];
    for (index, step) in draft.steps.iter().enumerate() {
        let Some(kind) = kinds.get(step.kind).filter(|_| step.sound) else {
            continue;
        };
        match kind.common().declare(&step.address, DEPLOYMENT, &step.args) {
            // What is never done writes nothing: of two steps for one file, each for a case.
            Ok(_) if is_never_done(step) => {}
            Ok(declared) => {
                for target in declared.writes {
                    let writers = writers.entry(target).or_default();
                    if writers.last() != Some(&index) {
                        writers.push(index);
                    }
                }
            }
            Err(fault) => found.push(refused(step.place.clone(), &fault)),
        }
    }
    let ranks = order.ranks();
    let mut shared: Vec<_> = writers
        .into_iter()
        .filter(|(_, steps)| steps.len() > 1)
        .collect();
    shared.sort();
    for (target, mut steps) in shared {
        steps.sort_by_key(|&step| ranks[step]);
        // Neighbours suffice: if each waits for the one before, all are ordered.
        for pair in steps.windows(2) {
            if !waits_for(order, &ranks, pair[1], pair[0]) {
                let (a, b) = (pair[0].min(pair[1]), pair[0].max(pair[1]));
                found.push(conflict(&draft.steps[a], &draft.steps[b], &target));
            }
        }
    }
    found
        .into_iter()
        .for_each(|diagnostic| draft.report(diagnostic));
}

/// Whether parameters alone decide that a step is skipped.
fn is_never_done(step: &StepDraft) -> bool {
    let when = step.manner.when.as_ref().map(|when| &when.condition);
    when == Some(&Condition::Is(Value::Bool(false)))
}

/// Whether a path of edges leads back from `later` to `earlier`.
fn waits_for(order: &Order, ranks: &[usize], later: usize, earlier: usize) -> bool {
    let mut seen = std::collections::HashSet::new();
    let mut open = vec![later];
    while let Some(step) = open.pop() {
        if step == earlier {
            return true;
        }
        let near = order.before[step].iter();
        open.extend(near.filter(|edge| ranks[**edge] >= ranks[earlier] && seen.insert(**edge)));
    }
    false
}

fn conflict(a: &StepDraft, b: &StepDraft, target: &Target) -> Diagnostic {
    let message = format!(
        "`{}` and `{}` both write {target}, and neither waits for the other",
        a.address, b.address
    );
    Diagnostic::new("krun::write-conflict", b.place.clone(), message)
        .label(format!("`{}` writes it", b.address))
        .related(a.place.clone(), format!("`{}` writes it", a.address))
        .help(format!(
            "Say which comes first, such as with `after: \"{}\"` in `{}`.",
            a.address, b.address
        ))
}

fn refused(place: Place, fault: &Fault) -> Diagnostic {
    let message = match &fault.why {
        Some(why) => format!("{}: {why}", fault.what),
        None => fault.what.clone(),
    };
    let mut diagnostic = Diagnostic::new(fault.code.name(), place, message);
    if !fault.hints.is_empty() {
        diagnostic.help = Some(fault.hints.join("\n"));
    }
    diagnostic
}
