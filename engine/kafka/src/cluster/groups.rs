//! Consumer groups: reading as a member of one, where a group is, and what lags behind.
//!
//! A member is gone from its group when its [`Consumer`] is dropped, and commits nothing by itself: where
//! a group goes on is written down by [`commit`] alone, once nobody is in it. Asking for a group's
//! coordinator makes the brokers create `__consumer_offsets`, so whoever only looks asks nothing as
//! long as that topic is not there.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::{Duration, Instant},
};

use krun_model::{
    Fault, FaultCode,
    topic::{Committed, GroupRef},
};
use rdkafka::{
    Message as _, Offset, TopicPartitionList,
    admin::AdminOptions,
    consumer::{BaseConsumer, CommitMode, Consumer as _},
    error::{KafkaError, RDKafkaErrorCode as Code},
    message::Headers as _,
};

use super::{
    connection::{Connection, failed, settings},
    create,
    quiet::Quiet,
    readback::{ReadBack, Stop},
    records::SEED_HEADER,
};
use crate::view::{ClusterView, GroupView, Lag};

/// The topic in which brokers keep where groups are.
pub const OFFSETS_TOPIC: &str = "__consumer_offsets";
/// How long one question may take.
const ASK: Duration = Duration::from_secs(10);
/// After what time the brokers take a member that was killed out of its group: their smallest.
const SESSION: Duration = Duration::from_secs(6);
const POLL: Duration = Duration::from_millis(50);

/// Where a group without a place in a topic begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum From {
    /// At the first record.
    Beginning,
    /// After the last record: it sees what comes later.
    End,
}

fn consumer(bootstrap: &[String], group: &str, from: From) -> Result<BaseConsumer<Quiet>, Fault> {
    let mut config = settings(bootstrap);
    config
        .set("group.id", group)
        .set("enable.auto.commit", "false")
        .set("enable.partition.eof", "true")
        .set("fetch.wait.max.ms", "10")
        .set("session.timeout.ms", SESSION.as_millis().to_string())
        .set("heartbeat.interval.ms", "1000")
        .set(
            "auto.offset.reset",
            match from {
                From::Beginning => "earliest",
                From::End => "latest",
            },
        );
    config
        .create_with_context(Quiet::default())
        .map_err(|error| {
            failed(
                "a client of the cluster could not be made",
                bootstrap,
                &error,
            )
        })
}

/// One that reads a topic as the only member of a group.
pub struct Consumer {
    consumer: BaseConsumer<Quiet>,
    group: GroupRef,
    partitions: BTreeSet<i32>,
    /// Where each partition's next record is expected.
    at: BTreeMap<i32, i64>,
}

impl Consumer {
    /// Joins; the brokers may take some seconds until they let it read.
    ///
    /// # Errors
    /// Settings that librdkafka refuses.
    pub fn join(group: &GroupRef, partitions: &[i32], from: From) -> Result<Self, Fault> {
        let consumer = consumer(&group.bootstrap, &group.id, from)?;
        consumer
            .subscribe(&[&group.topic])
            .map_err(|error| failed("the group could not be joined", &group.bootstrap, &error))?;
        Ok(Self {
            consumer,
            group: group.clone(),
            partitions: partitions.iter().copied().collect(),
            at: BTreeMap::new(),
        })
    }

