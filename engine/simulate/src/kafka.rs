//! A small Kafka: ZooKeeper and brokers as processes of the simulated machine.
//!
//! A process whose command starts one of their main classes is a server. It reads its own properties
//! file, comes up after some simulated time, and refuses to come up for the reasons for which the real
//! one does, in the real one's words. What it keeps is in its data folders: whoever moves a folder away
//! takes it along, and whoever brings it back has it again.
//!
//! | module | owns |
//! |---|---|
//! | `znodes` | what a cluster agrees on, as ZooKeeper keeps it: registrations, topics, leaders, settings |
//! | `zookeeper` | the server that keeps it |
//! | `broker` | a broker from its start to its end, and its part of the records |
//! | `logs` | records and the folders that they are in |
//! | `passing` | what happens by itself as time passes |
//! | `client` | what a client sees, which is what the kinds look at |
//! | `effects` | what krun does to a cluster, to the end |
//! | `requests` | what controller and leaders do when they are asked |
//! | `wanted` | what a cluster must have after a schedule |
//!
//! Everything follows from the world, simulated time and the seed. Where it is simpler than the real
//! one: what was written is durable at once, committed offsets are kept where topics are, and a server
//! has one listener.

mod broker;
mod client;
mod effects;
mod logs;
mod passing;
mod requests;
#[cfg(test)]
mod tests;
mod wanted;
mod znodes;
mod zookeeper;

use std::collections::BTreeMap;

use krun_model::{Effect, ProcessId};

pub use broker::Broker;
pub use client::SimClusters;
pub use wanted::Holds;
pub use zookeeper::ZooKeeper;

/// The servers that run on a machine, by the processes that they are.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Servers {
    zookeepers: BTreeMap<ProcessId, ZooKeeper>,
    brokers: BTreeMap<ProcessId, Broker>,
    /// Requests of kruns that are dead, and when a server gets to them.
    late: Vec<(u64, Effect)>,
}

impl Servers {
    /// The broker that serves at `host:port`.
    fn serving_at(&self, address: &str) -> Option<&Broker> {
        let at = |one: &&Broker| one.serves() && one.address() == address;
        self.brokers.values().find(at)
    }

    /// The broker with an id, if it serves; of one cluster, since a machine has one ZooKeeper at a port.
    fn serving(&self, zookeeper: &ProcessId, id: i32) -> Option<&Broker> {
        let port = self.zookeepers.get(zookeeper)?.port;
        let is = |one: &&Broker| one.serves() && one.id == id && one.zookeeper == port;
        self.brokers.values().find(is)
    }

    /// The ZooKeeper that serves at a port.
    fn zookeeper_at(&self, port: u16) -> Option<&ProcessId> {
        let at = |(_, one): &(&ProcessId, &ZooKeeper)| one.port == port && one.serves();
        self.zookeepers.iter().find(at).map(|(id, _)| id)
    }

    /// Whether a process serves, if it is a server.
    pub fn is_ready(&self, id: &ProcessId) -> bool {
        self.zookeepers.get(id).is_none_or(ZooKeeper::serves)
            && self.brokers.get(id).is_none_or(Broker::serves)
    }

    /// The process that listens on a port.
    pub fn listening(&self, port: u16) -> Option<&ProcessId> {
        let zookeepers = self.zookeepers.iter();
        let mut all = zookeepers.filter(|(_, one)| one.port == port && one.serves());
        let brokers = self.brokers.iter();
        let mut others = brokers.filter(|(_, one)| one.port == port && one.serves());
        let found = all.next().map(|(id, _)| id);
        found.or_else(|| others.next().map(|(id, _)| id))
    }

    /// The process that has files below a folder open.
    pub fn using(&self, folder: &camino::Utf8Path) -> Option<&ProcessId> {
        let below =
            |paths: &[&camino::Utf8PathBuf]| paths.iter().any(|one| one.starts_with(folder));
        let zookeepers = self.zookeepers.iter();
        let mut all = zookeepers.filter(|(_, one)| below(&[&one.data, &one.log]));
        let brokers = self.brokers.iter();
        let mut others = brokers.filter(|(_, one)| below(&one.dirs.iter().collect::<Vec<_>>()));
        let found = all.next().map(|(id, _)| id);
        found.or_else(|| others.next().map(|(id, _)| id))
    }
}
