//! Histories that change their address: everything that is known under one is known under the other.

use super::{EffectMemory, History};
use crate::{Address, Effect, ProcessId, Undo, reconcile::Move};

impl History {
    /// Whether anything is known of an address since the baseline.
    pub fn knows(&self, step: &Address) -> bool {
        self.steps.contains_key(step)
            || self.kinds.contains_key(step)
            || self.adopted.contains_key(step)
            || self.live().any(|effect| effect.step == *step)
    }

    /// The kind that a step had when it last did anything.
    pub fn kind_of(&self, step: &Address) -> Option<&str> {
        let begun = self.kinds.get(step).map(String::as_str);
        begun.or_else(|| self.steps.get(step).map(|memory| memory.kind.as_str()))
    }

    /// Gives histories other addresses, all at once. An address of which nothing is known moves nothing.
    pub fn move_histories(&mut self, moves: &[Move]) {
        let to = |step: &Address| {
            let found = moves.iter().find(|one| one.from == *step);
            found.map_or_else(|| step.clone(), |one| one.to.clone())
        };
        let known: Vec<_> = moves.iter().filter(|one| self.knows(&one.from)).collect();
        for one in &known {
            if let Some(process) = &one.process {
                self.moved.insert(one.from.clone(), process.clone());
            }
        }
        self.steps = take(&mut self.steps, to);
        self.kinds = take(&mut self.kinds, to);
        self.adopted = take(&mut self.adopted, to);
        self.moved = take(&mut self.moved, to);
        self.after = take(&mut self.after, to);
        for before in self.after.values_mut() {
            before.iter_mut().for_each(|step| *step = to(step));
        }
        for adopted in self.adopted.values_mut() {
            adopted.spec.id.step = to(&adopted.spec.id.step);
        }
        self.effects.each(|effect| rename_effect(effect, to));
        self.pending.each(|effect| rename_effect(effect, to));
    }
}

fn take<T>(
    map: &mut std::collections::BTreeMap<Address, T>,
    to: impl Fn(&Address) -> Address,
) -> std::collections::BTreeMap<Address, T> {
    let all = std::mem::take(map).into_iter();
    all.map(|(step, value)| (to(&step), value)).collect()
}

fn rename_effect(memory: &mut EffectMemory, to: impl Fn(&Address) -> Address) {
    memory.step = to(&memory.step);
    let undo = match &mut memory.undo {
        Undo::By(effect) => Some(effect),
        Undo::Contained(_) | Undo::Kept | Undo::Irreversible(_) | Undo::Forgotten => None,
    };
    for effect in [Some(&mut memory.effect), undo].into_iter().flatten() {
        if let Some(id) = process_of(effect) {
            id.step = to(&id.step);
        }
        if let Effect::Keep { step, .. } = effect {
            *step = to(step);
        }
    }
}

fn process_of(effect: &mut Effect) -> Option<&mut ProcessId> {
    match effect {
        Effect::StartProcess(spec) => Some(&mut spec.id),
        Effect::StopProcess { id, .. } => Some(id),
        _ => None,
    }
}
