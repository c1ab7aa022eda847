//! The way back for what plugins with an undo of their own did.
//!
//! Each act is a line of its own, the newest first: a plugin takes back what it did last, then what it did
//! before. What it asked for meanwhile goes with the act; its undo answers for that. Only the newest act
//! can be held against what is there now, the older ones lie below it.

use krun_model::{Effect, History, Target, TargetState, Undo, plugin::PluginSeen};

use super::{Net, UndoAction};

/// What is done about an act. `is_newest` says that no newer one of its step is taken back before it.
pub(super) fn act_on(
    net: &Net<'_>,
    now: &TargetState,
    history: &History,
    is_newest: bool,
) -> UndoAction {
    let effect = match &net.first.undo {
        Undo::By(effect) => effect.clone(),
        _ => return UndoAction::Kept("stays".into()),
    };
    let is_begun = history.pending.iter().any(|one| one.effect == effect);
    let as_left = match now {
        TargetState::Plugin(PluginSeen::Satisfied) => true,
        // Whether it can be asked at all, its own line finds out.
        TargetState::Unreachable { .. } => true,
        now => *now == net.first.before || net.first.after.as_ref().is_none_or(|left| left == now),
    };
    match as_left || is_begun || !is_newest {
        true => UndoAction::Do(effect),
        false => net.conflict(now.to_string(), vec![effect]),
    }
}

/// What is foreseen of a plugin's undo: that it takes back all that the plugin asked for, the last first.
/// Where it leaves something, what comes after finds out.
pub(super) fn taken_along<'a>(
    net: &Net<'_>,
    action: &UndoAction,
    history: &'a History,
) -> Vec<&'a Effect> {
    if !matches!(net.target, Target::Plugin(_)) || !matches!(action, UndoAction::Do(_)) {
        return vec![];
    }
    let of = |intent| {
        let settled = history.effects.get(intent);
        settled.or_else(|| history.pending.get(intent))
    };
    let mut own: Vec<_> = net
        .intents
        .iter()
        .filter_map(|intent| of(*intent))
        .collect();
    own.sort_by_key(|effect| std::cmp::Reverse(effect.seq));
    let ways = own.into_iter().filter_map(|effect| match &effect.undo {
        Undo::By(back) => Some(back),
        _ => None,
    });
    ways.collect()
}

#[cfg(test)]
mod tests;
