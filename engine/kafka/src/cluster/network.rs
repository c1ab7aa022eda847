//! The clusters that the network leads to: the contract of [`crate::clusters`] by librdkafka and the
//! plain protocol.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use krun_model::{
    Fault, Map, ReadHost,
    configs::{ClientsOf, ConfigChanges, ConfigsOf, ConfigsRef},
    topic::{Committed, GroupRef, TopicRef, TopicSpec},
};

use super::{
    configs::{self, Entry},
    connection::Connection,
    create,
    groups::{self, Consumer, From},
    partitions,
    placement::Survey,
    quotas, reach,
    readback::{ReadBack, read_back},
};
use crate::{
    clusters::{Client, Clusters, Member},
    view::{ClusterView, GroupView, Lag},
    waiting, zookeeper,
};

/// Clusters as the network leads to them from where krun runs. Holds no connection.
#[derive(Clone, Copy, Debug, Default)]
pub struct Network;

#[async_trait]
impl Clusters for Network {
    async fn accepts(&self, address: &str) -> bool {
        reach::accepts(address).await
    }

    async fn zookeeper_mode(&self, address: &str, port: u16) -> Result<String, String> {
        zookeeper::mode(address, port).await
    }

    fn open(&self, bootstrap: &[String]) -> Result<Arc<dyn Client>, Fault> {
        Ok(Arc::new(Connection::open(bootstrap)?))
    }
}

impl Connection {
    fn topic(&self, name: &str) -> TopicRef {
        TopicRef {
            bootstrap: self.bootstrap().to_vec(),
            name: name.to_owned(),
        }
    }
}

#[async_trait]
impl Client for Connection {
    async fn metadata(&self, topic: Option<&str>, limit: Duration) -> Result<ClusterView, Fault> {
        self.metadata(topic, limit).await
    }

    async fn identity(&self, limit: Duration) -> Result<(Option<String>, Option<i32>), Fault> {
        self.identity(limit).await
    }

    async fn topic_id(&self, topic: &str, limit: Duration) -> Result<Option<String>, Fault> {
        self.topic_id(topic, limit).await
    }

    async fn offsets(&self, view: ClusterView, limit: Duration) -> Result<ClusterView, Fault> {
        self.offsets(view, limit).await
    }

    async fn settings(&self, of: &ConfigsOf) -> Result<Option<Map<Entry>>, Fault> {
        configs::describe(self, of).await
    }

    async fn validate_settings(
        &self,
        of: &ConfigsOf,
        changes: &ConfigChanges,
    ) -> Result<(), Fault> {
        let configs = ConfigsRef {
            bootstrap: self.bootstrap().to_vec(),
            of: of.clone(),
        };
        configs::validate(self, &configs, changes).await
    }

    async fn would_create(&self, topic: &str, spec: &TopicSpec) -> Result<bool, Fault> {
        create::would_create(&self.topic(topic), spec).await
    }

    async fn validate_partitions(&self, topic: &str, total: u32) -> Result<(), Fault> {
        partitions::validate(&self.topic(topic), total).await
    }

    async fn survey(&self) -> Result<Survey, Fault> {
        Survey::take(self).await
    }

    async fn read_back(
        &self,
        host: &dyn ReadHost,
        topic: &str,
        partitions: &[i32],
        limit: Duration,
    ) -> Result<ReadBack, Fault> {
        let (connection, topic) = (self.clone(), topic.to_owned());
        let partitions = partitions.to_vec();
        waiting::blocking(host, move |stop| {
            read_back(&connection, &topic, &partitions, limit, stop)
        })
        .await
    }

    fn join(
        &self,
        group: &GroupRef,
        partitions: &[i32],
        from: From,
    ) -> Result<Box<dyn Member>, Fault> {
        let consumer = Consumer::join(group, partitions, from)?;
        Ok(Box::new(Reading(Some(consumer))))
    }

    async fn quotas(&self, of: &ClientsOf) -> Result<Map<f64>, Fault> {
        quotas::describe(self, of).await
    }

    async fn groups(&self, view: &ClusterView) -> Result<Vec<GroupView>, Fault> {
        let (connection, view) = (self.clone(), view.clone());
        tokio::task::spawn_blocking(move || groups::all(&connection, &view))
            .await
            .map_err(|error| Fault::internal(format!("a call ended badly: {error}")))?
    }

    async fn lags(&self, group: &str, view: &ClusterView) -> Result<Vec<Lag>, Fault> {
        let (bootstrap, group) = (self.bootstrap().to_vec(), group.to_owned());
        let view = view.clone();
        tokio::task::spawn_blocking(move || groups::lags(&bootstrap, &group, &view))
            .await
            .map_err(|error| Fault::internal(format!("a call ended badly: {error}")))?
    }
}

/// A consumer that is in a group; it is away while a thread reads with it.
struct Reading(Option<Consumer>);

impl Reading {
    fn take(&mut self) -> Result<Consumer, Fault> {
        let gone = || Fault::internal("a member whose reading failed was used again");
        self.0.take().ok_or_else(gone)
    }
}

#[async_trait]
impl Member for Reading {
    async fn read(
        &mut self,
        host: &dyn ReadHost,
        limit: Duration,
        until: Option<(&str, u64)>,
    ) -> Result<ReadBack, Fault> {
        let mut consumer = self.take()?;
        let until = until.map(|(seed, count)| (seed.to_owned(), count));
        let (consumer, read) = waiting::blocking(host, move |stop| {
            let read = consumer.read(limit, stop, |read| {
                until.as_ref().is_none_or(|(seed, count)| {
                    let own = read.own.get(seed);
                    own.is_some_and(|own| own.digests.len() as u64 >= *count)
                })
            })?;
            Ok((consumer, read))
        })
        .await?;
        self.0 = Some(consumer);
        Ok(read)
    }

    async fn leave(mut self: Box<Self>) -> Result<Vec<Committed>, Fault> {
        let consumer = self.take()?;
        tokio::task::spawn_blocking(move || consumer.leave())
            .await
            .map_err(|error| Fault::internal(format!("a group was left badly: {error}")))
    }
}
