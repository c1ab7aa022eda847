//! How the kinds look at clusters: whether somebody answers at an address, what a ZooKeeper says of
//! itself, and what a client sees of a cluster.
//!
//! Owns the contract alone, in the terms of the views and not of a client library. Kinds are handed an
//! implementation when they are made and know no other way to a cluster, so that the same kinds run on
//! [`Network`](crate::Network) and on a simulated cluster. Nothing here changes a cluster: that is what
//! effects are for.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use futures::{StreamExt as _, stream::FuturesUnordered};
use krun_model::{
    Fault, Map, ReadHost,
    configs::{ClientsOf, ConfigChanges, ConfigsOf},
    kind::Check,
    plan::DiffLine,
    topic::{Committed, GroupRef, TopicSeen, TopicSpec},
};

pub use crate::cluster::{
    configs::{Entry, Source},
    groups::From,
    placement::{Going, Survey},
    readback::{Own, ReadBack},
    records::{self, Record},
};
use crate::{
    cluster::configs,
    view::{ClusterView, GroupView, Lag, SettingView, unreachable_fault},
};

/// How long the offsets and partitions of one topic may take to be told.
const TOPIC: Duration = Duration::from_secs(5);

/// The servers that can be reached from where krun runs.
#[async_trait]
pub trait Clusters: Send + Sync {
    /// Whether somebody accepts connections at `host:port`.
    async fn accepts(&self, address: &str) -> bool;

    /// What a ZooKeeper server says of itself: `standalone`, `leader` or `follower`.
    ///
    /// # Errors
    /// A fragment: nobody listens, or it does not serve yet.
    async fn zookeeper_mode(&self, address: &str, port: u16) -> Result<String, String>;

    /// A client of the cluster that these `host:port` are servers of. Connects when it is asked something.
    ///
    /// # Errors
    /// [`FaultCode::Cluster`](krun_model::FaultCode::Cluster) where no client can be made.
    fn open(&self, bootstrap: &[String]) -> Result<Arc<dyn Client>, Fault>;
}

impl dyn Clusters + '_ {
    /// Looks at a cluster: identity, brokers, all topics and their offsets.
    ///
    /// # Errors
    /// [`FaultCode::Cluster`](krun_model::FaultCode::Cluster) where no bootstrap server accepts a
    /// connection, or none answers in time.
    pub async fn look(&self, bootstrap: &[String], limit: Duration) -> Result<ClusterView, Fault> {
        let client = self.reach(bootstrap).await?;
        let mut view = client.metadata(None, limit).await?;
        (view.cluster_id, view.controller) = client.identity(limit).await?;
        client.offsets(view, limit).await
    }

    /// All settings that hold for a topic, a broker, or brokers that have none of their own; none where there
    /// is no such topic.
    ///
    /// # Errors
    /// As [`Client::settings`]; no bootstrap server accepts a connection.
    pub async fn settings(
        &self,
        bootstrap: &[String],
        of: &ConfigsOf,
    ) -> Result<Option<Vec<SettingView>>, Fault> {
        let Some(entries) = self.reach(bootstrap).await?.settings(of).await? else {
            return Ok(None);
        };
        let view = |entry: Entry| {
            let (source, value) = configs::holding(of, &entry);
            SettingView {
                explicit: configs::is_own(of, &entry),
                key: entry.name,
                value,
                source,
                read_only: entry.read_only,
                sensitive: entry.sensitive,
            }
        };
        Ok(Some(entries.into_values().map(view).collect()))
    }

    /// A client of a cluster of which a server accepts connections.
    ///
    /// # Errors
    /// [`FaultCode::Cluster`](krun_model::FaultCode::Cluster) where none does.
    pub async fn reach(&self, bootstrap: &[String]) -> Result<Arc<dyn Client>, Fault> {
        match self.any_accepts(bootstrap).await {
            true => self.open(bootstrap),
            false => Err(unreachable_fault(bootstrap)),
        }
    }

    /// Whether anybody accepts connections at one of these addresses; all are tried at once.
    pub(crate) async fn any_accepts(&self, addresses: &[String]) -> bool {
        let mut pending: FuturesUnordered<_> = addresses
            .iter()
            .map(|address| self.accepts(address))
            .collect();
        while let Some(accepted) = pending.next().await {
            if accepted {
                return true;
            }
        }
        false
    }

    /// What a check says of a cluster that nobody answers for yet; none where somebody does.
    pub(crate) async fn silent(&self, addresses: &[String], diff: &[DiffLine]) -> Option<Check> {
        if self.any_accepts(addresses).await {
            return None;
        }
        Some(Check::Unknown {
            why: "the cluster does not answer yet".to_owned(),
            diff: diff.to_vec(),
        })
    }
}

/// A client that only looks. All its errors have
/// [`FaultCode::Cluster`](krun_model::FaultCode::Cluster) but where something else is said.
#[async_trait]
pub trait Client: Send + Sync {
    /// Brokers, topics and partitions as one of the servers knows them, in order; of one topic only if
    /// it is named. Topics without a partition or with an error are left out.
    ///
    /// # Errors
    /// No server answers in time.
    async fn metadata(&self, topic: Option<&str>, limit: Duration) -> Result<ClusterView, Fault>;

    /// The cluster's id and the id of its controller, as far as they are known in time.
    ///
    /// # Errors
    /// The client failed.
    async fn identity(&self, limit: Duration) -> Result<(Option<String>, Option<i32>), Fault>;

    /// The id of a topic; none where the brokers give topics no ids.
    ///
    /// # Errors
    /// No server answers in time, or there is no such topic.
    async fn topic_id(&self, topic: &str, limit: Duration) -> Result<Option<String>, Fault>;

