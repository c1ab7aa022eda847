//! Taking back a part of what was done: one run, or what came after a checkpoint.
//!
//! Each target goes back to what it was before the part. What came later and rests on it stands in the
//! way, and no force helps: its own way back would lead to what this takes away. What can't be taken
//! back stays known. A process that the part ended is started as it was before, once all else is back.

use krun_model::{Effect, History, Part, Target, TargetState, Undo, history::EffectMemory};

use super::{RollbackPlan, UndoAction, UndoLine, in_cluster, rollback};
use crate::{Graph, World};

/// Plans a rollback of a part of what `history` holds, in a world as it was seen.
pub fn rollback_part(history: &History, part: &Part, world: World) -> RollbackPlan {
    let mut own = history.part(part);
    // What was adopted is nobody's to end, whichever part it came in.
    own.adopted.clear();
    let others: Vec<_> = history
        .effects
        .iter()
        .chain(&history.pending)
        .filter(|effect| !part.holds(effect.run, effect.seq))
        .collect();
    let graph = Graph::of_history(history);
    let mut plan = rollback(&own, world.clone());
    let mut starts = vec![];
    for line in &mut plan.lines {
        let later = later(line, &own, &others, &graph);
        if !later.is_empty() {
            line.action = UndoAction::Later { by: later };
            continue;
        }
        if let Some(start) = started_before(line, &own, &others, &world) {
            starts.push(start);
        }
        if matches!(
            line.action,
            UndoAction::Irreversible(_) | UndoAction::Kept(_)
        ) {
            line.intents.clear();
        }
    }
    // In the order in which they were started before.
    starts.sort_by_key(|(first, _)| *first);
    plan.lines.extend(starts.into_iter().map(|(_, line)| line));
    plan
}

/// What came later and rests on what a line takes back.
fn later(
    line: &UndoLine,
    own: &History,
    others: &[&EffectMemory],
    graph: &Graph,
) -> Vec<(krun_model::RunId, krun_model::Address)> {
    if !matches!(line.action, UndoAction::Do(_) | UndoAction::Conflict { .. }) {
        return vec![];
    }
    // Of a plugin's act: also all that it asked for.
    let effects: Vec<_> = own
        .effects
        .iter()
        .chain(&own.pending)
        .filter(|effect| {
            effect.effect.target().is_same(&line.target) || line.intents.contains(&effect.seq)
        })
        .collect();
    let Some(first) = effects.iter().min_by_key(|effect| effect.seq) else {
        return vec![];
    };
    let is_act = |effect: &EffectMemory| matches!(effect.effect, Effect::PluginAct(_));
    let mut later: Vec<_> = others
        .iter()
        .filter(|other| other.seq > first.seq)
        .filter(|other| {
            let target = other.effect.target();
            let lies_in = |one: &&EffectMemory| lies_in(&target, &one.effect.target());
            effects.iter().any(lies_in)
                || (is_act(first) && is_act(other) && other.step == line.step)
                || (!matches!(other.undo, Undo::Kept | Undo::Forgotten)
                    && graph.precedes(&line.step, &other.step))
        })
        .map(|other| (other.run, other.step.clone()))
        .collect();
    later.sort();
    later.dedup();
    later
}

/// Whether a target is another one, or lies in it.
fn lies_in(inner: &Target, outer: &Target) -> bool {
    let below = |path: &camino::Utf8Path| match outer {
        Target::Path(folder) => path.starts_with(folder),
        _ => false,
    };
    inner.is_same(outer)
        || in_cluster::topic_of(inner).is_some_and(|topic| topic.is_same(outer))
        || match inner {
            Target::Path(path) | Target::Contents(path) => below(path),
            Target::Moved { from, to } => below(from) || below(to),
            _ => false,
        }
}

/// The line that starts a process as it was started before the part; the line that ends it leaves its
/// intents to that one, so that a rollback that is cut off between the two still knows of it.
fn started_before(
    line: &mut UndoLine,
    own: &History,
    others: &[&EffectMemory],
    world: &World,
) -> Option<(krun_model::journal::Seq, UndoLine)> {
    let mut effects = own.effects.iter().chain(&own.pending);
    let first = effects.find(|effect| effect.effect.target() == line.target)?;
    if !matches!(
        (&line.target, &first.before),
        (Target::Process(_), TargetState::Running(_))
    ) {
        return None;
    }
    let before = others.iter().rev().find(|other| {
        other.seq < first.seq
            && other.effect.target() == line.target
            && matches!(other.effect, Effect::StartProcess(_))
    })?;
    let now = world.state(&line.target);
    if before.effect.achieved(&now) {
        line.action = UndoAction::AlreadyBack;
        return None;
    }
    if let TargetState::Running(_) = now {
        if let Undo::By(stop) = before.effect.undo(&TargetState::Absent)
            && !matches!(line.action, UndoAction::Conflict { .. })
        {
            line.action = UndoAction::Do(stop);
        }
    } else {
        line.action = UndoAction::AlreadyBack;
    }
    let start = UndoLine {
        intents: std::mem::take(&mut line.intents),
        step: line.step.clone(),
        target: line.target.clone(),
        action: UndoAction::Do(before.effect.clone()),
        subsumable: false,
    };
    Some((before.seq, start))
}
