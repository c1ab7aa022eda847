//! Moving replicas to the end: throttled, waited for, verified, and no throttle left behind.

use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};

use krun_model::{
    Fault, FaultCode, TargetState,
    placement::{PartitionsRef, Placement, PlacementSeen},
};

use super::{connection::Connection, placement, placement::Survey, throttle, wire::Wire};
use crate::view::ClusterView;

/// Between two looks.
const POLL: Duration = Duration::from_millis(50);
/// How long brokers may take to show what the controller did.
const SHOWN: Duration = Duration::from_secs(30);
/// How many partitions a fault names.
const NAMED: usize = 10;

/// Where a cluster shows the replicas of some partitions.
///
/// # Errors
/// [`FaultCode::Cluster`] where no broker answers.
pub async fn seen(connection: &Connection, of: &PartitionsRef) -> Result<TargetState, Fault> {
    let survey = Survey::take(connection).await?;
    let ours = |one: &Placement| {
        let key = (one.topic.clone(), one.partition);
        of.partitions.contains(&key)
    };
    let moving = survey.going.iter().any(|going| ours(&going.to));
    let throttled = of
        .partitions
        .iter()
        .any(|(topic, _)| survey.throttled.contains(topic));
    let mut placed = survey.placed();
    placed.retain(ours);
    Ok(TargetState::Replicas(PlacementSeen {
        placed,
        moving,
        throttled,
    }))
}

/// Moves replicas, and waits until each partition is where it is to be with all replicas in sync.
///
/// May be called again after it was cut off: it goes on with what is under way.
///
/// # Errors
/// What the controller refuses, in which case no throttle is left; [`FaultCode::Timeout`] where not
/// all have arrived in time, in which case they go on and the throttle stays until the next call.
pub async fn reassign(
    bootstrap: &[String],
    moves: &[Placement],
    rate: Option<u64>,
    limit: Duration,
) -> Result<(), Fault> {
    let connection = Connection::open(bootstrap)?;
    let before = Survey::take(&connection).await?;
    if !before.movable {
        return Err(too_old(bootstrap));
    }
    let mut wire = Wire::to_controller(&connection, &before.view).await?;
    let placed = before.placed();
    let open: Vec<_> = moves
        .iter()
        .filter(|one| !placed.contains(one))
        .cloned()
        .collect();
    let topics: BTreeSet<&str> = moves.iter().map(|one| one.topic.as_str()).collect();
    let mut throttled = topics
        .iter()
        .any(|t| before.throttled.iter().any(|o| o == t));
    match rate {
        // What is on its way already gets the new rate, too.
        Some(rate) if !open.is_empty() || throttled => {
            throttled = true;
            throttle::set(&mut wire, &before, moves, rate).await?;
        }
        None if throttled => {
            throttle::remove(&mut wire, &before.view.brokers, &topics).await?;
            throttled = false;
        }
        _ => {}
    }
    if !open.is_empty()
        && let Err(refused) = placement::send(&mut wire, &open).await
    {
        if throttled {
            throttle::remove(&mut wire, &before.view.brokers, &topics).await?;
        }
        return Err(refused);
    }
    let after = arrival(&connection, moves, limit).await?;
    let settled = |view: &ClusterView| {
        moves.iter().all(|one| {
            let partitions = view.topics.get(&one.topic);
            let seen = partitions.and_then(|all| all.iter().find(|p| p.id == one.partition));
            seen.is_some_and(|seen| seen.replicas == one.replicas)
        })
    };
    placement::shown_by_all(&after.view.brokers, SHOWN, settled).await?;
    if throttled {
        // A broker that was there at the beginning has a rate, even if it is not registered now.
        let mut brokers = before.view.brokers;
        let after_view = after.view;
        brokers.extend(after_view.brokers.iter().cloned());
        brokers.sort_by_key(|broker| broker.id);
        brokers.dedup_by_key(|broker| broker.id);
        // The controller may be another by now, and so may its connection.
        let mut wire = Wire::to_controller(&connection, &after_view).await?;
        throttle::remove(&mut wire, &brokers, &topics).await?;
    }
    Ok(())
}

async fn arrival(
    connection: &Connection,
    moves: &[Placement],
    limit: Duration,
) -> Result<Survey, Fault> {
    let start = Instant::now();
    loop {
        let survey = match Survey::take(connection).await {
            Ok(survey) => survey,
            // The controller may just be moving.
            Err(_) if start.elapsed() < limit => {
                tokio::time::sleep(POLL).await;
                continue;
            }
            Err(fault) => return Err(fault),
        };
        let arrived = survey.arrived(moves);
        if arrived == moves.len() {
            return Ok(survey);
        }
        if start.elapsed() > limit {
            return Err(late(&survey, moves, arrived, limit));
        }
        tokio::time::sleep(POLL).await;
    }
}

fn late(survey: &Survey, moves: &[Placement], arrived: usize, limit: Duration) -> Fault {
    let open = moves
        .iter()
        .filter(|one| survey.arrived(std::slice::from_ref(one)) == 0)
        .take(NAMED)
        .map(|one| format!("{}-{} → {}", one.topic, one.partition, ids(&one.replicas)));
    Fault::new(FaultCode::Timeout, "the replicas are not all where they are to be")
        .because(format!(
            "after {} s {arrived} of {} partitions have arrived",
            limit.as_secs(),
            moves.len()
        ))
        .evidence(open)
        .hint("They go on moving. Run the same command again to wait for them; it also removes the throttle.")
        .hint("If nothing moves at all, see whether every broker runs: `krun status --cluster`; with much data, raise the throttle or the timeout.")
}

fn too_old(bootstrap: &[String]) -> Fault {
    Fault::new(FaultCode::Cluster, "these brokers can't be told to move replicas")
        .at(bootstrap.join(","))
        .because("the request for it came with Kafka 2.4")
        .hint("Use their own tool: `kafka-reassign-partitions.sh --zookeeper … --execute`, then `--verify`.")
}

/// Broker ids as people write them.
pub fn ids(ids: &[i32]) -> String {
    ids.iter().map(i32::to_string).collect::<Vec<_>>().join(",")
}
