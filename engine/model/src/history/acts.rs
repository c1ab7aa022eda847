//! What plugins did and keep, found without looking through all effects.

use std::collections::BTreeMap;

use super::{EffectMemory, History};
use crate::{Address, Effect, journal::Seq, plugin::KeptBy};

/// The acts of plugins that have an undo of their own, by step, the earliest first.
#[derive(Clone, Debug, Default)]
pub struct Acts<'a>(BTreeMap<&'a Address, Vec<&'a EffectMemory>>);

impl<'a> Acts<'a> {
    /// The act in which an effect was asked for, if it was: its undo takes the effect back.
    pub fn around(&self, effect: &EffectMemory) -> Option<&'a EffectMemory> {
        if let Effect::PluginAct(_) = effect.effect {
            return None;
        }
        let acts = self.0.get(&effect.step)?;
        let mut before = acts.iter().rev().filter(|act| act.seq < effect.seq);
        before.find(|act| act.run == effect.run).copied()
    }
}

impl History {
    /// All acts of plugins.
    pub fn acts(&self) -> Acts<'_> {
        let mut acts = Acts::default();
        for effect in self.live() {
            if let Effect::PluginAct(_) = effect.effect {
                acts.0.entry(&effect.step).or_default().push(effect);
            }
        }
        for of_step in acts.0.values_mut() {
            of_step.sort_by_key(|act| act.seq);
        }
        acts
    }

    /// Whether anything was asked for in a plugin's act.
    pub fn is_begun(&self, act: &EffectMemory) -> bool {
        let acts = self.acts();
        self.live().any(|effect| {
            let around = acts.around(effect);
            around.is_some_and(|around| around.seq == act.seq)
        })
    }

    /// What plugins keep for a step: the last that was kept and not taken back.
    pub fn kept(&self, step: &Address) -> KeptBy {
        let mut kept = KeptBy::new();
        for &intent in &self.keeps {
            let memory = self.memory(intent).filter(|memory| memory.step == *step);
            if let Some(Effect::Keep {
                plugin, kept: now, ..
            }) = memory.map(|one| &one.effect)
            {
                kept.insert(plugin.clone(), now.clone());
            }
        }
        kept
    }

    /// The effect of an intent that was not taken back.
    fn memory(&self, intent: Seq) -> Option<&EffectMemory> {
        self.effects
            .get(intent)
            .or_else(|| self.pending.get(intent))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        Digest, Entry, Map, RunId, TargetState, Undo,
        journal::{Outcome, Record},
        plugin::Kept,
    };

    #[test]
    fn what_was_kept_before_is_there_again() {
        let step: Address = "s".parse().unwrap();
        let mut history = History::default();
        let mut seq = 0;
        let mut push = |history: &mut History, entry| {
            seq += 1;
            history.push(&Record {
                seq: Seq(seq),
                run: RunId(1),
                at_ms: 0,
                entry,
            });
            Seq(seq)
        };
        let mut keep = |history: &mut History, value: &str| {
            let kept = Kept {
                version: "1.0.0".into(),
                component: Digest::of("p"),
                pairs: Map::from([("key".into(), value.into())]),
            };
            let effect = Effect::Keep {
                step: step.clone(),
                plugin: "p".into(),
                kept: kept.clone(),
            };
            let entry = Entry::Intent {
                step: step.clone(),
                effect,
                before: TargetState::Absent,
                undo: Undo::Forgotten,
            };
            let intent = push(history, entry);
            let outcome = Outcome::Done(TargetState::Kept(kept));
            push(history, Entry::Outcome { intent, outcome });
            intent
        };
        keep(&mut history, "one");
        let two = keep(&mut history, "two");
        let value = |history: &History| history.kept(&step)["p"].pairs["key"].clone();
        assert_eq!(value(&history), "two");
        let how = String::new();
        let intents = vec![two];
        history.push(&Record {
            seq: Seq(9),
            run: RunId(2),
            at_ms: 0,
            entry: Entry::Undone { intents, how },
        });
        assert_eq!(value(&history), "one");
    }
}
