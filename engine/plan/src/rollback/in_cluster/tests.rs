//! What is in a cluster goes back, or stays where somebody else stands in the way.

use krun_model::{
    Address, Map, RunId,
    configs::ConfigsRef,
    history::EffectMemory,
    journal::Seq,
    topic::{Acks, Committed, GroupRef, TopicSeen, TopicSpec},
};

use super::{super::rollback, *};
use crate::RollbackPlan;

const HERE: [&str; 2] = ["h:1", "h:2"];

fn topic(bootstrap: &[&str]) -> TopicRef {
    TopicRef {
        bootstrap: bootstrap.iter().map(|one| (*one).to_owned()).collect(),
        name: "t".into(),
    }
}

fn configs(bootstrap: &[&str]) -> ConfigsRef {
    ConfigsRef {
        bootstrap: topic(bootstrap).bootstrap,
        of: ConfigsOf::Topic("t".into()),
    }
}

fn seen(partitions: u32, records: u64) -> TargetState {
    TargetState::Topic(TopicSeen {
        partitions,
        replication_factor: 1,
        records,
    })
}

fn settings_are(pairs: &[(&str, &str)]) -> TargetState {
    let pairs = pairs
        .iter()
        .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()));
    TargetState::Configs(pairs.collect())
}

fn alter(bootstrap: &[&str], changes: &[(&str, Option<&str>)]) -> Effect {
    Effect::AlterConfigs {
        configs: configs(bootstrap),
        changes: changes
            .iter()
            .map(|(k, v)| ((*k).to_owned(), v.map(str::to_owned)))
            .collect(),
    }
}

fn create() -> Effect {
    Effect::CreateTopic {
        topic: topic(&HERE),
        spec: TopicSpec {
            partitions: 2,
            replication_factor: 1,
            configs: Map::new(),
        },
    }
}

fn produce(records: u64) -> Effect {
    Effect::Produce {
        topic: topic(&HERE),
        records,
        seed: "s".into(),
        keys: None,
        acks: Acks::All,
    }
}

/// A history of effects, each with what was there before and after.
fn history(effects: Vec<(Effect, TargetState, TargetState)>) -> History {
    let step: Address = "step".parse().expect("an address");
    let mut history = History::default();
    for (effect, before, after) in effects {
        history.effects.push(EffectMemory {
            seq: Seq(history
                .effects
                .iter()
                .next_back()
                .map_or(1, |last| last.seq.0 + 1)),
            run: RunId(1),
            step: step.clone(),
            undo: effect.undo(&before),
            effect,
            before,
            after: Some(after),
        });
    }
    history
}

fn plan(history: &History, now: &[(Target, TargetState)]) -> RollbackPlan {
    let mut world = World::default();
    for (target, state) in now {
        world.saw(target.clone(), state.clone());
    }
    rollback(history, world)
}

#[test]
fn each_key_goes_back_to_what_it_was_first() {
    // Between the two runs somebody else set `b`; the second run took it over.
    let history = history(vec![
        (
            alter(&HERE, &[("a", Some("2"))]),
            settings_are(&[("a", "1")]),
            settings_are(&[("a", "2")]),
        ),
        (
            alter(
                &HERE[1..],
                &[("a", Some("3")), ("b", Some("9")), ("c", Some("4"))],
            ),
            settings_are(&[("a", "2"), ("b", "5")]),
            settings_are(&[("a", "3"), ("b", "9"), ("c", "4")]),
        ),
    ]);
    let target = Target::Configs(configs(&HERE));
    let now = settings_are(&[("a", "3"), ("b", "9"), ("c", "4"), ("d", "7")]);
    let lines = plan(&history, &[(target.clone(), now)]).lines;
    assert_eq!(
        lines.len(),
        1,
        "one cluster, reached in two ways: {lines:?}"
    );
    let back = alter(&HERE, &[("a", Some("1")), ("b", Some("5")), ("c", None)]);
    assert_eq!(lines[0].action, UndoAction::Do(back));
    assert_eq!(lines[0].intents, [Seq(1), Seq(2)]);

    let now = settings_are(&[("a", "1"), ("b", "5")]);
    let lines = plan(&history, &[(target.clone(), now)]).lines;
    assert_eq!(lines[0].action, UndoAction::AlreadyBack);

    let now = settings_are(&[("a", "3"), ("b", "6"), ("c", "4")]);
    match &plan(&history, &[(target, now)]).lines[0].action {
        UndoAction::Conflict {
            expected, found, ..
        } => assert_eq!((expected.as_str(), found.as_str()), ("b=9", "b=6")),
        other => panic!("{other:?}"),
    }
}