    /// The same view with first and next offset of each partition that has a leader.
    ///
    /// # Errors
    /// A leader does not answer in time.
    async fn offsets(&self, view: ClusterView, limit: Duration) -> Result<ClusterView, Fault>;

    /// All settings of a topic or of brokers; none where there is no such topic.
    ///
    /// # Errors
    /// No server answers in time, there is no such broker, or it is not told.
    async fn settings(&self, of: &ConfigsOf) -> Result<Option<Map<Entry>>, Fault>;

    /// Asks whether settings would be taken, and changes nothing.
    ///
    /// # Errors
    /// The brokers' reason.
    async fn validate_settings(&self, of: &ConfigsOf, changes: &ConfigChanges)
    -> Result<(), Fault>;

    /// Whether a topic could be created now: false where the controller has one of this name, which
    /// brokers may not show yet.
    ///
    /// # Errors
    /// The controller's reason.
    async fn would_create(&self, topic: &str, spec: &TopicSpec) -> Result<bool, Fault>;

    /// Asks whether a topic could have so many partitions, and changes nothing.
    ///
    /// # Errors
    /// The controller's reason.
    async fn validate_partitions(&self, topic: &str, total: u32) -> Result<(), Fault>;

    /// Where all replicas are, and where they are on their way to.
    ///
    /// # Errors
    /// The controller can't be asked.
    async fn survey(&self) -> Result<Survey, Fault>;

    /// Reads partitions of a topic from their beginning to what is their end when that is reached. Joins
    /// no group.
    ///
    /// # Errors
    /// A partition can't be read, [`FaultCode::Timeout`](krun_model::FaultCode::Timeout) where the end
    /// of one was not reached, [`FaultCode::Cancelled`](krun_model::FaultCode::Cancelled) when the
    /// host's run was told to stop.
    async fn read_back(
        &self,
        host: &dyn ReadHost,
        topic: &str,
        partitions: &[i32],
        limit: Duration,
    ) -> Result<ReadBack, Fault>;

    /// Joins a consumer group, to read one topic.
    ///
    /// # Errors
    /// The client can't be made.
    fn join(
        &self,
        group: &GroupRef,
        partitions: &[i32],
        from: From,
    ) -> Result<Box<dyn Member>, Fault>;

    /// The quotas that are set for exactly these clients, by key; none that come from a default.
    ///
    /// # Errors
    /// No broker answers, or they are older than 2.6 (KIP-546) and can't be asked.
    async fn quotas(&self, of: &ClientsOf) -> Result<Map<f64>, Fault>;

    /// The consumer groups, with what each still has to read, as the offsets of a view tell. Does not
    /// ask where no group was ever used: asking would make the brokers create a topic.
    ///
    /// # Errors
    /// The brokers do not answer in time.
    async fn groups(&self, view: &ClusterView) -> Result<Vec<GroupView>, Fault>;

    /// How far behind a group is in the partitions of a view with offsets.
    ///
    /// # Errors
    /// The group's coordinator does not answer in time.
    async fn lags(&self, group: &str, view: &ClusterView) -> Result<Vec<Lag>, Fault>;
}

/// Somebody in a consumer group, who commits nothing and is gone from it when dropped.
#[async_trait]
pub trait Member: Send {
    /// Reads each of its partitions to the end, and on until so many records of a seed have come.
    ///
    /// # Errors
    /// As [`Client::read_back`].
    async fn read(
        &mut self,
        host: &dyn ReadHost,
        limit: Duration,
        until: Option<(&str, u64)>,
    ) -> Result<ReadBack, Fault>;

    /// Leaves the group; where it would go on.
    ///
    /// # Errors
    /// Only a defect.
    async fn leave(self: Box<Self>) -> Result<Vec<Committed>, Fault>;
}

/// What a cluster shows of a topic; none where it has no such topic.
///
/// # Errors
/// A cluster that accepts connections but does not answer.
pub async fn topic_seen(client: &dyn Client, name: &str) -> Result<Option<TopicSeen>, Fault> {
    let view = client.metadata(Some(name), TOPIC).await?;
    if !view.topics.contains_key(name) {
        return Ok(None);
    }
    let view = match client.offsets(view, TOPIC).await {
        Ok(view) => view,
        // Brokers show a topic for a moment after it was deleted; nobody leads it any more.
        Err(fault) => {
            let again = client.metadata(Some(name), TOPIC).await?;
            return match again.topics.contains_key(name) {
                true => Err(fault),
                false => Ok(None),
            };
        }
    };
    Ok(view.topics.get(name).map(|partitions| TopicSeen {
        partitions: u32::try_from(partitions.len()).unwrap_or(u32::MAX),
        replication_factor: partitions.first().map_or(0, |first| {
            u32::try_from(first.replicas.len()).unwrap_or(u32::MAX)
        }),
        records: partitions
            .iter()
            .filter_map(|partition| u64::try_from(partition.end?).ok())
            .sum(),
    }))
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;
    use crate::Network;

    #[tokio::test]
    async fn one_open_port_is_enough() {
        let clusters: &dyn Clusters = &Network;
        let open = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let shut = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = |l: &TcpListener| l.local_addr().unwrap().to_string();
        let (open_at, shut_at) = (address(&open), address(&shut));
        drop(shut);
        assert!(!clusters.any_accepts(std::slice::from_ref(&shut_at)).await);
        assert!(clusters.any_accepts(&[shut_at, open_at]).await);
        assert!(!clusters.any_accepts(&[]).await);
    }
}
