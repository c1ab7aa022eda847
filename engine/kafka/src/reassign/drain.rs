//! Moves replicas off brokers that may hold none.

use std::collections::BTreeSet;

use krun_model::placement::Placement;

use super::balance;

/// Puts each replica that must go on the broker that has the fewest and does not hold the partition
/// yet; one that is preferred as leader goes where the fewest are preferred.
pub(super) fn drain(placements: &mut [Placement], brokers: &BTreeSet<i32>) {
    let mut held = balance::replicas(placements, brokers);
    let mut leads = balance::leads(placements, brokers);
    for partition in placements {
        for place in 0..partition.replicas.len() {
            if brokers.contains(&partition.replicas[place]) {
                continue;
            }
            let free = held
                .iter()
                .filter(|(id, _)| !partition.replicas.contains(id));
            let best = if place == 0 {
                free.min_by_key(|(id, count)| (leads.get(*id), **count, **id))
            } else {
                free.min_by_key(|(id, count)| (**count, **id))
            };
            // There is one: replicas are no more than brokers, and one of them is on none of these.
            let Some(id) = best.map(|(id, _)| *id) else {
                continue;
            };
            partition.replicas[place] = id;
            *held.entry(id).or_default() += 1;
            if place == 0 {
                *leads.entry(id).or_default() += 1;
            }
        }
    }
}
