//! The way back of replicas that were moved.
//!
//! | the partition | its replicas |
//! |---|---|
//! | is of a topic that krun created and this rollback deletes | go with the topic |
//! | is gone | have nowhere to go |
//! | was moved by krun before that, too | go back with that earlier move, to where they were first |
//! | is where it was before | are back already |
//! | is where krun left it, or on its way there or back | are moved back |
//! | is anywhere else | are where somebody else put them: a conflict |

use krun_model::{
    Effect, History, Target,
    history::EffectMemory,
    journal::Seq,
    placement::{Placement, PlacementSeen},
    topic::TopicRef,
};

use super::UndoAction;

/// What is to be done about one reassignment.
pub enum WayBack {
    /// This.
    Is(UndoAction),
    /// Somebody else moved the replicas; with what `--force` would do.
    Conflict(Effect),
}

/// Decides for a reassignment and the effect that takes it back, given where the replicas are.
pub fn way_back(
    first: &EffectMemory,
    undo: Effect,
    seen: &PlacementSeen,
    history: &History,
) -> WayBack {
    let unsettled = seen.moving || seen.throttled;
    let Effect::Reassign {
        bootstrap,
        moves,
        throttle,
        limit_ms,
    } = undo
    else {
        return WayBack::Is(UndoAction::Do(undo));
    };
    let topic = |one: &Placement| {
        Target::Topic(TopicRef {
            bootstrap: bootstrap.clone(),
            name: one.topic.clone(),
        })
    };
    let created = |one: &Placement| {
        let mut creations = history
            .effects
            .iter()
            .filter(|e| matches!(e.effect, Effect::CreateTopic { .. }));
        creations.any(|e| e.effect.target().is_same(&topic(one)))
    };
    let there = |one: &Placement| seen.of(&one.topic, one.partition).is_some();
    let all = reassignments(history, &bootstrap);
    let moved_before = |one: &Placement| {
        let mut earlier = all.iter().filter(|(seq, _)| *seq < first.seq);
        earlier.any(|(_, moves)| moves.iter().any(|m| same(m, one)))
    };
    let (contained, moves): (Vec<_>, Vec<_>) = moves
        .into_iter()
        .filter(|one| there(one) && !moved_before(one))
        .partition(|one| !unsettled && created(one));
    if moves.is_empty() {
        let with = contained.first().map(|one| topic(one).to_string());
        return WayBack::Is(with.map_or(UndoAction::AlreadyBack, UndoAction::Contained));
    }
    if !unsettled && seen.agrees(&moves) {
        return WayBack::Is(UndoAction::AlreadyBack);
    }
    let ours = moves.iter().all(|back| {
        let mut forth = all.iter().flat_map(|(_, moves)| *moves);
        seen.agrees(std::slice::from_ref(back))
            || forth.any(|m| same(m, back) && seen.agrees(std::slice::from_ref(m)))
    });
    let effect = Effect::Reassign {
        bootstrap,
        moves,
        throttle,
        limit_ms,
    };
    if ours {
        WayBack::Is(UndoAction::Do(effect))
    } else {
        WayBack::Conflict(effect)
    }
}

fn same(a: &Placement, b: &Placement) -> bool {
    (&a.topic, a.partition) == (&b.topic, b.partition)
}

/// What krun moved in the cluster that is reached at any of these addresses.
fn reassignments<'a>(history: &'a History, bootstrap: &[String]) -> Vec<(Seq, &'a [Placement])> {
    let effects = history.effects.iter().chain(&history.pending);
    effects
        .filter_map(|e| match &e.effect {
            Effect::Reassign {
                bootstrap: at,
                moves,
                ..
            } if at.iter().any(|address| bootstrap.contains(address)) => {
                Some((e.seq, moves.as_slice()))
            }
            _ => None,
        })
        .collect()
}
