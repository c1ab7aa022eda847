//! Altering single settings over the plain protocol, where librdkafka is no help: it can neither ask a
//! broker of the caller's choice nor name all brokers at once.
//!
//! Owns `IncrementalAlterConfigs`, which brokers know from 2.3 on (KIP-339).

use std::fmt::Display;

use kafka_protocol::messages::{
    IncrementalAlterConfigsRequest,
    incremental_alter_configs_request::{AlterConfigsResource, AlterableConfig},
};
use krun_model::{Fault, FaultCode, configs::ConfigChanges};

use super::{
    connection::Connection,
    wire::{Wire, refusal, text},
};

/// The protocol's numbers for kinds of resources.
pub const TOPIC: i8 = 2;
const BROKER: i8 = 4;
/// The protocol's numbers for what is done to a setting.
const SET: i8 = 0;
const DELETE: i8 = 1;
/// `UNKNOWN_TOPIC_OR_PARTITION`.
const UNKNOWN_TOPIC: i16 = 3;

/// Changes of one topic's settings.
pub fn topic(name: &str, changes: &[(&str, Option<String>)]) -> AlterConfigsResource {
    let changes = changes.iter().map(|(key, value)| (*key, value.as_deref()));
    resource(TOPIC, name, changes)
}

/// Changes of one broker's settings: for that very broker to take.
pub fn broker(id: i32, changes: &[(&str, Option<String>)]) -> AlterConfigsResource {
    let changes = changes.iter().map(|(key, value)| (*key, value.as_deref()));
    resource(BROKER, &id.to_string(), changes)
}

fn resource<'a>(
    kind: i8,
    name: &str,
    changes: impl Iterator<Item = (&'a str, Option<&'a str>)>,
) -> AlterConfigsResource {
    let configs = changes.map(|(key, value)| {
        AlterableConfig::default()
            .with_name(text(key))
            .with_config_operation(if value.is_some() { SET } else { DELETE })
            .with_value(value.map(text))
    });
    AlterConfigsResource::default()
        .with_resource_type(kind)
        .with_resource_name(text(name))
        .with_configs(configs.collect())
}

/// Alters settings; what is wanted of a topic that is gone is done.
///
/// # Errors
/// [`FaultCode::Cluster`], called `what`, with the broker's own words for each thing that it refuses.
pub async fn alter(
    wire: &mut Wire,
    what: &str,
    resources: Vec<AlterConfigsResource>,
) -> Result<(), Fault> {
    let asked = IncrementalAlterConfigsRequest::default().with_resources(resources);
    let answer = wire.ask(&asked).await?;
    let refused: Vec<_> = answer
        .responses
        .iter()
        .filter(|one| one.error_code != UNKNOWN_TOPIC)
        .filter_map(|one| {
            let why = refusal(one.error_code, one.error_message.as_ref())?;
            Some(format!("{}: {why}", one.resource_name.as_str()))
        })
        .collect();
    if refused.is_empty() {
        return Ok(());
    }
    Err(Fault::new(FaultCode::Cluster, what).evidence(refused))
}

/// Alters the settings that all brokers have unless they have their own.
///
/// # Errors
/// [`FaultCode::Cluster`] with the broker's own words, or where none answers.
pub async fn all_brokers(
    connection: &Connection,
    changes: &ConfigChanges,
    validate_only: bool,
) -> Result<(), Fault> {
    let changes = changes.iter().map(|(k, v)| (k.as_str(), v.as_deref()));
    let asked = IncrementalAlterConfigsRequest::default()
        .with_resources(vec![resource(BROKER, "", changes)])
        .with_validate_only(validate_only);
    let mut last = failed("no bootstrap server is named");
    for server in connection.bootstrap() {
        let mut wire = match Wire::open(server).await {
            Ok(wire) => wire,
            Err(fault) => {
                last = fault;
                continue;
            }
        };
        if !wire.knows::<IncrementalAlterConfigsRequest>() {
            return Err(failed("the request for it came with Kafka 2.3")
                .hint("These brokers can't set this for all brokers at once; set it for each."));
        }
        // What one broker does not answer may have happened: setting it again does no harm.
        let answer = match wire.ask(&asked).await {
            Ok(answer) => answer,
            Err(fault) => {
                last = fault;
                continue;
            }
        };
        let mut refused = answer
            .responses
            .iter()
            .filter_map(|one| refusal(one.error_code, one.error_message.as_ref()));
        return refused.next().map_or(Ok(()), |why| {
            let next =
                "Correct the value in the runbook; Kafka's documentation names what is valid.";
            Err(failed(why).hint(next))
        });
    }
    Err(last)
}

fn failed(why: impl Display) -> Fault {
    Fault::new(FaultCode::Cluster, "the settings could not be altered").because(why)
}
