//! Who sees and changes topics, records, replicas and leaders.

use std::time::Duration;

use async_trait::async_trait;
use krun_model::{
    Effect, Effector, Fault, Target, TargetState,
    topic::{TopicRef, TopicSeen},
};

use super::{connection::Connection, create, elect, produce, reach, reassign};
use crate::view::unreachable_fault;

const METADATA: Duration = Duration::from_secs(5);

/// The [`Effector`] for topics, their records, replicas and leaders. It connects from where krun runs.
#[derive(Clone, Copy, Debug, Default)]
pub struct ClusterEffector;

impl ClusterEffector {
    /// The effector; it holds no connection between calls.
    pub fn new() -> Self {
        Self
    }
}

/// What a cluster shows of a topic; none where it has no such topic.
///
/// # Errors
/// A cluster that accepts connections but does not answer.
pub async fn topic_seen(connection: &Connection, name: &str) -> Result<Option<TopicSeen>, Fault> {
    let view = connection.metadata(Some(name), METADATA).await?;
    if !view.topics.contains_key(name) {
        return Ok(None);
    }
    let view = connection.offsets(view, METADATA).await?;
    Ok(view.topics.get(name).map(|partitions| TopicSeen {
        partitions: u32::try_from(partitions.len()).unwrap_or(u32::MAX),
        replication_factor: partitions.first().map_or(0, |first| {
            u32::try_from(first.replicas.len()).unwrap_or(u32::MAX)
        }),
        records: partitions
            .iter()
            .filter_map(|partition| u64::try_from(partition.end?).ok())
            .sum(),
    }))
}

#[async_trait]
impl Effector for ClusterEffector {
    async fn observe(&self, target: &Target) -> Result<TargetState, Fault> {
        let bootstrap = match target {
            Target::Topic(topic) | Target::Records(topic) => &topic.bootstrap,
            Target::Replicas(of) | Target::Leaders(of) => &of.bootstrap,
            _ => return Err(Fault::internal(format!("a cluster was asked for {target}"))),
        };
        if !reach::any_accepts(bootstrap).await {
            let why = unreachable_fault(bootstrap).to_string();
            return Ok(TargetState::Unreachable { why });
        }
        let connection = Connection::open(bootstrap)?;
        let seen = match target {
            Target::Replicas(of) => reassign::seen(&connection, of).await,
            Target::Leaders(of) => elect::seen(&connection, of).await,
            Target::Topic(topic) | Target::Records(topic) => topic_seen(&connection, &topic.name)
                .await
                .map(|seen| seen.map_or(TargetState::Absent, TargetState::Topic)),
            _ => Ok(TargetState::Absent),
        };
        Ok(seen.unwrap_or_else(|fault| TargetState::Unreachable {
            why: fault.to_string(),
        }))
    }

    async fn perform(&self, effect: &Effect) -> Result<(), Fault> {
        match effect {
            Effect::CreateTopic { topic, spec } => create::create(topic, spec).await,
            Effect::DeleteTopic { topic } => create::delete(topic).await,
            Effect::Produce {
                topic,
                records,
                seed,
            } => write(topic.clone(), *records, seed.clone()).await,
            Effect::Reassign {
                bootstrap,
                moves,
                throttle,
                limit_ms,
            } => {
                let limit = Duration::from_millis(*limit_ms);
                reassign::reassign(bootstrap, moves, *throttle, limit).await
            }
            Effect::ElectLeaders { bootstrap, leaders } => elect::elect(bootstrap, leaders).await,
            other => Err(Fault::internal(format!(
                "a cluster was told to change {}",
                other.target()
            ))),
        }
    }
}

async fn write(topic: TopicRef, records: u64, seed: String) -> Result<(), Fault> {
    let connection = Connection::open(&topic.bootstrap)?;
    let view = connection.metadata(Some(&topic.name), METADATA).await?;
    let partitions: Vec<_> = view.partitions().map(|(_, one)| one.id).collect();
    if partitions.is_empty() {
        return Err(
            Fault::new(krun_model::FaultCode::Cluster, "the topic is not there").at(&topic.name),
        );
    }
    tokio::task::spawn_blocking(move || {
        produce::produce(&connection, &topic.name, &partitions, records, &seed)
    })
    .await
    .map_err(|error| Fault::internal(format!("writing records ended badly: {error}")))?
}
