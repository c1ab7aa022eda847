//! Where the replicas of partitions live, as data.

use serde::{Deserialize, Serialize};

/// The brokers that hold a partition, the preferred leader first.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Placement {
    /// The partition's topic.
    pub topic: String,
    /// Its number.
    pub partition: i32,
    /// The brokers' ids.
    pub replicas: Vec<i32>,
}

/// Partitions of a cluster, however many brokers hold them.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct PartitionsRef {
    /// `host:port` of the bootstrap servers.
    pub bootstrap: Vec<String>,
    /// Topic and number of each, sorted.
    pub partitions: Vec<(String, i32)>,
}

/// Where a cluster shows the replicas of some partitions.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlacementSeen {
    /// Where each is, or is on its way to; partitions that the cluster does not have are missing.
    pub placed: Vec<Placement>,
    /// Whether any of them is on its way.
    pub moving: bool,
    /// Whether a throttle for their replication is set.
    pub throttled: bool,
}

impl PlacementSeen {
    /// The brokers that hold a partition, or will.
    pub fn of(&self, topic: &str, partition: i32) -> Option<&Placement> {
        self.placed
            .iter()
            .find(|one| one.topic == topic && one.partition == partition)
    }

    /// Whether every one of these partitions that is there is placed so, or on its way there.
    pub fn agrees(&self, wanted: &[Placement]) -> bool {
        wanted.iter().all(|one| {
            self.of(&one.topic, one.partition)
                .is_none_or(|seen| seen.replicas == one.replicas)
        })
    }
}

impl PartitionsRef {
    /// The partitions of these placements.
    pub fn of(bootstrap: &[String], placements: &[Placement]) -> Self {
        let mut partitions: Vec<_> = placements
            .iter()
            .map(|one| (one.topic.clone(), one.partition))
            .collect();
        partitions.sort();
        Self {
            bootstrap: bootstrap.to_vec(),
            partitions,
        }
    }

    /// All of their names: `t-0 t-1`.
    pub fn names(&self) -> String {
        let names: Vec<_> = self
            .partitions
            .iter()
            .map(|(topic, partition)| format!("{topic}-{partition}"))
            .collect();
        names.join(" ")
    }

    /// The first partition's name and how many others there are: `t-0 and 9 more`.
    pub fn summary(&self) -> String {
        match self.partitions.as_slice() {
            [] => "no partition".to_owned(),
            [(topic, partition)] => format!("{topic}-{partition}"),
            [(topic, partition), rest @ ..] => {
                format!("{topic}-{partition} and {} more", rest.len())
            }
        }
    }
}
