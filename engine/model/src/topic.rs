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

/// How many replicas must have a record before its producer goes on.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub enum Acks {
    /// None: the broker does not answer at all.
    #[serde(rename = "0")]
    None,
    /// The leader.
    #[serde(rename = "1")]
    Leader,
    /// All in sync.
    #[default]
    #[serde(rename = "all")]
    All,
}

impl Acks {
    /// The word for it, as producers are configured.
    pub fn word(self) -> &'static str {
        match self {
            Self::None => "0",
            Self::Leader => "1",
            Self::All => "all",
        }
    }

    /// Reads that word.
    pub fn parse(word: &str) -> Option<Self> {
        [Self::None, Self::Leader, Self::All]
            .into_iter()
            .find(|acks| acks.word() == word)
    }
}

/// Where a cluster is reached, and which consumer group's place in which topic is meant.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct GroupRef {
    /// `host:port` of the bootstrap servers.
    pub bootstrap: Vec<String>,
    /// The group's id.
    pub id: String,
    /// The topic.
    pub topic: String,
}

/// Where a group goes on in one partition.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Committed {
    /// The partition.
    pub partition: i32,
    /// The offset of the record that it reads next.
    pub offset: i64,
}
