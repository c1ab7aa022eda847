//! One client of a cluster, for looking.
//!
//! Owns the client's settings and the way from librdkafka's blocking calls to async ones. Never joins
//! a consumer group: asking for a group's coordinator would make the broker create
//! `__consumer_offsets`, and looking must change nothing.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use krun_model::{Fault, FaultCode};
use rdkafka::{
    ClientConfig, Offset, TopicPartitionList,
    client::Client,
    consumer::{BaseConsumer, Consumer as _},
    error::{KafkaError, RDKafkaErrorCode},
};

use super::{native, quiet::Quiet};
use crate::view::{BrokerView, ClusterView, PartitionView};

/// A client of a cluster. Cheap to hand around.
#[derive(Clone)]
pub struct Connection {
    inner: Arc<Inner>,
}

struct Inner {
    /// Taken on drop only.
    consumer: Option<BaseConsumer<Quiet>>,
    bootstrap: Vec<String>,
}

impl Drop for Inner {
    fn drop(&mut self) {
        // Ending a client joins its threads, which may take tens of milliseconds: nobody waits.
        if let Some(consumer) = self.consumer.take() {
            std::thread::spawn(move || drop(consumer));
        }
    }
}

/// Settings of all clients: quick retries on a local network, no topic made by asking for it.
pub fn settings(bootstrap: &[String]) -> ClientConfig {
    let mut config = ClientConfig::new();
    config
        .set("bootstrap.servers", bootstrap.join(","))
        .set("client.id", "krun")
        .set("allow.auto.create.topics", "false")
        .set("reconnect.backoff.ms", "10")
        .set("reconnect.backoff.max.ms", "100")
        .set("retry.backoff.ms", "20")
        .set("retry.backoff.max.ms", "100")
        .set("socket.nagle.disable", "true")
        .set("topic.metadata.refresh.fast.interval.ms", "20");
    config
}

impl Connection {
    /// A client; connects when it is first asked.
    ///
    /// # Errors
    /// Settings that librdkafka refuses, such as a bootstrap server that is no address.
    pub fn open(bootstrap: &[String]) -> Result<Self, Fault> {
        let mut config = settings(bootstrap);
        config
            .set("enable.partition.eof", "true")
            .set("fetch.wait.max.ms", "10")
            .set("check.crcs", "true");
        let consumer = config
            .create_with_context(Quiet::default())
            .map_err(|error| {
                failed(
                    "a client of the cluster could not be made",
                    bootstrap,
                    &error,
                )
            })?;
        Ok(Self {
            inner: Arc::new(Inner {
                consumer: Some(consumer),
                bootstrap: bootstrap.to_vec(),
            }),
        })
    }

    /// The bootstrap servers.
    pub fn bootstrap(&self) -> &[String] {
        &self.inner.bootstrap
    }

