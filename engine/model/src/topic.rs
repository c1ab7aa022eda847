//! Topics as data.

use serde::{Deserialize, Serialize};

use crate::Map;

/// Where a cluster is reached and which topic in it is meant.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct TopicRef {
    /// `host:port` of the bootstrap servers.
    pub bootstrap: Vec<String>,
    /// The topic's name.
    pub name: String,
}

/// A topic to create.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TopicSpec {
    /// Number of partitions.
    pub partitions: u32,
    /// Replicas of each partition.
    pub replication_factor: u32,
    /// Settings that differ from the brokers' defaults.
    #[serde(default)]
    pub configs: Map<String>,
}

/// A topic as the cluster shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TopicSeen {
    /// Number of partitions.
    pub partitions: u32,
    /// Replicas of the first partition.
    pub replication_factor: u32,
    /// Sum of the end offsets of all partitions: how many records were ever written.
    pub records: u64,
}
