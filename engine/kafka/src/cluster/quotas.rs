//! Quotas of clients: what users and client ids may send, take and cost the brokers a second.
//!
//! Brokers take and show them by requests of their own since 2.6 (KIP-546); before, they were written into
//! ZooKeeper, which krun does not do. librdkafka has no call for them.

use std::time::Duration;

use kafka_protocol::messages::{
    AlterClientQuotasRequest, DescribeClientQuotasRequest,
    alter_client_quotas_request::{EntityData, EntryData, OpData},
    describe_client_quotas_request::ComponentData,
};
use krun_model::{
    Fault, FaultCode, Map,
    configs::{ClientsOf, ConfigChanges},
};

use super::{
    connection::Connection,
    shown::{self, until_shown},
    wire::{Wire, refusal, text},
};
use crate::view::BrokerView;

/// How long one question may take.
const ASK: Duration = Duration::from_secs(5);

/// How the request for quotas says whose (KIP-546): by name, or the default.
const NAMED: i8 = 0;
const DEFAULT: i8 = 1;

/// The kinds of clients, as the requests call them, each with the name that is meant.
fn entities(of: &ClientsOf) -> impl Iterator<Item = (&'static str, Option<&str>)> {
    let each = [("user", &of.user), ("client-id", &of.client_id)];
    each.into_iter()
        .filter_map(|(kind, name)| Some((kind, name.as_ref()?.as_deref())))
}

/// The quotas that are set for exactly these clients, by key; none that come from a default.
///
/// # Errors
/// [`FaultCode::Cluster`] where no broker answers, or brokers are too old for the question.
pub async fn describe(connection: &Connection, of: &ClientsOf) -> Result<Map<f64>, Fault> {
    let view = connection.metadata(None, ASK).await?;
    let broker = view
        .brokers
        .first()
        .ok_or_else(|| Fault::new(FaultCode::Cluster, "the cluster shows no broker"))?;
    shown_by(broker, of).await
}

/// What one broker knows.
async fn shown_by(broker: &BrokerView, of: &ClientsOf) -> Result<Map<f64>, Fault> {
    let what = "the quotas could not be read";
    let mut wire = Wire::open(&format!("{}:{}", broker.host, broker.port)).await?;
    if !wire.knows::<DescribeClientQuotasRequest>() {
        return Err(too_old(what, &wire, of));
    }
    let components = entities(of).map(|(kind, name)| {
        ComponentData::default()
            .with_entity_type(text(kind))
            .with_match_type(if name.is_some() { NAMED } else { DEFAULT })
            .with_match(name.map(text))
    });
    let request = DescribeClientQuotasRequest::default()
        .with_components(components.collect())
        // Of a user, not of all client ids of that user too.
        .with_strict(true);
    let answer = wire.ask(&request).await?;
    if let Some(why) = refusal(answer.error_code, answer.error_message.as_ref()) {
        return Err(Fault::new(FaultCode::Cluster, what).at(of).because(why));
    }
    let values = answer
        .entries
        .into_iter()
        .flatten()
        .flat_map(|one| one.values);
    Ok(values
        .map(|one| (one.key.as_str().to_owned(), one.value))
        .collect())
}

/// The same as settings.
///
/// # Errors
/// As [`describe`].
pub async fn own(connection: &Connection, of: &ClientsOf) -> Result<Map<String>, Fault> {
    Ok(as_settings(describe(connection, of).await?))
}

fn as_settings(quotas: Map<f64>) -> Map<String> {
    quotas
        .into_iter()
        .map(|(key, value)| (key, value.to_string()))
        .collect()
}

/// Alters quotas, and waits until all brokers show it.
///
/// # Errors
/// [`FaultCode::Cluster`] with the brokers' own words, [`FaultCode::Timeout`] where they take it and do
/// not show it.
pub async fn alter(
    bootstrap: &[String],
    of: &ClientsOf,
    changes: &ConfigChanges,
) -> Result<(), Fault> {
    let what = "the quotas could not be altered";
    let connection = Connection::open(bootstrap)?;
    let view = connection.metadata(None, ASK).await?;
    let mut wire = Wire::to_controller(&connection, &view).await?;
    if !wire.knows::<AlterClientQuotasRequest>() {
        return Err(too_old(what, &wire, of));
    }
    let entity = entities(of).map(|(kind, name)| {
        EntityData::default()
            .with_entity_type(text(kind))
            .with_entity_name(name.map(text))
    });
    let ops = changes
        .iter()
        .map(|(key, value)| op(of, key, value.as_deref()));
    let entry = EntryData::default()
        .with_entity(entity.collect())
        .with_ops(ops.collect::<Result<_, _>>()?);
    let request = AlterClientQuotasRequest::default().with_entries(vec![entry]);
    let answer = wire.ask(&request).await?;
    let mut answers = answer.entries.iter();
    if let Some(why) = answers.find_map(|one| refusal(one.error_code, one.error_message.as_ref())) {
        return Err(Fault::new(FaultCode::Cluster, what)
            .at(of)
            .because(why)
            .hint("Kafka's documentation names the quotas that there are and what they can be."));
    }
    let deadline = shown::deadline();
    for broker in &view.brokers {
        let look = async || Ok(as_settings(shown_by(broker, of).await?));
        until_shown("quotas", of, changes, deadline, look).await?;
    }
    Ok(())
}

fn op(of: &ClientsOf, key: &str, value: Option<&str>) -> Result<OpData, Fault> {
    let op = OpData::default().with_key(text(key));
    let Some(value) = value else {
        return Ok(op.with_remove(true));
    };
    let number = value.parse().map_err(|_| {
        Fault::new(FaultCode::Script, "a quota is a number")
            .at(of)
            .because(format!("{key} is `{value}`"))
    })?;
    Ok(op.with_value(number))
}

fn too_old(what: &str, wire: &Wire, of: &ClientsOf) -> Fault {
    Fault::new(FaultCode::Cluster, what)
        .at(of)
        .because(format!(
            "the broker at {} has no requests for quotas: they came with Kafka 2.6 (KIP-546)",
            wire.address()
        ))
        .hint("Upgrade the brokers, or set quotas with their own tool: `kafka-configs.sh --zookeeper …`.")
}
