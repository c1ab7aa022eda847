//! Where replicas are, where they are on their way to, and sending them there.
//!
//! The requests for it came with brokers 2.4 (KIP-455). What an older broker shows has nothing on its
//! way, and nothing can be sent on its way there: their only means is a znode.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use futures::future::try_join_all;
use kafka_protocol::messages::{
    AlterPartitionReassignmentsRequest, BrokerId, ListPartitionReassignmentsRequest, TopicName,
    alter_partition_reassignments_request::{ReassignablePartition, ReassignableTopic},
};
use krun_model::{Fault, FaultCode, placement::Placement};

use super::{
    connection::Connection,
    metadata, reach, throttle,
    wire::{Wire, refusal, text},
};
use crate::view::{BrokerView, ClusterView, PartitionView};

/// How long one question may take.
const ASK: Duration = Duration::from_secs(5);
const POLL: Duration = Duration::from_millis(20);
/// How often one look at where the replicas are may be begun anew.
const LOOKS: usize = 100;

/// A partition that is on its way to other brokers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Going {
    /// Where it goes.
    pub to: Placement,
    /// Brokers that get a replica.
    pub adding: Vec<i32>,
    /// Brokers that lose one.
    pub removing: Vec<i32>,
}

/// A cluster's replicas at one moment.
pub struct Survey {
    /// All brokers and partitions; a partition that is on its way shows old and new brokers.
    pub view: ClusterView,
    /// Partitions on their way.
    pub going: Vec<Going>,
    /// Topics that have a throttle.
    pub throttled: Vec<String>,
    /// Whether the brokers know the requests that move replicas.
    pub movable: bool,
}

impl Survey {
    /// Looks at a cluster through its controller.
    ///
    /// # Errors
    /// [`FaultCode::Cluster`] where no broker answers.
    pub async fn take(connection: &Connection) -> Result<Self, Fault> {
        let view = connection.metadata(None, ASK).await?;
        let mut wire = Wire::to_controller(connection, &view).await?;
        if !wire.knows::<ListPartitionReassignmentsRequest>() {
            let (going, throttled) = (vec![], vec![]);
            return Ok(Self {
                view,
                going,
                throttled,
                movable: false,
            });
        }
        let topics: Vec<_> = view.topics.keys().map(String::as_str).collect();
        let throttled = throttle::on_topics(&mut wire, &topics).await?;
        // A partition that arrives between the two questions would be taken for one that stays on old
        // and new brokers: so the first is asked again, and both are until it says the same. The
        // controller's own broker is asked, as others learn of it later.
        let mut before = going(&mut wire).await?;
        for _ in 0..LOOKS {
            let view = metadata::shown_by(&mut wire).await?;
            let after = going(&mut wire).await?;
            if before == after {
                return Ok(Self {
                    view,
                    going: after,
                    throttled,
                    movable: true,
                });
            }
            before = after;
            tokio::time::sleep(POLL).await;
        }
        Err(Fault::new(
            FaultCode::Timeout,
            "where the replicas are could not be seen",
        )
        .because("partitions arrive or leave all the time")
        .hint("Run the same command again."))
    }

    /// Where each partition is, or is on its way to, by topic and number.
    pub fn placed(&self) -> Vec<Placement> {
        let all = self.view.partitions();
        all.map(|(topic, partition)| self.place(topic, partition))
            .collect()
    }

    fn place(&self, topic: &str, partition: &PartitionView) -> Placement {
        match self.going(topic, partition.id) {
            Some(going) => going.to.clone(),
            None => Placement {
                topic: topic.to_owned(),
                partition: partition.id,
                replicas: partition.replicas.clone(),
            },
        }
    }

    /// The way that a partition is on, if it is.
    pub fn going(&self, topic: &str, partition: i32) -> Option<&Going> {
        self.going
            .iter()
            .find(|going| going.to.topic == topic && going.to.partition == partition)
    }

    /// How many of some partitions are where they ought to be, with all replicas in sync.
    pub fn arrived(&self, wanted: &[Placement]) -> usize {
        wanted.iter().filter(|one| self.is_at(one)).count()
    }

    /// How many replicas the partitions of a topic will have that are on their way; none where none is.
    pub fn factor_on_arrival(&self, topic: &str) -> Option<usize> {
        let mut of_topic = self.going.iter().filter(|going| going.to.topic == topic);
        of_topic.next().map(|going| going.to.replicas.len())
    }