    /// Reads on to the end of all partitions, and then until `enough`; blocks this thread.
    ///
    /// # Errors
    /// [`FaultCode::Cluster`] on an error of the brokers, [`FaultCode::Timeout`] where it takes too long,
    /// [`FaultCode::Cancelled`] when told to stop.
    pub fn read(
        &mut self,
        limit: Duration,
        stop: &Stop,
        enough: impl Fn(&ReadBack) -> bool,
    ) -> Result<ReadBack, Fault> {
        let what = "the topic could not be read as a group";
        let deadline = Instant::now() + limit;
        let mut open = self.partitions.clone();
        // Those whose end was seen before are said again only after something came.
        open.retain(|partition| !self.at.contains_key(partition));
        let mut read = ReadBack::default();
        while !open.is_empty() || !enough(&read) {
            if stop.stopped() {
                return Err(Fault::new(FaultCode::Cancelled, "reading was stopped"));
            }
            if Instant::now() > deadline {
                let unread: Vec<_> = open.iter().map(i32::to_string).collect();
                let why = match unread.is_empty() {
                    true => "not all records came".to_owned(),
                    false => format!("the end of partition {} was not reached", unread.join(", ")),
                };
                return Err(Fault::new(FaultCode::Timeout, what)
                    .at(&self.group.topic)
                    .because(format!("after {} s {why}", limit.as_secs()))
                    .hint("See whether every partition has a leader: `krun status --cluster`."));
            }
            match self.consumer.poll(POLL) {
                None => {}
                Some(Ok(message)) => {
                    let seed = message.headers().and_then(|headers| {
                        let found = headers.iter().find(|one| one.key == SEED_HEADER)?;
                        Some(found.value?.to_vec())
                    });
                    let key = message.key().unwrap_or_default().to_vec();
                    let value = message.payload().unwrap_or_default();
                    read.take(message.partition(), key, value, seed);
                    self.at.insert(message.partition(), message.offset() + 1);
                }
                Some(Err(KafkaError::PartitionEOF(partition))) => {
                    open.remove(&partition);
                }
                Some(Err(KafkaError::MessageConsumption(
                    Code::UnknownTopicOrPartition
                    | Code::LeaderNotAvailable
                    | Code::CoordinatorLoadInProgress
                    | Code::CoordinatorNotAvailable
                    | Code::NotCoordinator
                    | Code::AllBrokersDown
                    | Code::BrokerTransportFailure,
                ))) => {}
                Some(Err(error)) => return Err(failed(what, &self.group.bootstrap, &error)),
            }
        }
        self.note_positions()?;
        Ok(read)
    }

    /// Where partitions stand of which nothing came: at their end.
    fn note_positions(&mut self) -> Result<(), Fault> {
        let what = "the group's place could not be read";
        for &partition in &self.partitions {
            if self.at.contains_key(&partition) {
                continue;
            }
            let (_, end) = self
                .consumer
                .fetch_watermarks(&self.group.topic, partition, ASK)
                .map_err(|error| failed(what, &self.group.bootstrap, &error))?;
            self.at.insert(partition, end);
        }
        Ok(())
    }

    /// Leaves the group; where it goes on.
    pub fn leave(self) -> Vec<Committed> {
        self.consumer.unsubscribe();
        self.at
            .into_iter()
            .map(|(partition, offset)| Committed { partition, offset })
            .collect()
    }
}

fn list(topic: &str, partitions: impl Iterator<Item = i32>) -> TopicPartitionList {
    let mut list = TopicPartitionList::new();
    for partition in partitions {
        list.add_partition(topic, partition);
    }
    list
}

/// Where a group goes on in a topic, by partition; empty where that was never written down. Blocks this
/// thread.
///
/// # Errors
/// [`FaultCode::Cluster`] where the group's coordinator does not answer in time.
pub fn committed(group: &GroupRef, partitions: &[i32]) -> Result<Vec<Committed>, Fault> {
    let consumer = consumer(&group.bootstrap, &group.id, From::Beginning)?;
    let asked = list(&group.topic, partitions.iter().copied());
    let found = consumer.committed_offsets(asked, ASK).map_err(|error| {
        let what = "the group's place could not be read";
        failed(what, &group.bootstrap, &error).at(&group.id)
    })?;
    let mut found: Vec<_> = found
        .elements()
        .iter()
        .filter_map(|one| match one.offset() {
            Offset::Offset(offset) => Some(Committed {
                partition: one.partition(),
                offset,
            }),
            _ => None,
        })
        .collect();
    found.sort();
    std::thread::spawn(move || drop(consumer));
    Ok(found)
}

/// Writes down where a group goes on, once its last member is gone. Blocks this thread.
///
/// # Errors
/// [`FaultCode::Cluster`] where the coordinator refuses, or somebody is in the group for too long.
pub fn commit(group: &GroupRef, offsets: &[Committed]) -> Result<(), Fault> {
    let consumer = consumer(&group.bootstrap, &group.id, From::Beginning)?;
    let mut wanted = TopicPartitionList::new();
    for one in offsets {
        let offset = Offset::Offset(one.offset);
        let added = wanted.add_partition_offset(&group.topic, one.partition, offset);
        added.map_err(|error| failed("no offset", &group.bootstrap, &error))?;
    }
    let done = while_not_empty(|| consumer.commit(&wanted, CommitMode::Sync));
    std::thread::spawn(move || drop(consumer));
    done.map_err(|error| {
        let what = "the group's place could not be written down";
        failed(what, &group.bootstrap, &error).at(&group.id)
    })
}

