//! Effects: the only ways in which krun changes the world, and how each is taken back.
//!
//! Every change goes through an [`Effect`], so every change is journaled before it happens, can be
//! probed after a crash ([`Effect::achieved`]) and knows its way back ([`Effect::undo`]). Both are
//! pure functions of the effect and of states that were seen.

mod content;
mod transition;
mod undo;

use std::collections::BTreeSet;

pub use content::Content;
pub use undo::Undo;

use async_trait::async_trait;
use camino::Utf8PathBuf;
use serde::{Deserialize, Serialize};

use crate::{
    Address, Fault, ProcessId, ProcessSpec, Target, TargetState,
    configs::{ConfigChanges, ConfigsRef, differing},
    placement::{PartitionsRef, Placement},
    plugin::{Kept, PluginAct, PluginSeen},
    topic::{Acks, Committed, GroupRef, TopicRef, TopicSpec},
};

/// One change of the world.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Effect {
    /// Writes a file as a whole: temporary file, fsync, rename, fsync of the folder.
    WriteFile {
        /// The file.
        path: Utf8PathBuf,
        /// Its bytes.
        content: Content,
        /// Permission bits.
        mode: u32,
        /// Owner and group; those of krun's user where none are given.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        owner: Option<(u32, u32)>,
    },
    /// Removes a file or a link.
    RemoveFile {
        /// The file.
        path: Utf8PathBuf,
    },
    /// Makes one folder; its parent must exist.
    MakeDir {
        /// The folder.
        path: Utf8PathBuf,
        /// Permission bits.
        mode: u32,
    },
    /// Removes an empty folder.
    RemoveDir {
        /// The folder.
        path: Utf8PathBuf,
    },
    /// Makes a symbolic link.
    Link {
        /// The link.
        path: Utf8PathBuf,
        /// What it points to.
        to: String,
    },
    /// Renames within one filesystem; folders above the destination are made.
    Move {
        /// Where it is.
        from: Utf8PathBuf,
        /// Where it goes; nothing may be there.
        to: Utf8PathBuf,
    },
    /// Says that what will appear in a folder belongs to a process that krun starts. Changes nothing
    /// by itself; its undo sets aside what appeared.
    Claim {
        /// The folder.
        path: Utf8PathBuf,
        /// Where its undo moves what appeared.
        quarantine: Utf8PathBuf,
    },
    /// Moves everything in a folder, but for some names, elsewhere.
    Release {
        /// The folder.
        path: Utf8PathBuf,
        /// Names that stay.
        keep: BTreeSet<String>,
        /// Where the others go.
        quarantine: Utf8PathBuf,
    },
    /// Starts a process, detached.
    StartProcess(ProcessSpec),
    /// Ends a process: SIGTERM, a time of grace, SIGKILL.
    StopProcess {
        /// The process.
        id: ProcessId,
        /// The time of grace, in milliseconds.
        grace_ms: u64,
    },
    /// Installs packages of the operating system.
    InstallPackages {
        /// Their names.
        names: Vec<String>,
    },
    /// Creates a topic.
    CreateTopic {
        /// Cluster and name.
        topic: TopicRef,
        /// What to create.
        spec: TopicSpec,
    },
    /// Deletes a topic and all its records.
    DeleteTopic {
        /// Cluster and name.
        topic: TopicRef,
    },
    /// Writes records into a topic; the records follow from the seed.
    Produce {
        /// Cluster and name.
        topic: TopicRef,
        /// How many.
        records: u64,
        /// What the records are made from: the same seed makes the same records.
        seed: String,
        /// How many different keys they have; each its own if not given.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        keys: Option<u64>,
        /// Who must have a record before the next counts as sent.
        #[serde(default)]
        acks: Acks,
    },
    /// Adds partitions to a topic; there is no way to take them away.
    AddPartitions {
        /// Cluster and name.
        topic: TopicRef,
        /// How many it has then.
        total: u32,
    },
    /// Changes some settings of a topic or of brokers; all others stay as they are.
    AlterConfigs {
        /// Cluster, and whose settings.
        configs: ConfigsRef,
        /// The settings.
        changes: ConfigChanges,
    },
    /// Writes down where a consumer group, which nobody is in, goes on reading.
    CommitOffsets {
        /// Cluster, group and topic.
        group: GroupRef,
        /// Where, for each partition.
        offsets: Vec<Committed>,
    },
    /// Deletes a consumer group, which nobody is in, with its offsets in all topics.
    DeleteGroup {
        /// Cluster, group and topic.
        group: GroupRef,
    },
    /// Moves replicas of partitions, waits until they are in sync, and leaves no throttle behind.
    Reassign {
        /// `host:port` of the cluster's bootstrap servers.
        bootstrap: Vec<String>,
        /// Where each partition is to be, sorted by topic and number.
        moves: Vec<Placement>,
        /// Bytes a second that each broker may send, and may take, for it; none for no limit.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        throttle: Option<u64>,
        /// How long it may take, in milliseconds; what is not there by then goes on by itself.
        limit_ms: u64,
    },
    /// Makes the preferred replica of partitions their leader.
    ElectLeaders {
        /// `host:port` of the cluster's bootstrap servers.
        bootstrap: Vec<String>,
        /// Each partition with the broker that is to lead it.
        leaders: Vec<Placement>,
    },
    /// Lets a plugin that has an undo of its own apply a step. What it changes meanwhile are effects of
    /// their own, which its undo takes back.
    PluginAct(Box<PluginAct>),
    /// Lets a plugin take back what it did.
    PluginUndo {
        /// What it did.
        act: Box<PluginAct>,
        /// Whether its check was satisfied before it did that.
        was: bool,
    },
    /// Keeps something for a plugin: its entry in the journal is all there is of it.
    Keep {
        /// The step that it is kept for.
        step: Address,
        /// The plugin's name.
        plugin: String,
        /// All that is kept from now on.
        kept: Kept,
    },
}

