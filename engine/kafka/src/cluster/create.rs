//! Creating and deleting topics, each to the end: until the brokers show it.

use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};

use futures::future::try_join_all;
use krun_model::{
    Fault, FaultCode,
    topic::{TopicRef, TopicSpec},
};
use rdkafka::{
    admin::{AdminClient, AdminOptions, NewTopic, TopicReplication},
    error::RDKafkaErrorCode,
};

use super::{
    connection::{Connection, failed, settings},
    isr,
    quiet::Quiet,
    reach,
};
use crate::view::{ClusterView, PartitionView};

/// How long a topic may take to appear, or to go.
pub(super) const LIMIT: Duration = Duration::from_secs(30);
/// How long brokers that are just starting may be missed: fewer of them than replicas is refused.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long one question may take.
const ASK: Duration = Duration::from_secs(5);
const POLL: Duration = Duration::from_millis(20);

pub(super) fn admin(bootstrap: &[String]) -> Result<AdminClient<Quiet>, Fault> {
    settings(bootstrap)
        .create_with_context(Quiet::default())
        .map_err(|error| {
            failed(
                "a client of the cluster could not be made",
                bootstrap,
                &error,
            )
        })
}

/// Lets a client end on another thread: that takes up to a tenth of a second.
pub(super) fn dismiss(admin: AdminClient<Quiet>) {
    std::thread::spawn(move || drop(admin));
}

/// Creates a topic and waits until every partition has its leader and all its replicas.
///
/// # Errors
/// What the brokers refuse, and a topic that does not become whole in time.
pub async fn create(topic: &TopicRef, spec: &TopicSpec) -> Result<(), Fault> {
    let what = "the topic could not be created";
    let client = admin(&topic.bootstrap)?;
    let start = Instant::now();
    let options = AdminOptions::new().request_timeout(Some(LIMIT));
    loop {
        let results = client
            .create_topics([&new_topic(topic, spec)], &options)
            .await
            .map_err(|error| failed(what, &topic.bootstrap, &error).at(&topic.name))?;
        match results.into_iter().next() {
            Some(Err((_, RDKafkaErrorCode::InvalidReplicationFactor)))
                if start.elapsed() < PATIENCE =>
            {
                tokio::time::sleep(POLL).await;
            }
            Some(Err((_, RDKafkaErrorCode::TopicAlreadyExists))) | Some(Ok(_)) => break,
            Some(Err((_, error))) => return Err(refused(what, topic, spec, error)),
            None => return Err(Fault::internal("no answer to the creation of a topic")),
        }
    }
    dismiss(client);
    await_whole(topic, spec.partitions).await
}

/// Waits until a topic has so many partitions, each with its leader and all its replicas.
pub(super) async fn await_whole(topic: &TopicRef, total: u32) -> Result<(), Fault> {
    await_seen(topic, |partitions| {
        let mut view = ClusterView::default();
        view.topics.insert(topic.name.clone(), partitions.to_vec());
        partitions.len() == total as usize && isr::lagging(&view).is_empty()
    })
    .await
}

/// Whether the brokers would create a topic, as the controller says; not if it is there already, though
/// the broker that was asked may not know it yet. Nothing is changed.
///
/// # Errors
/// What the brokers refuse, but for replicas that brokers are missing for: those may be starting.
pub async fn would_create(topic: &TopicRef, spec: &TopicSpec) -> Result<bool, Fault> {
    let what = "the topic could not be created";
    let client = admin(&topic.bootstrap)?;
    let options = AdminOptions::new()
        .request_timeout(Some(LIMIT))
        .validate_only(true);
    let results = client
        .create_topics([&new_topic(topic, spec)], &options)
        .await
        .map_err(|error| failed(what, &topic.bootstrap, &error).at(&topic.name))?;
    dismiss(client);
    match results.into_iter().next() {
        Some(Err((_, RDKafkaErrorCode::TopicAlreadyExists))) => Ok(false),
        Some(Ok(_) | Err((_, RDKafkaErrorCode::InvalidReplicationFactor))) => Ok(true),
        Some(Err((_, error))) => Err(refused(what, topic, spec, error)),
        None => Err(Fault::internal("no answer to the creation of a topic")),
    }
}

/// Whether the controller knows a topic, which brokers may not show yet. Where it does not say, it is
/// taken for not there, as the brokers have it. Nothing is changed.
pub(super) async fn is_known(topic: &TopicRef) -> Result<bool, Fault> {
    let client = admin(&topic.bootstrap)?;
    let options = AdminOptions::new()
        .request_timeout(Some(ASK))
        .validate_only(true);
    // What would be created does not matter: that there is one already is what is looked at first.
    let spec = TopicSpec {
        partitions: 1,
        replication_factor: 1,
        configs: Default::default(),
    };
    let results = client
        .create_topics([&new_topic(topic, &spec)], &options)
        .await;
    dismiss(client);
    Ok(results.is_ok_and(|results| {
        matches!(
            results.first(),
            Some(Err((_, RDKafkaErrorCode::TopicAlreadyExists)))
        )
    }))
}

