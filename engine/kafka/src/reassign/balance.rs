//! How much each broker holds.

use std::collections::{BTreeMap, BTreeSet};

use krun_model::placement::Placement;

/// Something counted by broker, for each broker that may hold replicas.
pub(super) type Counts = BTreeMap<i32, usize>;

/// Replicas by broker; brokers that may hold none are not among them.
pub(super) fn replicas(placements: &[Placement], brokers: &BTreeSet<i32>) -> Counts {
    count(placements.iter().flat_map(|p| &p.replicas), brokers)
}

/// Preferred leaders by broker, likewise.
pub(super) fn leads(placements: &[Placement], brokers: &BTreeSet<i32>) -> Counts {
    count(
        placements.iter().filter_map(|p| p.replicas.first()),
        brokers,
    )
}

fn count<'a>(ids: impl Iterator<Item = &'a i32>, brokers: &BTreeSet<i32>) -> Counts {
    let mut counts: Counts = brokers.iter().map(|id| (*id, 0)).collect();
    for id in ids {
        if let Some(count) = counts.get_mut(id) {
            *count += 1;
        }
    }
    counts
}

/// The broker with the fewest, the lowest id of several.
pub(super) fn least(counts: &Counts) -> Option<(i32, usize)> {
    let pair = counts.iter().min_by_key(|(id, count)| (**count, **id))?;
    Some((*pair.0, *pair.1))
}

/// The broker with the most, the lowest id of several.
pub(super) fn most(counts: &Counts) -> Option<(i32, usize)> {
    let least_first = |(id, count): &(&i32, &usize)| (std::cmp::Reverse(**count), **id);
    let pair = counts.iter().min_by_key(least_first)?;
    Some((*pair.0, *pair.1))
}

/// The brokers that hold nothing.
pub fn empty(placements: &[Placement], brokers: &BTreeSet<i32>) -> Vec<i32> {
    let held = replicas(placements, brokers).into_iter();
    held.filter(|(_, count)| *count == 0)
        .map(|(id, _)| id)
        .collect()
}
