//! Who comes before whom.

use std::collections::{BTreeMap, BTreeSet};

use krun_model::{Address, History, Runbook};

/// The edges of a runbook, or of what the journal remembers of one: each step with the steps it
/// comes directly after.
#[derive(Clone, Debug, Default)]
pub struct Graph(BTreeMap<Address, Vec<Address>>);

impl Graph {
    /// From each step's direct predecessors.
    pub fn new(edges: impl IntoIterator<Item = (Address, Vec<Address>)>) -> Self {
        Self(edges.into_iter().collect())
    }

    /// The edges of a runbook.
    pub fn of_runbook(runbook: &Runbook) -> Self {
        Self::new(
            runbook
                .steps
                .iter()
                .map(|step| (step.address.clone(), step.after.clone())),
        )
    }

    /// The edges that the journal remembers since the baseline.
    pub fn of_history(history: &History) -> Self {
        Self(history.after.clone())
    }

    /// The steps that a step comes directly after.
    pub fn after(&self, step: &Address) -> &[Address] {
        self.0.get(step).map_or(&[], Vec::as_slice)
    }

    /// All steps that come before a step, directly or not.
    pub fn ancestors<'a>(&'a self, step: &'a Address) -> BTreeSet<&'a Address> {
        let mut seen = BTreeSet::new();
        let mut open = vec![step];
        while let Some(next) = open.pop() {
            for before in self.after(next) {
                if seen.insert(before) {
                    open.push(before);
                }
            }
        }
        seen
    }

    /// Whether `earlier` comes before `later`.
    pub fn precedes(&self, earlier: &Address, later: &Address) -> bool {
        self.ancestors(later).contains(earlier)
    }
}

/// Cuts a sequence into waves: neighbours of which `together` says that they may run at the same
/// time share a wave; the order of waves is the order of the sequence.
pub fn waves<T>(items: Vec<T>, together: impl Fn(&T, &T) -> bool) -> Vec<Vec<T>> {
    let mut waves: Vec<Vec<T>> = Vec::new();
    for item in items {
        match waves.last_mut() {
            Some(wave) if wave.iter().all(|other| together(other, &item)) => wave.push(item),
            _ => waves.push(vec![item]),
        }
    }
    waves
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> Address {
        text.parse().unwrap()
    }

    #[test]
    fn ancestors_are_transitive() {
        let graph = Graph::new([
            (address("b"), vec![address("a")]),
            (address("c"), vec![address("b")]),
        ]);
        assert!(graph.precedes(&address("a"), &address("c")));
        assert!(!graph.precedes(&address("c"), &address("a")));
    }

    #[test]
    fn waves_keep_order() {
        let cut = waves(vec![1, 3, 2, 4, 5], |a, b| a % 2 == b % 2);
        assert_eq!(cut, [vec![1, 3], vec![2, 4], vec![5]]);
    }
}
