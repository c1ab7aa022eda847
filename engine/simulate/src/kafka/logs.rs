//! Records, and the folders of a broker's log dirs that they are in.
//!
//! A partition is a folder `topic-number` with a file `partition.metadata`, which names the topic's id,
//! and one of records, a line each. krun's records are told by the seed that they are made from.

use std::{collections::BTreeMap, sync::Arc};

use camino::Utf8Path;
use krun_kafka::clusters::records::{self, Record};
use krun_model::ProcessId;

use super::znodes::Znodes;
use crate::{
    tree::{Node, Tree},
    world::World,
};

/// A partition, by topic and number.
pub type Which = (String, i32);

/// A record.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rec {
    /// One of krun's: the seed, its number, and how many keys go round.
    Own(Arc<str>, u64, Option<u64>),
    /// Somebody else's.
    Foreign,
}

/// The records of one replica.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Log {
    /// The topic's id.
    pub topic: String,
    /// The records, by offset.
    pub records: Vec<Rec>,
}

impl Rec {
    /// What it is made of; none for one of somebody else.
    pub fn made(&self) -> Option<Record> {
        match self {
            Self::Own(seed, number, keys) => Some(records::record(seed, *number, *keys)),
            Self::Foreign => None,
        }
    }

    /// The partition that a producer puts it into: that of its key.
    pub fn partition(&self, of: usize) -> i32 {
        let key = match self {
            Self::Own(_, number, keys) => keys.map_or(*number, |keys| number % keys.max(1)),
            Self::Foreign => 0,
        };
        let spread = key.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32;
        i32::try_from(spread % of.max(1) as u64).unwrap_or_default()
    }

    fn line(&self) -> String {
        match self {
            Self::Own(seed, number, keys) => {
                format!("{number} {} {seed}\n", keys.unwrap_or_default())
            }
            Self::Foreign => "-\n".to_owned(),
        }
    }

    fn parse(line: &str) -> Option<Self> {
        if line == "-" {
            return Some(Self::Foreign);
        }
        let mut parts = line.splitn(3, ' ');
        let number = parts.next()?.parse().ok()?;
        let keys: u64 = parts.next()?.parse().ok()?;
        Some(Self::Own(
            parts.next()?.into(),
            number,
            (keys > 0).then_some(keys),
        ))
    }
}

/// The folder of a partition.
fn folder(dir: &Utf8Path, which: &Which) -> camino::Utf8PathBuf {
    dir.join(format!("{}-{}", which.0, which.1))
}

/// Writes a replica down.
pub fn write(files: &mut Tree, dir: &Utf8Path, which: &Which, log: &Log) {
    let folder = folder(dir, which);
    if files.get(&folder).is_none() {
        let text = format!("version: 0\ntopic_id: {}\n", log.topic).into_bytes();
        files.plant(&folder.join("partition.metadata"), Node::file(text, 0o644));
    }
    let text: String = log.records.iter().map(Rec::line).collect();
    let file = folder.join("00000000000000000000.log");
    files.plant(&file, Node::file(text.into_bytes(), 0o644));
}

/// Reads what a log dir holds. What is of no topic that the cluster has is removed, as brokers do with
/// what was deleted while they were away.
pub fn read(files: &mut Tree, dir: &Utf8Path, nodes: &Znodes) -> BTreeMap<Which, Log> {
    let mut found = BTreeMap::new();
    for name in files.names(dir).unwrap_or_default() {
        let Some((topic, number)) = name.rsplit_once('-') else {
            continue;
        };
        let Ok(number) = number.parse::<i32>() else {
            continue;
        };
        let which = (topic.to_owned(), number);
        let text = |file: &str| {
            let bytes = files.bytes(&dir.join(&name).join(file)).ok().flatten();
            String::from_utf8_lossy(&bytes.unwrap_or_default()).into_owned()
        };
        let metadata = text("partition.metadata");
        let id = metadata
            .lines()
            .find_map(|line| line.strip_prefix("topic_id: "));
        let Some(id) = id.map(str::to_owned) else {
            continue;
        };
        if nodes.topics.get(topic).is_none_or(|topic| topic.id != id) {
            files.take(&dir.join(&name));
            continue;
        }
        let records = text("00000000000000000000.log");
        let log = Log {
            topic: id,
            records: records.lines().filter_map(Rec::parse).collect(),
        };
        found.insert(which, log);
    }
    found
}

impl World {
    /// A broker gets the folders of replicas that it is to hold, and loses those of others.
    pub(super) fn settle_logs(&mut self, broker: &ProcessId, nodes: &Znodes) {
        let Some(server) = self.servers.brokers.get_mut(broker) else {
            return;
        };
        let Some(dir) = server.dirs.first().cloned() else {
            return;
        };
        let id = server.id;
        let holds = |which: &Which, log: &Log| {
            nodes.topics.get(&which.0).is_some_and(|topic| {
                let number = usize::try_from(which.1).unwrap_or(usize::MAX);
                let partition = topic.partitions.get(number);
                topic.id == log.topic
                    && partition.is_some_and(|one| {
                        let going = one.going.iter().flatten();
                        one.replicas.iter().chain(going).any(|one| *one == id)
                    })
            })
        };
        let gone: Vec<_> = server
            .logs
            .iter()
            .filter(|(which, log)| !holds(which, log))
            .map(|(which, _)| which.clone())
            .collect();
        for which in gone {
            server.logs.remove(&which);
            self.files.take(&folder(&dir, &which));
        }
        for (name, topic) in &nodes.topics {
            for (number, partition) in (0..).zip(&topic.partitions) {
                let going = partition.going.iter().flatten();
                let mut holders = partition.replicas.iter().chain(going);
                let which = (name.clone(), number);
                if !holders.any(|one| *one == id) || server.logs.contains_key(&which) {
                    continue;
                }
                let log = Log {
                    topic: topic.id.clone(),
                    records: vec![],
                };
                write(&mut self.files, &dir, &which, &log);
                server.logs.insert(which, log);
            }
        }
    }

    /// A replica becomes as another one is.
    pub(super) fn copy_log(&mut self, from: &ProcessId, to: &ProcessId, which: &Which) {
        let brokers = &mut self.servers.brokers;
        let Some(log) = brokers.get(from).and_then(|one| one.logs.get(which)) else {
            return;
        };
        let log = log.clone();
        let Some(server) = brokers.get_mut(to) else {
            return;
        };
        if server.logs.get(which) == Some(&log) {
            return;
        }
        if let Some(dir) = server.dirs.first() {
            write(&mut self.files, dir, which, &log);
        }
        server.logs.insert(which.clone(), log);
    }

    /// Records come to the end of a replica.
    pub(super) fn append(&mut self, broker: &ProcessId, which: &Which, records: &[Rec]) {
        let Some(server) = self.servers.brokers.get_mut(broker) else {
            return;
        };
        let Some(log) = server.logs.get_mut(which) else {
            return;
        };
        log.records.extend_from_slice(records);
        if let Some(dir) = server.dirs.first() {
            write(&mut self.files, dir, which, log);
        }
    }
}
