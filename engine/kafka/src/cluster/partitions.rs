//! Adding partitions to a topic, to the end: until the brokers show them.

use krun_model::{Fault, FaultCode, topic::TopicRef};
use rdkafka::admin::{AdminOptions, NewPartitions};

use super::{
    connection::failed,
    create::{self, LIMIT},
};

const WHAT: &str = "partitions could not be added to the topic";

/// Whether the brokers would add partitions; nothing is changed.
///
/// # Errors
/// What the brokers refuse.
pub async fn validate(topic: &TopicRef, total: u32) -> Result<(), Fault> {
    ask(topic, total, true).await
}

/// Adds partitions until a topic has so many, and waits until each has its leader and its replicas.
///
/// # Errors
/// What the brokers refuse, and partitions that do not become whole in time.
pub async fn add(topic: &TopicRef, total: u32) -> Result<(), Fault> {
    ask(topic, total, false).await?;
    create::await_whole(topic, total).await
}

async fn ask(topic: &TopicRef, total: u32, validate_only: bool) -> Result<(), Fault> {
    let client = create::admin(&topic.bootstrap)?;
    let options = AdminOptions::new()
        .request_timeout(Some(LIMIT))
        .validate_only(validate_only);
    let total = usize::try_from(total).unwrap_or(usize::MAX);
    let wanted = NewPartitions::new(&topic.name, total);
    let results = client
        .create_partitions([&wanted], &options)
        .await
        .map_err(|error| failed(WHAT, &topic.bootstrap, &error).at(&topic.name))?;
    create::dismiss(client);
    match results.into_iter().next() {
        Some(Ok(_)) => Ok(()),
        Some(Err((_, error))) => Err(Fault::new(FaultCode::Cluster, WHAT)
            .at(&topic.name)
            .because(error)
            .hint("`krun status --cluster` shows the topic as it is now.")),
        None => Err(Fault::internal("no answer to a request for partitions")),
    }
}