impl Effect {
    /// What it writes or hands over: bytes that are kept beside the journal.
    pub fn contents(&self) -> impl Iterator<Item = &Content> {
        let (file, variables) = match self {
            Self::WriteFile { content, .. } => (Some(content), None),
            Self::StartProcess(spec) => (None, Some(spec.secret_env.values())),
            _ => (None, None),
        };
        file.into_iter().chain(variables.into_iter().flatten())
    }

    /// [`Effect::contents`], to be loaded or sealed.
    pub fn contents_mut(&mut self) -> Vec<&mut Content> {
        match self {
            Self::WriteFile { content, .. } => vec![content],
            Self::StartProcess(spec) => spec.secret_env.values_mut().collect(),
            _ => vec![],
        }
    }

    /// What it acts on.
    pub fn target(&self) -> Target {
        match self {
            Self::WriteFile { path, .. }
            | Self::RemoveFile { path }
            | Self::MakeDir { path, .. }
            | Self::RemoveDir { path }
            | Self::Link { path, .. } => Target::Path(path.clone()),
            Self::Move { from, to } => Target::Moved {
                from: from.clone(),
                to: to.clone(),
            },
            Self::Claim { path, .. } | Self::Release { path, .. } => Target::Contents(path.clone()),
            Self::StartProcess(spec) => Target::Process(spec.id.clone()),
            Self::StopProcess { id, .. } => Target::Process(id.clone()),
            Self::InstallPackages { names } => Target::Packages(names.clone()),
            Self::CreateTopic { topic, .. }
            | Self::DeleteTopic { topic }
            | Self::AddPartitions { topic, .. } => Target::Topic(topic.clone()),
            Self::Produce { topic, .. } => Target::Records(topic.clone()),
            Self::AlterConfigs { configs, .. } => Target::Configs(configs.clone()),
            Self::CommitOffsets { group, .. } | Self::DeleteGroup { group } => {
                Target::Group(group.clone())
            }
            Self::Reassign {
                bootstrap, moves, ..
            } => Target::Replicas(PartitionsRef::of(bootstrap, moves)),
            Self::ElectLeaders { bootstrap, leaders } => {
                Target::Leaders(PartitionsRef::of(bootstrap, leaders))
            }
            Self::PluginAct(act) | Self::PluginUndo { act, .. } => Target::Plugin(act.clone()),
            Self::Keep { step, plugin, .. } => Target::Kept {
                step: step.clone(),
                plugin: plugin.clone(),
            },
        }
    }

