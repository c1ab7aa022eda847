//! The throttle of a reassignment: how many bytes a second brokers may send and take for it.
//!
//! It has two halves: a rate on each broker, and on each topic the list of replicas that the rate is
//! for. Without the list a rate does nothing. So the lists are set first and removed last: whoever
//! finds a list knows that a throttle is to be removed, rates and all.
//!
//! A broker's rate is set and removed by asking that very broker: with ZooKeeper no other takes it.

use std::collections::{BTreeMap, BTreeSet};

use kafka_protocol::messages::{
    DescribeConfigsRequest, IncrementalAlterConfigsRequest,
    describe_configs_request::DescribeConfigsResource,
    incremental_alter_configs_request::{AlterConfigsResource, AlterableConfig},
};
use krun_model::{Fault, FaultCode, placement::Placement};

use super::{
    placement::Survey,
    wire::{Wire, refusal, text},
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
/// The protocol's numbers for kinds of resources.
const TOPIC: i8 = 2;
const BROKER: i8 = 4;
/// The protocol's numbers for what is done to a setting.
const SET: i8 = 0;
const DELETE: i8 = 1;

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
        let configs = values.map(|(key, list)| (*key, Some(list.join(","))));
        resource(TOPIC, topic, configs)
    });
    alter(wire, topics.collect()).await?;
    for broker in &survey.view.brokers {
        let configs = RATES.iter().map(|key| (*key, Some(rate.to_string())));
        alter_broker(broker, configs).await?;
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
        alter_broker(broker, RATES.iter().map(|key| (*key, None)))
            .await
            .map_err(|fault| {
                fault.hint("A throttle is left: start the broker and run the same command again.")
            })?;
    }
    let topics = topics
        .iter()
        .map(|topic| resource(TOPIC, topic, LISTS.iter().map(|key| (*key, None))));
    alter(wire, topics.collect()).await
}

async fn alter_broker(
    broker: &BrokerView,
    configs: impl Iterator<Item = (&'static str, Option<String>)>,
) -> Result<(), Fault> {
    let mut wire = Wire::open(&format!("{}:{}", broker.host, broker.port)).await?;
    let resource = resource(BROKER, &broker.id.to_string(), configs);
    alter(&mut wire, vec![resource]).await
}

fn resource(
    kind: i8,
    name: &str,
    configs: impl Iterator<Item = (&'static str, Option<String>)>,
) -> AlterConfigsResource {
    let configs = configs.map(|(key, value)| {
        AlterableConfig::default()
            .with_name(text(key))
            .with_config_operation(if value.is_some() { SET } else { DELETE })
            .with_value(value.as_deref().map(text))
    });
    AlterConfigsResource::default()
        .with_resource_type(kind)
        .with_resource_name(text(name))
        .with_configs(configs.collect())
}

async fn alter(wire: &mut Wire, resources: Vec<AlterConfigsResource>) -> Result<(), Fault> {
    let asked = IncrementalAlterConfigsRequest::default().with_resources(resources);
    let answer = wire.ask(&asked).await?;
    let refused: Vec<_> = answer
        .responses
        .iter()
        // A topic that was deleted meanwhile has no throttle either.
        .filter(|one| one.error_code != UNKNOWN_TOPIC)
        .filter_map(|one| {
            let why = refusal(one.error_code, one.error_message.as_ref())?;
            Some(format!("{}: {why}", one.resource_name.as_str()))
        })
        .collect();
    if refused.is_empty() {
        return Ok(());
    }
    Err(Fault::new(
        FaultCode::Cluster,
        "the throttle of replication could not be changed",
    )
    .evidence(refused))
}

/// `UNKNOWN_TOPIC_OR_PARTITION`.
const UNKNOWN_TOPIC: i16 = 3;
