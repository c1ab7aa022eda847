//! Lets every broker be the preferred leader of as many partitions as every other, as far as the
//! order of replicas can do it: no data moves for it.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use krun_model::placement::Placement;

use super::balance;

/// Hands the lead over along a chain of brokers, from one that leads too many to one that leads at
/// least two fewer, until there is no such chain: then no order of replicas is more even.
pub(super) fn even(placements: &mut [Placement], brokers: &BTreeSet<i32>) {
    while let Some(chain) = chain(placements, brokers) {
        for (at, next) in chain {
            let replicas = &mut placements[at].replicas;
            if let Some(place) = replicas.iter().position(|id| *id == next) {
                replicas.swap(0, place);
            }
        }
    }
}

/// The partitions whose lead is handed over, each with its new leader.
fn chain(placements: &[Placement], brokers: &BTreeSet<i32>) -> Option<Vec<(usize, i32)>> {
    let leads = balance::leads(placements, brokers);
    let mut from: Vec<_> = leads.iter().map(|(id, count)| (*count, *id)).collect();
    from.sort_by_key(|(count, id)| (std::cmp::Reverse(*count), *id));
    let fewest = balance::least(&leads)?.1;
    from.into_iter()
        .take_while(|(count, _)| *count >= fewest + 2)
        .find_map(|(count, id)| chain_from(placements, &leads, id, count))
}

/// The shortest chain from one broker.
fn chain_from(
    placements: &[Placement],
    leads: &balance::Counts,
    start: i32,
    count: usize,
) -> Option<Vec<(usize, i32)>> {
    let mut led: BTreeMap<i32, Vec<usize>> = BTreeMap::new();
    for (at, partition) in placements.iter().enumerate() {
        if let Some(leader) = partition.replicas.first() {
            led.entry(*leader).or_default().push(at);
        }
    }
    // Broker → the one before it in the chain, and the partition that it takes over from it.
    let mut before: BTreeMap<i32, (i32, usize)> = BTreeMap::new();
    let mut open = VecDeque::from([start]);
    while let Some(broker) = open.pop_front() {
        for at in led.get(&broker).into_iter().flatten() {
            for next in placements[*at].replicas.iter().skip(1) {
                if *next == start || before.contains_key(next) {
                    continue;
                }
                before.insert(*next, (broker, *at));
                if leads.get(next).is_some_and(|leads| leads + 2 <= count) {
                    return Some(walk_back(&before, start, *next));
                }
                open.push_back(*next);
            }
        }
    }
    None
}

fn walk_back(before: &BTreeMap<i32, (i32, usize)>, start: i32, end: i32) -> Vec<(usize, i32)> {
    let mut chain = vec![];
    let mut at = end;
    while at != start {
        let Some((previous, partition)) = before.get(&at) else {
            break;
        };
        chain.push((*partition, at));
        at = *previous;
    }
    chain
}
