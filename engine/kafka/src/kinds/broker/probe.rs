//! Whether a broker serves: as its own metadata tells a client.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use krun_model::Fault;

use super::args::Args;
use crate::{
    clusters::{Client, Clusters},
    process::ReadyProbe,
};

/// How long one question may take.
const ASK: Duration = Duration::from_millis(400);

/// Asks a broker whether it is registered and knows a controller. Both come to it from the controller
/// in one message, so it then also knows all topics.
pub struct BrokerProbe<'a> {
    args: &'a Args,
    clusters: &'a dyn Clusters,
    client: Option<Arc<dyn Client>>,
    missing: String,
}

impl<'a> BrokerProbe<'a> {
    /// A probe of this broker.
    pub fn new(args: &'a Args, clusters: &'a dyn Clusters) -> Self {
        Self {
            args,
            clusters,
            client: None,
            missing: format!("nothing accepts connections at {}", args.endpoint()),
        }
    }

    /// The client, made at the first question that somebody may answer.
    fn client(&mut self) -> Result<Arc<dyn Client>, Fault> {
        if let Some(client) = &self.client {
            return Ok(client.clone());
        }
        let client = self.clusters.open(&[self.args.endpoint()])?;
        self.client = Some(client.clone());
        Ok(client)
    }
}

#[async_trait]
impl ReadyProbe for BrokerProbe<'_> {
    type Ready = ();

    async fn ask(&mut self) -> Result<Option<()>, Fault> {
        if self.client.is_none() && !self.clusters.accepts(&self.args.endpoint()).await {
            return Ok(None);
        }
        let client = self.client()?;
        let id = self.args.id;
        match client.metadata(None, ASK).await {
            Err(fault) => self.missing = fault.to_string(),
            Ok(view) if !view.has_broker(id) => {
                self.missing = format!("broker {id} is not registered in the cluster");
            }
            Ok(_) => match client.identity(ASK).await? {
                (_, Some(_)) => return Ok(Some(())),
                (_, None) => self.missing = "no controller is known".to_owned(),
            },
        }
        Ok(None)
    }

    fn missing(&self) -> String {
        self.missing.clone()
    }
}
