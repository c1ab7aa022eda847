//! What krun does to a simulated cluster, and how it sees what it did.
//!
//! As the real effects do it: a request to the controller or the leaders, then a wait until every broker
//! shows it. A krun may die before its request is sent, while it is on its way, or when some of many
//! records are written.

use std::time::Duration;

use krun_kafka::{
    clusters::{Client as _, Clusters as _, topic_seen},
    view::{ClusterView, PartitionView},
};
use krun_model::{
    Effect, Fault, FaultCode, Target, TargetState,
    configs::{ConfigChanges, ConfigsOf},
    placement::{Placement, PlacementSeen},
    topic::{Committed, GroupRef, TopicRef, TopicSpec},
};
use tokio::time::Instant;

use super::{
    client::{OFFSETS_TOPIC, SimClient},
    requests::BATCHES,
};
use crate::{machine::SimMachine, world};

const ASK: Duration = Duration::from_secs(5);
/// How long a topic that the controller knows may take to be shown.
const SHOWN: Duration = Duration::from_secs(10);
/// How long brokers may take to show what was done.
const LIMIT: Duration = Duration::from_secs(30);
/// How long brokers that are missing for a replica may take to register.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long records may take.
const WRITTEN: Duration = Duration::from_secs(120);
const POLL: Duration = Duration::from_millis(20);
/// How many partitions the topic of groups has.
const OFFSETS_PARTITIONS: u32 = 50;
/// Of requests that are sent by a krun that is killed, those for records are taken soon.
const LATE_MS: usize = 300;
const LATE_RECORDS_MS: usize = 40;

impl SimMachine {
    /// The state of what is in a cluster.
    pub(crate) async fn look_at_cluster(&self, target: &Target) -> Result<TargetState, Fault> {
        let bootstrap = target.bootstrap().unwrap_or_default();
        let client = self.clusters.client(bootstrap);
        let mut open = false;
        for address in bootstrap {
            open = open || self.clusters.accepts(address).await;
        }
        let unreachable = |why: String| TargetState::Unreachable { why };
        if !open {
            return Ok(unreachable("no broker accepts a connection".into()));
        }
        let seen = self.state_in_cluster(&client, target).await;
        Ok(seen.unwrap_or_else(|fault| unreachable(fault.to_string())))
    }

    async fn state_in_cluster(
        &self,
        client: &SimClient,
        target: &Target,
    ) -> Result<TargetState, Fault> {
        Ok(match target {
            Target::Topic(topic) | Target::Records(topic) => {
                let until = Instant::now() + SHOWN;
                loop {
                    if let Some(seen) = topic_seen(client, &topic.name).await? {
                        return Ok(TargetState::Topic(seen));
                    }
                    let any = TopicSpec {
                        partitions: 1,
                        replication_factor: 1,
                        configs: Default::default(),
                    };
                    if Instant::now() > until || client.would_create(&topic.name, &any).await? {
                        return Ok(TargetState::Absent);
                    }
                    tokio::time::sleep(POLL).await;
                }
            }
            Target::Configs(wanted) => {
                // Clients need not be there to have quotas.
                if !matches!(wanted.of, ConfigsOf::Clients(_))
                    && client.settings(&wanted.of).await?.is_none()
                {
                    return Ok(TargetState::Absent);
                }
                let of = wanted.of.to_string();
                let own = client.controller("", move |world, zookeeper| {
                    let nodes = world.nodes(zookeeper)?;
                    Some(nodes.settings.get(&of).cloned().unwrap_or_default())
                });
                TargetState::Configs(own.await?.into_iter().collect())
            }
            Target::Group(group) => {
                let (id, topic) = (group.id.clone(), group.topic.clone());
                let places = client.controller("", move |world, zookeeper| {
                    let topics = world.nodes(zookeeper)?.groups.get(&id);
                    Some(topics.and_then(|one| one.get(&topic)).cloned())
                });
                let places = places.await?.unwrap_or_default();
                let committed = places
                    .into_iter()
                    .map(|(partition, offset)| Committed { partition, offset });
                let committed: Vec<_> = committed.collect();
                match committed.is_empty() {
                    true => TargetState::Absent,
                    false => TargetState::Committed(committed),
                }
            }
            Target::Replicas(of) => {
                let survey = client.survey().await?;
                let ours = |one: &Placement| {
                    let key = (one.topic.clone(), one.partition);
                    of.partitions.contains(&key)
                };
                let mut placed = survey.placed();
                placed.retain(ours);
                TargetState::Replicas(PlacementSeen {
                    placed,
                    moving: survey.going.iter().any(|going| ours(&going.to)),
                    throttled: false,
                })
            }
            Target::Leaders(of) => {
                let view = client.metadata(None, ASK).await?;
                let leaders = view.partitions().filter_map(|(topic, one)| {
                    let leader = one.leader?;
                    let key = (topic.to_owned(), one.id);
                    of.partitions.contains(&key).then(|| Placement {
                        topic: key.0,
                        partition: key.1,
                        replicas: vec![leader],
                    })
                });
                TargetState::Leaders(leaders.collect())
            }
            other => return Err(Fault::internal(format!("{other} is not in a cluster"))),
        })
    }

