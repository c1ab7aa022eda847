//! What an effect acts on, and the states that such a thing can be in.

use std::{collections::BTreeSet, fmt};

use camino::Utf8PathBuf;
use serde::{Deserialize, Serialize};

use crate::{
    Address, Digest, Map,
    configs::ConfigsRef,
    placement::{PartitionsRef, Placement, PlacementSeen},
    plugin::{Kept, PluginAct, PluginSeen},
    process::{ProcessId, Running},
    topic::{Committed, GroupRef, TopicRef, TopicSeen},
};

/// The thing that an effect changes; the key under which before-images are compared.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Target {
    /// A file, folder or link.
    Path(Utf8PathBuf),
    /// What lies in a folder whose contents belong to a process.
    Contents(Utf8PathBuf),
    /// Something that is moved from one path to another.
    Moved {
        /// Where it was.
        from: Utf8PathBuf,
        /// Where it goes.
        to: Utf8PathBuf,
    },
    /// A process.
    Process(ProcessId),
    /// Packages of the operating system.
    Packages(Vec<String>),
    /// A topic.
    Topic(TopicRef),
    /// The records that a step writes into a topic.
    Records(TopicRef),
    /// The settings that a cluster keeps of a topic, or of brokers.
    Configs(ConfigsRef),
    /// Where a consumer group is in a topic.
    Group(GroupRef),
    /// Where the replicas of partitions live.
    Replicas(PartitionsRef),
    /// Who leads partitions.
    Leaders(PartitionsRef),
    /// What a plugin that has an undo of its own did.
    Plugin(Box<PluginAct>),
    /// What a plugin keeps for a step.
    Kept {
        /// The step.
        step: Address,
        /// The plugin's name.
        plugin: String,
    },
}

impl Target {
    /// The bootstrap servers, and what it is in their cluster; none for a thing of a machine.
    fn in_cluster(&self) -> Option<(&[String], (u8, String))> {
        Some(match self {
            Self::Topic(topic) => (&topic.bootstrap, (0, topic.name.clone())),
            Self::Records(topic) => (&topic.bootstrap, (1, topic.name.clone())),
            Self::Configs(configs) => (&configs.bootstrap, (2, configs.of.to_string())),
            Self::Group(group) => (
                &group.bootstrap,
                (3, format!("{} {}", group.id, group.topic)),
            ),
            Self::Replicas(of) => (&of.bootstrap, (4, of.names())),
            Self::Leaders(of) => (&of.bootstrap, (5, of.names())),
            Self::Path(_)
            | Self::Contents(_)
            | Self::Moved { .. }
            | Self::Process(_)
            | Self::Packages(_)
            | Self::Plugin(_)
            | Self::Kept { .. } => return None,
        })
    }

    /// Whether it is the same thing, though perhaps reached another way: clusters are the same if
    /// their lists of bootstrap servers have one in common.
    pub fn is_same(&self, other: &Self) -> bool {
        match (self.in_cluster(), other.in_cluster()) {
            (Some((mine, what)), Some((theirs, other))) => {
                what == other && mine.iter().any(|server| theirs.contains(server))
            }
            _ => self == other,
        }
    }

    /// `host:port` of the bootstrap servers of the cluster that it is in; none for a thing of a machine.
    pub fn bootstrap(&self) -> Option<&[String]> {
        self.in_cluster().map(|(servers, _)| servers)
    }

    /// Whether it is a thing in a cluster, not of a machine.
    pub fn is_in_cluster(&self) -> bool {
        self.in_cluster().is_some()
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Path(path) => write!(f, "{path}"),
            Self::Contents(path) => write!(f, "contents of {path}"),
            Self::Moved { from, to } => write!(f, "{from} → {to}"),
            Self::Process(id) => write!(f, "process {}", id.step),
            Self::Packages(names) => write!(f, "packages {}", names.join(" ")),
            Self::Topic(topic) => write!(f, "topic {}", topic.name),
            Self::Records(topic) => write!(f, "records in topic {}", topic.name),
            Self::Configs(configs) => write!(f, "settings of {}", configs.of),
            Self::Group(group) => write!(f, "group {} in topic {}", group.id, group.topic),
            Self::Replicas(partitions) => write!(f, "replicas of {}", partitions.summary()),
            Self::Leaders(partitions) => write!(f, "leaders of {}", partitions.summary()),
            Self::Plugin(act) => write!(f, "{} of plugin {}", act.kind, act.plugin),
            Self::Kept { plugin, .. } => write!(f, "what plugin {plugin} keeps"),
        }
    }
}

