//! What a plan promises, for any cluster.

use std::collections::{BTreeMap, BTreeSet};

use krun_model::placement::Placement;
use proptest::prelude::*;

use super::{Spread, balance, empty, moves, target};

fn place(topic: &str, partition: i32, replicas: &[i32]) -> Placement {
    Placement {
        topic: topic.to_owned(),
        partition,
        replicas: replicas.to_vec(),
    }
}

fn text(placements: &[Placement]) -> Vec<String> {
    placements
        .iter()
        .map(|p| format!("{}-{}: {:?}", p.topic, p.partition, p.replicas))
        .collect()
}

/// Partitions whose replicas are different brokers out of 1 to 8, in topics of one replication factor
/// each.
fn any_cluster() -> impl Strategy<Value = Vec<Placement>> {
    let ids = || Just((1..=8).collect::<Vec<i32>>()).prop_shuffle();
    let topic = (1..=4usize, prop::collection::vec(ids(), 1..12));
    prop::collection::vec(topic, 0..4).prop_map(|topics| {
        let mut all = vec![];
        for (number, (factor, partitions)) in topics.into_iter().enumerate() {
            for (partition, ids) in partitions.into_iter().enumerate() {
                let partition = i32::try_from(partition).unwrap();
                all.push(place(&format!("t{number}"), partition, &ids[..factor]));
            }
        }
        all
    })
}

fn some_brokers() -> impl Strategy<Value = BTreeSet<i32>> {
    prop::collection::btree_set(1..=10, 1..10)
}

fn gap(counts: &BTreeMap<i32, usize>) -> usize {
    counts.values().max().unwrap_or(&0) - counts.values().min().unwrap_or(&0)
}

/// How many replicas are on brokers on which they were not.
fn moved(present: &[Placement], wanted: &[Placement]) -> usize {
    present
        .iter()
        .zip(wanted)
        .map(|(is, w)| {
            w.replicas
                .iter()
                .filter(|id| !is.replicas.contains(id))
                .count()
        })
        .sum()
}

/// The fewest moves that bring counts within one of each other: too many go, or too few come.
fn fewest_moves(counts: &BTreeMap<i32, usize>) -> usize {
    let total: usize = counts.values().sum();
    let (low, high) = (total / counts.len(), total.div_ceil(counts.len()));
    let over: usize = counts.values().map(|c| c.saturating_sub(high)).sum();
    let under: usize = counts.values().map(|c| low.saturating_sub(*c)).sum();
    over.max(under)
}

