//! The throttle of a reassignment: how many bytes a second brokers may send and take for it.
//!
//! It has two halves: a rate on each broker, and on each topic the list of replicas that the rate is
//! for. Without the list a rate does nothing. So the lists are set first and removed last: whoever
//! finds a list knows that a throttle is to be removed, rates and all.
//!
//! A broker's rate is set and removed by asking that very broker: with ZooKeeper no other takes it.

use std::collections::{BTreeMap, BTreeSet};

use kafka_protocol::messages::{
    DescribeConfigsRequest, describe_configs_request::DescribeConfigsResource,
};
use krun_model::{Fault, placement::Placement};

use super::{
    alter::{self, TOPIC},
    placement::Survey,
    wire::{Wire, text},
};
use crate::view::BrokerView;

const LISTS: [&str; 2] = [
    "leader.replication.throttled.replicas",
    "follower.replication.throttled.replicas",
];
const RATES: [&str; 2] = [
    "leader.replication.throttled.rate",
    "follower.replication.throttled.rate",
];
const WHAT: &str = "the throttle of replication could not be changed";

/// Which of some topics have a throttle.
///
/// # Errors
/// [`FaultCode::Cluster`] where the broker does not answer.
pub async fn on_topics(wire: &mut Wire, topics: &[&str]) -> Result<Vec<String>, Fault> {
    if topics.is_empty() {
        return Ok(vec![]);
    }
    let resources = topics.iter().map(|topic| {
        DescribeConfigsResource::default()
            .with_resource_type(TOPIC)
            .with_resource_name(text(topic))
            .with_configuration_keys(Some(LISTS.iter().map(|key| text(key)).collect()))
    });
    let asked = DescribeConfigsRequest::default().with_resources(resources.collect());
    let answer = wire.ask(&asked).await?;
    let set = answer.results.iter().filter(|topic| {
        topic.configs.iter().any(|config| {
            LISTS.contains(&config.name.as_str())
                && config
                    .value
                    .as_ref()
                    .is_some_and(|v| !v.as_str().is_empty())
        })
    });
    Ok(set
        .map(|topic| topic.resource_name.as_str().to_owned())
        .collect())
}

/// Throttles a reassignment: on the brokers that hold a partition now the sending, on those that get
/// one the taking.
///
/// # Errors
/// [`FaultCode::Cluster`] where a broker refuses or does not answer.
pub async fn set(
    wire: &mut Wire,
    survey: &Survey,
    moves: &[Placement],
    rate: u64,
) -> Result<(), Fault> {
    let mut lists: BTreeMap<&str, [Vec<String>; 2]> = BTreeMap::new();
    for one in moves {
        let partitions = survey.view.topics.get(&one.topic);
        let Some(now) = partitions.and_then(|all| all.iter().find(|p| p.id == one.partition))
        else {
            continue;
        };
        let going = survey.going(&one.topic, one.partition);
        let coming = |id: &i32| {
            !now.replicas.contains(id) || going.is_some_and(|going| going.adding.contains(id))
        };
        let [leaders, followers] = lists.entry(&one.topic).or_default();
        let name = |id: &i32| format!("{}:{id}", one.partition);
        leaders.extend(now.replicas.iter().map(name));
        followers.extend(one.replicas.iter().filter(|id| coming(id)).map(name));
    }
    let topics = lists.iter().map(|(topic, lists)| {
        let values = LISTS.iter().zip(lists);
        let changes: Vec<_> = values
            .map(|(key, list)| (*key, Some(list.join(","))))
            .collect();
        alter::topic(topic, &changes)
    });
    alter::alter(wire, WHAT, topics.collect()).await?;
    for broker in &survey.view.brokers {
        alter_broker(broker, Some(rate)).await?;
    }
    Ok(())
}

/// Removes a throttle: from all brokers, then from the topics.
///
/// # Errors
/// [`FaultCode::Cluster`] where a broker refuses or does not answer; the topics' lists then stay, so
/// that it is known that something is left.
pub async fn remove(
    wire: &mut Wire,
    brokers: &[BrokerView],
    topics: &BTreeSet<&str>,
) -> Result<(), Fault> {
    for broker in brokers {
        alter_broker(broker, None).await.map_err(|fault| {
            fault.hint("A throttle is left: start the broker and run the same command again.")
        })?;
    }
    let topics = topics
        .iter()
        .map(|topic| alter::topic(topic, &LISTS.map(|key| (key, None))));
    alter::alter(wire, WHAT, topics.collect()).await
}

async fn alter_broker(broker: &BrokerView, rate: Option<u64>) -> Result<(), Fault> {
    let mut wire = Wire::open(&format!("{}:{}", broker.host, broker.port)).await?;
    let rates = RATES.map(|key| (key, rate.map(|rate| rate.to_string())));
    alter::alter(&mut wire, WHAT, vec![alter::broker(broker.id, &rates)]).await
}