/// The state of a [`Target`] at one moment, small enough to be journaled.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TargetState {
    /// Nothing is there: no file, no running process, no topic.
    Absent,
    /// A regular file.
    File {
        /// Digest of its bytes.
        digest: Digest,
        /// Permission bits.
        mode: u32,
        /// Owner.
        uid: u32,
        /// Group.
        gid: u32,
    },
    /// A folder.
    Dir {
        /// Permission bits.
        mode: u32,
        /// Owner.
        uid: u32,
        /// Group.
        gid: u32,
    },
    /// A symbolic link.
    Link {
        /// What it points to, as written in it.
        to: String,
    },
    /// A socket, device or pipe: nothing that krun writes.
    Other,
    /// The names in a folder.
    Contents(BTreeSet<String>),
    /// Which end of a move something is at.
    Moved {
        /// Something is at the source.
        from: bool,
        /// Something is at the destination.
        to: bool,
    },
    /// A running process.
    Running(Running),
    /// All packages are installed.
    Installed,
    /// A topic.
    Topic(TopicSeen),
    /// The settings that were made of a topic or of brokers, by key: no defaults, and none whose
    /// values brokers keep to themselves, such as passwords.
    Configs(Map<String>),
    /// Where a consumer group goes on reading, by partition.
    Committed(Vec<Committed>),
    /// Where replicas live.
    Replicas(PlacementSeen),
    /// Who leads: each partition with its leader alone, where it has one.
    Leaders(Vec<Placement>),
    /// What a plugin's check says.
    Plugin(PluginSeen),
    /// What a plugin keeps.
    Kept(Kept),
    /// It could not be seen, which is no statement on whether it is there.
    Unreachable {
        /// Why.
        why: String,
    },
}

impl fmt::Display for TargetState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Absent => f.write_str("absent"),
            Self::File { digest, mode, .. } => {
                write!(f, "file {} mode {mode:04o}", digest.short())
            }
            Self::Dir { mode, .. } => write!(f, "folder mode {mode:04o}"),
            Self::Link { to } => write!(f, "link to {to}"),
            Self::Other => f.write_str("neither file, folder nor link"),
            Self::Contents(names) => write!(f, "{} entries", names.len()),
            Self::Moved {
                from: true,
                to: false,
            } => f.write_str("at its place"),
            Self::Moved {
                from: false,
                to: true,
            } => f.write_str("moved away"),
            Self::Moved {
                from: true,
                to: true,
            } => f.write_str("at both places"),
            Self::Moved {
                from: false,
                to: false,
            } => f.write_str("at neither place"),
            Self::Running(running) => write!(f, "running as pid {}", running.pid),
            Self::Installed => f.write_str("installed"),
            Self::Replicas(seen) => {
                let ids = |one: &Placement| {
                    one.replicas
                        .iter()
                        .map(i32::to_string)
                        .collect::<Vec<_>>()
                        .join(",")
                };
                let few: Vec<_> = seen
                    .placed
                    .iter()
                    .take(3)
                    .map(|one| format!("{}-{} on {}", one.topic, one.partition, ids(one)))
                    .collect();
                f.write_str(&few.join(", "))?;
                if seen.placed.len() > few.len() {
                    write!(f, " and {} more", seen.placed.len() - few.len())?;
                }
                let moving = if seen.moving { ", on the way" } else { "" };
                let throttled = if seen.throttled { ", throttled" } else { "" };
                write!(f, "{moving}{throttled}")
            }
            Self::Leaders(leaders) => write!(f, "{} partitions with a leader", leaders.len()),
            Self::Topic(topic) => write!(
                f,
                "{} partitions × {} replicas, {} records",
                topic.partitions, topic.replication_factor, topic.records
            ),
            Self::Configs(configs) if configs.is_empty() => f.write_str("no settings of its own"),
            Self::Configs(configs) => {
                let lines: Vec<_> = configs.iter().map(|(k, v)| format!("{k}={v}")).collect();
                f.write_str(&lines.join(", "))
            }
            Self::Committed(offsets) => {
                let read: i64 = offsets.iter().map(|one| one.offset).sum();
                write!(f, "at {read}, in {} partitions", offsets.len())
            }
            Self::Plugin(seen) => write!(f, "{seen}"),
            Self::Kept(kept) => write!(f, "{kept}"),
            Self::Unreachable { why } => write!(f, "unreachable: {why}"),
        }
    }
}
