//! What a client sees of the simulated servers: the contract that the kinds look through.
//!
//! A question takes a little, as every look does, and is answered by one of the servers that accept
//! connections. Where none does, it takes as long as it may.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use async_trait::async_trait;
use krun_kafka::{
    clusters::{Client, Clusters, Entry, From, Going, Member, ReadBack, Source, Survey},
    view::{ClusterView, GroupView, Lag},
};
use krun_model::{
    Fault, FaultCode, Map, ProcessId, ReadHost,
    configs::{ClientsOf, ConfigChanges, ConfigsOf},
    topic::{Committed, GroupRef, TopicSpec},
};

use super::{
    logs::{self, Which},
    wanted::{DEFAULTS, QUOTAS},
    znodes::Znodes,
};
use crate::{
    fate::Fate,
    world::{self, World},
};

/// Between two looks of one question.
const POLL: Duration = Duration::from_millis(50);
/// How long a controller is waited for.
const CONTROLLER: Duration = Duration::from_secs(30);
/// The topic that brokers keep groups in.
pub const OFFSETS_TOPIC: &str = "__consumer_offsets";

/// The servers of a world, as one krun reaches them.
#[derive(Clone)]
pub struct SimClusters {
    world: Arc<Mutex<World>>,
    fate: Arc<Fate>,
}

impl SimClusters {
    /// As a krun with this fate reaches them.
    pub fn new(world: Arc<Mutex<World>>, fate: Arc<Fate>) -> Self {
        Self { world, fate }
    }

    pub(super) async fn see(&self) -> MutexGuard<'_, World> {
        self.fate.look().await;
        world::now(&self.world)
    }

    /// A client of these servers.
    pub fn client(&self, bootstrap: &[String]) -> SimClient {
        SimClient {
            clusters: self.clone(),
            bootstrap: bootstrap.to_vec(),
        }
    }
}

#[async_trait]
impl Clusters for SimClusters {
    async fn accepts(&self, address: &str) -> bool {
        self.see().await.servers.serving_at(address).is_some()
    }

    async fn zookeeper_mode(&self, address: &str, port: u16) -> Result<String, String> {
        match self.see().await.servers.zookeeper_at(port) {
            Some(_) => Ok("standalone".to_owned()),
            None => Err(format!("nothing answers at {address}:{port}")),
        }
    }

    fn open(&self, bootstrap: &[String]) -> Result<Arc<dyn Client>, Fault> {
        Ok(Arc::new(self.client(bootstrap)))
    }
}

/// A client.
#[derive(Clone)]
pub struct SimClient {
    pub(super) clusters: SimClusters,
    pub(super) bootstrap: Vec<String>,
}

impl SimClient {
    /// A fault of the cluster.
    pub(super) fn fault(&self, what: &str, why: &str) -> Fault {
        Fault::new(FaultCode::Cluster, what.to_owned())
            .at(self.bootstrap.join(","))
            .because(why)
    }

    /// Asks one of the servers, and again until there is an answer or the time is over.
    async fn ask<T>(
        &self,
        what: &str,
        limit: Duration,
        mut question: impl FnMut(&mut World, &str) -> Option<T> + Send,
    ) -> Result<T, Fault> {
        let until = tokio::time::Instant::now() + limit;
        loop {
            {
                let mut world = self.clusters.see().await;
                let servers = self.bootstrap.iter();
                let open: Vec<_> = servers
                    .filter(|server| world.servers.serving_at(server).is_some())
                    .collect();
                if !open.is_empty() {
                    let server = open[self.clusters.fate.pick(open.len())];
                    if let Some(answer) = question(&mut world, server) {
                        return Ok(answer);
                    }
                }
            }
            if tokio::time::Instant::now() >= until {
                return Err(self.fault(what, "simulated: nobody answers in time"));
            }
            tokio::time::sleep(POLL.min(limit)).await;
        }
    }

