//! A broker: what its file says, how it comes up or why it does not, and how it goes.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
};

use camino::Utf8PathBuf;
use krun_model::{Map, ProcessId};
use krun_properties::Document;

use super::{
    logs::{self, Log, Which},
    znodes::{Session, Znodes},
};
use crate::{tree::Node, world::World};

/// How long a start takes until ZooKeeper is asked for, in simulated milliseconds.
const START_MS: (u64, u64) = (150, 1_500);
/// How long a broker takes to learn what its controller says.
const LEARNS_MS: (u64, u64) = (1, 60);
/// How long replicas take to catch up.
const CATCHES_UP_MS: (u64, u64) = (20, 400);
/// Of so many starts one takes [`SLOW_MS`] longer.
const SLOW: u64 = 40;
const SLOW_MS: u64 = 8_000;
/// zookeeper.session.timeout.ms, and zookeeper.connection.timeout.ms where a file has none.
const SESSION_MS: u64 = 18_000;

/// How far a broker is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// It starts, until then.
    Starts(u64),
    /// It looks for its ZooKeeper, until then at most.
    Connects(u64),
    /// It serves.
    Serves,
}

/// A broker.
#[derive(Clone, Debug, PartialEq)]
pub struct Broker {
    /// Its id.
    pub id: i32,
    /// The host that it listens on and tells clients.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// Its log dirs.
    pub dirs: Vec<Utf8PathBuf>,
    /// The port of its ZooKeeper.
    pub zookeeper: u16,
    /// The process's pid.
    pid: u32,
    session_ms: u64,
    connect_ms: u64,
    /// Replicas that must be in sync for acks=all, unless a topic says otherwise.
    pub min_isr: usize,
    /// offsets.topic.replication.factor.
    pub offsets_factor: u32,
    phase: Phase,
    /// What it knows of the cluster, and so shows clients.
    pub knows: Arc<Znodes>,
    /// What it will learn, and when.
    pub learns: VecDeque<(u64, Arc<Znodes>)>,
    /// When its replicas have caught up.
    pub catches_up: Option<u64>,
    /// Its replicas.
    pub logs: BTreeMap<Which, Log>,
}

impl Broker {
    /// Whether it accepts connections.
    pub fn serves(&self) -> bool {
        self.phase == Phase::Serves
    }

    /// `host:port`.
    pub fn address(&self) -> String {
        format!("{}:{}", self.host, self.port)
    }

    /// Its ZooKeeper is up: it goes on if it waited for it.
    pub fn zookeeper_is_up(&mut self, port: u16, now: u64) {
        if self.zookeeper == port && matches!(self.phase, Phase::Connects(_)) {
            self.phase = Phase::Starts(now);
        }
    }

    /// When something happens to it by itself.
    pub fn due(&self) -> Option<u64> {
        let phase = match self.phase {
            Phase::Starts(at) | Phase::Connects(at) => Some(at),
            Phase::Serves => None,
        };
        let learns = self.learns.front().map(|(at, _)| *at);
        phase.into_iter().chain(learns).chain(self.catches_up).min()
    }

    /// What its file says.
    fn read(settings: &Map<String>, pid: u32) -> Option<Self> {
        let text = |key: &str| settings.get(key).map(String::as_str);
        let number = |key: &str| text(key).and_then(|value| value.trim().parse::<u64>().ok());
        let listener = text("advertised.listeners").or_else(|| text("listeners"));
        let at = listener.unwrap_or("PLAINTEXT://localhost:9092");
        let (host, port) = at
            .split(',')
            .next()?
            .rsplit_once("://")?
            .1
            .rsplit_once(':')?;
        let zookeeper = text("zookeeper.connect")?.split([',', '/']).next()?;
        let dirs = text("log.dirs").or_else(|| text("log.dir"));
        let session_ms = number("zookeeper.session.timeout.ms").unwrap_or(SESSION_MS);
        Some(Self {
            id: text("broker.id")?.trim().parse().ok()?,
            host: host.to_owned(),
            port: port.trim().parse().ok()?,
            dirs: dirs
                .unwrap_or("/tmp/kafka-logs")
                .split(',')
                .map(Into::into)
                .collect(),
            zookeeper: zookeeper.rsplit_once(':')?.1.trim().parse().ok()?,
            pid,
            session_ms,
            connect_ms: number("zookeeper.connection.timeout.ms").unwrap_or(session_ms),
            min_isr: usize::try_from(number("min.insync.replicas").unwrap_or(1)).unwrap_or(1),
            offsets_factor: number("offsets.topic.replication.factor")
                .and_then(|factor| factor.try_into().ok())
                .unwrap_or(3),
            phase: Phase::Starts(0),
            knows: Arc::default(),
            learns: VecDeque::new(),
            catches_up: None,
            logs: BTreeMap::new(),
        })
    }
}

