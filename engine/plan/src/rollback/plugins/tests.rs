//! A plugin takes back what it did, the last first; what it asked for goes with that.

use krun_model::{
    Content, Digest, Map, Part, RunId, Target, TargetState, Undo,
    history::EffectMemory,
    journal::Seq,
    plugin::{Kept, PluginAct, PluginSeen},
};

use super::{super::rollback, *};
use crate::{RollbackPlan, World, rollback_part};

const SATISFIED: TargetState = TargetState::Plugin(PluginSeen::Satisfied);

fn differs(why: &str) -> TargetState {
    TargetState::Plugin(PluginSeen::Differs {
        why: why.into(),
        lines: vec![],
    })
}

fn act(arguments: &str) -> Effect {
    Effect::PluginAct(Box::new(PluginAct {
        plugin: "p".into(),
        version: "1.0.0".into(),
        component: Digest::of("p"),
        kind: "k".into(),
        address: "s".parse().unwrap(),
        deployment: "d".into(),
        arguments: arguments.into(),
        grants: vec![],
    }))
}

fn write(path: &str) -> Effect {
    Effect::WriteFile {
        path: path.into(),
        content: Content::new(*b"x"),
        mode: 0o644,
        owner: None,
    }
}

fn keep() -> Effect {
    Effect::Keep {
        step: "s".parse().unwrap(),
        plugin: "p".into(),
        kept: Kept {
            version: "1.0.0".into(),
            component: Digest::of("p"),
            pairs: Map::from([("key".into(), "value".into())]),
        },
    }
}

/// Effects of one step, each with its run, what was before and what is after.
fn history(effects: Vec<(u64, Effect, TargetState, Option<TargetState>)>) -> History {
    let mut history = History::default();
    for (number, (run, effect, before, after)) in effects.into_iter().enumerate() {
        let memory = EffectMemory {
            seq: Seq(number as u64 + 1),
            run: RunId(run),
            step: "s".parse().unwrap(),
            undo: effect.undo(&before),
            effect,
            before,
            after,
        };
        match memory.after {
            Some(_) => history.effects.push(memory),
            None => history.pending.push(memory),
        }
    }
    history
}

fn planned(history: &History, seen: &[(&Effect, TargetState)]) -> RollbackPlan {
    rollback(history, world(seen))
}

fn world(seen: &[(&Effect, TargetState)]) -> World {
    let mut world = World::default();
    for (effect, state) in seen {
        world.saw(effect.target(), state.clone());
    }
    world
}

#[test]
fn the_last_first_and_what_was_asked_for_with_it() {
    let (one, two) = (act("1"), act("2"));
    let absent = || TargetState::Absent;
    let history = history(vec![
        (1, one.clone(), differs("1"), Some(SATISFIED)),
        (1, keep(), absent(), Some(absent())),
        (1, write("/f"), absent(), Some(absent())),
        (2, two.clone(), differs("2"), Some(SATISFIED)),
        (2, write("/g"), absent(), Some(absent())),
    ]);
    // The first is covered by the second: that its check differs says nothing.
    let plan = planned(&history, &[(&one, differs("covered")), (&two, SATISFIED)]);
    let lines: Vec<_> = plan
        .lines
        .iter()
        .map(|line| (line.intents.clone(), line.action.clone()))
        .collect();
    let undo = |effect: &Effect, before: &TargetState| match effect.undo(before) {
        Undo::By(effect) => UndoAction::Do(effect),
        other => panic!("{other:?}"),
    };
    assert_eq!(
        lines,
        [
            (vec![Seq(4), Seq(5)], undo(&two, &differs("2"))),
            (vec![Seq(1), Seq(2), Seq(3)], undo(&one, &differs("1"))),
        ]
    );
    // Of a part: what came on top stands in the way.
    let first = rollback_part(&history, &Part::Run(RunId(1)), world(&[(&one, SATISFIED)]));
    assert_eq!(first.built_on().count(), 1);
    let last = rollback_part(&history, &Part::Run(RunId(2)), world(&[(&two, SATISFIED)]));
    assert_eq!(last.built_on().count(), 0);
}

#[test]
fn what_stands_in_the_way() {
    let one = act("1");
    let check = |after: Option<TargetState>, now: TargetState, begun: bool, conflicts: usize| {
        let mut history = history(vec![(1, one.clone(), differs("before"), after)]);
        if begun {
            let Undo::By(effect) = one.undo(&differs("before")) else {
                panic!("it has a way back");
            };
            history.pending.push(EffectMemory {
                seq: Seq(9),
                run: RunId(2),
                step: "s".parse().unwrap(),
                effect,
                before: SATISFIED,
                undo: Undo::Kept,
                after: None,
            });
        }
        let plan = planned(&history, &[(&one, now.clone())]);
        assert_eq!(plan.lines.len(), 1);
        assert_eq!(plan.conflicts().count(), conflicts, "{now}");
    };
    check(Some(SATISFIED), SATISFIED, false, 0);
    check(Some(SATISFIED), differs("before"), false, 0);
    check(Some(SATISFIED), differs("somebody"), false, 1);
    // As far as it came.
    check(Some(differs("half")), differs("half"), false, 0);
    check(None, differs("half"), false, 0);
    // An undo that was cut off.
    check(Some(SATISFIED), differs("half"), true, 0);
    let why = "it traps".into();
    check(Some(SATISFIED), TargetState::Unreachable { why }, false, 0);
}

#[test]
fn what_is_kept_without_an_undo_is_forgotten() {
    let absent = TargetState::Absent;
    let history = history(vec![(1, keep(), absent.clone(), Some(absent))]);
    let plan = rollback(&history, World::default());
    assert!(matches!(plan.lines[0].action, UndoAction::Forgotten));
    assert_eq!(plan.lines[0].target, keep().target());
    assert!(matches!(plan.lines[0].target, Target::Kept { .. }));
}