    /// Runs a blocking call with the consumer on a thread for such calls.
    async fn with<T: Send + 'static>(
        &self,
        what: &'static str,
        call: impl FnOnce(&BaseConsumer<Quiet>) -> Result<T, KafkaError> + Send + 'static,
    ) -> Result<T, Fault> {
        let connection = self.clone();
        tokio::task::spawn_blocking(move || connection.blocking(what, call))
            .await
            .map_err(|error| {
                Fault::internal(format!("a call to the cluster ended badly: {error}"))
            })?
    }

    /// The same on this thread.
    fn blocking<T>(
        &self,
        what: &'static str,
        call: impl FnOnce(&BaseConsumer<Quiet>) -> Result<T, KafkaError>,
    ) -> Result<T, Fault> {
        let Some(consumer) = &self.inner.consumer else {
            return Err(Fault::internal("a client was used after its end"));
        };
        call(consumer).map_err(|error| {
            // Errors are events, which come to the context only when somebody polls.
            consumer.poll(Duration::ZERO);
            let fault = failed(what, self.bootstrap(), &error);
            match consumer.context().complaint() {
                Some(complaint) => fault.evidence([complaint]),
                None => fault,
            }
        })
    }

    /// librdkafka's handle, for calls that block this thread.
    pub(super) fn client<T>(
        &self,
        what: &'static str,
        call: impl FnOnce(&Client<Quiet>) -> Result<T, KafkaError>,
    ) -> Result<T, Fault> {
        self.blocking(what, |consumer| call(consumer.client()))
    }

    /// Brokers and topics as one broker sees them; only one topic if it is named. Offsets stay
    /// unknown, and so does the controller.
    ///
    /// # Errors
    /// [`FaultCode::Cluster`] where no broker answers in time.
    pub async fn metadata(
        &self,
        topic: Option<&str>,
        timeout: Duration,
    ) -> Result<ClusterView, Fault> {
        let topic = topic.map(str::to_owned);
        self.with(
            "the cluster's metadata could not be read",
            move |consumer| {
                let seen = consumer
                    .client()
                    .fetch_metadata(topic.as_deref(), timeout)?;
                Ok(ClusterView {
                    cluster_id: None,
                    controller: None,
                    brokers: seen
                        .brokers()
                        .iter()
                        .map(|broker| BrokerView {
                            id: broker.id(),
                            host: broker.host().to_owned(),
                            port: u16::try_from(broker.port()).unwrap_or_default(),
                        })
                        .collect(),
                    topics: seen
                        .topics()
                        .iter()
                        .filter(|topic| topic.error().is_none() && !topic.partitions().is_empty())
                        .map(|topic| {
                            let partitions = topic.partitions().iter().map(partition).collect();
                            (topic.name().to_owned(), partitions)
                        })
                        .collect(),
                }
                .sorted())
            },
        )
        .await
    }

    /// The id of the cluster, and of the broker that is its controller now.
    ///
    /// # Errors
    /// [`FaultCode::Cluster`] where no broker answers in time.
    pub async fn identity(
        &self,
        timeout: Duration,
    ) -> Result<(Option<String>, Option<i32>), Fault> {
        self.with("the cluster's id could not be read", move |consumer| {
            let client = consumer.client();
            let id = client.fetch_cluster_id(timeout);
            Ok((id, native::controller(client, timeout)))
        })
        .await
    }

    /// The id that the cluster gave a topic when it was created; none where the brokers know no such
    /// ids (before 2.8).
    ///
    /// # Errors
    /// [`FaultCode::Cluster`] where no broker answers in time.
    pub async fn topic_id(&self, topic: &str, timeout: Duration) -> Result<Option<String>, Fault> {
        let topic = topic.to_owned();
        self.with("the topic's id could not be read", move |consumer| {
            while_moving(timeout, || {
                native::topic_id(consumer.client(), &topic, timeout)
            })
        })
        .await
    }

    /// Fills in start and end offsets of the partitions that have a leader.
    ///
    /// # Errors
    /// [`FaultCode::Cluster`] where the leaders don't answer in time.
    pub async fn offsets(
        &self,
        mut view: ClusterView,
        timeout: Duration,
    ) -> Result<ClusterView, Fault> {
        self.with("the offsets could not be read", move |consumer| {
            let mut wanted = TopicPartitionList::new();
            for (topic, partitions) in &view.topics {
                for partition in partitions.iter().filter(|p| p.leader.is_some()) {
                    wanted.add_partition(topic, partition.id);
                }
            }
            if wanted.count() == 0 {
                return Ok(view);
            }
            // ListOffsets takes -1 and -2 in place of a time stamp, for the end and the start; asked
            // so, one request goes to each leader instead of two for each partition.
            for end in [false, true] {
                let at = if end { Offset::End } else { Offset::Beginning };
                wanted.set_all_offsets(at)?;
                let found = while_moving(timeout, || {
                    consumer.offsets_for_times(wanted.clone(), timeout)
                })?;
                for element in found.elements() {
                    let Offset::Offset(offset) = element.offset() else {
                        continue;
                    };
                    let partition = view
                        .topics
                        .get_mut(element.topic())
                        .and_then(|all| all.iter_mut().find(|p| p.id == element.partition()));
                    if let Some(partition) = partition {
                        *(if end {
                            &mut partition.end
                        } else {
                            &mut partition.start
                        }) = Some(offset);
                    }
                }
            }
            Ok(view)
        })
        .await
    }
}

/// Asks again while leaders are just moving, or the broker that is asked does not know of a topic yet.
fn while_moving<T>(
    limit: Duration,
    ask: impl Fn() -> Result<T, KafkaError>,
) -> Result<T, KafkaError> {
    use RDKafkaErrorCode as Code;
    let deadline = Instant::now() + limit;
    loop {
        match ask() {
            Err(KafkaError::MetadataFetch(
                Code::UnknownPartition
                | Code::UnknownTopicOrPartition
                | Code::LeaderNotAvailable
                | Code::NotLeaderForPartition
                | Code::FencedLeaderEpoch
                | Code::UnknownLeaderEpoch,
            )) if Instant::now() < deadline => std::thread::sleep(Duration::from_millis(20)),
            other => return other,
        }
    }
}

fn partition(seen: &rdkafka::metadata::MetadataPartition) -> PartitionView {
    PartitionView {
        id: seen.id(),
        leader: (seen.leader() >= 0).then_some(seen.leader()),
        replicas: seen.replicas().to_vec(),
        isr: seen.isr().to_vec(),
        start: None,
        end: None,
    }
}

/// The fault for an error of a call to a cluster.
pub fn failed(what: &str, bootstrap: &[String], error: &KafkaError) -> Fault {
    Fault::new(FaultCode::Cluster, what)
        .at(bootstrap.join(","))
        .because(error)
        .hint("See whether the brokers run and can be reached at these addresses: `krun status`.")
}
