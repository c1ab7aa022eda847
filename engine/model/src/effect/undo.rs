//! The way back from an effect.

use std::collections::BTreeSet;

use camino::Utf8PathBuf;
use serde::{Deserialize, Serialize};

use super::{Content, Effect};
use crate::{Map, Target, TargetState, configs::ConfigChanges, plugin::PluginSeen};

/// How an effect is taken back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Undo {
    /// By another effect.
    By(Effect),
    /// With something that the same rollback takes back.
    Contained(Target),
    /// Not at all, on purpose: what was installed stays, and leaders move by themselves.
    Kept,
    /// Not possible.
    Irreversible(String),
    /// With its entry in the journal, which is all there is of it.
    Forgotten,
}

impl Effect {
    /// How to take it back, given what was there before.
    pub fn undo(&self, before: &TargetState) -> Undo {
        match self {
            Self::WriteFile { path, .. } | Self::RemoveFile { path } | Self::Link { path, .. } => {
                restore_path(path, before)
            }
            Self::MakeDir { path, .. } => match before {
                TargetState::Absent => Undo::By(Self::RemoveDir { path: path.clone() }),
                _ => restore_path(path, before),
            },
            Self::RemoveDir { path } => restore_path(path, before),
            Self::Move { from, to } => Undo::By(Self::Move {
                from: to.clone(),
                to: from.clone(),
            }),
            Self::Claim { path, quarantine } => Undo::By(Self::Release {
                path: path.clone(),
                keep: match before {
                    TargetState::Contents(names) => names.clone(),
                    _ => BTreeSet::new(),
                },
                quarantine: quarantine.clone(),
            }),
            Self::Release { .. } => Undo::Kept,
            Self::StartProcess(spec) => Undo::By(Self::StopProcess {
                id: spec.id.clone(),
                grace_ms: spec.stop_grace_ms,
            }),
            Self::StopProcess { .. } => {
                Undo::Irreversible("a process that was ended is started again by its step".into())
            }
            Self::InstallPackages { .. } => Undo::Kept,
            Self::CreateTopic { topic, .. } => Undo::By(Self::DeleteTopic {
                topic: topic.clone(),
            }),
            Self::DeleteTopic { .. } => {
                Undo::Irreversible("the records of a deleted topic are gone".into())
            }
            Self::Produce { topic, .. } => Undo::Contained(Target::Topic(topic.clone())),
            Self::AddPartitions { .. } => {
                Undo::Irreversible("partitions can't be taken away from a topic".into())
            }
            Self::AlterConfigs { configs, changes } => match before {
                TargetState::Configs(before) => Undo::By(Self::AlterConfigs {
                    configs: configs.clone(),
                    changes: as_before(changes, before),
                }),
                other => Undo::Irreversible(format!("the settings before were {other}")),
            },
            Self::CommitOffsets { group, .. } => {
                let group = group.clone();
                match before {
                    TargetState::Committed(offsets) => Undo::By(Self::CommitOffsets {
                        group,
                        offsets: offsets.clone(),
                    }),
                    _ => Undo::By(Self::DeleteGroup { group }),
                }
            }
            Self::DeleteGroup { .. } => {
                Undo::Irreversible("a group that was deleted is made anew by its members".into())
            }
            Self::Reassign {
                bootstrap,
                moves,
                throttle,
                limit_ms,
            } => match before {
                TargetState::Replicas(before) => Undo::By(Self::Reassign {
                    bootstrap: bootstrap.clone(),
                    moves: moves
                        .iter()
                        .filter_map(|one| before.of(&one.topic, one.partition).cloned())
                        .collect(),
                    throttle: *throttle,
                    limit_ms: *limit_ms,
                }),
                other => {
                    Undo::Irreversible(format!("where the replicas were is not known: {other}"))
                }
            },
            Self::ElectLeaders { .. } => Undo::Kept,
            Self::PluginAct(act) => Undo::By(Self::PluginUndo {
                act: act.clone(),
                was: *before == TargetState::Plugin(PluginSeen::Satisfied),
            }),
            Self::PluginUndo { .. } => Undo::Kept,
            Self::Keep { .. } => Undo::Forgotten,
        }
    }
}

/// The changes that put the same keys back.
fn as_before(changes: &ConfigChanges, before: &Map<String>) -> ConfigChanges {
    changes
        .keys()
        .map(|key| (key.clone(), before.get(key).cloned()))
        .collect()
}

/// The way back to what was at a path before.
fn restore_path(path: &Utf8PathBuf, before: &TargetState) -> Undo {
    let path = path.clone();
    match before {
        TargetState::Absent => Undo::By(Effect::RemoveFile { path }),
        TargetState::File {
            digest,
            mode,
            uid,
            gid,
        } => Undo::By(Effect::WriteFile {
            path,
            content: Content::stored(*digest),
            mode: *mode,
            owner: Some((*uid, *gid)),
        }),
        TargetState::Dir { mode, .. } => Undo::By(Effect::MakeDir { path, mode: *mode }),
        TargetState::Link { to } => Undo::By(Effect::Link {
            path,
            to: to.clone(),
        }),
        other => Undo::Irreversible(format!("{path} was {other}")),
    }
}