    fn is_at(&self, wanted: &Placement) -> bool {
        let partitions = self.view.topics.get(&wanted.topic);
        let seen = partitions.and_then(|all| all.iter().find(|p| p.id == wanted.partition));
        seen.is_some_and(|seen| {
            self.going(&wanted.topic, wanted.partition).is_none()
                && seen.replicas == wanted.replicas
                && seen.leader.is_some()
                && seen.replicas.iter().all(|id| seen.isr.contains(id))
        })
    }
}

async fn going(wire: &mut Wire) -> Result<Vec<Going>, Fault> {
    let what = "the reassignments that are going on could not be listed";
    let asked = ListPartitionReassignmentsRequest::default()
        .with_timeout_ms(5000)
        .with_topics(None);
    let answer = wire.ask(&asked).await?;
    if let Some(why) = refusal(answer.error_code, answer.error_message.as_ref()) {
        return Err(Fault::new(FaultCode::Cluster, what).because(why));
    }
    let ids = |ids: &[BrokerId]| ids.iter().map(|id| id.0).collect::<Vec<_>>();
    let mut all = vec![];
    for topic in &answer.topics {
        for one in &topic.partitions {
            let removing = ids(&one.removing_replicas);
            // The brokers list where it goes first and what is removed after it.
            let mut replicas = ids(&one.replicas);
            replicas.retain(|id| !removing.contains(id));
            all.push(Going {
                to: Placement {
                    topic: topic.name.0.as_str().to_owned(),
                    partition: one.partition_index,
                    replicas,
                },
                adding: ids(&one.adding_replicas),
                removing,
            });
        }
    }
    Ok(all)
}

/// Waits until every broker that can be reached shows what is wanted: each learns of it in its own
/// time, and the next client may ask any of them.
///
/// # Errors
/// [`FaultCode::Timeout`] with the broker that does not.
pub async fn shown_by_all(
    brokers: &[BrokerView],
    limit: Duration,
    wanted: impl Fn(&ClusterView) -> bool,
) -> Result<(), Fault> {
    let start = Instant::now();
    let wanted = &wanted;
    let each = brokers.iter().map(|broker| async move {
        let address = format!("{}:{}", broker.host, broker.port);
        if !reach::accepts(&address).await {
            return Ok(());
        }
        let mut wire = Wire::open(&address).await?;
        while !wanted(&metadata::shown_by(&mut wire).await?) {
            if start.elapsed() > limit {
                let what = "a broker does not show where the replicas and leaders are now";
                return Err(Fault::new(FaultCode::Timeout, what)
                    .at(address)
                    .hint("See its log, then run the same command again."));
            }
            tokio::time::sleep(POLL).await;
        }
        Ok(())
    });
    try_join_all(each).await.map(drop)
}

/// Sends partitions on their way. One that is on its way already is sent there instead.
///
/// # Errors
/// [`FaultCode::Cluster`] with every partition that the controller refuses, and why.
pub async fn send(wire: &mut Wire, moves: &[Placement]) -> Result<(), Fault> {
    let mut topics: BTreeMap<&str, Vec<ReassignablePartition>> = BTreeMap::new();
    for one in moves {
        let replicas = one.replicas.iter().copied().map(BrokerId).collect();
        let partition = ReassignablePartition::default()
            .with_partition_index(one.partition)
            .with_replicas(Some(replicas));
        topics.entry(&one.topic).or_default().push(partition);
    }
    let topics = topics
        .into_iter()
        .map(|(name, partitions)| {
            ReassignableTopic::default()
                .with_name(TopicName(text(name)))
                .with_partitions(partitions)
        })
        .collect();
    let asked = AlterPartitionReassignmentsRequest::default()
        .with_timeout_ms(20_000)
        .with_topics(topics);
    let answer = wire.ask(&asked).await?;
    let what = "the controller refuses to move replicas";
    if let Some(why) = refusal(answer.error_code, answer.error_message.as_ref()) {
        return Err(Fault::new(FaultCode::Cluster, what).because(why));
    }
    let refused: Vec<_> = answer
        .responses
        .iter()
        .flat_map(|topic| topic.partitions.iter().map(move |one| (topic, one)))
        .filter_map(|(topic, one)| {
            let why = refusal(one.error_code, one.error_message.as_ref())?;
            Some(format!(
                "{}-{}: {why}",
                topic.name.0.as_str(),
                one.partition_index
            ))
        })
        .collect();
    if refused.is_empty() {
        return Ok(());
    }
    Err(Fault::new(FaultCode::Cluster, what)
        .because(format!("{} partitions", refused.len()))
        .evidence(refused)
        .hint("See whether all brokers that are to hold replicas run: `krun status --cluster`."))
}
