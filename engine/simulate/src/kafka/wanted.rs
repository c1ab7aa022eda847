//! What clusters of a machine hold, for whoever compares two lives; and what brokers say of settings
//! that nobody set.

use std::{collections::BTreeMap, fmt};

use super::{Broker, logs::Rec};
use crate::world::World;

/// What Kafka's documentation of 3.9 names as the defaults of a topic's settings.
pub const DEFAULTS: [(&str, &str); 14] = [
    ("cleanup.policy", "delete"),
    ("compression.type", "producer"),
    ("delete.retention.ms", "86400000"),
    ("file.delete.delay.ms", "60000"),
    ("flush.messages", "9223372036854775807"),
    ("flush.ms", "9223372036854775807"),
    ("max.message.bytes", "1048588"),
    ("message.timestamp.type", "CreateTime"),
    ("min.insync.replicas", "1"),
    ("retention.bytes", "-1"),
    ("retention.ms", "604800000"),
    ("segment.bytes", "1073741824"),
    ("segment.ms", "604800000"),
    ("unclean.leader.election.enable", "false"),
];

/// What Kafka's documentation of 3.9 names as quotas of clients.
pub const QUOTAS: [&str; 4] = [
    "consumer_byte_rate",
    "controller_mutation_rate",
    "producer_byte_rate",
    "request_percentage",
];

/// What a topic holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Holds {
    /// Its partitions.
    pub partitions: usize,
    /// Replicas of each, and how many are in sync.
    pub replicas: Vec<(usize, usize)>,
    /// krun's records: how often each is there, by step and number. What was begun anew has another
    /// seed, and is left out.
    pub records: BTreeMap<(String, u64), usize>,
    /// Records of others.
    pub foreign: usize,
}

impl fmt::Display for Holds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let replicas: usize = self.replicas.iter().map(|(all, _)| all).sum();
        let in_sync: usize = self.replicas.iter().map(|(_, in_sync)| in_sync).sum();
        let (partitions, foreign) = (self.partitions, self.foreign);
        write!(
            f,
            "{partitions} partitions, {in_sync} of {replicas} replicas in sync, "
        )?;
        write!(f, "{} records, {foreign} of others", self.records.len())?;
        match self.records.iter().find(|(_, times)| **times != 1) {
            Some(((seed, number), times)) => write!(f, ", {seed} number {number} {times} times"),
            None => Ok(()),
        }
    }
}

impl World {
    /// The settings that clusters keep: of topics, brokers and clients, where any are set.
    pub fn settings(&self) -> BTreeMap<String, BTreeMap<String, String>> {
        let zookeepers = self.servers.zookeepers.values();
        let all = zookeepers.flat_map(|one| &one.nodes.settings);
        let set = all.filter(|(_, settings)| !settings.is_empty());
        set.map(|(of, settings)| (of.clone(), settings.clone()))
            .collect()
    }

    /// What each topic holds, as its leaders have it.
    pub fn holds(&self) -> BTreeMap<String, Holds> {
        let mut all: BTreeMap<String, Holds> = BTreeMap::new();
        for zookeeper in self.servers.zookeepers.values().filter(|one| one.serves()) {
            for (name, topic) in &zookeeper.nodes.topics {
                let holds = all.entry(name.clone()).or_default();
                holds.partitions = topic.partitions.len();
                for (number, one) in (0..).zip(&topic.partitions) {
                    holds.replicas.push((one.replicas.len(), one.isr.len()));
                    let leads = |broker: &&Broker| {
                        broker.zookeeper == zookeeper.port && Some(broker.id) == one.leader
                    };
                    let leader = self.servers.brokers.values().find(leads);
                    let log = leader.and_then(|leader| leader.logs.get(&(name.clone(), number)));
                    for record in log.into_iter().flat_map(|log| &log.records) {
                        match record {
                            Rec::Foreign => holds.foreign += 1,
                            Rec::Own(seed, ..) if seed.contains("/later-at-") => {}
                            Rec::Own(seed, number, _) => {
                                let key = (seed.to_string(), *number);
                                *holds.records.entry(key).or_default() += 1;
                            }
                        }
                    }
                }
            }
        }
        all
    }
}
