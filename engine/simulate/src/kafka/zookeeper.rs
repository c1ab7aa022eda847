//! A ZooKeeper server: from its start until it serves, and what it writes.
//!
//! What it knows is in the file `version-2/log.1` of its log folder, written with each change and read
//! at its start.

use std::sync::Arc;

use camino::Utf8PathBuf;
use krun_model::{Map, ProcessId};

use super::znodes::Znodes;
use crate::{tree::Node, world::World};

/// How long a start takes, in simulated milliseconds.
const START_MS: (u64, u64) = (60, 600);
const FOLDER: u32 = 0o755;

/// A server.
#[derive(Clone, Debug, PartialEq)]
pub struct ZooKeeper {
    /// Its clientPort.
    pub port: u16,
    /// Its dataDir.
    pub data: Utf8PathBuf,
    /// Its dataLogDir.
    pub log: Utf8PathBuf,
    /// When it comes up; none once it serves.
    pub up: Option<u64>,
    /// What it keeps.
    pub nodes: Znodes,
}

impl ZooKeeper {
    /// Whether it serves.
    pub fn serves(&self) -> bool {
        self.up.is_none()
    }

    fn file(&self) -> Utf8PathBuf {
        self.log.join("version-2/log.1")
    }
}

impl World {
    /// The process of a ZooKeeper begins.
    pub(super) fn zookeeper_starts(&mut self, id: &ProcessId, settings: &Map<String>) {
        let port = settings
            .get("clientPort")
            .and_then(|port| port.parse().ok());
        let (Some(port), Some(data)) = (port, settings.get("dataDir")) else {
            return self.server_dies(id, &["ERROR Invalid config, exiting abnormally"]);
        };
        let log = settings.get("dataLogDir").unwrap_or(data);
        let server = ZooKeeper {
            port,
            data: data.into(),
            log: log.into(),
            up: Some(self.now() + self.draw(START_MS)),
            nodes: Znodes::default(),
        };
        self.servers.zookeepers.insert(id.clone(), server);
    }

    /// It takes its port, reads what there is, and serves.
    pub(super) fn zookeeper_comes_up(&mut self, id: &ProcessId) {
        let Some(mut server) = self.servers.zookeepers.get(id).cloned() else {
            return;
        };
        if self.servers.listening(server.port).is_some() {
            let why = "java.net.BindException: Address already in use";
            return self.server_dies(id, &[why]);
        }
        for folder in [&server.data, &server.log] {
            let version = folder.join("version-2");
            if self.files.follow(&version).is_none() {
                self.files.make_parents(&version, FOLDER);
                // A file in its place is found by whoever writes there.
                let _ = self.files.make_dir(&version, FOLDER);
            }
        }
        let kept = self.files.bytes(&server.file()).ok().flatten();
        server.nodes = kept
            .and_then(|bytes| serde_json::from_slice(&bytes).ok())
            .unwrap_or_default();
        let now = self.now();
        for session in server.nodes.sessions.values_mut() {
            let mut processes = self.processes.values();
            let lives = processes.any(|process| process.running.pid == session.owner);
            session.ends = (!lives).then_some(now + session.timeout_ms);
        }
        server.up = None;
        let port = server.port;
        self.servers.zookeepers.insert(id.clone(), server);
        self.says(
            id,
            "INFO binding to port (org.apache.zookeeper.server.NIOServerCnxnFactory)",
        );
        for broker in self.servers.brokers.values_mut() {
            broker.zookeeper_is_up(port, now);
        }
        self.changed(id);
    }

    /// What a ZooKeeper keeps was changed: it is written down, and brokers will learn of it.
    pub(super) fn changed(&mut self, id: &ProcessId) {
        let Some(server) = self.servers.zookeepers.get(id) else {
            return;
        };
        let (file, port) = (server.file(), server.port);
        let nodes = Arc::new(server.nodes.clone());
        let text = serde_json::to_vec(&*nodes).unwrap_or_default();
        if self.files.get(&server.log.join("version-2")).is_some() {
            self.files.plant(&file, Node::file(text, 0o644));
        }
        let all: Vec<_> = self.servers.brokers.keys().cloned().collect();
        for broker in all {
            let ours = self.servers.brokers.get(&broker);
            if ours.is_some_and(|one| one.zookeeper == port && one.serves()) {
                self.broker_will_learn(&broker, nodes.clone());
            }
        }
    }

    /// What is done with what a ZooKeeper keeps, if it serves.
    pub(super) fn with_nodes<T>(
        &mut self,
        id: &ProcessId,
        act: impl FnOnce(&mut Znodes) -> T,
    ) -> Option<T> {
        let server = self.servers.zookeepers.get_mut(id)?;
        if !server.serves() {
            return None;
        }
        let done = act(&mut server.nodes);
        self.changed(id);
        Some(done)
    }
}
