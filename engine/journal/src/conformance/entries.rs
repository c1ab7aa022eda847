//! Arbitrary entries of all kinds.

use krun_model::{
    Address, Change, Choice, Content, Decision, Digest, Effect, Entry, Fault, FaultCode, OnFailure,
    Outputs, Part, Reason, RunId, TargetState,
    event::RunStatus,
    history::StepMemory,
    journal::{Again, Outcome, Pin, Seq, Verb, Who},
    reconcile::{Fate, Move, Reconciled},
};
use proptest::{collection::vec, option, prelude::*, sample::select};
use serde_json::Value;

/// Entries with their run and whether they are durable. Outcomes and undos name positions that are
/// mostly those of intents.
pub(super) fn histories() -> impl Strategy<Value = Vec<(RunId, Entry, bool)>> {
    vec(
        (
            (0..4u64).prop_map(RunId),
            entry(),
            prop::bool::weighted(0.1),
        ),
        0..24,
    )
}

fn entry() -> impl Strategy<Value = Entry> {
    prop_oneof![
        1 => ".*".prop_map(|id| Entry::Created { id }),
        1 => started(),
        1 => who().prop_map(|who| Entry::RunResumed { who }),
        2 => step_started(),
        5 => intent(),
        4 => outcome(),
        2 => step_done(),
        1 => (address(), fault(), option::of(again()))
            .prop_map(|(step, fault, again)| Entry::StepFailed { step, fault, again }),
        1 => (vec(seq(), 0..4), ".*").prop_map(|(intents, how)| Entry::Undone { intents, how }),
        1 => Just(Entry::RolledBack),
        1 => returned(),
        1 => resolved(),
        1 => reconciled(),
        1 => ".*".prop_map(|name| Entry::Checkpoint { name }),
        1 => finished(),
    ]
}

fn started() -> impl Strategy<Value = Entry> {
    let verb = select(vec![
        Verb::Run,
        Verb::Rollback,
        Verb::Stop,
        Verb::Start,
        Verb::Adopt,
        Verb::Prune,
    ]);
    (verb, option::of(pin()), who(), option::of(part())).prop_map(|(verb, pin, who, part)| {
        Entry::RunStarted {
            verb,
            pin,
            who,
            part,
        }
    })
}

fn part() -> impl Strategy<Value = Part> {
    prop_oneof![
        (1..9u64).prop_map(|run| Part::Run(RunId(run))),
        (".*", seq()).prop_map(|(checkpoint, passed)| Part::Since { checkpoint, passed }),
    ]
}

fn resolved() -> impl Strategy<Value = Entry> {
    let decision = select(Decision::ALL.to_vec());
    (address(), seq(), decision, state(), who()).prop_map(|(step, intent, decision, found, who)| {
        Entry::Resolved {
            step,
            intent,
            decision,
            found,
            who,
        }
    })
}

fn reconciled() -> impl Strategy<Value = Entry> {
    let moves = (address(), address()).prop_map(|(from, to)| Move {
        from,
        to,
        process: None,
    });
    let fate = prop_oneof![
        Just(Fate::Reused),
        Just(Fate::Orphaned),
        vec(".*", 0..3).prop_map(|changed| Fate::Redone { changed }),
        address().prop_map(|from| Fate::Moved { from }),
        (vec(address(), 0..2), vec(address(), 0..2))
            .prop_map(|(added, dropped)| Fate::Reordered { added, dropped }),
    ];
    let table = (address(), fate).prop_map(|(step, fate)| Reconciled { step, fate });
    (vec(moves, 0..2), vec(table, 0..3))
        .prop_map(|(moves, table)| Entry::Reconciled { moves, table })
}

fn returned() -> impl Strategy<Value = Entry> {
    let memory =
        (1..9u64, seq(), digest(), outputs()).prop_map(|(run, seq, inputs, outputs)| StepMemory {
            kind: "file".to_owned(),
            run: RunId(run),
            seq,
            inputs,
            key: None,
            outputs,
        });
    (part(), vec((address(), memory), 0..2), option::of(pin()))
        .prop_map(|(part, steps, pin)| Entry::Returned { part, steps, pin })
}

fn pin() -> impl Strategy<Value = Pin> {
    (
        ".*",
        vec((".*", digest()), 0..3),
        outputs(),
        outputs(),
        vec(".*", 0..2),
        choice(),
        option::of(on_failure()),
    )
        .prop_map(
            |(path, sources, params, given, identity, choice, on_failure)| Pin {
                path,
                sources,
                params,
                given,
                identity,
                choice,
                on_failure,
            },
        )
}

fn on_failure() -> impl Strategy<Value = OnFailure> {
    prop_oneof![
        Just(OnFailure::Stop),
        Just(OnFailure::Rollback),
        ".+".prop_map(OnFailure::RollbackTo),
    ]
}

fn choice() -> impl Strategy<Value = Choice> {
    (vec(".*", 0..2), vec(".*", 0..2), vec(".*", 0..2)).prop_map(|(targets, tags, skip_tags)| {
        Choice {
            targets,
            tags,
            skip_tags,
        }
    })
}