    /// Asks the controller: what it keeps, and where.
    pub(super) async fn controller<T>(
        &self,
        what: &str,
        mut question: impl FnMut(&mut World, &ProcessId) -> Option<T> + Send,
    ) -> Result<T, Fault> {
        self.ask(what, CONTROLLER, move |world, server| {
            let zookeeper = world.controlled_by(server)?;
            question(world, &zookeeper)
        })
        .await
    }

    async fn nodes(&self, what: &str) -> Result<Znodes, Fault> {
        self.controller(what, |world, zookeeper| world.nodes(zookeeper).cloned())
            .await
    }
}

impl World {
    /// The ZooKeeper of a broker whose cluster has a controller that serves.
    fn controlled_by(&self, server: &str) -> Option<ProcessId> {
        let broker = self.servers.serving_at(server)?;
        let zookeeper = self.servers.zookeeper_at(broker.zookeeper)?;
        let controller = self.nodes(zookeeper)?.controller?;
        self.servers.serving(zookeeper, controller)?;
        Some(zookeeper.clone())
    }

    /// What a ZooKeeper keeps.
    pub(super) fn nodes(&self, zookeeper: &ProcessId) -> Option<&Znodes> {
        let server = self.servers.zookeepers.get(zookeeper)?;
        server.serves().then_some(&server.nodes)
    }

    /// The records of a partition at its leader, if that serves.
    fn led(&self, server: &str, which: &Which) -> Option<&logs::Log> {
        let asked = self.servers.serving_at(server)?;
        let topic = asked.knows.topics.get(&which.0)?;
        let partition = topic.partitions.get(usize::try_from(which.1).ok()?)?;
        let leader = partition.leader?;
        let mut brokers = self.servers.brokers.values();
        let is = |one: &&super::Broker| {
            one.serves() && one.id == leader && one.zookeeper == asked.zookeeper
        };
        brokers.find(is)?.logs.get(which)
    }
}

#[async_trait]
impl Client for SimClient {
    async fn metadata(&self, topic: Option<&str>, limit: Duration) -> Result<ClusterView, Fault> {
        let what = "the cluster's metadata could not be read";
        self.ask(what, limit, |world, server| {
            let broker = world.servers.serving_at(server)?;
            Some(broker.knows.view(topic))
        })
        .await
    }

    async fn identity(&self, limit: Duration) -> Result<(Option<String>, Option<i32>), Fault> {
        let known = self.ask("", limit, |world, server| {
            let broker = world.servers.serving_at(server)?;
            let nodes = &broker.knows;
            let controller = nodes.controller.filter(|id| nodes.knows(*id));
            Some((nodes.cluster.clone(), controller))
        });
        Ok(known.await.unwrap_or_default())
    }

    async fn topic_id(&self, topic: &str, limit: Duration) -> Result<Option<String>, Fault> {
        self.ask(
            "the topic's id could not be read",
            limit,
            |world, server| {
                let broker = world.servers.serving_at(server)?;
                Some(Some(broker.knows.topics.get(topic)?.id.clone()))
            },
        )
        .await
    }

    async fn offsets(&self, view: ClusterView, limit: Duration) -> Result<ClusterView, Fault> {
        self.ask("the offsets could not be read", limit, |world, server| {
            let mut view = view.clone();
            for (topic, partitions) in &mut view.topics {
                for one in partitions.iter_mut().filter(|one| one.leader.is_some()) {
                    let log = world.led(server, &(topic.clone(), one.id))?;
                    one.start = Some(0);
                    one.end = i64::try_from(log.records.len()).ok();
                }
            }
            Some(view)
        })
        .await
    }

    async fn settings(&self, of: &ConfigsOf) -> Result<Option<Map<Entry>>, Fault> {
        let what = "the settings could not be read";
        let nodes = self.nodes(what).await?;
        if let ConfigsOf::Topic(name) = of
            && !nodes.topics.contains_key(name)
        {
            return Ok(None);
        }
        let source = match of {
            ConfigsOf::Topic(_) => Source::Topic,
            ConfigsOf::Broker(_) => Source::Broker,
            ConfigsOf::Brokers => Source::Brokers,
            ConfigsOf::Clients(_) => {
                return Err(self.fault(what, "quotas of clients are not simulated"));
            }
        };
        let own = nodes.settings.get(&of.to_string());
        let entry = |name: &str, value: &str, source| Entry {
            name: name.to_owned(),
            value: Some(value.to_owned()),
            source,
            read_only: false,
            sensitive: false,
            layers: vec![(source, Some(value.to_owned()))],
        };
        let defaults = DEFAULTS.iter();
        let mut all: Map<Entry> = defaults
            .map(|(key, value)| ((*key).to_owned(), entry(key, value, Source::Default)))
            .collect();
        for (key, value) in own.into_iter().flatten() {
            all.insert(key.clone(), entry(key, value, source));
        }
        Ok(Some(all))
    }

