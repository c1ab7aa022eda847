//! Replicas that krun moved go back to where they were first, and nowhere else.

use krun_model::{
    Address, Effect, History, RunId, Target, TargetState, Undo,
    history::{EffectMemory, Effects},
    journal::Seq,
    placement::{Placement, PlacementSeen},
    topic::{TopicRef, TopicSpec},
};
use krun_plan::{UndoAction, World, rollback};

fn place(partition: i32, replicas: &[i32]) -> Placement {
    Placement {
        topic: "t".into(),
        partition,
        replicas: replicas.to_vec(),
    }
}

fn seen(placed: &[Placement], moving: bool) -> TargetState {
    TargetState::Replicas(PlacementSeen {
        placed: placed.to_vec(),
        moving,
        throttled: moving,
    })
}

fn reassign(moves: &[Placement]) -> Effect {
    Effect::Reassign {
        bootstrap: vec!["h:1".into()],
        moves: moves.to_vec(),
        throttle: None,
        limit_ms: 1000,
    }
}

fn memory(
    seq: u64,
    step: &str,
    effect: Effect,
    before: TargetState,
    after: TargetState,
) -> EffectMemory {
    let step: Address = step.parse().expect("an address");
    EffectMemory {
        seq: Seq(seq),
        run: RunId(1),
        step,
        undo: effect.undo(&before),
        effect,
        before,
        after: Some(after),
    }
}

/// A history of moves of one partition through these places.
fn moved(places: &[&[i32]]) -> History {
    let mut history = History::default();
    for (at, pair) in places.windows(2).enumerate() {
        let [from, to] = pair else { unreachable!() };
        let (before, after) = ([place(0, from)], [place(0, to)]);
        let effect = reassign(&after);
        let seq = at as u64 + 10;
        let (before, after) = (seen(&before, false), seen(&after, false));
        history
            .effects
            .push(memory(seq, "r", effect, before, after));
    }
    history
}

fn world(history: &History, now: &TargetState) -> World {
    let mut world = World::default();
    for effect in history.effects.iter().chain(&history.pending) {
        if matches!(effect.effect, Effect::Reassign { .. }) {
            world.saw(effect.effect.target(), now.clone());
        }
    }
    world
}

/// What a rollback does about replicas, the last move first.
fn actions(history: &History, now: TargetState) -> Vec<UndoAction> {
    let plan = rollback(history, world(history, &now));
    let replicas = plan
        .lines
        .into_iter()
        .filter(|line| matches!(line.target, Target::Replicas(_)));
    replicas.map(|line| line.action).collect()
}

fn back_to(replicas: &[i32]) -> UndoAction {
    UndoAction::Do(reassign(&[place(0, replicas)]))
}

#[test]
fn back_to_the_first_place() {
    let history = moved(&[&[1, 2], &[1, 4]]);
    let now = seen(&[place(0, &[1, 4])], false);
    assert_eq!(actions(&history, now), [back_to(&[1, 2])]);
    let back = seen(&[place(0, &[1, 2])], false);
    assert_eq!(actions(&history, back), [UndoAction::AlreadyBack]);
}

#[test]
fn two_moves_go_back_in_one() {
    // The broker of the first move may be gone: nothing goes back by way of it.
    let history = moved(&[&[1, 2], &[1, 4], &[1, 3]]);
    let now = seen(&[place(0, &[1, 3])], false);
    let mut actions = actions(&history, now);
    actions.retain(|action| *action != UndoAction::AlreadyBack);
    assert_eq!(actions, [back_to(&[1, 2])]);
}

#[test]
fn somebody_elses_place_is_a_conflict() {
    let history = moved(&[&[1, 2], &[1, 4]]);
    let now = seen(&[place(0, &[5, 6])], false);
    assert!(matches!(
        actions(&history, now).as_slice(),
        [UndoAction::Conflict { .. }]
    ));
}

#[test]
fn on_the_way_is_turned_round() {
    let mut history = moved(&[&[1, 2], &[1, 4]]);
    let first = history.effects.first().expect("an effect").seq;
    let mut open = history.effects.remove(first).expect("it is there");
    open.after = None;
    history.pending.push(open);
    let now = seen(&[place(0, &[1, 4])], true);
    assert_eq!(actions(&history, now), [back_to(&[1, 2])]);
}

#[test]
fn a_topic_of_krun_takes_its_replicas_with_it() {
    let mut history = moved(&[&[1, 2], &[1, 4]]);
    let create = Effect::CreateTopic {
        topic: TopicRef {
            bootstrap: vec!["h:1".into()],
            name: "t".into(),
        },
        spec: TopicSpec {
            partitions: 1,
            replication_factor: 2,
            configs: Default::default(),
        },
    };
    let created = memory(1, "topic", create, TargetState::Absent, TargetState::Absent);
    history.effects.push(created);
    let now = seen(&[place(0, &[1, 4])], false);
    assert_eq!(
        actions(&history, now),
        [UndoAction::Contained("topic t".into())]
    );
    // But not while a throttle would be left behind.
    let moving = seen(&[place(0, &[1, 4])], true);
    assert_eq!(actions(&history, moving), [back_to(&[1, 2])]);
}

#[test]
fn a_partition_that_is_gone_has_nowhere_to_go() {
    let history = moved(&[&[1, 2], &[1, 4]]);
    assert_eq!(
        actions(&history, seen(&[], false)),
        [UndoAction::AlreadyBack]
    );
    let Undo::By(effect) = &history.effects.first().expect("an effect").undo else {
        panic!("no way back");
    };
    assert_eq!(*effect, reassign(&[place(0, &[1, 2])]));
}

#[test]
fn what_was_gone_on_with_goes_back_to_where_it_was_first() {
    let (first, then) = ([place(0, &[1, 2])], [place(0, &[3, 2])]);
    let effect = || reassign(&then);
    let begun = memory(10, "r", effect(), seen(&first, false), seen(&then, false));
    let gone_on = memory(20, "r", effect(), seen(&then, true), seen(&then, false));
    let back = UndoAction::Do(reassign(&first));
    let settled_late = History {
        effects: Effects::from_iter([gone_on.clone(), begun.clone()]),
        ..History::default()
    };
    let open = History {
        effects: Effects::from_iter([gone_on]),
        pending: Effects::from_iter([EffectMemory {
            after: None,
            ..begun
        }]),
        ..History::default()
    };
    for history in [settled_late, open] {
        let plan = rollback(&history, world(&history, &seen(&then, false)));
        assert_eq!(plan.lines.len(), 1);
        assert_eq!(plan.lines[0].action, back);
    }
}
