//! From an effect to the state after it: the transition that every look into the future shares.
//!
//! Pure. What happens to a process, a package or a topic does not follow from the effect alone, so
//! nothing is said about it, but that it is gone once it was taken away.

use std::collections::BTreeSet;

use camino::Utf8Path;

use super::Effect;
use crate::TargetState;

impl Effect {
    /// The state of its target once it is done on what is there `before`, where that follows from the
    /// effect. `me` is the user and group that krun runs as.
    pub fn after(&self, before: &TargetState, me: (u32, u32)) -> Option<TargetState> {
        Some(match self {
            Self::WriteFile {
                content,
                mode,
                owner,
                ..
            } => {
                let (uid, gid) = owner.unwrap_or(me);
                TargetState::File {
                    digest: content.digest,
                    mode: *mode,
                    uid,
                    gid,
                }
            }
            Self::MakeDir { mode, .. } => {
                let (uid, gid) = match before {
                    TargetState::Dir { uid, gid, .. } => (*uid, *gid),
                    _ => me,
                };
                let mode = *mode;
                TargetState::Dir { mode, uid, gid }
            }
            Self::Link { to, .. } => TargetState::Link { to: to.clone() },
            Self::Move { .. } => TargetState::Moved {
                from: false,
                to: true,
            },
            Self::RemoveFile { .. }
            | Self::RemoveDir { .. }
            | Self::StopProcess { .. }
            | Self::DeleteTopic { .. }
            | Self::DeleteGroup { .. } => TargetState::Absent,
            Self::Keep { kept, .. } => TargetState::Kept(kept.clone()),
            Self::Claim { .. } => before.clone(),
            Self::Release { keep, .. } => match before {
                TargetState::Contents(names) => {
                    TargetState::Contents(names.intersection(keep).cloned().collect())
                }
                _ => TargetState::Contents(BTreeSet::new()),
            },
            _ => return None,
        })
    }

    /// The path at which nothing is any more once it is done.
    pub fn vacates(&self) -> Option<&Utf8Path> {
        match self {
            Self::RemoveFile { path } | Self::RemoveDir { path } => Some(path),
            Self::Move { from, .. } => Some(from),
            _ => None,
        }
    }

    /// The path at which something is once it is done.
    pub fn occupies(&self) -> Option<&Utf8Path> {
        match self {
            Self::WriteFile { path, .. } | Self::MakeDir { path, .. } | Self::Link { path, .. } => {
                Some(path)
            }
            Self::Move { to, .. } => Some(to),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Content;

    /// Whatever an effect leaves behind, a probe after a crash must take for done.
    #[test]
    fn what_is_after_is_achieved() {
        let path = "/p".into();
        let absent = TargetState::Absent;
        let effects = [
            Effect::WriteFile {
                path: "/p".into(),
                content: Content::new(*b"x"),
                mode: 0o600,
                owner: None,
            },
            Effect::MakeDir {
                path: "/p".into(),
                mode: 0o700,
            },
            Effect::Link {
                path: "/p".into(),
                to: "/q".into(),
            },
            Effect::Move {
                from: "/p".into(),
                to: "/q".into(),
            },
            Effect::Release {
                path: "/p".into(),
                keep: ["a".to_owned()].into(),
                quarantine: "/q".into(),
            },
            Effect::RemoveFile { path },
        ];
        for effect in effects {
            let after = effect.after(&absent, (1, 2)).unwrap();
            assert!(effect.achieved(&after), "{effect:?} leaves {after:?}");
        }
    }

    #[test]
    fn a_folder_keeps_its_owner() {
        let dir = |mode, uid| TargetState::Dir { mode, uid, gid: 7 };
        let effect = Effect::MakeDir {
            path: "/p".into(),
            mode: 0o700,
        };
        assert_eq!(effect.after(&dir(0o755, 7), (1, 2)), Some(dir(0o700, 7)));
    }
}
