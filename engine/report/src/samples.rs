//! Plans, faults, events and records for the tests of this crate.

use std::io::{self, Write};

use krun_model::{
    Address, Change, Content, Digest, Effect, Event, Fault, FaultCode, Outputs, Plan, ProcessId,
    Reason, RunId, TargetState, Undo,
    event::{EVENTS_VERSION, RunStatus},
    history::RunMemory,
    journal::{Entry, Outcome, Pin, Record, Seq, Verb, Who},
    kind::UndoClass,
    plan::{After, DiffLine, PlannedStep},
};
use serde_json::json;

use crate::Style;

/// A pipe whose reader is gone.
pub(crate) struct Closed;

impl Write for Closed {
    fn write(&mut self, _: &[u8]) -> io::Result<usize> {
        Err(io::ErrorKind::BrokenPipe.into())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// ASCII in few columns.
pub(crate) fn narrow() -> Style {
    Style {
        unicode: false,
        width: 44,
        ..Style::default()
    }
}

pub(crate) fn address(text: &str) -> Address {
    text.parse().unwrap()
}

pub(crate) fn port_taken() -> Fault {
    Fault::new(FaultCode::PortTaken, "the broker cannot listen on its port")
        .at("127.0.0.1:9092")
        .because("java (pid 4242, user kafka) listens there since before this run")
        .evidence([
            "\u{1b}[31mLISTEN\u{1b}[0m 0 50 127.0.0.1:9092 users:((\"java\",pid=4242,fd=121))"
                .into(),
            "java -Xmx1g kafka.Kafka /srv/old/server.properties".into(),
        ])
        .hint("Stop that process, or take it over with `krun adopt broker-1/start`.")
        .hint("Or choose another port with `--param port=9192`.")
}

fn step(
    name: &str,
    kind: &str,
    phase: Option<&str>,
    change: Change,
    reason: Reason,
) -> PlannedStep {
    let undo = match kind {
        "package" => UndoClass::Kept,
        "kafka::broker" | "kafka::topic" => UndoClass::Compensable,
        "kafka::produce" => UndoClass::Irreversible,
        "kafka::describe" => UndoClass::Nothing,
        _ => UndoClass::Reversible,
    };
    PlannedStep {
        address: address(name),
        kind: kind.into(),
        phase: phase.map(str::to_owned),
        change,
        reason,
        diff: vec![],
        undo,
        notes: vec![],
    }
}

fn drift(why: &str) -> Reason {
    Reason::Drift(why.into())
}

pub(crate) fn plan() -> Plan {
    let zookeeper = Some("ZooKeeper");
    let brokers = Some("Brokers");
    let upstream = Reason::Upstream {
        step: address("broker-1/config"),
        change: Change::Update,
    };
    let mut steps = vec![
        step("java", "package", None, Change::NoOp, Reason::Found),
        step(
            "zookeeper-1/config",
            "properties",
            zookeeper,
            Change::Create,
            drift("the file is not there"),
        ),
        step(
            "zookeeper-1/dir",
            "directory",
            zookeeper,
            Change::NoOp,
            Reason::Satisfied,
        ),
        step(
            "zookeeper-1/myid",
            "file",
            zookeeper,
            Change::NoOp,
            Reason::Satisfied,
        ),
        step(
            "broker-1/config",
            "properties",
            brokers,
            Change::Update,
            drift("2 properties differ"),
        ),
        step(
            "broker-1/start",
            "kafka::broker",
            brokers,
            Change::Restart,
            upstream,
        ),
        step(
            "broker-9/old",
            "file",
            brokers,
            Change::Delete,
            drift("it is to be gone"),
        ),
        step(
            "demo/records",
            "kafka::produce",
            Some("Proof"),
            Change::Act,
            Reason::NeverDone,
        ),
        step(
            "demo/describe",
            "kafka::describe",
            Some("Proof"),
            Change::Prove,
            Reason::NeverProven,
        ),
    ];
    steps[1].diff = vec![
        DiffLine::new("clientPort", None, "2181"),
        DiffLine::new("dataDir", None, "/srv/zk-1/data"),
        DiffLine {
            key: "server.1".into(),
            before: None,
            after: After::KnownAfterApply,
        },
    ];
    steps[4].diff = vec![
        DiffLine::new("num.partitions", Some("1"), "3"),
        DiffLine::new(
            "advertised.listeners",
            Some("PLAINTEXT://localhost:9092"),
            "PLAINTEXT://broker-1.example.org:9092",
        ),
        DiffLine::new("log.retention.hours", None, ""),
        DiffLine {
            key: "delete.topic.enable".into(),
            before: Some("false".into()),
            after: After::Gone,
        },
    ];
    Plan {
        steps,
        orphans: vec![address("broker-7/config"), address("broker-7/start")],
        left_behind: vec![],
        gates: vec![],
        prune: false,
        reconciled: vec![],
    }
}

fn outputs(pairs: &[(&str, serde_json::Value)]) -> Outputs {
    pairs
        .iter()
        .map(|(name, value)| ((*name).to_owned(), value.clone()))
        .collect()
}

/// A run in which one step fails.
pub(crate) fn events() -> Vec<Event> {
    let plan = plan();
    let reason = |name: &str| plan.step(&address(name)).unwrap().reason.clone();
    let started = |name: &str, change| Event::StepStarted {
        step: address(name),
        change,
        reason: reason(name),
    };
    let finished = |name: &str, change, outputs, duration_ms| Event::StepFinished {
        step: address(name),
        change,
        reason: reason(name),
        outputs,
        duration_ms,
    };
    let describe = outputs(&[
        (
            "text",
            json!([
                "demo  0  leader 1  in sync 1,2",
                "demo  1  leader 2  in sync 1,2"
            ]),
        ),
        ("partitions", json!(2)),
    ]);
    let none = Outputs::new;
    vec![
        Event::RunStarted {
            version: EVENTS_VERSION,
            deployment: "staging".parse().unwrap(),
            run: RunId(3),
            verb: Verb::Run,
            resumed: true,
            part: None,
        },
        Event::Recovered {
            step: address("zookeeper-1/dir"),
            target: "/srv/zk-1".into(),
            found: "it was made".into(),
        },
        Event::Planned { plan: plan.clone() },
        finished("java", Change::NoOp, none(), 1),
        finished("zookeeper-1/dir", Change::NoOp, none(), 1),
        started("zookeeper-1/config", Change::Create),
        finished("zookeeper-1/config", Change::Create, none(), 34),
        finished("zookeeper-1/myid", Change::NoOp, none(), 1),
        started("broker-1/config", Change::Update),
        finished("broker-1/config", Change::Update, none(), 12),
        started("broker-1/start", Change::Restart),
        Event::StepProgress {
            step: address("broker-1/start"),
            message: "waiting for id 1 to register".into(),
        },
        started("demo/describe", Change::Prove),
        finished("demo/describe", Change::Prove, describe, 400),
        Event::StepFailed {
            step: address("broker-1/start"),
            fault: port_taken(),
            duration_ms: 2_345,
        },
        Event::StepSkipped {
            step: address("demo/records"),
            why: "broker-1/start failed".into(),
            reason: None,
        },
        Event::RunFinished {
            status: RunStatus::Failed,
            changed: 2,
            unchanged: 3,
            failed: 1,
            duration_ms: 4_210,
        },
    ]
}

/// A rollback that goes well.
pub(crate) fn rollback_events() -> Vec<Event> {
    vec![
        Event::RunStarted {
            version: EVENTS_VERSION,
            deployment: "staging".parse().unwrap(),
            run: RunId(4),
            verb: Verb::Rollback,
            resumed: false,
            part: None,
        },
        Event::Undone {
            step: address("broker-1/start"),
            target: "process broker-1/start".into(),
            how: "stopped".into(),
        },
        Event::Undone {
            step: address("broker-1/config"),
            target: "/srv/k/server.properties".into(),
            how: "restored".into(),
        },
        Event::RunFinished {
            status: RunStatus::Succeeded,
            changed: 2,
            unchanged: 0,
            failed: 0,
            duration_ms: 72_000,
        },
    ]
}

pub(crate) fn who() -> Who {
    Who {
        user: "ana".into(),
        host: "build-1".into(),
        pid: 4711,
        krun: "0.1.0".into(),
    }
}

/// 2026-11-21T09:11:05Z.
pub(crate) const BEGAN: i64 = 1_795_252_265_123;

pub(crate) fn runs() -> Vec<RunMemory> {
    let run = |id, verb, finished, counts| RunMemory {
        id: RunId(id),
        verb,
        part: None,
        who: who(),
        started_ms: BEGAN + 60_000 * id as i64,
        finished,
        counts,
    };
    vec![
        run(
            1,
            Verb::Run,
            Some((RunStatus::Succeeded, 4_200)),
            (21, 0, 0),
        ),
        run(2, Verb::Run, Some((RunStatus::Failed, 72_000)), (3, 17, 1)),
        run(3, Verb::Rollback, None, (0, 0, 0)),
    ]
}

/// The records of a run that writes a file and fails to start a process.
pub(crate) fn records() -> Vec<Record> {
    let config = address("broker-1/config");
    let start = address("broker-1/start");
    let digest = Digest::of("x");
    let path = camino::Utf8PathBuf::from("/srv/k/server.properties");
    let write = Effect::WriteFile {
        path: path.clone(),
        content: Content::stored(digest),
        mode: 0o644,
        owner: None,
    };
    let stop = Effect::StopProcess {
        id: ProcessId {
            deployment: "d1".into(),
            step: start.clone(),
        },
        grace_ms: 10_000,
    };
    let file = |digest| TargetState::File {
        digest,
        mode: 0o644,
        uid: 0,
        gid: 0,
    };
    let before = file(Digest::of("old"));
    let begin = |step: &Address, kind: &str, change, why: &str| Entry::StepStarted {
        step: step.clone(),
        kind: kind.into(),
        change,
        reason: drift(why),
        after: vec![],
    };
    let entries = vec![
        Entry::RunStarted {
            verb: Verb::Run,
            pin: Some(Pin {
                path: "/work/cluster.rhai".into(),
                sources: vec![("cluster.rhai".into(), digest)],
                params: outputs(&[("heap", json!("2g")), ("port", json!(9092))]),
                given: outputs(&[("heap", json!("2g"))]),
                identity: vec![],
                choice: krun_model::Choice::default(),
                on_failure: None,
            }),
            who: who(),
            part: None,
        },
        begin(&config, "properties", Change::Update, "1 property differs"),
        Entry::Intent {
            step: config.clone(),
            undo: write.undo(&before),
            effect: write,
            before,
        },
        Entry::Outcome {
            intent: Seq(12),
            outcome: Outcome::Done(file(digest)),
        },
        Entry::StepDone {
            step: config,
            kind: "properties".into(),
            change: Change::Update,
            inputs: digest,
            key: None,
            outputs: outputs(&[("path", json!(path))]),
        },
        begin(
            &start,
            "kafka::broker",
            Change::Restart,
            "its properties were changed",
        ),
        Entry::Intent {
            step: start.clone(),
            effect: stop,
            before: TargetState::Absent,
            undo: Undo::Irreversible("its step starts it again".into()),
        },
        Entry::RunResumed { who: who() },
        Entry::Outcome {
            intent: Seq(16),
            outcome: Outcome::Recovered(TargetState::Absent),
        },
        Entry::StepFailed {
            step: start,
            fault: port_taken(),
            again: None,
        },
        Entry::Undone {
            intents: vec![Seq(12)],
            how: "restored /srv/k/server.properties".into(),
        },
        Entry::RunFinished {
            status: RunStatus::Failed,
            changed: 1,
            unchanged: 0,
            failed: 1,
            duration_ms: 2_750,
        },
    ];
    entries
        .into_iter()
        .enumerate()
        .map(|(at, entry)| Record {
            seq: Seq(10 + at as u64),
            run: RunId(2),
            at_ms: BEGAN + 250 * at as i64,
            entry,
        })
        .collect()
}