fn again() -> impl Strategy<Value = Again> {
    (any::<u32>(), any::<u32>(), any::<u64>()).prop_map(|(attempt, of, wait_ms)| Again {
        attempt,
        of,
        wait_ms,
    })
}

fn who() -> impl Strategy<Value = Who> {
    (".*", ".*", any::<u32>()).prop_map(|(user, host, pid)| Who {
        user,
        host,
        pid,
        krun: "0.1.0".to_owned(),
    })
}

fn step_started() -> impl Strategy<Value = Entry> {
    (address(), change(), reason(), vec(address(), 0..3)).prop_map(
        |(step, change, reason, after)| Entry::StepStarted {
            step,
            kind: "file".to_owned(),
            change,
            reason,
            after,
        },
    )
}

fn intent() -> impl Strategy<Value = Entry> {
    (address(), effect(), state()).prop_map(|(step, effect, before)| Entry::Intent {
        undo: effect.undo(&before),
        step,
        effect,
        before,
    })
}

fn outcome() -> impl Strategy<Value = Entry> {
    let how = prop_oneof![
        state().prop_map(Outcome::Done),
        state().prop_map(Outcome::Recovered),
        ".*".prop_map(Outcome::NotDone),
    ];
    (seq(), how).prop_map(|(intent, outcome)| Entry::Outcome { intent, outcome })
}

fn step_done() -> impl Strategy<Value = Entry> {
    (
        address(),
        change(),
        digest(),
        option::of(digest()),
        outputs(),
    )
        .prop_map(|(step, change, inputs, key, outputs)| Entry::StepDone {
            step,
            kind: "file".to_owned(),
            change,
            inputs,
            key,
            outputs,
        })
}

fn finished() -> impl Strategy<Value = Entry> {
    let status = select(vec![
        RunStatus::Succeeded,
        RunStatus::Failed,
        RunStatus::Cancelled,
        RunStatus::Conflict,
    ]);
    (status, 0..9usize, any::<u64>()).prop_map(|(status, count, duration_ms)| Entry::RunFinished {
        status,
        changed: count,
        unchanged: count + 1,
        failed: 0,
        duration_ms,
    })
}

fn effect() -> impl Strategy<Value = Effect> {
    let path = || "/[a-z/ ü]{0,12}".prop_map(camino::Utf8PathBuf::from);
    prop_oneof![
        (
            path(),
            vec(any::<u8>(), 0..9),
            option::of(any::<(u32, u32)>())
        )
            .prop_map(|(path, bytes, owner)| Effect::WriteFile {
                path,
                content: Content::new(bytes),
                mode: 0o640,
                owner,
            }),
        (path(), any::<u32>()).prop_map(|(path, mode)| Effect::MakeDir { path, mode }),
        (path(), path()).prop_map(|(from, to)| Effect::Move { from, to }),
        (path(), ".*").prop_map(|(path, to)| Effect::Link { path, to }),
        vec(".*", 0..3).prop_map(|names| Effect::InstallPackages { names }),
    ]
}

fn state() -> impl Strategy<Value = TargetState> {
    prop_oneof![
        Just(TargetState::Absent),
        (digest(), any::<u32>()).prop_map(|(digest, mode)| TargetState::File {
            digest,
            mode,
            uid: 0,
            gid: u32::MAX,
        }),
        ".*".prop_map(|to| TargetState::Link { to }),
        prop::collection::btree_set(".*", 0..3).prop_map(TargetState::Contents),
        any::<(bool, bool)>().prop_map(|(from, to)| TargetState::Moved { from, to }),
    ]
}

fn fault() -> impl Strategy<Value = Fault> {
    (".*", option::of(".*"), vec(".*", 0..3)).prop_map(|(what, why, hints)| Fault {
        why,
        hints,
        ..Fault::new(FaultCode::Timeout, what)
    })
}

fn reason() -> impl Strategy<Value = Reason> {
    prop_oneof![
        Just(Reason::Found),
        ".*".prop_map(Reason::Drift),
        (address(), change()).prop_map(|(step, change)| Reason::Upstream { step, change }),
    ]
}

fn change() -> impl Strategy<Value = Change> {
    select(vec![
        Change::NoOp,
        Change::Create,
        Change::Restart,
        Change::Act,
    ])
}

fn address() -> impl Strategy<Value = Address> {
    select(vec!["zookeeper", "broker-1", "broker-1/config", "topic"])
        .prop_map(|text| text.parse().expect("an address"))
}

fn digest() -> impl Strategy<Value = Digest> {
    any::<u8>().prop_map(|byte| Digest::of([byte]))
}

fn seq() -> impl Strategy<Value = Seq> {
    (1..20u64).prop_map(Seq)
}

/// Plain JSON, with numbers that do not survive a careless parser.
fn outputs() -> impl Strategy<Value = Outputs> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".*".prop_map(Value::from),
    ];
    let value = leaf.prop_recursive(2, 8, 3, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..3).prop_map(Value::from),
            prop::collection::btree_map(".*", inner, 0..3)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    });
    prop::collection::btree_map("[a-z]{1,3}", value, 0..3)
}
