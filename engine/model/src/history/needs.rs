//! What a history needs to be kept beside it: blobs, folders where things were set aside, and which of
//! it holds secrets.

use std::collections::BTreeSet;

use camino::Utf8PathBuf;

use super::{EffectMemory, History};
use crate::{Content, Digest, Effect, Target, TargetState, Undo};

impl History {
    /// The blobs that a rollback, a resumed run or a status reads: before-images that an undo writes
    /// back, what an open intent wants, and the sources that the last run pinned.
    pub fn needed_blobs(&self) -> BTreeSet<Digest> {
        let undone = self.live().filter_map(|effect| match &effect.undo {
            Undo::By(back) => Some(back),
            _ => None,
        });
        // What is in doubt may have to be brought about after all.
        let wanted = self.pending.iter().map(|one| &one.effect);
        // A process may be started again as it was.
        let started = self.live().map(|one| &one.effect);
        let started = started.filter(|effect| matches!(effect, Effect::StartProcess(_)));
        let contents = undone
            .chain(wanted)
            .chain(started)
            .flat_map(Effect::contents);
        // What must not be shown has to be known.
        let values = self.live().flat_map(|one| one.effect.contents());
        let values = values.flat_map(|content| content.values.values().copied());
        let pinned = self.pin.iter().flat_map(|pin| &pin.sources);
        let pinned = pinned.map(|(_, digest)| *digest);
        let components = self.live().filter_map(|effect| match &effect.effect {
            Effect::PluginAct(act) => Some(act.component),
            _ => None,
        });
        let all = contents
            .flat_map(Content::blobs)
            .chain(values)
            .chain(pinned)
            .chain(components);
        all.map(Digest::blob).collect()
    }

    /// The blobs that anything which was not taken back speaks of, needed or not.
    pub fn mentioned_blobs(&self) -> BTreeSet<Digest> {
        let mut all = self.needed_blobs();
        for effect in self.live() {
            let states = [Some(&effect.before), effect.after.as_ref()];
            all.extend(
                states
                    .into_iter()
                    .flatten()
                    .filter_map(|state| match state {
                        TargetState::File { digest, .. } => Some(digest.blob()),
                        _ => None,
                    }),
            );
            all.extend(effect.effect.contents().flat_map(Content::blobs));
        }
        all
    }

    /// Whether any effect is about sealed bytes.
    pub fn holds_secrets(&self) -> bool {
        self.live().any(EffectMemory::is_sealed)
    }

    /// The files that hold a secret, or held one, by what the journal says of effects on them.
    pub fn guarded_paths(&self) -> BTreeSet<Utf8PathBuf> {
        let guarded = self.live().filter(|effect| effect.is_sealed());
        guarded
            .filter_map(|effect| match effect.effect.target() {
                Target::Path(path) => Some(path),
                _ => None,
            })
            .collect()
    }

    /// The sealed blobs that effects speak of.
    pub fn sealed_digests(&self) -> impl Iterator<Item = Digest> {
        let of = |effect: &EffectMemory| {
            let states = [Some(&effect.before), effect.after.as_ref()];
            let states = states
                .into_iter()
                .flatten()
                .filter_map(|state| match state {
                    TargetState::File { digest, .. } => Some(*digest),
                    _ => None,
                });
            let contents = effect.effect.contents();
            let all = states.chain(contents.map(|content| content.digest));
            all.filter(Digest::is_sealed).collect::<Vec<_>>()
        };
        self.live().flat_map(of)
    }

    /// The values of secrets that effects wrote somewhere, by name: sealed blobs.
    pub fn secret_values(&self) -> BTreeSet<(&str, Digest)> {
        let contents = self.live().flat_map(|one| one.effect.contents());
        let values = contents.flat_map(|content| &content.values);
        values
            .map(|(name, digest)| (name.as_str(), *digest))
            .collect()
    }

    /// The paths that a rollback, or an effect that is still to be settled, moves things from or to.
    pub fn moved_paths(&self) -> BTreeSet<Utf8PathBuf> {
        let undos = self.live().filter_map(|memory| match &memory.undo {
            Undo::By(effect) => Some(effect),
            _ => None,
        });
        let effects = self.live().map(|memory| &memory.effect).chain(undos);
        effects
            .flat_map(|effect| match effect {
                Effect::Move { from, to } => vec![from.clone(), to.clone()],
                Effect::Release { quarantine, .. } => vec![quarantine.clone()],
                _ => vec![],
            })
            .collect()
    }
}
