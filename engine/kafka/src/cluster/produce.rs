//! Writing records exactly once.
//!
//! Within one call the idempotent producer sees to it; across a crash the topic itself is asked which
//! records of the seed are there, and only the others are sent.

use std::{
    collections::BTreeSet,
    sync::Mutex,
    time::{Duration, Instant},
};

use krun_model::{Fault, FaultCode};
use rdkafka::{
    ClientContext,
    config::RDKafkaLogLevel,
    error::{KafkaError, RDKafkaErrorCode},
    message::{DeliveryResult, Header, OwnedHeaders},
    producer::{BaseProducer, BaseRecord, Producer as _, ProducerContext},
};

use super::{
    connection::{Connection, failed, settings},
    readback::{Stop, read_back},
    records::{SEED_HEADER, record},
};

/// How long all records together may take.
const LIMIT: Duration = Duration::from_secs(120);
/// How long the question may take that brings the producer its id.
const HINT: Duration = Duration::from_secs(2);
const WHAT: &str = "the records could not be written";

/// Counts what the brokers acknowledged and keeps the first refusal.
#[derive(Default)]
struct Acks(Mutex<(u64, Option<KafkaError>)>);

impl ClientContext for Acks {
    fn log(&self, _level: RDKafkaLogLevel, _facility: &str, _message: &str) {}
    fn error(&self, _error: KafkaError, _reason: &str) {}
    fn stats_raw(&self, _statistics: &[u8]) {}
}

impl ProducerContext for Acks {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, (): ()) {
        let Ok(mut acks) = self.0.lock() else { return };
        match result {
            Ok(_) => acks.0 += 1,
            Err((error, _)) => {
                acks.1.get_or_insert_with(|| error.clone());
            }
        }
    }
}

/// Writes those of the first `count` records of a seed that are not in the topic yet; blocks this
/// thread. All brokers in sync have them when it returns.
///
/// The topic is read from its beginning first, which for a topic with many foreign records takes as
/// long as reading them takes.
///
/// # Errors
/// [`FaultCode::Cluster`] where the brokers refuse, [`FaultCode::Timeout`] where they don't answer.
pub fn produce(
    connection: &Connection,
    topic: &str,
    partitions: &[i32],
    count: u64,
    seed: &str,
) -> Result<(), Fault> {
    let producer = producer(connection.bootstrap())?;
    // librdkafka asks for an idempotent producer's id half a second after it was made, or as soon as any
    // answer with metadata comes (rd_kafka_parse_Metadata calls rd_kafka_idemp_pid_fsm): so one is asked
    // for. Where it does not come, sending says why.
    let _hint = producer.client().fetch_metadata(Some(topic), HINT);
    let there = read_back(connection, topic, partitions, LIMIT, &Stop::default())?
        .own
        .remove(seed)
        .unwrap_or_default()
        .keys;
    send(
        &producer,
        connection.bootstrap(),
        topic,
        count,
        seed,
        &there,
    )
}

fn producer(bootstrap: &[String]) -> Result<BaseProducer<Acks>, Fault> {
    let mut config = settings(bootstrap);
    config
        .set("acks", "all")
        .set("enable.idempotence", "true")
        .set("linger.ms", "2")
        .set("message.timeout.ms", LIMIT.as_millis().to_string());
    config
        .create_with_context(Acks::default())
        .map_err(|error| failed(WHAT, bootstrap, &error))
}

fn send(
    producer: &BaseProducer<Acks>,
    bootstrap: &[String],
    topic: &str,
    count: u64,
    seed: &str,
    there: &BTreeSet<Vec<u8>>,
) -> Result<(), Fault> {
    let deadline = Instant::now() + LIMIT;
    let mut sent = 0;
    for number in 0..count {
        let record = record(seed, number);
        if there.contains(record.key.as_bytes()) {
            continue;
        }
        loop {
            let headers = OwnedHeaders::new().insert(Header {
                key: SEED_HEADER,
                value: Some(seed),
            });
            let message = BaseRecord::to(topic)
                .key(&record.key)
                .payload(&record.value)
                .headers(headers);
            match producer.send(message) {
                Ok(()) => break,
                Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), _))
                    if Instant::now() < deadline =>
                {
                    producer.poll(Duration::from_millis(10));
                }
                Err((error, _)) => return Err(failed(WHAT, bootstrap, &error).at(topic)),
            }
        }
        sent += 1;
        producer.poll(Duration::ZERO);
    }
    producer
        .flush(LIMIT)
        .map_err(|error| failed(WHAT, bootstrap, &error).at(topic))?;
    let acks = producer.context().0.lock();
    let (acked, error) = acks
        .map(|acks| (acks.0, acks.1.clone()))
        .unwrap_or_default();
    match error {
        Some(error) => Err(failed(WHAT, bootstrap, &error).at(topic)),
        None if acked == sent => Ok(()),
        None => Err(Fault::new(FaultCode::Timeout, WHAT)
            .at(topic)
            .because(format!("{acked} of {sent} records were acknowledged"))
            .hint("Run the same command again: only the missing records are sent.")),
    }
}
