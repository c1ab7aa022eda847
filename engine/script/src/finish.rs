//! From a draft to a runbook: what can only be checked once the whole script was read.

use std::sync::Arc;

use krun_model::{
    Digest, Runbook, Step,
    kind::Kinds,
    names::{listed, nearest},
    runbook::{Gate, SourceFile},
};

use crate::{
    condition, conflicts,
    diagnostic::Diagnostic,
    draft::{Draft, StepDraft},
    header, moved,
    order::Order,
};

/// Checks a draft as a whole, and makes it a runbook where nothing is wrong.
pub(crate) fn finish(draft: &mut Draft, kinds: &Kinds) -> Option<Runbook> {
    check_given(draft);
    condition::report_unused(draft);
    let order = Order::of(draft)?;
    conflicts::check(draft, kinds, &order);
    moved::check(draft);
    header::check_policy(draft);
    if draft.is_wrong() {
        return None;
    }
    let header = draft.header.take()?;
    let addresses: Vec<_> = draft
        .steps
        .iter()
        .map(|step| step.address.clone())
        .collect();
    let mut steps: Vec<_> = std::mem::take(&mut draft.steps)
        .into_iter()
        .map(Some)
        .collect();
    let gates = gates(draft, &steps);
    let mut ordered = Vec::with_capacity(steps.len());
    for index in order.sequence {
        let Some(step) = steps[index].take() else {
            continue;
        };
        let before = order.before[index].iter();
        let mut after: Vec<_> = before.map(|&edge| addresses[edge].clone()).collect();
        after.sort();
        ordered.push(Step {
            span: step.span(),
            address: step.address,
            kind: step.kind.to_owned(),
            args: Arc::unwrap_or_clone(step.args),
            after,
            manner: step.manner,
            doc: step.doc,
            phase: step.phase,
        });
    }
    Some(Runbook {
        name: header.name,
        version: header.version,
        summary: header.summary,
        doc: header.doc,
        params: std::mem::take(&mut draft.params),
        values: std::mem::take(&mut draft.values),
        phases: std::mem::take(&mut draft.phases),
        gates,
        moved: moved::finish(draft),
        on_failure: header.on_failure,
        secrets: std::mem::take(&mut draft.secrets)
            .into_iter()
            .map(|(spec, _)| spec)
            .collect(),
        steps: ordered,
        sources: sources(draft),
    })
}

/// Each gate with the number of steps before it. Steps that were declared before a gate stand before
/// it in the order of dependencies too.
fn gates(draft: &mut Draft, steps: &[Option<StepDraft>]) -> Vec<Gate> {
    let mut gates = std::mem::take(&mut draft.gates);
    let mut counts = vec![0; gates.len() + 1];
    for step in steps.iter().flatten() {
        counts[step.gate] += 1;
    }
    let mut before = 0;
    for (gate, count) in gates.iter_mut().zip(counts) {
        before += count;
        gate.steps = before;
    }
    gates
}

fn sources(draft: &Draft) -> Vec<SourceFile> {
    let units = draft.units.iter();
    units
        .map(|unit| SourceFile {
            path: unit.source.id.clone(),
            digest: Digest::of(&*unit.source.text),
            text: unit.source.text.clone(),
        })
        .collect()
}

/// Reports values given for parameters that the runbook does not have.
///
/// A parameter that stands in a branch that was not taken is known all the same.
pub(crate) fn check_given(draft: &mut Draft) {
    let units = draft.units.clone();
    let mut known: Vec<&str> = units
        .sites
        .of("param")
        .filter_map(|site| site.literal.as_deref())
        .collect();
    let declared: Vec<_> = draft
        .params
        .iter()
        .map(|param| param.name.clone())
        .collect();
    known.extend(declared.iter().map(String::as_str));
    known.sort_unstable();
    known.dedup();
    let unknown: Vec<_> = draft
        .given
        .keys()
        .filter(|name| !known.contains(&name.as_str()))
        .cloned()
        .collect();
    for name in unknown {
        let main = units.iter().next().map(|unit| unit.source.place(0, 0));
        let place = draft
            .header
            .as_ref()
            .and_then(|header| header.place.clone());
        let Some(place) = place.or(main) else {
            continue;
        };
        let message = format!("the runbook has no parameter `{name}`");
        let diagnostic = Diagnostic::new("krun::unknown-param", place, message);
        draft.report(match nearest(&name, known.iter().copied()) {
            Some(near) => diagnostic.did_you_mean(Some(near)),
            None => diagnostic.help(format!("There is {}.", listed(known.iter().copied()))),
        });
    }
}