fn new_topic<'a>(topic: &'a TopicRef, spec: &'a TopicSpec) -> NewTopic<'a> {
    let replicas = i32::try_from(spec.replication_factor).unwrap_or(i32::MAX);
    let wanted = NewTopic::new(
        &topic.name,
        i32::try_from(spec.partitions).unwrap_or(i32::MAX),
        TopicReplication::Fixed(replicas),
    );
    let settings = spec.configs.iter();
    settings.fold(wanted, |wanted, (key, value)| wanted.set(key, value))
}

fn refused(what: &str, topic: &TopicRef, spec: &TopicSpec, error: RDKafkaErrorCode) -> Fault {
    let fault = Fault::new(FaultCode::Cluster, what)
        .at(&topic.name)
        .because(error);
    match error {
        RDKafkaErrorCode::InvalidReplicationFactor => fault.hint(format!(
            "A replication factor of {} needs that many running brokers: `krun status --cluster`.",
            spec.replication_factor
        )),
        RDKafkaErrorCode::InvalidConfig => fault
            .evidence(
                spec.configs
                    .iter()
                    .map(|(key, value)| format!("{key}={value}")),
            )
            .hint("One of its settings is not valid: Kafka's documentation names what is."),
        RDKafkaErrorCode::PolicyViolation => {
            fault.hint("The brokers' create.topic.policy refuses it; ask who set it.")
        }
        _ => fault,
    }
}

/// Deletes a topic and waits until it is gone.
///
/// # Errors
/// What the brokers refuse, and a topic that does not go in time.
pub async fn delete(topic: &TopicRef) -> Result<(), Fault> {
    let what = "the topic could not be deleted";
    let client = admin(&topic.bootstrap)?;
    let options = AdminOptions::new().request_timeout(Some(LIMIT));
    let results = client
        .delete_topics(&[&topic.name], &options)
        .await
        .map_err(|error| failed(what, &topic.bootstrap, &error).at(&topic.name))?;
    match results.into_iter().next() {
        Some(Ok(_)) | Some(Err((_, RDKafkaErrorCode::UnknownTopicOrPartition))) | None => {}
        Some(Err((_, RDKafkaErrorCode::TopicDeletionDisabled))) => {
            return Err(Fault::new(FaultCode::Cluster, what)
                .at(&topic.name)
                .because("the brokers have delete.topic.enable=false")
                .hint(
                    "Set delete.topic.enable=true in server.properties and restart the brokers.",
                ));
        }
        Some(Err((_, error))) => {
            return Err(Fault::new(FaultCode::Cluster, what)
                .at(&topic.name)
                .because(error));
        }
    }
    dismiss(client);
    await_seen(topic, <[_]>::is_empty).await
}

/// Waits until a topic's partitions are as wanted, for every broker: each learns of a topic in its own
/// time, and the next client may ask any of them. A topic that is not there has no partitions.
async fn await_seen(
    topic: &TopicRef,
    wanted: impl Fn(&[PartitionView]) -> bool,
) -> Result<(), Fault> {
    let deadline = Instant::now() + LIMIT;
    let connection = Connection::open(&topic.bootstrap)?;
    // A broker that has just started may not know all others yet: those that the caller names are
    // asked too.
    let brokers = connection.metadata(None, ASK).await?.brokers;
    let mut addresses: BTreeSet<_> = topic.bootstrap.iter().cloned().collect();
    addresses.extend(
        brokers
            .iter()
            .map(|broker| format!("{}:{}", broker.host, broker.port)),
    );
    let wanted = &wanted;
    let each = addresses.into_iter().map(|address| {
        async move {
            // One that can't be reached is about to lose its registration; nobody will ask it.
            match reach::accepts(&address).await {
                true => await_seen_at(address, topic, deadline, wanted).await,
                false => Ok(()),
            }
        }
    });
    try_join_all(each).await.map(|_| ())
}

/// The same for one broker. A client that was given one broker's address asks that broker: it connects
/// to others only when it needs them.
async fn await_seen_at(
    address: String,
    topic: &TopicRef,
    deadline: Instant,
    wanted: &impl Fn(&[PartitionView]) -> bool,
) -> Result<(), Fault> {
    let connection = Connection::open(&[address])?;
    loop {
        let view = connection.metadata(Some(&topic.name), ASK).await?;
        let partitions = view.topics.get(&topic.name).map_or(&[][..], Vec::as_slice);
        if wanted(partitions) {
            return Ok(());
        }
        if Instant::now() > deadline {
            return Err(Fault::new(
                FaultCode::Timeout,
                "the topic did not become as wanted in time",
            )
            .at(&topic.name)
            .because(format!(
                "the broker at {} shows {} partitions",
                connection.bootstrap().join(","),
                partitions.len()
            ))
            .evidence(isr::lagging(&view).iter().map(ToString::to_string))
            .hint("See the brokers' logs, then run the same command again."));
        }
        tokio::time::sleep(POLL).await;
    }
}