#[test]
fn all_goes_with_a_topic_that_krun_created() {
    let history = history(vec![
        (create(), TargetState::Absent, seen(2, 0)),
        (produce(10), seen(2, 0), seen(2, 10)),
        (
            Effect::AddPartitions {
                topic: topic(&HERE[..1]),
                total: 4,
            },
            seen(2, 10),
            seen(4, 10),
        ),
        (
            alter(&HERE[..1], &[("a", Some("1"))]),
            settings_are(&[]),
            settings_are(&[("a", "1")]),
        ),
    ]);
    let now = |records| {
        [
            (Target::Topic(topic(&HERE)), seen(4, records)),
            (
                Target::Configs(configs(&HERE[..1])),
                settings_are(&[("a", "1")]),
            ),
        ]
    };
    let lines = plan(&history, &now(10)).lines;
    let actions: Vec<_> = lines.iter().map(|line| &line.action).collect();
    let with_it = UndoAction::Contained("topic t".into());
    let delete = UndoAction::Do(Effect::DeleteTopic {
        topic: topic(&HERE),
    });
    assert_eq!(actions, [&with_it, &with_it, &delete]);
    let mut intents = lines[2].intents.clone();
    intents.sort();
    assert_eq!(intents, [Seq(1), Seq(2), Seq(3), Seq(4)]);

    let plan = plan(&history, &now(11));
    let conflict = plan.conflicts().next().expect("a conflict");
    assert!(
        matches!(&conflict.action, UndoAction::Conflict { found, .. } if found == "1 records that krun did not write")
    );
}

/// Partitions that somebody added, and settings that somebody made, would be lost with the topic.
#[test]
fn what_somebody_else_changed_of_a_topic_that_krun_created() {
    let history = history(vec![
        (create(), TargetState::Absent, seen(2, 0)),
        (
            alter(&HERE, &[("a", Some("1"))]),
            settings_are(&[]),
            settings_are(&[("a", "1")]),
        ),
    ]);
    let conflicts = |partitions, setting: &str| {
        let now = [
            (Target::Topic(topic(&HERE)), seen(partitions, 0)),
            (
                Target::Configs(configs(&HERE)),
                settings_are(&[("a", setting)]),
            ),
        ];
        let plan = plan(&history, &now);
        let found = plan.conflicts().map(|line| match &line.action {
            UndoAction::Conflict { found, .. } => found.clone(),
            other => panic!("{other:?}"),
        });
        found.collect::<Vec<_>>()
    };
    assert_eq!(conflicts(2, "1"), [""; 0]);
    assert_eq!(conflicts(5, "1"), ["3 partitions that krun did not add"]);
    assert_eq!(conflicts(2, "7"), ["a=7"]);
}

#[test]
fn what_stays_in_a_topic_that_krun_did_not_create() {
    let history = history(vec![
        (
            Effect::AddPartitions {
                topic: topic(&HERE),
                total: 4,
            },
            seen(2, 5),
            seen(4, 5),
        ),
        (produce(10), seen(4, 5), seen(4, 15)),
    ]);
    let now = [(Target::Topic(topic(&HERE)), seen(4, 15))];
    for line in plan(&history, &now).lines {
        assert!(
            matches!(line.action, UndoAction::Irreversible(_)),
            "{line:?}"
        );
    }
}

#[test]
fn records_of_a_topic_that_was_deleted_in_between_do_not_count() {
    let delete = Effect::DeleteTopic {
        topic: topic(&HERE),
    };
    let history = history(vec![
        (create(), TargetState::Absent, seen(2, 0)),
        (produce(100), seen(2, 0), seen(2, 100)),
        (delete, seen(2, 100), TargetState::Absent),
        (create(), TargetState::Absent, seen(2, 0)),
    ]);
    let now = [(Target::Topic(topic(&HERE)), seen(2, 3))];
    assert_eq!(plan(&history, &now).conflicts().count(), 1);
}

#[test]
fn a_group_is_deleted_or_gone() {
    let group = GroupRef {
        bootstrap: topic(&HERE).bootstrap,
        id: "g".into(),
        topic: "t".into(),
    };
    let offsets = vec![Committed {
        partition: 0,
        offset: 3,
    }];
    let commit = Effect::CommitOffsets {
        group: group.clone(),
        offsets: offsets.clone(),
    };
    let there = TargetState::Committed(offsets);
    let history = history(vec![(commit, TargetState::Absent, there.clone())]);
    let target = Target::Group(group.clone());
    let lines = plan(&history, &[(target.clone(), there)]).lines;
    assert_eq!(
        lines[0].action,
        UndoAction::Do(Effect::DeleteGroup { group })
    );
    let lines = plan(&history, &[(target, TargetState::Absent)]).lines;
    assert_eq!(lines[0].action, UndoAction::AlreadyBack);
}
