//! Making the preferred replica of partitions their leader.

use std::{collections::BTreeMap, time::Duration};

use kafka_protocol::messages::{
    ElectLeadersRequest, TopicName, elect_leaders_request::TopicPartitions,
};
use krun_model::{
    Fault, FaultCode, TargetState,
    placement::{PartitionsRef, Placement},
};

use super::{
    connection::Connection,
    placement::shown_by_all,
    wire::{Wire, refusal, text},
};
use crate::view::ClusterView;

const ASK: Duration = Duration::from_secs(5);
const LIMIT: Duration = Duration::from_secs(30);
/// `ELECTION_NOT_NEEDED`: it leads already.
const NOT_NEEDED: i16 = 84;
/// The election of preferred leaders, as against one out of replicas that are not in sync.
const PREFERRED: i8 = 0;

/// The partitions that another than their preferred replica leads, each with the broker that ought to.
pub fn strayed(view: &ClusterView) -> Vec<Placement> {
    view.partitions()
        .filter_map(|(topic, partition)| {
            let preferred = *partition.replicas.first()?;
            (partition.leader != Some(preferred)).then(|| Placement {
                topic: topic.to_owned(),
                partition: partition.id,
                replicas: vec![preferred],
            })
        })
        .collect()
}

/// Who leads some partitions.
///
/// # Errors
/// [`FaultCode::Cluster`] where no broker answers.
pub async fn seen(connection: &Connection, of: &PartitionsRef) -> Result<TargetState, Fault> {
    let view = connection.metadata(None, ASK).await?;
    let leaders = view.partitions().filter_map(|(topic, partition)| {
        let leader = partition.leader?;
        let key = (topic.to_owned(), partition.id);
        of.partitions.contains(&key).then(|| Placement {
            topic: key.0,
            partition: key.1,
            replicas: vec![leader],
        })
    });
    Ok(TargetState::Leaders(leaders.collect()))
}

/// Elects, and waits until the brokers show it.
///
/// # Errors
/// What the controller refuses, such as a preferred replica that is not in sync.
pub async fn elect(bootstrap: &[String], leaders: &[Placement]) -> Result<(), Fault> {
    let what = "the preferred leaders could not be elected";
    let connection = Connection::open(bootstrap)?;
    let view = connection.metadata(None, ASK).await?;
    let mut wire = Wire::to_controller(&connection, &view).await?;
    if !wire.knows::<ElectLeadersRequest>() {
        return Err(Fault::new(FaultCode::Cluster, what)
            .at(bootstrap.join(","))
            .because("the request for it came with Kafka 2.2")
            .hint("Use their own tool: `kafka-preferred-replica-election.sh --zookeeper …`."));
    }
    let mut topics: BTreeMap<&str, Vec<i32>> = BTreeMap::new();
    for one in leaders {
        topics.entry(&one.topic).or_default().push(one.partition);
    }
    let topics = topics.into_iter().map(|(topic, partitions)| {
        TopicPartitions::default()
            .with_topic(TopicName(text(topic)))
            .with_partitions(partitions)
    });
    let asked = ElectLeadersRequest::default()
        .with_election_type(PREFERRED)
        .with_topic_partitions(Some(topics.collect()))
        .with_timeout_ms(20_000);
    let answer = wire.ask(&asked).await?;
    if let Some(why) = refusal(answer.error_code, None) {
        return Err(Fault::new(FaultCode::Cluster, what).because(why));
    }
    let refused: Vec<_> = answer
        .replica_election_results
        .iter()
        .flat_map(|topic| topic.partition_result.iter().map(move |one| (topic, one)))
        .filter(|(_, one)| one.error_code != NOT_NEEDED)
        .filter_map(|(topic, one)| {
            let why = refusal(one.error_code, one.error_message.as_ref())?;
            Some(format!(
                "{}-{}: {why}",
                topic.topic.0.as_str(),
                one.partition_id
            ))
        })
        .collect();
    if !refused.is_empty() {
        return Err(Fault::new(FaultCode::Cluster, what).evidence(refused).hint(
            "A replica can lead only while it is in sync: `krun status --cluster` shows which are.",
        ));
    }
    shown_by_all(&view.brokers, LIMIT, |view| {
        let strayed = strayed(view);
        !leaders.iter().any(|one| strayed.contains(one))
    })
    .await
}
