//! Clusters as plugins see them: through what krun's own kinds look through.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use krun_kafka::{clusters::Source, view};
use krun_model::{
    Fault,
    configs::{ClientsOf, ConfigsOf},
};
use krun_plugin::clusters::{
    Broker, Cluster, Clusters, Group, Lag, Partition, Setting, SettingSource, Topic,
};

/// How long a cluster may take to show itself.
const ASK: Duration = Duration::from_secs(10);

/// Clusters as krun's own kinds see them.
pub struct Seen(pub Arc<dyn krun_kafka::clusters::Clusters>);

fn source(source: Source) -> SettingSource {
    match source {
        Source::Topic => SettingSource::Topic,
        Source::Broker => SettingSource::Broker,
        Source::Brokers => SettingSource::Brokers,
        Source::File => SettingSource::File,
        Source::Default => SettingSource::Default,
        Source::Unsaid => SettingSource::Unsaid,
    }
}

#[async_trait]
impl Clusters for Seen {
    async fn look(&self, bootstrap: &[String]) -> Result<Cluster, Fault> {
        let seen = self.0.look(bootstrap, ASK).await?.sorted();
        let broker = |one: view::BrokerView| Broker {
            id: one.id,
            host: one.host,
            port: one.port,
        };
        let partition = |one: view::PartitionView| Partition {
            id: one.id,
            leader: one.leader,
            replicas: one.replicas,
            isr: one.isr,
            start: one.start,
            end: one.end,
        };
        let topic = |(name, partitions): (String, Vec<view::PartitionView>)| Topic {
            name,
            partitions: partitions.into_iter().map(partition).collect(),
        };
        Ok(Cluster {
            id: seen.cluster_id,
            controller: seen.controller,
            brokers: seen.brokers.into_iter().map(broker).collect(),
            topics: seen.topics.into_iter().map(topic).collect(),
        })
    }

    async fn settings(
        &self,
        bootstrap: &[String],
        of: &ConfigsOf,
    ) -> Result<Option<Vec<Setting>>, Fault> {
        let found = self.0.settings(bootstrap, of).await?;
        let setting = |one: view::SettingView| Setting {
            key: one.key,
            value: one.value,
            source: source(one.source),
            explicit: one.explicit,
            read_only: one.read_only,
            sensitive: one.sensitive,
        };
        Ok(found.map(|all| all.into_iter().map(setting).collect()))
    }

    async fn quotas(
        &self,
        bootstrap: &[String],
        of: &ClientsOf,
    ) -> Result<Vec<(String, f64)>, Fault> {
        let client = self.0.reach(bootstrap).await?;
        Ok(client.quotas(of).await?.into_iter().collect())
    }

    async fn groups(&self, bootstrap: &[String]) -> Result<Vec<Group>, Fault> {
        let seen = self.0.look(bootstrap, ASK).await?;
        let lag = |one: view::Lag| Lag {
            topic: one.topic,
            partition: one.partition,
            committed: one.committed,
            end: one.end,
        };
        let group = |one: view::GroupView| Group {
            id: one.id,
            state: one.state,
            members: u32::try_from(one.members).unwrap_or(u32::MAX),
            lags: one.lags.into_iter().map(lag).collect(),
        };
        let groups = self.0.open(bootstrap)?.groups(&seen).await?;
        Ok(groups.into_iter().map(group).collect())
    }
}
