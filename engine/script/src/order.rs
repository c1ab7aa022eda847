//! The order of steps: edges from handles, `after:` and gates; cycles; and an order of dependencies
//! that is the order of declaration wherever that is one.

use std::{
    cmp::Reverse,
    collections::{BTreeSet, BinaryHeap},
};

use krun_model::names::nearest;

use crate::{
    diagnostic::Diagnostic,
    draft::{Draft, StepDraft},
};

/// The order of steps, by their index in the draft.
#[derive(Debug, Default)]
pub(crate) struct Order {
    /// For each step those that must be done before it.
    pub before: Vec<BTreeSet<usize>>,
    /// All steps, each after those before it.
    pub sequence: Vec<usize>,
}

impl Order {
    /// The order of a draft's steps; what makes it impossible is reported to the draft.
    pub fn of(draft: &mut Draft) -> Option<Self> {
        let mut before = edges(draft);
        add_gates(&draft.steps, &mut before);
        let sequence = sequence(&before);
        if sequence.len() < before.len() {
            for cycle in cycles(&before, &sequence) {
                let diagnostic = explain(&draft.steps, &cycle);
                draft.report(diagnostic);
            }
            return None;
        }
        Some(Self { before, sequence })
    }

    /// Each step's place in the sequence.
    pub fn ranks(&self) -> Vec<usize> {
        let mut ranks = vec![0; self.sequence.len()];
        for (rank, &step) in self.sequence.iter().enumerate() {
            ranks[step] = rank;
        }
        ranks
    }
}

fn edges(draft: &mut Draft) -> Vec<BTreeSet<usize>> {
    let mut unknown = vec![];
    let mut before = Vec::with_capacity(draft.steps.len());
    for step in &draft.steps {
        let mut edges = BTreeSet::new();
        for address in &step.needs {
            edges.extend(draft.index.get(address).copied());
        }
        for (text, place) in &step.after {
            match draft.index.get(text.as_str()) {
                Some(&index) => {
                    edges.insert(index);
                }
                None => unknown.push((text.clone(), place.clone())),
            }
        }
        before.push(edges);
    }
    for (text, place) in unknown {
        let known = draft.steps.iter().map(|step| step.address.as_str());
        let diagnostic = Diagnostic::new(
            "krun::unknown-step",
            place,
            format!("there is no step `{text}`"),
        )
        .did_you_mean(nearest(&text, known));
        draft.report(diagnostic);
    }
    before
}

/// Whatever stands behind a gate comes after whatever stands before it.
///
/// Only the ends meet: what nothing before the gate waits for, and what waits for nothing behind
/// it. All else follows, and the number of edges stays small.
fn add_gates(steps: &[StepDraft], before: &mut [BTreeSet<usize>]) {
    let mut is_waited_for = vec![false; steps.len()];
    for (index, edges) in before.iter().enumerate() {
        for &edge in edges {
            if steps[edge].gate == steps[index].gate {
                is_waited_for[edge] = true;
            }
        }
    }
    // A gate without steps is none, so groups are runs of equal numbers.
    let mut start = 0;
    let mut ends: Vec<usize> = vec![];
    while start < steps.len() {
        let gate = steps[start].gate;
        let len = steps[start..].iter().take_while(|s| s.gate == gate).count();
        let group = start..start + len;
        for index in group.clone() {
            if !before[index].iter().any(|edge| group.contains(edge)) {
                before[index].extend(&ends);
            }
        }
        ends = group.filter(|&index| !is_waited_for[index]).collect();
        start += len;
    }
}

/// The steps that no cycle holds up, each as early as its declaration allows.
fn sequence(before: &[BTreeSet<usize>]) -> Vec<usize> {
    let mut waiting: Vec<_> = before.iter().map(BTreeSet::len).collect();
    let mut behind = vec![vec![]; before.len()];
    for (index, edges) in before.iter().enumerate() {
        for &edge in edges {
            behind[edge].push(index);
        }
    }
    let ready = waiting.iter().enumerate().filter(|(_, count)| **count == 0);
    let mut ready: BinaryHeap<_> = ready.map(|(index, _)| Reverse(index)).collect();
    let mut sequence = Vec::with_capacity(before.len());
    while let Some(Reverse(index)) = ready.pop() {
        sequence.push(index);
        for &next in &behind[index] {
            waiting[next] -= 1;
            if waiting[next] == 0 {
                ready.push(Reverse(next));
            }
        }
    }
    sequence
}

/// Cycles among the steps that are not in the sequence: one for each knot.
fn cycles(before: &[BTreeSet<usize>], sequence: &[usize]) -> Vec<Vec<usize>> {
    let mut free = vec![false; before.len()];
    for &index in sequence {
        free[index] = true;
    }
    let mut seen = free.clone();
    let mut cycles = vec![];
    for start in 0..before.len() {
        let mut path = vec![];
        let mut at = start;
        while !seen[at] {
            seen[at] = true;
            path.push(at);
            match before[at].iter().find(|edge| !free[**edge]) {
                Some(&next) => at = next,
                None => break,
            }
        }
        if let Some(first) = path.iter().position(|&index| index == at)
            && before[path[path.len() - 1]].contains(&at)
        {
            cycles.push(path[first..].to_vec());
        }
    }
    cycles
}

fn explain(steps: &[StepDraft], cycle: &[usize]) -> Diagnostic {
    let names: Vec<_> = cycle
        .iter()
        .chain(cycle.first())
        .map(|&index| steps[index].address.as_str())
        .collect();
    let first = &steps[cycle[0]];
    let mut diagnostic = Diagnostic::new(
        "krun::cycle",
        first.place.clone(),
        format!("steps wait for each other: {}", names.join(" → ")),
    )
    .label(format!("`{}` waits for `{}`", names[0], names[1]))
    .help("Take one of these out of the other's `after:` or arguments.");
    for (at, &index) in cycle.iter().enumerate().skip(1) {
        let label = format!("`{}` waits for `{}`", names[at], names[at + 1]);
        diagnostic = diagnostic.related(steps[index].place.clone(), label);
    }
    diagnostic
}