    async fn validate_settings(
        &self,
        of: &ConfigsOf,
        changes: &ConfigChanges,
    ) -> Result<(), Fault> {
        let what = "the settings could not be altered";
        self.nodes(what).await?;
        let known = |key: &String| match of {
            ConfigsOf::Clients(_) => QUOTAS.contains(&key.as_str()),
            _ => DEFAULTS.iter().any(|(name, _)| name == key),
        };
        match changes.keys().find(|key| !known(key)) {
            None => Ok(()),
            Some(key) => Err(self.fault(what, &format!("{of} has no setting {key}"))),
        }
    }

    async fn would_create(&self, topic: &str, _spec: &TopicSpec) -> Result<bool, Fault> {
        let nodes = self.nodes("the topic could not be created").await?;
        Ok(!nodes.topics.contains_key(topic))
    }

    async fn validate_partitions(&self, topic: &str, total: u32) -> Result<(), Fault> {
        let what = "partitions could not be added to the topic";
        let nodes = self.nodes(what).await?;
        let there = nodes.topics.get(topic).map(|topic| topic.partitions.len());
        match there {
            None => Err(self.fault(what, "there is no such topic")),
            Some(there) if there >= total as usize => {
                Err(self.fault(what, "it has as many already"))
            }
            Some(_) => Ok(()),
        }
    }

    async fn survey(&self) -> Result<Survey, Fault> {
        let nodes = self
            .nodes("where the replicas are could not be seen")
            .await?;
        let going = nodes.going().map(|(to, partition)| {
            let without = |of: &[i32], other: &[i32]| {
                let all = of.iter().copied();
                all.filter(|id| !other.contains(id)).collect()
            };
            Going {
                adding: without(&to.replicas, &partition.replicas),
                removing: without(&partition.replicas, &to.replicas),
                to,
            }
        });
        Ok(Survey {
            going: going.collect(),
            view: nodes.view(None),
            throttled: vec![],
            movable: true,
        })
    }

    async fn read_back(
        &self,
        _host: &dyn ReadHost,
        topic: &str,
        partitions: &[i32],
        limit: Duration,
    ) -> Result<ReadBack, Fault> {
        self.read(topic, partitions, limit, &BTreeMap::new())
            .await
            .map(|(read, _)| read)
    }

    fn join(
        &self,
        group: &GroupRef,
        partitions: &[i32],
        from: From,
    ) -> Result<Box<dyn Member>, Fault> {
        Ok(Box::new(SimMember {
            client: self.client_of(group),
            group: group.clone(),
            partitions: partitions.to_vec(),
            from,
            at: None,
        }))
    }

    async fn quotas(&self, of: &ClientsOf) -> Result<Map<f64>, Fault> {
        let nodes = self.nodes("the quotas could not be read").await?;
        let own = nodes
            .settings
            .get(&ConfigsOf::Clients(of.clone()).to_string());
        let number = |(key, value): (&String, &String)| Some((key.clone(), value.parse().ok()?));
        Ok(own.into_iter().flatten().filter_map(number).collect())
    }

    async fn groups(&self, view: &ClusterView) -> Result<Vec<GroupView>, Fault> {
        let nodes = self.nodes("the groups could not be listed").await?;
        let mut groups = vec![];
        for id in nodes.groups.keys() {
            groups.push(GroupView {
                id: id.clone(),
                state: "Empty".to_owned(),
                members: 0,
                lags: self.lags(id, view).await?,
            });
        }
        Ok(groups)
    }