/// Tries until a member that was killed is out of the group.
fn while_not_empty(call: impl Fn() -> Result<(), KafkaError>) -> Result<(), KafkaError> {
    let deadline = Instant::now() + 2 * SESSION;
    loop {
        match call() {
            Err(
                KafkaError::ConsumerCommit(
                    Code::UnknownMemberId | Code::RebalanceInProgress | Code::IllegalGeneration,
                )
                | KafkaError::Global(
                    Code::NonEmptyGroup | Code::CoordinatorLoadInProgress | Code::NotCoordinator,
                ),
            ) if Instant::now() < deadline => std::thread::sleep(POLL),
            other => return other,
        }
    }
}

/// Deletes a group, once its last member is gone.
///
/// # Errors
/// [`FaultCode::Cluster`] where the coordinator refuses, or somebody is in the group for too long.
pub async fn delete(group: &GroupRef) -> Result<(), Fault> {
    let what = "the group could not be deleted";
    let client = create::admin(&group.bootstrap)?;
    let options = AdminOptions::new().request_timeout(Some(ASK));
    let deadline = Instant::now() + 2 * SESSION;
    let outcome = loop {
        let results = client
            .delete_groups(&[&group.id], &options)
            .await
            .map_err(|error| failed(what, &group.bootstrap, &error).at(&group.id))?;
        match results.into_iter().next() {
            Some(Err((_, Code::NonEmptyGroup | Code::CoordinatorLoadInProgress)))
                if Instant::now() < deadline =>
            {
                tokio::time::sleep(POLL).await;
            }
            Some(Err((_, Code::GroupIdNotFound))) | Some(Ok(_)) | None => break Ok(()),
            Some(Err((_, error))) => {
                break Err(Fault::new(FaultCode::Cluster, what)
                    .at(&group.id)
                    .because(error)
                    .hint(
                        "End the consumers that are in the group, then run the same command again.",
                    ));
            }
        }
    };
    create::dismiss(client);
    outcome
}

/// All consumer groups of a cluster, with what each still has to read; blocks this thread.
///
/// # Errors
/// [`FaultCode::Cluster`] where the brokers do not answer in time.
pub fn all(connection: &Connection, view: &ClusterView) -> Result<Vec<GroupView>, Fault> {
    if !view.topics.contains_key(OFFSETS_TOPIC) {
        return Ok(vec![]);
    }
    let mut groups = connection.client("the groups could not be listed", |client| {
        let list = client.fetch_group_list(None, ASK)?;
        let groups = list.groups().iter();
        Ok(groups
            .filter(|group| matches!(group.protocol_type(), "consumer" | ""))
            .map(|group| GroupView {
                id: group.name().to_owned(),
                state: group.state().to_owned(),
                members: group.members().len(),
                lags: vec![],
            })
            .collect::<Vec<_>>())
    })?;
    groups.sort_by(|a, b| a.id.cmp(&b.id));
    for group in &mut groups {
        group.lags = lags(connection.bootstrap(), &group.id, view)?;
    }
    Ok(groups)
}

/// What a group still has to read of each partition that it has a place in.
///
/// # Errors
/// [`FaultCode::Cluster`] where the coordinator does not answer in time.
pub fn lags(bootstrap: &[String], group: &str, view: &ClusterView) -> Result<Vec<Lag>, Fault> {
    let consumer = consumer(bootstrap, group, From::Beginning)?;
    let mut asked = TopicPartitionList::new();
    for (topic, one) in view
        .partitions()
        .filter(|(topic, _)| *topic != OFFSETS_TOPIC)
    {
        asked.add_partition(topic, one.id);
    }
    let found = consumer
        .committed_offsets(asked, ASK)
        .map_err(|error| failed("the group's place could not be read", bootstrap, &error))?;
    std::thread::spawn(move || drop(consumer));
    let lags = found.elements().into_iter().filter_map(|one| {
        let Offset::Offset(committed) = one.offset() else {
            return None;
        };
        let partitions = view.topics.get(one.topic())?;
        let partition = partitions.iter().find(|p| p.id == one.partition())?;
        Some(Lag {
            topic: one.topic().to_owned(),
            partition: one.partition(),
            committed,
            end: partition.end,
        })
    });
    Ok(lags.collect())
}