    /// Brings an effect about.
    pub(crate) async fn change_cluster(&self, effect: &Effect) -> Result<(), Fault> {
        let target = effect.target();
        let client = self.clusters.client(target.bootstrap().unwrap_or_default());
        match effect {
            Effect::CreateTopic { topic, spec } => self.create(&client, topic, spec).await,
            Effect::DeleteTopic { topic } => {
                let what = "the topic could not be deleted";
                client
                    .controller(what, |world, zookeeper| {
                        world.delete_topic(zookeeper, topic);
                        Some(())
                    })
                    .await?;
                shown(&client, &topic.name, <[_]>::is_empty).await
            }
            Effect::AddPartitions { topic, total } => {
                let what = "partitions could not be added to the topic";
                client
                    .controller(what, |world, zookeeper| {
                        let first = world.draw((0, 100)) as usize;
                        let grow = |nodes: &mut super::znodes::Znodes| {
                            nodes.grow(&topic.name, *total, first).is_ok()
                        };
                        world.with_nodes(zookeeper, grow).filter(|done| *done)
                    })
                    .await?;
                whole(&client, &topic.name, *total).await
            }
            Effect::Produce { .. } => self.produce(&client, effect).await,
            Effect::AlterConfigs { configs, changes } => alter(&client, &configs.of, changes).await,
            Effect::CommitOffsets { group, offsets } => commit(&client, group, offsets).await,
            Effect::DeleteGroup { group } => {
                let what = "the group could not be deleted";
                client
                    .controller(what, |world, zookeeper| {
                        world.with_nodes(zookeeper, |nodes| nodes.groups.remove(&group.id))
                    })
                    .await
                    .map(drop)
            }
            Effect::Reassign {
                moves, limit_ms, ..
            } => reassign(&client, moves, Duration::from_millis(*limit_ms)).await,
            Effect::ElectLeaders { leaders, .. } => elect(&client, leaders).await,
            other => Err(Fault::internal(format!(
                "{} is not in a cluster",
                other.target()
            ))),
        }
    }

    async fn create(
        &self,
        client: &SimClient,
        topic: &TopicRef,
        spec: &TopicSpec,
    ) -> Result<(), Fault> {
        let what = "the topic could not be created";
        let until = Instant::now() + PATIENCE;
        loop {
            let made = client.controller(what, |world, zookeeper| {
                Some(world.create_topic(zookeeper, topic, spec))
            });
            match made.await? {
                Ok(()) => break,
                Err(_) if Instant::now() < until => tokio::time::sleep(POLL).await,
                Err(brokers) => {
                    let why = format!("simulated: there are {brokers} brokers");
                    return Err(client.fault(what, &why));
                }
            }
        }
        whole(client, &topic.name, spec.partitions).await
    }