proptest! {
    #[test]
    fn a_target_keeps_what_must_be_kept(
        present in any_cluster(), brokers in some_brokers(), even in any::<bool>(),
    ) {
        let spread = if even { Spread::Even } else { Spread::Drain };
        let most = present.iter().map(|p| p.replicas.len()).max().unwrap_or(0);
        match target(&present, &brokers, spread) {
            Err(too_few) => prop_assert!(too_few.replicas > brokers.len()),
            Ok(wanted) => {
                prop_assert!(most <= brokers.len());
                prop_assert_eq!(wanted.len(), present.len());
                for (is, w) in present.iter().zip(&wanted) {
                    prop_assert_eq!((&is.topic, is.partition), (&w.topic, w.partition));
                    prop_assert_eq!(is.replicas.len(), w.replicas.len());
                    let different: BTreeSet<_> = w.replicas.iter().collect();
                    prop_assert_eq!(different.len(), w.replicas.len());
                    prop_assert!(w.replicas.iter().all(|id| brokers.contains(id)));
                }
                // Applied twice it changes nothing.
                let again = target(&wanted, &brokers, spread).unwrap();
                prop_assert!(moves(&wanted, &again).is_empty());
            }
        }
    }

    #[test]
    fn draining_moves_only_what_must_go(present in any_cluster(), brokers in some_brokers()) {
        let Ok(wanted) = target(&present, &brokers, Spread::Drain) else { return Ok(()); };
        for (is, w) in present.iter().zip(&wanted) {
            for (before, after) in is.replicas.iter().zip(&w.replicas) {
                prop_assert_eq!(brokers.contains(before), before == after);
            }
        }
    }

    #[test]
    fn even_is_even(present in any_cluster(), brokers in some_brokers()) {
        let Ok(wanted) = target(&present, &brokers, Spread::Even) else { return Ok(()); };
        prop_assert!(gap(&balance::replicas(&wanted, &brokers)) <= 1);
        let factors: BTreeSet<_> = present.iter().map(|p| p.replicas.len()).collect();
        if factors.len() <= 1 {
            prop_assert!(gap(&balance::leads(&wanted, &brokers)) <= 1, "{:?}", text(&wanted));
        }
    }

    #[test]
    fn even_moves_no_more_than_it_must(present in any_cluster(), more in 0..3) {
        // Nothing must go: all brokers stay, and some are new.
        let brokers: BTreeSet<i32> = (1..=8 + more).collect();
        let wanted = target(&present, &brokers, Spread::Even).unwrap();
        let least = fewest_moves(&balance::replicas(&present, &brokers));
        prop_assert_eq!(moved(&present, &wanted), least);
    }

    #[test]
    fn even_with_brokers_that_leave_moves_few(present in any_cluster(), brokers in some_brokers()) {
        let Ok(wanted) = target(&present, &brokers, Spread::Even) else { return Ok(()); };
        let gone: usize = present
            .iter()
            .flat_map(|p| &p.replicas)
            .filter(|id| !brokers.contains(id))
            .count();
        let stay = balance::replicas(&present, &brokers);
        let total: usize = present.iter().map(|p| p.replicas.len()).sum();
        let high = total.div_ceil(brokers.len());
        let over: usize = stay.values().map(|c| c.saturating_sub(high)).sum();
        // What must go, what is too much, and one each where the mean is not whole.
        prop_assert!(moved(&present, &wanted) <= gone + over + brokers.len());
    }
}

#[test]
fn a_fourth_broker() {
    let present: Vec<_> = (0..4)
        .map(|n| place("t", n, &[[1, 2, 3], [2, 3, 1], [3, 1, 2]][n as usize % 3]))
        .collect();
    let three = BTreeSet::from([1, 2, 3]);
    let four = BTreeSet::from([1, 2, 3, 4]);
    assert_eq!(target(&present, &four, Spread::Drain).unwrap(), present);
    assert_eq!(empty(&present, &four), [4]);
    let even = target(&present, &four, Spread::Even).unwrap();
    insta::assert_snapshot!(text(&even).join("\n"), @r"
    t-0: [4, 1, 3]
    t-1: [2, 3, 4]
    t-2: [3, 1, 2]
    t-3: [1, 2, 4]
    ");
    // And back, off the fourth.
    let back = target(&even, &three, Spread::Drain).unwrap();
    assert_eq!(moves(&even, &back).len(), 3);
    assert!(empty(&back, &three).is_empty());
}

#[test]
fn a_chain_of_three_hands_the_lead_on() {
    // 1 leads two; 3 leads none and shares no partition with 1: 2 stands between them.
    let present = [
        place("t", 0, &[1, 2]),
        place("t", 1, &[1, 4]),
        place("t", 2, &[2, 3]),
        place("t", 3, &[4, 3]),
    ];
    let wanted = target(&present, &BTreeSet::from([1, 2, 3, 4]), Spread::Even).unwrap();
    let leads = balance::leads(&wanted, &BTreeSet::from([1, 2, 3, 4]));
    assert!(leads.values().all(|count| *count == 1), "{leads:?}");
    assert_eq!(moved(&present, &wanted), 0);
}

#[test]
fn more_replicas_than_brokers() {
    let present = [place("a", 0, &[1, 2]), place("t", 3, &[1, 2, 3])];
    let error = target(&present, &BTreeSet::from([1, 2]), Spread::Drain).unwrap_err();
    assert_eq!(
        error.to_string(),
        "t-3 has 3 replicas, and 2 brokers may hold them"
    );
}
