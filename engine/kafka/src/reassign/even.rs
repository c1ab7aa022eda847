//! Gives every broker as many replicas as every other, give or take one.

use std::collections::BTreeSet;

use krun_model::placement::Placement;

use super::balance;

/// Moves one replica at a time from the broker with the most to the one with the fewest, until they
/// differ by one at most. Each such move brings both nearer to the mean, so no smaller number of
/// moves could do. There always is a replica to move: the fuller broker holds more partitions than
/// the emptier one, so it holds one that the other does not.
///
/// A replica that has to move anyway is taken first; then one of the topic of which the fuller broker
/// holds most beyond the emptier, so that each topic is spread, too; then followers, so that
/// preferred leaders stay.
pub(super) fn even(present: &[Placement], wanted: &mut [Placement], brokers: &BTreeSet<i32>) {
    let mut held = balance::replicas(wanted, brokers);
    while let (Some((full, most)), Some((free, fewest))) =
        (balance::most(&held), balance::least(&held))
    {
        if most - fewest <= 1 {
            return;
        }
        let Some((at, place)) = candidate(present, wanted, full, free) else {
            return;
        };
        wanted[at].replicas[place] = free;
        held.insert(full, most - 1);
        held.insert(free, fewest + 1);
    }
}

/// Which replica of `full` goes to `free`: the partition's index and the replica's place in it.
fn candidate(
    present: &[Placement],
    wanted: &[Placement],
    full: i32,
    free: i32,
) -> Option<(usize, usize)> {
    let excess = excess_by_topic(wanted, full, free);
    let movable = wanted.iter().enumerate().filter_map(|(at, partition)| {
        let place = partition.replicas.iter().position(|id| *id == full)?;
        (!partition.replicas.contains(&free)).then_some((at, place))
    });
    movable.min_by_key(|(at, place)| {
        let stays = present[*at].replicas.contains(&full);
        let topic = excess.get(wanted[*at].topic.as_str()).copied();
        (
            stays,
            std::cmp::Reverse(topic.unwrap_or_default()),
            *place == 0,
            *at,
        )
    })
}

/// By topic, how many more replicas one broker holds than another.
fn excess_by_topic(
    placements: &[Placement],
    full: i32,
    free: i32,
) -> std::collections::HashMap<&str, i64> {
    let mut excess = std::collections::HashMap::new();
    for partition in placements {
        let more = i64::from(partition.replicas.contains(&full))
            - i64::from(partition.replicas.contains(&free));
        *excess.entry(partition.topic.as_str()).or_default() += more;
    }
    excess
}
