//! Clusters: every server of the bootstrap list must be granted.
//!
//! A client goes on from there to the addresses that the brokers advertise: who grants a cluster trusts
//! it with that.

use krun_model::{
    Effect, Fault, FaultCode, TargetState,
    configs::{ClientsOf, ConfigsOf, ConfigsRef},
    kind::UndoClass,
    topic::{TopicRef, TopicSpec},
};

use super::Desk;
use crate::{
    Grant,
    bindings::krun::plugin::{
        kafka::{Cluster, Group, Setting, SettingsOf},
        types::{QuotaName, QuotaOf},
    },
    grant::Server,
};

impl Desk<'_> {
    pub(crate) async fn cluster(&self, bootstrap: Vec<String>) -> Result<Cluster, Fault> {
        self.may(Grant::Kafka, &bootstrap)?;
        self.in_time(
            "looking at the cluster",
            &bootstrap.join(","),
            self.clusters.look(&bootstrap),
        )
        .await
    }

    pub(crate) async fn settings(
        &self,
        bootstrap: Vec<String>,
        of: SettingsOf,
    ) -> Result<Option<Vec<Setting>>, Fault> {
        self.may(Grant::Kafka, &bootstrap)?;
        let of = configs_of(of);
        self.in_time(
            "reading settings",
            &bootstrap.join(","),
            self.clusters.settings(&bootstrap, &of),
        )
        .await
    }

    pub(crate) async fn groups(&self, bootstrap: Vec<String>) -> Result<Vec<Group>, Fault> {
        self.may(Grant::Kafka, &bootstrap)?;
        self.in_time(
            "reading the groups",
            &bootstrap.join(","),
            self.clusters.groups(&bootstrap),
        )
        .await
    }

    pub(crate) async fn quotas(
        &self,
        bootstrap: Vec<String>,
        of: QuotaOf,
    ) -> Result<Vec<(String, f64)>, Fault> {
        self.may(Grant::Kafka, &bootstrap)?;
        let of = quota_of(of)?;
        self.in_time(
            "reading quotas",
            &bootstrap.join(","),
            self.clusters.quotas(&bootstrap, &of),
        )
        .await
    }

    pub(crate) async fn alter_quotas(
        &self,
        bootstrap: Vec<String>,
        of: QuotaOf,
        changes: Vec<(String, Option<f64>)>,
    ) -> Result<(), Fault> {
        self.may(Grant::ChangeKafka, &bootstrap)?;
        let of = ConfigsOf::Clients(quota_of(of)?);
        let text = |number: f64| match number.is_finite() {
            true => Ok(number.to_string()),
            false => Err(Fault::new(FaultCode::Script, "this is no quota").at(number)),
        };
        let changes = changes
            .into_iter()
            .map(|(key, number)| Ok((key, number.map(text).transpose()?)))
            .collect::<Result<_, Fault>>()?;
        let configs = ConfigsRef { bootstrap, of };
        self.done(Effect::AlterConfigs { configs, changes }).await
    }

    pub(crate) async fn create_topic(
        &self,
        bootstrap: Vec<String>,
        name: String,
        (partitions, replication_factor): (u32, u32),
        settings: Vec<(String, String)>,
    ) -> Result<(), Fault> {
        self.may(Grant::ChangeKafka, &bootstrap)?;
        let effect = Effect::CreateTopic {
            topic: TopicRef { bootstrap, name },
            spec: TopicSpec {
                partitions,
                replication_factor,
                configs: settings.into_iter().collect(),
            },
        };
        self.done(effect).await
    }

    pub(crate) async fn alter_settings(
        &self,
        bootstrap: Vec<String>,
        of: SettingsOf,
        changes: Vec<(String, Option<String>)>,
    ) -> Result<(), Fault> {
        self.may(Grant::ChangeKafka, &bootstrap)?;
        let effect = Effect::AlterConfigs {
            configs: ConfigsRef {
                bootstrap,
                of: configs_of(of),
            },
            changes: changes.into_iter().collect(),
        };
        self.done(effect).await
    }

    pub(crate) async fn add_partitions(
        &self,
        bootstrap: Vec<String>,
        name: String,
        total: u32,
    ) -> Result<(), Fault> {
        self.may(Grant::ChangeKafka, &bootstrap)?;
        if self.undo != UndoClass::Irreversible {
            return Err(Fault::new(
                FaultCode::Plugin,
                "the plugin adds partitions, which can't be taken back",
            )
            .at(format!("topic {name}"))
            .because(
                "its kind says that a rollback can take back what it does, which people were told",
            ));
        }
        let topic = TopicRef { bootstrap, name };
        self.done(Effect::AddPartitions { topic, total }).await
    }

    async fn done(&self, effect: Effect) -> Result<(), Fault> {
        match self.perform(effect).await? {
            TargetState::Unreachable { why } => {
                Err(Fault::new(FaultCode::Cluster, "the cluster can't be reached").because(why))
            }
            _ => Ok(()),
        }
    }

    fn may(&self, grant: fn(Server) -> Grant, bootstrap: &[String]) -> Result<(), Fault> {
        if bootstrap.is_empty() {
            return Err(Fault::new(
                FaultCode::Script,
                "no bootstrap server is named",
            ));
        }
        for text in bootstrap {
            let server = text.parse().map_err(|why: String| {
                Fault::new(FaultCode::Script, "this is no address of a broker")
                    .at(text)
                    .because(why)
            })?;
            self.permit(&grant(server))?;
        }
        Ok(())
    }
}

fn configs_of(of: SettingsOf) -> ConfigsOf {
    match of {
        SettingsOf::Topic(name) => ConfigsOf::Topic(name),
        SettingsOf::Broker(id) => ConfigsOf::Broker(id),
        SettingsOf::Brokers => ConfigsOf::Brokers,
    }
}

/// Whose quotas a guest means.
pub(crate) fn quota_of(of: QuotaOf) -> Result<ClientsOf, Fault> {
    let name = |name: QuotaName| match name {
        QuotaName::Named(name) => Some(name),
        QuotaName::Default => None,
    };
    let of = ClientsOf {
        user: of.user.map(name),
        client_id: of.client_id.map(name),
    };
    match of.user.is_none() && of.client_id.is_none() {
        true => Err(Fault::new(
            FaultCode::Script,
            "a quota is for a user, for a client id, or for both",
        )),
        false => Ok(of),
    }
}
