//! Which effects belong to steps that left the runbook and to nothing that stays.

use std::collections::{BTreeMap, BTreeSet};

use camino::Utf8Path;
use krun_model::{
    Address, Effect, History, Runbook, Target, Undo, history::EffectMemory, journal::Seq,
    kind::Declared,
};

/// The effects of steps that the runbook no longer has, but for those that are kept on purpose, and
/// those on what a step that stays has to do with: a file that another step writes now, a folder that
/// others' files are in. These stay until a rollback of the whole deployment.
pub fn orphaned<'a>(
    runbook: &Runbook,
    declared: &BTreeMap<Address, Declared>,
    history: &'a History,
) -> Vec<&'a EffectMemory> {
    let all = || history.effects.iter().chain(&history.pending);
    if all().next().is_none() {
        return vec![];
    }
    let here: BTreeSet<_> = runbook.steps.iter().map(|step| &step.address).collect();
    let left: Vec<_> = all()
        .filter(|effect| !here.contains(&effect.step) && effect.undo != Undo::Kept)
        .collect();
    if left.is_empty() {
        return left;
    }
    let mut needed: BTreeSet<Target> = declared
        .iter()
        .filter(|(address, _)| here.contains(address))
        .flat_map(|(_, declared)| declared.writes.iter().cloned())
        .collect();
    for declared in declared.values() {
        needed.extend(declared.reads.iter().cloned().map(Target::Path));
    }
    needed.extend(
        all()
            .filter(|effect| here.contains(&effect.step))
            .map(|effect| effect.effect.target()),
    );
    let below = |folder: &Utf8Path| {
        needed.iter().any(|target| match target {
            Target::Path(path) | Target::Contents(path) => {
                path.starts_with(folder) && path != folder
            }
            Target::Moved { from, to } => from.starts_with(folder) || to.starts_with(folder),
            _ => false,
        })
    };
    let stays = |effect: &EffectMemory| {
        let below = matches!(&effect.effect, Effect::MakeDir { path, .. } if below(path));
        below || needed.contains(&effect.effect.target())
    };
    // A plugin takes back all that it did at once, or nothing.
    let known = history.acts();
    let act = |effect: &EffectMemory| match effect.effect {
        Effect::PluginAct(_) => Some(effect.seq),
        _ => known.around(effect).map(|act| act.seq),
    };
    let acts: BTreeSet<Seq> = left
        .iter()
        .filter(|effect| stays(effect))
        .filter_map(|effect| act(effect))
        .collect();
    left.into_iter()
        .filter(|effect| !stays(effect))
        .filter(|effect| act(effect).is_none_or(|act| !acts.contains(&act)))
        .collect()
}

/// The steps of some effects.
pub fn steps_of(effects: &[&EffectMemory]) -> Vec<Address> {
    let steps: BTreeSet<_> = effects.iter().map(|effect| &effect.step).collect();
    steps.into_iter().cloned().collect()
}

/// The intents of some effects.
pub fn intents_of(effects: &[&EffectMemory]) -> BTreeSet<Seq> {
    effects.iter().map(|effect| effect.seq).collect()
}
