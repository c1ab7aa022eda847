//! Who sees and changes what is in a cluster: topics, records, settings, consumer groups, replicas and
//! leaders.

use std::time::{Duration, Instant};

use async_trait::async_trait;
use krun_model::{
    Effect, Effector, Fault, Target, TargetState,
    configs::{ConfigsOf, ConfigsRef},
    topic::{GroupRef, TopicRef},
};

use super::{
    configs,
    connection::Connection,
    create, elect, groups, partitions,
    produce::{self, Batch},
    quotas, reach, reassign,
};
use crate::{clusters::topic_seen, view::unreachable_fault};

const METADATA: Duration = Duration::from_secs(5);
/// How long brokers may take to show a topic that the controller knows.
const SHOWN: Duration = Duration::from_secs(10);
const POLL: Duration = Duration::from_millis(20);

/// The [`Effector`] for what is in a cluster. It connects from where krun runs.
#[derive(Clone, Copy, Debug, Default)]
pub struct ClusterEffector;

impl ClusterEffector {
    /// The effector; it holds no connection between calls.
    pub fn new() -> Self {
        Self
    }
}

#[async_trait]
impl Effector for ClusterEffector {
    async fn observe(&self, target: &Target) -> Result<TargetState, Fault> {
        let bootstrap = match target {
            Target::Topic(topic) | Target::Records(topic) => &topic.bootstrap,
            Target::Configs(configs) => &configs.bootstrap,
            Target::Group(group) => &group.bootstrap,
            Target::Replicas(of) | Target::Leaders(of) => &of.bootstrap,
            other => return Err(Fault::internal(format!("a cluster was asked for {other}"))),
        };
        if !reach::any_accepts(bootstrap).await {
            let why = unreachable_fault(bootstrap).to_string();
            return Ok(TargetState::Unreachable { why });
        }
        let seen = state(&Connection::open(bootstrap)?, target).await;
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
                keys,
                acks,
            } => {
                let batch = Batch {
                    count: *records,
                    seed: seed.clone(),
                    keys: *keys,
                    acks: *acks,
                };
                write(topic.clone(), batch).await
            }
            Effect::AddPartitions { topic, total } => partitions::add(topic, *total).await,
            Effect::AlterConfigs {
                configs:
                    ConfigsRef {
                        bootstrap,
                        of: ConfigsOf::Clients(of),
                    },
                changes,
            } => quotas::alter(bootstrap, of, changes).await,
            Effect::AlterConfigs { configs, changes } => configs::alter(configs, changes).await,
            Effect::CommitOffsets { group, offsets } => {
                let (group, offsets) = (group.clone(), offsets.clone());
                blocking(move || groups::commit(&group, &offsets)).await
            }
            Effect::DeleteGroup { group } => groups::delete(group).await,
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

/// Runs a call that blocks on a thread for such calls.
async fn blocking<T: Send + 'static>(
    call: impl FnOnce() -> Result<T, Fault> + Send + 'static,
) -> Result<T, Fault> {
    tokio::task::spawn_blocking(call)
        .await
        .map_err(|error| Fault::internal(format!("a call to the cluster ended badly: {error}")))?
}

/// What a cluster that answers shows of a target.
async fn state(connection: &Connection, target: &Target) -> Result<TargetState, Fault> {
    Ok(match target {
        Target::Topic(topic) | Target::Records(topic) => topic_state(connection, topic).await?,
        Target::Configs(ConfigsRef {
            of: ConfigsOf::Clients(of),
            ..
        }) => TargetState::Configs(quotas::own(connection, of).await?),
        Target::Configs(wanted) => match configs::describe(connection, &wanted.of).await? {
            Some(entries) => TargetState::Configs(configs::own(&wanted.of, &entries)),
            None => TargetState::Absent,
        },
        Target::Group(group) => group_state(connection, group).await?,
        Target::Replicas(of) => reassign::seen(connection, of).await?,
        Target::Leaders(of) => elect::seen(connection, of).await?,
        other => return Err(Fault::internal(format!("a cluster was asked for {other}"))),
    })
}

/// What a cluster has of a topic. One that was being created when its krun was killed may be known to the
/// controller alone for a moment: were it taken for absent, it would be nobody's a moment later, and no
/// rollback would take it back.
async fn topic_state(connection: &Connection, topic: &TopicRef) -> Result<TargetState, Fault> {
    let since = Instant::now();
    loop {
        if let Some(seen) = topic_seen(connection, &topic.name).await? {
            return Ok(TargetState::Topic(seen));
        }
        if since.elapsed() > SHOWN || !create::is_known(topic).await? {
            return Ok(TargetState::Absent);
        }
        tokio::time::sleep(POLL).await;
    }
}

async fn group_state(connection: &Connection, group: &GroupRef) -> Result<TargetState, Fault> {
    let view = connection.metadata(None, METADATA).await?;
    let partitions = view.topics.get(&group.topic);
    // Asking for a group would make the brokers create the topic in which they keep groups.
    let Some(partitions) = partitions.filter(|_| view.topics.contains_key(groups::OFFSETS_TOPIC))
    else {
        return Ok(TargetState::Absent);
    };
    let ids: Vec<_> = partitions.iter().map(|one| one.id).collect();
    let group = group.clone();
    let committed = blocking(move || groups::committed(&group, &ids)).await?;
    Ok(match committed.is_empty() {
        true => TargetState::Absent,
        false => TargetState::Committed(committed),
    })
}

/// The partitions of a topic that should be there. A broker answers before a controller has told it of
/// all topics, so that one which does not know it is asked again.
async fn partitions(connection: &Connection, topic: &str) -> Result<Vec<i32>, Fault> {
    let since = Instant::now();
    loop {
        let view = connection.metadata(Some(topic), METADATA).await?;
        let partitions: Vec<_> = view.partitions().map(|(_, one)| one.id).collect();
        if !partitions.is_empty() {
            return Ok(partitions);
        }
        if since.elapsed() > METADATA {
            let what = "the topic is not there";
            return Err(Fault::new(krun_model::FaultCode::Cluster, what).at(topic));
        }
        tokio::time::sleep(POLL).await;
    }
}

async fn write(topic: TopicRef, batch: Batch) -> Result<(), Fault> {
    let connection = Connection::open(&topic.bootstrap)?;
    let partitions = partitions(&connection, &topic.name).await?;
    blocking(move || produce::produce(&connection, &topic.name, &partitions, &batch)).await
}
