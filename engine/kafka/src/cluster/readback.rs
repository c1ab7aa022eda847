//! Reading a topic from its beginning to its end.
//!
//! Commits nothing and joins no group. "The end" is the end of each partition as the broker says it
//! when the reader gets there, so a topic that is being written to is read up to some moment.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use krun_model::{Digest, Fault, FaultCode};

use super::{
    connection::Connection,
    native::{Next, Reader},
    records::{self, SEED_HEADER},
};

/// Tells a blocking call to end.
#[derive(Clone, Default)]
pub struct Stop(Arc<AtomicBool>);

impl Stop {
    /// Tells it.
    pub fn stop(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Whether it was told.
    pub fn stopped(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// What was read.
#[derive(Clone, Debug, Default)]
pub struct ReadBack {
    /// Records that krun wrote, by seed.
    pub own: BTreeMap<String, Own>,
    /// How many records were not krun's.
    pub foreign: u64,
}

/// The records of one seed.
#[derive(Clone, Debug, Default)]
pub struct Own {
    /// The digest of each record.
    pub digests: Vec<Digest>,
    /// In which partitions records of each key are, and how many.
    pub placed: BTreeMap<Vec<u8>, BTreeMap<i32, u64>>,
}

impl ReadBack {
    /// Takes one record in.
    pub fn take(&mut self, partition: i32, key: Vec<u8>, value: &[u8], header: Option<Vec<u8>>) {
        let seed = header.and_then(|bytes| String::from_utf8(bytes).ok());
        match seed {
            None => self.foreign += 1,
            Some(seed) => {
                let own = self.own.entry(seed).or_default();
                own.digests.push(records::digest(&key, value));
                *own.placed
                    .entry(key)
                    .or_default()
                    .entry(partition)
                    .or_default() += 1;
            }
        }
    }
}

/// Reads partitions of a topic; blocks this thread.
///
/// # Errors
/// [`FaultCode::Cluster`] on an error of a partition, [`FaultCode::Timeout`] where the end of some
/// partition was not reached, [`FaultCode::Cancelled`] when told to stop.
pub fn read_back(
    connection: &Connection,
    topic: &str,
    partitions: &[i32],
    limit: Duration,
    stop: &Stop,
) -> Result<ReadBack, Fault> {
    let deadline = Instant::now() + limit;
    let mut open: BTreeSet<_> = partitions.iter().copied().collect();
    let mut read = ReadBack::default();
    let outcome = connection.client("the topic could not be read", |client| {
        let reader = Reader::open(client, topic, partitions, SEED_HEADER)?;
        while !open.is_empty() && !stop.stopped() && Instant::now() < deadline {
            match reader.next(Duration::from_millis(50))? {
                Next::Record {
                    partition,
                    key,
                    value,
                    header,
                } => read.take(partition, key, &value, header),
                Next::End(partition) => {
                    open.remove(&partition);
                }
                Next::Nothing => {}
            }
        }
        Ok(())
    });
    outcome.map_err(|fault| fault.at(topic))?;
    if stop.stopped() {
        return Err(Fault::new(FaultCode::Cancelled, "reading was stopped").at(topic));
    }
    if open.is_empty() {
        return Ok(read);
    }
    let open: Vec<_> = open.iter().map(i32::to_string).collect();
    Err(Fault::new(
        FaultCode::Timeout,
        "the topic was not read to its end in time",
    )
    .at(topic)
    .because(format!(
        "after {} s the end of partition {} was not reached",
        limit.as_secs(),
        open.join(", ")
    ))
    .hint("See whether every partition has a leader: `krun status --cluster`."))
}
