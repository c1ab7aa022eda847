//! How plugins see clusters, without this crate knowing any client: whoever assembles krun brings one.

use async_trait::async_trait;
use krun_model::{
    Fault,
    configs::{ClientsOf, ConfigsOf},
};

pub use crate::bindings::krun::plugin::kafka::{
    Broker, Cluster, Group, Lag, Partition, Setting, SettingSource, Topic,
};

/// Looks at clusters.
#[async_trait]
pub trait Clusters: Send + Sync {
    /// The cluster at these `host:port`s.
    ///
    /// # Errors
    /// [`FaultCode::Cluster`](krun_model::FaultCode) where no broker answers in time.
    async fn look(&self, bootstrap: &[String]) -> Result<Cluster, Fault>;

    /// All settings that hold for a topic or a broker; none where there is no such topic.
    ///
    /// # Errors
    /// As [`Clusters::look`].
    async fn settings(
        &self,
        bootstrap: &[String],
        of: &ConfigsOf,
    ) -> Result<Option<Vec<Setting>>, Fault>;

    /// The quotas that are set for exactly these clients, by key.
    ///
    /// # Errors
    /// As [`Clusters::look`]; also where brokers are too old to be asked.
    async fn quotas(
        &self,
        bootstrap: &[String],
        of: &ClientsOf,
    ) -> Result<Vec<(String, f64)>, Fault>;

    /// The consumer groups, and where each is.
    ///
    /// # Errors
    /// As [`Clusters::look`].
    async fn groups(&self, bootstrap: &[String]) -> Result<Vec<Group>, Fault>;
}