    async fn lags(&self, group: &str, view: &ClusterView) -> Result<Vec<Lag>, Fault> {
        let nodes = self.nodes("the group's place could not be read").await?;
        let topics = nodes.groups.get(group).into_iter().flatten();
        let places = topics.flat_map(|(topic, places)| places.iter().map(move |one| (topic, one)));
        let lag = |(topic, (partition, committed)): (&String, (&i32, &i64))| {
            let partitions = view.topics.get(topic)?;
            let seen = partitions.iter().find(|one| one.id == *partition)?;
            Some(Lag {
                topic: topic.clone(),
                partition: *partition,
                committed: *committed,
                end: seen.end,
            })
        };
        Ok(places.filter_map(lag).collect())
    }
}

impl SimClient {
    fn client_of(&self, group: &GroupRef) -> Self {
        self.clusters.client(&group.bootstrap)
    }

    /// Reads partitions from some offsets, 0 where none is named, to their ends; where those are.
    pub(super) async fn read(
        &self,
        topic: &str,
        partitions: &[i32],
        limit: Duration,
        from: &BTreeMap<i32, i64>,
    ) -> Result<(ReadBack, BTreeMap<i32, i64>), Fault> {
        let mut ends = BTreeMap::new();
        let mut read = ReadBack::default();
        for &partition in partitions {
            let which = (topic.to_owned(), partition);
            let first = from.get(&partition).copied().unwrap_or_default();
            let first = usize::try_from(first).unwrap_or_default();
            let what = "the topic was not read to its end in time";
            let records = self.ask(what, limit, |world, server| {
                let log = world.led(server, &which)?;
                ends.insert(partition, i64::try_from(log.records.len()).ok()?);
                Some(log.records.get(first..).unwrap_or_default().to_vec())
            });
            for record in records.await? {
                let made = record.made();
                let seed = match &record {
                    logs::Rec::Own(seed, ..) => Some(seed.as_bytes().to_vec()),
                    logs::Rec::Foreign => None,
                };
                let (key, value) = made.map(|one| (one.key, one.value)).unwrap_or_default();
                read.take(partition, key.into_bytes(), value.as_bytes(), seed);
            }
        }
        Ok((read, ends))
    }
}

/// Somebody in a group.
struct SimMember {
    client: SimClient,
    group: GroupRef,
    partitions: Vec<i32>,
    from: From,
    /// Where it goes on, once it is in the group.
    at: Option<BTreeMap<i32, i64>>,
}

#[async_trait]
impl Member for SimMember {
    async fn read(
        &mut self,
        host: &dyn ReadHost,
        limit: Duration,
        until: Option<(&str, u64)>,
    ) -> Result<ReadBack, Fault> {
        let topic = self.group.topic.clone();
        let at = match self.at.take() {
            Some(at) => at,
            None => {
                // Whoever looks for a group makes the brokers create the topic for it.
                self.client.make_offsets_topic().await?;
                match self.from {
                    From::Beginning => BTreeMap::new(),
                    From::End => {
                        let all = BTreeMap::new();
                        let client = &self.client;
                        client.read(&topic, &self.partitions, limit, &all).await?.1
                    }
                }
            }
        };
        let deadline = tokio::time::Instant::now() + limit;
        loop {
            let (read, ends) = self
                .client
                .read(&topic, &self.partitions, limit, &at)
                .await?;
            let enough = until.is_none_or(|(seed, count)| {
                let own = read.own.get(seed);
                own.is_some_and(|own| own.digests.len() as u64 >= count)
            });
            if enough {
                self.at = Some(ends);
                return Ok(read);
            }
            if tokio::time::Instant::now() > deadline {
                let what = "the topic could not be read as a group";
                return Err(self.client.fault(what, "not all records came"));
            }
            host.pause(POLL).await?;
        }
    }

    async fn leave(self: Box<Self>) -> Result<Vec<Committed>, Fault> {
        let places = self.at.unwrap_or_default().into_iter();
        Ok(places
            .map(|(partition, offset)| Committed { partition, offset })
            .collect())
    }
}
