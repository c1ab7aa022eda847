//! Effects in the order of their intents.
//!
//! Owns the order. A deployment may have tens of thousands of effects, which are settled in any order
//! and are copied with every history: each costs its own place here, never that of all others.

use std::{
    collections::{BTreeMap, BTreeSet, btree_map},
    fmt,
    sync::Arc,
};

use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{SeqAccess, Visitor},
};

use super::EffectMemory;
use crate::{Address, Effect, journal::Seq};

/// Effects in the order of their intents, each at most once. Copies share what they hold.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Effects {
    all: BTreeMap<Seq, Arc<EffectMemory>>,
    /// Those that start a process, by their steps: asked for once a step.
    starts: BTreeSet<(Address, Seq)>,
}

impl Effects {
    /// Puts an effect in its place.
    pub fn push(&mut self, memory: EffectMemory) {
        if matches!(memory.effect, Effect::StartProcess(_)) {
            self.starts.insert((memory.step.clone(), memory.seq));
        }
        self.all.insert(memory.seq, Arc::new(memory));
    }

    /// The effect of an intent.
    pub fn get(&self, intent: Seq) -> Option<&EffectMemory> {
        self.all.get(&intent).map(|memory| &**memory)
    }

    /// Takes out the effect of an intent.
    pub fn remove(&mut self, intent: Seq) -> Option<EffectMemory> {
        let memory = Arc::unwrap_or_clone(self.all.remove(&intent)?);
        self.starts.remove(&(memory.step.clone(), intent));
        Some(memory)
    }

    /// Keeps those of which something holds.
    pub fn retain(&mut self, mut holds: impl FnMut(&EffectMemory) -> bool) {
        self.all.retain(|_, memory| holds(memory));
        let all = &self.all;
        self.starts.retain(|(_, intent)| all.contains_key(intent));
    }

    /// Takes all out.
    pub fn clear(&mut self) {
        self.all.clear();
        self.starts.clear();
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.all.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// The earliest.
    pub fn first(&self) -> Option<&EffectMemory> {
        self.iter().next()
    }

    /// All, the earliest first.
    pub fn iter(&self) -> Iter<'_> {
        Iter(self.all.values())
    }

    /// The last that started a process of a step.
    pub fn last_start(&self, step: &Address) -> Option<Seq> {
        let of_step = (step.clone(), Seq(0))..=(step.clone(), Seq(u64::MAX));
        let (_, intent) = self.starts.range(of_step).next_back()?;
        Some(*intent)
    }

    /// Changes each; the order stays.
    pub(super) fn each(&mut self, mut change: impl FnMut(&mut EffectMemory)) {
        *self = std::mem::take(&mut self.all)
            .into_values()
            .map(|memory| {
                let mut memory = Arc::unwrap_or_clone(memory);
                change(&mut memory);
                memory
            })
            .collect();
    }
}

/// Effects, the earliest first.
#[derive(Clone, Debug)]
pub struct Iter<'a>(btree_map::Values<'a, Seq, Arc<EffectMemory>>);

impl<'a> Iterator for Iter<'a> {
    type Item = &'a EffectMemory;

    fn next(&mut self) -> Option<Self::Item> {
        self.0.next().map(|memory| &**memory)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.0.size_hint()
    }
}

impl DoubleEndedIterator for Iter<'_> {
    fn next_back(&mut self) -> Option<Self::Item> {
        self.0.next_back().map(|memory| &**memory)
    }
}

impl ExactSizeIterator for Iter<'_> {}

impl<'a> IntoIterator for &'a Effects {
    type Item = &'a EffectMemory;
    type IntoIter = Iter<'a>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl FromIterator<EffectMemory> for Effects {
    fn from_iter<I: IntoIterator<Item = EffectMemory>>(all: I) -> Self {
        let mut effects = Self::default();
        all.into_iter().for_each(|memory| effects.push(memory));
        effects
    }
}

impl Serialize for Effects {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self)
    }
}

impl<'de> Deserialize<'de> for Effects {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(InPlace)
    }
}

/// Puts each effect in its place as it is read: whoever waits for a plan waits for tens of thousands.
struct InPlace;

impl<'de> Visitor<'de> for InPlace {
    type Value = Effects;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of effects")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut all: A) -> Result<Effects, A::Error> {
        let mut effects = Effects::default();
        while let Some(memory) = all.next_element()? {
            effects.push(memory);
        }
        Ok(effects)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{RunId, TargetState, Undo};

    fn memory(seq: u64) -> EffectMemory {
        EffectMemory {
            seq: Seq(seq),
            run: RunId(1),
            step: "s".parse().expect("an address"),
            effect: Effect::RemoveFile { path: "/f".into() },
            before: TargetState::Absent,
            undo: Undo::Kept,
            after: None,
        }
    }

    fn order(effects: &Effects) -> Vec<u64> {
        effects.iter().map(|memory| memory.seq.0).collect()
    }

    #[test]
    fn they_lie_in_the_order_of_their_intents() {
        let mut effects: Effects = [5, 2, 9].map(memory).into_iter().collect();
        effects.push(memory(3));
        assert_eq!(order(&effects), [2, 3, 5, 9]);
        assert_eq!(effects.remove(Seq(5)), Some(memory(5)));
        assert_eq!(effects.remove(Seq(5)), None);
        effects.retain(|memory| memory.seq.0 != 2);
        assert_eq!(order(&effects), [3, 9]);
        assert_eq!(effects.first(), effects.get(Seq(3)));
        assert_eq!(effects.iter().next_back(), effects.get(Seq(9)));
    }

    #[test]
    fn a_copy_is_its_own() {
        let original: Effects = [memory(1)].into_iter().collect();
        let mut copy = original.clone();
        copy.each(|memory| memory.run = RunId(2));
        assert_eq!(original.first().map(|memory| memory.run), Some(RunId(1)));
    }

    #[test]
    fn they_are_kept_as_a_list() {
        let effects: Effects = [memory(1), memory(2)].into_iter().collect();
        let json = serde_json::to_value(&effects).expect("JSON");
        assert_eq!(json.as_array().map(Vec::len), Some(2));
        assert_eq!(
            serde_json::from_value::<Effects>(json).expect("read"),
            effects
        );
    }
}