    /// Whether a request for it can still take effect after who sent it has died and its target was
    /// looked at: a controller creates a topic, and a leader takes records, when it gets to it.
    pub fn may_arrive_late(&self) -> bool {
        matches!(self, Self::CreateTopic { .. } | Self::Produce { .. })
    }

    /// Whether an attempt that was cut off is still under way where it acts, so that its intent stays
    /// open until the effect is brought about or taken back.
    pub fn goes_on(&self, state: &TargetState) -> bool {
        matches!(
            (self, state),
            (Self::Reassign { .. }, TargetState::Replicas(seen)) if seen.moving || seen.throttled
        )
    }

    /// Whether a state is what this effect brings about: the question a probe asks after a crash.
    pub fn achieved(&self, state: &TargetState) -> bool {
        match (self, state) {
            (
                Self::WriteFile {
                    content,
                    mode,
                    owner,
                    ..
                },
                TargetState::File {
                    digest,
                    mode: m,
                    uid,
                    gid,
                },
            ) => {
                content.digest == *digest
                    && mode == m
                    && owner.is_none_or(|wanted| wanted == (*uid, *gid))
            }
            (Self::MakeDir { mode, .. }, TargetState::Dir { mode: m, .. }) => mode == m,
            (Self::Link { to, .. }, TargetState::Link { to: t }) => to == t,
            (Self::Move { .. }, TargetState::Moved { from, to }) => !from && *to,
            (Self::Claim { .. }, TargetState::Contents(_)) => true,
            (Self::Release { keep, .. }, TargetState::Contents(names)) => names.is_subset(keep),
            (Self::StartProcess(spec), TargetState::Running(running)) => {
                running.digest == Some(spec.digest)
            }
            (Self::InstallPackages { .. }, TargetState::Installed) => true,
            (Self::CreateTopic { spec, .. }, TargetState::Topic(seen)) => {
                spec.partitions == seen.partitions
                    && spec.replication_factor == seen.replication_factor
            }
            (Self::AddPartitions { total, .. }, TargetState::Topic(seen)) => {
                *total == seen.partitions
            }
            (Self::AlterConfigs { changes, .. }, TargetState::Configs(now)) => {
                differing(changes, now).is_empty()
            }
            (Self::CommitOffsets { offsets, .. }, TargetState::Committed(seen)) => offsets == seen,
            (Self::Reassign { moves, .. }, TargetState::Replicas(seen)) => {
                !seen.moving && !seen.throttled && seen.agrees(moves)
            }
            (Self::ElectLeaders { leaders, .. }, TargetState::Leaders(seen)) => {
                leaders.iter().all(|one| seen.contains(one))
            }
            (Self::PluginAct(_), TargetState::Plugin(seen)) => *seen == PluginSeen::Satisfied,
            (Self::PluginUndo { was, .. }, TargetState::Plugin(seen)) => {
                *was || *seen != PluginSeen::Satisfied
            }
            (Self::Keep { kept, .. }, TargetState::Kept(now)) => kept == now,
            (
                Self::RemoveFile { .. }
                | Self::RemoveDir { .. }
                | Self::Release { .. }
                | Self::StopProcess { .. }
                | Self::DeleteTopic { .. }
                | Self::DeleteGroup { .. },
                TargetState::Absent,
            ) => true,
            _ => false,
        }
    }
}

/// Who sees and changes targets: the agent of a machine, the clients of a cluster.
#[async_trait]
pub trait Effector: Send + Sync {
    /// The state of a target now. A path that cannot be looked at is an error, a cluster that does
    /// not answer is [`TargetState::Unreachable`].
    async fn observe(&self, target: &Target) -> Result<TargetState, Fault>;

    /// Removes what an attempt that was killed may have left beside the target, such as a temporary
    /// file. Called while nothing else acts on the deployment.
    async fn tidy(&self, _target: &Target) -> Result<(), Fault> {
        Ok(())
    }

    /// Brings the effect about. Called only between a journaled intent and its outcome.
    async fn perform(&self, effect: &Effect) -> Result<(), Fault>;
}