impl World {
    /// The process of a broker begins.
    pub(super) fn broker_starts(&mut self, id: &ProcessId, settings: &Map<String>) {
        let pid = self.processes.get(id).map_or(0, |one| one.running.pid);
        let Some(mut broker) = Broker::read(settings, pid) else {
            let why = "ERROR Exiting Kafka due to fatal exception (kafka.Kafka$)";
            return self.server_dies(id, &[why]);
        };
        let slow = if self.draw((0, SLOW)) == 0 {
            SLOW_MS
        } else {
            0
        };
        broker.phase = Phase::Starts(self.now() + self.draw(START_MS) + slow);
        self.servers.brokers.insert(id.clone(), broker);
    }

    /// Something is due for a broker.
    pub(super) fn broker_goes_on(&mut self, id: &ProcessId) {
        let now = self.now();
        let Some(broker) = self.servers.brokers.get_mut(id) else {
            return;
        };
        match broker.phase {
            Phase::Starts(at) if at <= now => return self.broker_connects(id),
            Phase::Connects(at) if at <= now => {
                let why = "kafka.zookeeper.ZooKeeperClientTimeoutException: Timed out waiting for \
                           connection while in state: CONNECTING";
                return self.server_dies(id, &[why]);
            }
            _ => {}
        }
        while let Some((_, nodes)) = broker.learns.pop_front_if(|(at, _)| *at <= now) {
            broker.knows = nodes;
        }
        if broker.catches_up.is_some_and(|at| at <= now) {
            broker.catches_up = None;
            self.broker_catches_up(id);
        }
    }

    fn broker_connects(&mut self, id: &ProcessId) {
        let now = self.now();
        let Some(broker) = self.servers.brokers.get(id).cloned() else {
            return;
        };
        let Some(zookeeper) = self.servers.zookeeper_at(broker.zookeeper).cloned() else {
            if let Some(broker) = self.servers.brokers.get_mut(id) {
                broker.phase = Phase::Connects(now + broker.connect_ms);
            }
            return;
        };
        let fresh = self.name("cluster");
        let nodes = self.servers.zookeepers.get(&zookeeper);
        let nodes = nodes.map(|one| one.nodes.clone()).unwrap_or_default();
        let cluster = nodes.cluster.clone().unwrap_or(fresh);
        if let Err(why) = self.broker_may_join(id, &broker, &nodes, &cluster) {
            return self.server_dies(id, &[&why]);
        }
        let mut logs = BTreeMap::new();
        for dir in &broker.dirs {
            let text = format!("version=0\nbroker.id={}\ncluster.id={cluster}\n", broker.id);
            let node = Node::file(text.into_bytes(), 0o644);
            self.files.plant(&dir.join("meta.properties"), node);
            logs.extend(logs::read(&mut self.files, dir, &nodes));
        }
        if let Some(server) = self.servers.brokers.get_mut(id) {
            server.logs = logs;
            server.phase = Phase::Serves;
        }
        self.says(id, "INFO [KafkaServer] started (kafka.server.KafkaServer)");
        self.with_nodes(&zookeeper, |nodes| {
            nodes.cluster = Some(cluster);
            let session = Session {
                owner: broker.pid,
                host: broker.host,
                port: broker.port,
                timeout_ms: broker.session_ms,
                ends: None,
            };
            nodes.sessions.insert(broker.id, session);
            nodes.reconsider();
        });
    }

    /// Why it can't join its cluster, in the real one's words.
    fn broker_may_join(
        &self,
        id: &ProcessId,
        broker: &Broker,
        nodes: &Znodes,
        cluster: &str,
    ) -> Result<(), String> {
        let mut others = self
            .servers
            .brokers
            .iter()
            .filter(|(other, _)| *other != id);
        for dir in &broker.dirs {
            if others.any(|(_, other)| other.dirs.contains(dir)) {
                return Err(format!(
                    "org.apache.kafka.common.KafkaException: Failed to acquire lock on file .lock in {dir}."
                ));
            }
            let path = dir.join("meta.properties");
            let meta = self.files.bytes(&path).ok().flatten();
            let meta = meta.and_then(|bytes| Document::parse(&bytes).ok());
            let Some(meta) = meta.map(|document| document.effective()) else {
                continue;
            };
            let is = |key: &str, wanted: &str| meta.get(key).filter(|found| *found != wanted);
            if let Some(found) = is("cluster.id", cluster) {
                return Err(format!(
                    "java.lang.RuntimeException: Invalid cluster.id in: {path}. Expected {cluster}, but read {found}"
                ));
            }
            if let Some(found) = is("broker.id", &broker.id.to_string()) {
                return Err(format!(
                    "java.lang.RuntimeException: Stored node id {found} doesn't match previous node id {} in {path}.",
                    broker.id
                ));
            }
        }
        if self.servers.listening(broker.port).is_some() {
            return Err(format!(
                "org.apache.kafka.common.KafkaException: Socket server failed to bind to {}:{}: Address already in use.",
                broker.host, broker.port
            ));
        }
        let there = nodes.sessions.get(&broker.id);
        if let Some(other) = there.filter(|one| one.owner != broker.pid) {
            return Err(format!(
                "ERROR Error while creating ephemeral at /brokers/ids/{}, node already exists and owner '{}' does not match current session '{}' (kafka.zk.KafkaZkClient$CheckedEphemeral)",
                broker.id, other.owner, broker.pid
            ));
        }
        Ok(())
    }

