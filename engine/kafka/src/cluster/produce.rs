//! Writing records exactly once.
//!
//! Within one call the idempotent producer sees to it; across a crash the topic itself is asked which
//! records of the seed are there, and only the others are sent.

use std::{
    collections::BTreeSet,
    sync::Mutex,
    time::{Duration, Instant},
};

use krun_model::{Digest, Fault, FaultCode, topic::Acks as Wanted};
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
    records::{self, SEED_HEADER, record},
};

/// How long all records together may take.
const LIMIT: Duration = Duration::from_secs(120);
/// How long records that nobody acknowledges may take to be there.
const UNACKNOWLEDGED: Duration = Duration::from_secs(10);
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

/// Writes those records of a batch that are not in the topic yet; blocks this thread. As many brokers
/// have them when it returns as its `acks` says; with none, they are there all the same.
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
    batch: &Batch,
) -> Result<(), Fault> {
    let producer = producer(connection.bootstrap(), batch.acks)?;
    // librdkafka asks for an idempotent producer's id half a second after it was made, or as soon as any
    // answer with metadata comes (rd_kafka_parse_Metadata calls rd_kafka_idemp_pid_fsm): so one is asked
    // for. Where it does not come, sending says why.
    let _hint = producer.client().fetch_metadata(Some(topic), HINT);
    let there = || -> Result<BTreeSet<Digest>, Fault> {
        let mut read = read_back(connection, topic, partitions, LIMIT, &Stop::default())?;
        let own = read.own.remove(&batch.seed).unwrap_or_default();
        Ok(own.digests.into_iter().collect())
    };
    send(&producer, connection.bootstrap(), topic, batch, &there()?)?;
    if batch.acks != Wanted::None {
        return Ok(());
    }
    // Nobody acknowledged anything: what is there is seen only by reading it.
    let deadline = Instant::now() + UNACKNOWLEDGED;
    loop {
        let found = there()?.len() as u64;
        if found == batch.count {
            return Ok(());
        }
        if Instant::now() > deadline {
            return Err(Fault::new(FaultCode::Timeout, WHAT)
                .at(topic)
                .because(format!(
                    "with acks=0 nobody says so, and {found} of {} records are there",
                    batch.count
                ))
                .hint("Run the same command again: only the missing records are sent."));
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Which records, and how.
#[derive(Clone, Debug)]
pub struct Batch {
    /// How many.
    pub count: u64,
    /// What they are made from.
    pub seed: String,
    /// How many different keys they have; each its own if not given.
    pub keys: Option<u64>,
    /// Who must have a record before it counts as written.
    pub acks: Wanted,
}

fn producer(bootstrap: &[String], acks: Wanted) -> Result<BaseProducer<Acks>, Fault> {
    let mut config = settings(bootstrap);
    // Only acks=all can be idempotent. With less, nothing is sent twice in one call, and what got lost
    // is found missing by the next.
    if acks != Wanted::All {
        config.set("message.send.max.retries", "0");
    }
    config
        .set("acks", acks.word())
        .set("enable.idempotence", (acks == Wanted::All).to_string())
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
    batch: &Batch,
    there: &BTreeSet<Digest>,
) -> Result<(), Fault> {
    let deadline = Instant::now() + LIMIT;
    let mut sent = 0;
    for number in 0..batch.count {
        let record = record(&batch.seed, number, batch.keys);
        let digest = records::digest(record.key.as_bytes(), record.value.as_bytes());
        if there.contains(&digest) {
            continue;
        }
        loop {
            let headers = OwnedHeaders::new().insert(Header {
                key: SEED_HEADER,
                value: Some(&batch.seed),
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
