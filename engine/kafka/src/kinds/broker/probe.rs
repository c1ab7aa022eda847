//! Whether a broker serves: as its own metadata tells a client.

use std::time::Duration;

use async_trait::async_trait;
use krun_model::Fault;

use super::args::Args;
use crate::{
    cluster::{connection::Connection, reach},
    process::ReadyProbe,
};

/// How long one question may take.
const ASK: Duration = Duration::from_millis(400);

/// Asks a broker whether it is registered and knows a controller. Both come to it from the controller
/// in one message, so it then also knows all topics.
pub struct BrokerProbe<'a> {
    args: &'a Args,
    connection: Option<Connection>,
    missing: String,
}

impl<'a> BrokerProbe<'a> {
    /// A probe of this broker.
    pub fn new(args: &'a Args) -> Self {
        Self {
            args,
            connection: None,
            missing: format!("nothing accepts connections at {}", args.endpoint()),
        }
    }

    fn connection(&mut self) -> Result<Connection, Fault> {
        if let Some(connection) = &self.connection {
            return Ok(connection.clone());
        }
        let connection = Connection::open(&[self.args.endpoint()])?;
        self.connection = Some(connection.clone());
        Ok(connection)
    }
}

#[async_trait]
impl ReadyProbe for BrokerProbe<'_> {
    type Ready = ();

    async fn ask(&mut self) -> Result<Option<()>, Fault> {
        if self.connection.is_none() && !reach::accepts(&self.args.endpoint()).await {
            return Ok(None);
        }
        let connection = self.connection()?;
        let id = self.args.id;
        match connection.metadata(None, ASK).await {
            Err(fault) => self.missing = fault.to_string(),
            Ok(view) if !view.has_broker(id) => {
                self.missing = format!("broker {id} is not registered in the cluster");
            }
            Ok(_) => match connection.identity(ASK).await? {
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