    /// Writes the records of a seed that are not there yet, in a few requests.
    async fn produce(&self, client: &SimClient, effect: &Effect) -> Result<(), Fault> {
        let what = "the records could not be written";
        let until = Instant::now() + WRITTEN;
        let mut sent = 0;
        while sent < BATCHES {
            let done = {
                let mut world = self.clusters.see().await;
                let servers = client.bootstrap.iter();
                let mut open = servers.filter(|one| world.servers.serving_at(one).is_some());
                let server = open.next().cloned();
                server.is_some_and(|server| world.take_records(&server, effect, sent))
            };
            if done {
                sent += 1;
                if sent < BATCHES {
                    self.moment("within", effect).await;
                }
                continue;
            }
            if Instant::now() > until {
                return Err(client.fault(what, "simulated: Local: Message timed out"));
            }
            tokio::time::sleep(POLL * 5).await;
        }
        Ok(())
    }

    /// What is left of a request whose krun is killed just now: nothing, or it arrives nevertheless.
    pub(crate) fn request_cut_off(&self, effect: &Effect) {
        if self.fate.pick(2) == 0 {
            return;
        }
        let within = match effect {
            Effect::CreateTopic { .. } => LATE_MS,
            Effect::Produce { .. } => LATE_RECORDS_MS,
            _ => return,
        };
        let after = self.fate.pick(within) as u64;
        self.fate
            .say(|| format!("its request arrives {after} ms later"));
        world::now(&self.world).will_arrive(effect.clone(), after);
    }
}

/// Waits until each broker that can be reached shows so many partitions, all in sync.
async fn whole(client: &SimClient, topic: &str, total: u32) -> Result<(), Fault> {
    shown(client, topic, |partitions| {
        let in_sync = |one: &PartitionView| {
            one.leader.is_some() && one.replicas.iter().all(|id| one.isr.contains(id))
        };
        partitions.len() == total as usize && partitions.iter().all(in_sync)
    })
    .await
}

/// Waits until each broker that can be reached shows what is wanted of a topic's partitions.
async fn shown(
    client: &SimClient,
    topic: &str,
    wanted: impl Fn(&[PartitionView]) -> bool,
) -> Result<(), Fault> {
    let what = "the topic did not become as wanted in time";
    let all = client.shown_by_all(what, Some(topic), |view| {
        wanted(view.topics.get(topic).map_or(&[][..], Vec::as_slice))
    });
    all.await.map_err(|fault| fault.at(topic))
}

async fn alter(client: &SimClient, of: &ConfigsOf, changes: &ConfigChanges) -> Result<(), Fault> {
    client.validate_settings(of, changes).await?;
    let what = "the settings could not be altered";
    client
        .controller(what, |world, zookeeper| {
            world.with_nodes(zookeeper, |nodes| {
                let own = nodes.settings.entry(of.to_string()).or_default();
                for (key, value) in changes {
                    match value {
                        Some(value) => own.insert(key.clone(), value.clone()),
                        None => own.remove(key),
                    };
                }
            })
        })
        .await
}

async fn commit(client: &SimClient, group: &GroupRef, offsets: &[Committed]) -> Result<(), Fault> {
    client.make_offsets_topic().await?;
    let what = "the group's place could not be written down";
    client
        .controller(what, |world, zookeeper| {
            world.with_nodes(zookeeper, |nodes| {
                let topics = nodes.groups.entry(group.id.clone()).or_default();
                let places = offsets.iter().map(|one| (one.partition, one.offset));
                topics.insert(group.topic.clone(), places.collect());
            })
        })
        .await
}

