//! The targets of a rollback as they are, and as they will be after each undo: a small overlay, so
//! that a plan can tell a conflict from something that an earlier undo of the same plan puts right.

use std::collections::{BTreeMap, BTreeSet};

use camino::{Utf8Path, Utf8PathBuf};
use krun_model::{Effect, Target, TargetState, placement::Placement};

/// States of targets, and names in folders.
#[derive(Clone, Debug, Default)]
pub struct World {
    states: BTreeMap<Target, TargetState>,
    names: BTreeMap<Utf8PathBuf, BTreeSet<String>>,
    asides: BTreeMap<Utf8PathBuf, Utf8PathBuf>,
}

impl World {
    /// Takes in what was seen of a target. Names in folders come as [`Target::Contents`].
    pub fn saw(&mut self, target: Target, state: TargetState) {
        if let (Target::Contents(path), TargetState::Contents(names)) = (&target, &state) {
            self.names.insert(path.clone(), names.clone());
        }
        self.states.insert(target, state);
    }

    /// Says where the contents of a folder are moved when they have to make way.
    pub fn set_aside_at(&mut self, folder: Utf8PathBuf, quarantine: Utf8PathBuf) {
        self.asides.insert(folder, quarantine);
    }

    /// Where the contents of a folder are moved when they have to make way.
    pub fn aside(&self, folder: &Utf8Path) -> Option<&Utf8Path> {
        self.asides.get(folder).map(Utf8PathBuf::as_path)
    }

    /// The state of a target now.
    pub fn state(&self, target: &Target) -> TargetState {
        if let Target::Contents(path) = target
            && let Some(names) = self.names.get(path)
        {
            return TargetState::Contents(names.clone());
        }
        if let Target::Moved { from, .. } = target
            && let Some(TargetState::Moved { to, .. }) = self.states.get(target)
            && let Some(there) = self.has(from)
        {
            return TargetState::Moved {
                from: there,
                to: *to,
            };
        }
        self.states
            .get(target)
            .cloned()
            .unwrap_or(TargetState::Absent)
    }

    /// The names in a folder, where it was looked at.
    pub fn names(&self, folder: &Utf8Path) -> Option<&BTreeSet<String>> {
        self.names.get(folder)
    }

    /// Whether something is at a path, where its folder was looked at.
    fn has(&self, path: &Utf8Path) -> Option<bool> {
        Some(self.names.get(path.parent()?)?.contains(path.file_name()?))
    }

    /// Takes in what an effect will have done. Owners play no part here: nobody compares those of
    /// what an undo brings back.
    pub fn apply(&mut self, effect: &Effect) {
        let target = effect.target();
        if let Some(after) = effect.after(&self.state(&target), (0, 0)) {
            self.saw(target, after);
        }
        if let Some(path) = effect.vacates() {
            self.forget(path);
        }
        if let Some(path) = effect.occupies() {
            self.remember(path);
        }
        if let Effect::Reassign { moves, .. } = effect {
            self.place(moves);
        }
    }

    /// Replicas are where they were moved to, whichever target looks at them.
    fn place(&mut self, moves: &[Placement]) {
        let seen = self.states.values_mut().filter_map(|state| match state {
            TargetState::Replicas(seen) => Some(seen),
            _ => None,
        });
        for seen in seen {
            for one in &mut seen.placed {
                let same = |m: &&Placement| (&m.topic, m.partition) == (&one.topic, one.partition);
                if let Some(moved) = moves.iter().find(same) {
                    one.replicas.clone_from(&moved.replicas);
                }
            }
            (seen.moving, seen.throttled) = (false, false);
        }
    }

    fn forget(&mut self, path: &Utf8Path) {
        if let (Some(parent), Some(name)) = (path.parent(), path.file_name())
            && let Some(names) = self.names.get_mut(parent)
        {
            names.remove(name);
        }
        self.names.remove(path);
    }

    fn remember(&mut self, path: &Utf8Path) {
        if let (Some(parent), Some(name)) = (path.parent(), path.file_name())
            && let Some(names) = self.names.get_mut(parent)
        {
            names.insert(name.to_owned());
        }
    }
}
