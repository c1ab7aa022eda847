//! A cluster as its brokers show it, as data.

use std::{collections::BTreeMap, time::Duration};

use krun_model::{Fault, FaultCode};
use serde::{Deserialize, Serialize};

use crate::{
    Network,
    clusters::{Clusters, Source},
};

/// A cluster at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClusterView {
    /// The cluster's id.
    pub cluster_id: Option<String>,
    /// The broker that is the controller.
    pub controller: Option<i32>,
    /// The registered brokers, by id.
    pub brokers: Vec<BrokerView>,
    /// Topics with their partitions, by number; internal topics too.
    pub topics: BTreeMap<String, Vec<PartitionView>>,
}

/// A registered broker, with the address it advertises.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BrokerView {
    /// Its id.
    pub id: i32,
    /// The host it advertises.
    pub host: String,
    /// The port it advertises.
    pub port: u16,
}

/// A partition.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartitionView {
    /// Its number.
    pub id: i32,
    /// The broker that leads it, if any does.
    pub leader: Option<i32>,
    /// The brokers that should hold it, the preferred leader first.
    pub replicas: Vec<i32>,
    /// The brokers that hold all of it.
    pub isr: Vec<i32>,
    /// The offset of its first record, where that was asked for and answered.
    pub start: Option<i64>,
    /// The offset after its last record, likewise.
    pub end: Option<i64>,
}

/// A consumer group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupView {
    /// Its id.
    pub id: String,
    /// What its coordinator says of it: `Stable`, `Empty`, …
    pub state: String,
    /// How many are in it.
    pub members: usize,
    /// Where it is, by topic and partition.
    pub lags: Vec<Lag>,
}

/// How far behind a group is in one partition.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lag {
    /// The topic.
    pub topic: String,
    /// The partition.
    pub partition: i32,
    /// The offset of the record that it reads next.
    pub committed: i64,
    /// The offset after the partition's last record, where that is known.
    pub end: Option<i64>,
}

/// A setting that holds for a topic or a broker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SettingView {
    /// Its key.
    pub key: String,
    /// What holds; none where it has no value, or brokers keep it to themselves.
    pub value: Option<String>,
    /// Where that comes from.
    pub source: Source,
    /// Whether it was set on the thing itself, and is no default.
    pub explicit: bool,
    /// Whether it can't be changed while the broker runs.
    pub read_only: bool,
    /// Whether it is a secret: brokers keep its value to themselves.
    pub sensitive: bool,
}

impl Lag {
    /// How many records it has not read yet.
    pub fn records(&self) -> Option<i64> {
        Some((self.end? - self.committed).max(0))
    }
}

impl ClusterView {
    /// Looks at a cluster over the network: identity, brokers, all topics and their offsets.
    ///
    /// # Errors
    /// [`FaultCode::Cluster`] where no bootstrap server accepts a connection, or none answers in
    /// time.
    pub async fn fetch(bootstrap: &[String], timeout: Duration) -> Result<Self, Fault> {
        let network: &dyn Clusters = &Network;
        network.look(bootstrap, timeout).await
    }

    /// The consumer groups, with what each still has to read, as this view's offsets tell.
    ///
    /// # Errors
    /// [`FaultCode::Cluster`] where the brokers do not answer in time.
    pub async fn groups(&self, bootstrap: &[String]) -> Result<Vec<GroupView>, Fault> {
        Network.open(bootstrap)?.groups(self).await
    }

    /// All partitions with their topics.
    pub fn partitions(&self) -> impl Iterator<Item = (&str, &PartitionView)> {
        self.topics
            .iter()
            .flat_map(|(topic, all)| all.iter().map(move |one| (topic.as_str(), one)))
    }

    /// Whether a broker is registered.
    pub fn has_broker(&self, id: i32) -> bool {
        self.brokers.iter().any(|broker| broker.id == id)
    }

    /// The same, with brokers and partitions in order.
    #[must_use]
    pub fn sorted(mut self) -> Self {
        self.brokers.sort_by_key(|broker| broker.id);
        for partitions in self.topics.values_mut() {
            partitions.sort_by_key(|partition| partition.id);
        }
        self
    }
}

/// The fault for a cluster of which no bootstrap server accepts a connection.
pub(crate) fn unreachable_fault(bootstrap: &[String]) -> Fault {
    Fault::new(FaultCode::Cluster, "no broker accepts a connection")
        .at(bootstrap.join(","))
        .hint("See whether the brokers run: `krun status`; start them: `krun start`.")
}