/// Sends replicas on their way, and waits until they have arrived.
async fn reassign(client: &SimClient, moves: &[Placement], limit: Duration) -> Result<(), Fault> {
    let what = "the controller refuses to move replicas";
    client
        .controller(what, |world, zookeeper| {
            world.with_nodes(zookeeper, |nodes| {
                for one in moves {
                    let Some(partition) = nodes.partition(&one.topic, one.partition) else {
                        continue;
                    };
                    if partition.replicas != one.replicas || partition.going.is_some() {
                        partition.going = Some(one.replicas.clone());
                        partition.arrive();
                    }
                }
                nodes.reconsider();
            })
        })
        .await?;
    let until = Instant::now() + limit;
    while client.survey().await?.arrived(moves) < moves.len() {
        if Instant::now() > until {
            let what = "the replicas are not all where they are to be";
            return Err(Fault::new(FaultCode::Timeout, what));
        }
        tokio::time::sleep(POLL).await;
    }
    let what = "a broker does not show where the replicas are now";
    let settled = |view: &ClusterView| {
        let seen = |one: &Placement| partition(view, one).map(|seen| seen.replicas.clone());
        moves
            .iter()
            .all(|one| seen(one).as_ref() == Some(&one.replicas))
    };
    client.shown_by_all(what, None, settled).await
}

/// The partition that a placement is of.
fn partition<'v>(view: &'v ClusterView, of: &Placement) -> Option<&'v PartitionView> {
    let partitions = view.topics.get(&of.topic)?;
    partitions.iter().find(|one| one.id == of.partition)
}

/// The preferred replicas lead, those that are in sync.
async fn elect(client: &SimClient, leaders: &[Placement]) -> Result<(), Fault> {
    let what = "the preferred leaders could not be elected";
    client
        .controller(what, |world, zookeeper| {
            world.with_nodes(zookeeper, |nodes| {
                for one in leaders {
                    let preferred = one.replicas.first().copied();
                    if let Some(partition) = nodes.partition(&one.topic, one.partition)
                        && preferred.is_some_and(|id| partition.isr.contains(&id))
                    {
                        partition.leader = preferred;
                    }
                }
            })
        })
        .await?;
    let led = |view: &ClusterView| {
        let leader = |one: &Placement| partition(view, one).and_then(|seen| seen.leader);
        leaders
            .iter()
            .all(|one| leader(one) == one.replicas.first().copied())
    };
    client.shown_by_all(what, None, led).await
}

impl SimClient {
    /// Waits until every broker of the cluster that can be reached shows what is wanted.
    async fn shown_by_all(
        &self,
        what: &str,
        topic: Option<&str>,
        wanted: impl Fn(&ClusterView) -> bool,
    ) -> Result<(), Fault> {
        let until = Instant::now() + LIMIT;
        loop {
            let shown = {
                let world = self.clusters.see().await;
                let named = self.bootstrap.iter();
                let first = named.filter_map(|server| world.servers.serving_at(server));
                let zookeepers: Vec<_> = first.map(|broker| broker.zookeeper).collect();
                let mut all = world.servers.brokers.values();
                all.all(|one| {
                    let ours = one.serves() && zookeepers.contains(&one.zookeeper);
                    !ours || wanted(&one.knows.view(topic))
                })
            };
            if shown {
                return Ok(());
            }
            if Instant::now() > until {
                return Err(Fault::new(FaultCode::Timeout, what.to_owned()));
            }
            tokio::time::sleep(POLL).await;
        }
    }

    /// The brokers make the topic for groups when they first look for one.
    pub(super) async fn make_offsets_topic(&self) -> Result<(), Fault> {
        let what = "the group's coordinator was not found";
        self.controller(what, |world, zookeeper| {
            let nodes = world.nodes(zookeeper)?;
            if nodes.topics.contains_key(OFFSETS_TOPIC) {
                return Some(());
            }
            let factor = world.offsets_factor(zookeeper);
            let id = world.name("topic");
            let spec = TopicSpec {
                partitions: OFFSETS_PARTITIONS,
                replication_factor: factor,
                configs: Default::default(),
            };
            world
                .with_nodes(zookeeper, |nodes| nodes.create(OFFSETS_TOPIC, id, &spec, 0))?
                .ok()
        })
        .await
    }
}