    /// A broker will learn what its controller says, after what it was told before.
    pub(super) fn broker_will_learn(&mut self, id: &ProcessId, nodes: Arc<Znodes>) {
        self.settle_logs(id, &nodes);
        let at = self.now() + self.draw(LEARNS_MS);
        let catches_up = self.now() + self.draw(CATCHES_UP_MS);
        let Some(broker) = self.servers.brokers.get_mut(id) else {
            return;
        };
        let last = broker.learns.back().map_or(0, |(at, _)| *at);
        let behind = |one: &super::znodes::Partition| {
            let going = one.going.iter().flatten();
            let mut holders = one.replicas.iter().chain(going);
            holders.any(|one| *one == broker.id) && !one.isr.contains(&broker.id)
        };
        let partitions = nodes.topics.values().flat_map(|topic| &topic.partitions);
        if broker.catches_up.is_none() && partitions.into_iter().any(behind) {
            broker.catches_up = Some(catches_up);
        }
        broker.learns.push_back((at.max(last), nodes));
    }

    /// Its replicas become as their leaders' are, and are in sync.
    fn broker_catches_up(&mut self, id: &ProcessId) {
        let Some(broker) = self.servers.brokers.get(id) else {
            return;
        };
        let number = broker.id;
        let Some(zookeeper) = self.servers.zookeeper_at(broker.zookeeper).cloned() else {
            return;
        };
        let nodes = self.servers.zookeepers.get(&zookeeper);
        let Some(mut nodes) = nodes.map(|one| one.nodes.clone()) else {
            return;
        };
        let mut caught_up = false;
        for (name, topic) in &mut nodes.topics {
            for (at, one) in (0..).zip(&mut topic.partitions) {
                let going = one.going.iter().flatten();
                let mut holders = one.replicas.iter().chain(going);
                if !holders.any(|one| *one == number) || one.isr.contains(&number) {
                    continue;
                }
                let Some(leader) = one.leader.and_then(|id| self.process_of(&zookeeper, id)) else {
                    continue;
                };
                self.copy_log(&leader, id, &(name.clone(), at));
                one.isr.push(number);
                one.arrive();
                caught_up = true;
            }
        }
        if caught_up {
            nodes.reconsider();
            self.with_nodes(&zookeeper, |now| *now = nodes);
        }
    }

    /// The process of a broker that serves.
    pub(super) fn process_of(&self, zookeeper: &ProcessId, id: i32) -> Option<ProcessId> {
        let port = self.servers.zookeepers.get(zookeeper)?.port;
        let mut all = self.servers.brokers.iter();
        let is = |one: &Broker| one.serves() && one.id == id && one.zookeeper == port;
        all.find(|(_, one)| is(one)).map(|(id, _)| id.clone())
    }

    /// A broker's process is gone; one that was told to end hands over first, if it can.
    pub(super) fn broker_is_gone(&mut self, id: &ProcessId, clean: bool) {
        let Some(broker) = self.servers.brokers.remove(id) else {
            return;
        };
        let Some(zookeeper) = self.servers.zookeeper_at(broker.zookeeper).cloned() else {
            return;
        };
        let now = self.now();
        let ours = |session: &Session| session.owner == broker.pid;
        let server = self.servers.zookeepers.get_mut(&zookeeper);
        let Some(session) = server.and_then(|one| one.nodes.sessions.get_mut(&broker.id)) else {
            return;
        };
        if !ours(session) {
            return;
        }
        if clean {
            self.with_nodes(&zookeeper, |nodes| nodes.leaves(broker.id));
        } else {
            session.ends = Some(now + session.timeout_ms);
        }
    }
}
