//! Steps that a loop declared, brought together for a reader: what is said of all of them is said once.

use krun_model::{Address, Runbook, Step};

/// Steps under one heading.
pub struct Group<'a> {
    /// The section that they belong to.
    pub phase: Option<usize>,
    /// The steps, in an order in which they can be done.
    pub steps: Vec<&'a Step>,
}

/// All steps in groups. Steps of one kind, section and prose come together where what each waits for
/// stands no later: going through the groups in order, nothing is done before what it needs.
pub fn groups(runbook: &Runbook) -> Vec<Group<'_>> {
    let mut groups: Vec<Group<'_>> = vec![];
    for step in &runbook.steps {
        let place = |address: &Address| {
            groups
                .iter()
                .position(|group| group.steps.iter().any(|step| step.address == *address))
        };
        let earliest = step.after.iter().filter_map(place).max().unwrap_or(0);
        let alike = |group: &Group<'_>| {
            let first = group.steps[0];
            !step.doc.is_empty()
                && group.phase == step.phase
                && first.doc == step.doc
                && first.manner.when == step.manner.when
                && first.kind == step.kind
        };
        let at = groups
            .iter()
            .enumerate()
            .position(|(at, group)| at >= earliest && alike(group));
        match at {
            Some(at) => groups[at].steps.push(step),
            None => groups.push(Group {
                phase: step.phase,
                steps: vec![step],
            }),
        }
    }
    groups
}
