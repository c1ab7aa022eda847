//! Why a step runs, or does not.

use std::collections::BTreeMap;

use krun_model::{
    Address, Change, Digest, Effect, History, Reason, RunId, Step, Target, TargetState, Undo,
    effect::Content,
    history::{AdoptedMemory, EffectMemory, StepMemory},
    journal::Seq,
    kind::{Check, Declared},
    process::{ProcessId, ProcessSpec, Running},
    runbook::Span,
};
use krun_plan::{Graph, Observation, Observed, Options, act_key, decide_step};

fn address(text: &str) -> Address {
    text.parse().expect("an address")
}

fn step(name: &str, after: &[&str]) -> Step {
    Step {
        address: address(name),
        kind: "test".into(),
        args: BTreeMap::new(),
        after: after.iter().map(|a| address(a)).collect(),
        doc: String::new(),
        manner: krun_model::Manner::default(),
        phase: None,
        span: Span {
            file: "x".into(),
            line: 1,
            column: 1,
        },
    }
}

fn memory(seq: u64, key: Option<Digest>) -> StepMemory {
    StepMemory {
        kind: "test".into(),
        run: RunId(1),
        seq: Seq(seq),
        inputs: Digest::of("inputs"),
        key,
        outputs: BTreeMap::new(),
    }
}

/// One step `s` after `before`, what was seen of it, what is done to `before`, and a history.
struct Case {
    seen: Observation,
    before: Option<Change>,
    history: History,
    declared: Vec<(&'static str, Declared)>,
    options: Options,
}

impl Case {
    fn new(seen: Observation) -> Self {
        Self {
            seen,
            before: None,
            history: History::default(),
            declared: vec![],
            options: Options::default(),
        }
    }

    fn decide(self) -> (Change, Reason) {
        let steps = [step("before", &[]), step("s", &["before"])];
        let graph = Graph::new(steps.iter().map(|s| (s.address.clone(), s.after.clone())));
        let observed = Observed {
            steps: BTreeMap::from([(address("s"), self.seen)]),
            declared: self
                .declared
                .into_iter()
                .map(|(a, d)| (address(a), d))
                .collect(),
            left_out: BTreeMap::new(),
        };
        let done = self
            .before
            .map(|change| (address("before"), change))
            .into_iter()
            .collect();
        let (change, reason, _) = decide_step(
            &steps[1],
            &graph,
            &observed,
            &done,
            &self.history,
            self.options,
        );
        (change, reason)
    }
}

fn satisfied() -> Observation {
    Observation::State {
        check: Check::Satisfied(BTreeMap::new()),
        inputs: Digest::of("inputs"),
    }
}

fn process() -> ProcessId {
    ProcessId {
        deployment: "d".into(),
        step: address("s"),
    }
}

fn effect(seq: u64, step: &str, effect: Effect) -> EffectMemory {
    EffectMemory {
        seq: Seq(seq),
        run: RunId(seq),
        step: address(step),
        effect,
        before: TargetState::Absent,
        undo: Undo::Kept,
        after: Some(TargetState::Absent),
    }
}

fn started(seq: u64) -> EffectMemory {
    let spec = ProcessSpec {
        id: process(),
        argv: vec![],
        env: BTreeMap::new(),
        secret_env: Default::default(),
        cwd: "/".into(),
        log: "/log".into(),
        digest: Digest::of("spec"),
        stop_grace_ms: 1,
    };
    effect(seq, "s", Effect::StartProcess(spec))
}

fn wrote(seq: u64) -> EffectMemory {
    let content = Content::new(b"x".to_vec());
    effect(
        seq,
        "before",
        Effect::WriteFile {
            path: "/config".into(),
            content,
            mode: 0o644,
            owner: None,
        },
    )
}

fn broker_case(history: Vec<EffectMemory>, before: Option<Change>) -> Case {
    let keeps = Declared {
        writes: vec![Target::Process(process())],
        reads: vec!["/config".into()],
        ..Declared::default()
    };
    let writes = Declared {
        writes: vec![Target::Path("/config".into())],
        ..Declared::default()
    };
    Case {
        before,
        history: History {
            after: BTreeMap::from([(address("s"), vec![address("before")])]),
            effects: history.into_iter().collect(),
            ..History::default()
        },
        declared: vec![("s", keeps), ("before", writes)],
        ..Case::new(satisfied())
    }
}

#[test]
fn what_is_as_wanted_is_left_alone() {
    assert_eq!(
        Case::new(satisfied()).decide(),
        (Change::NoOp, Reason::Found)
    );
    let case = broker_case(vec![wrote(1), started(2)], None);
    assert_eq!(case.decide(), (Change::NoOp, Reason::Satisfied));
}

#[test]
fn a_process_restarts_when_its_file_changes_in_this_run() {
    let case = broker_case(vec![wrote(1), started(2)], Some(Change::Update));
    let reason = Reason::Upstream {
        step: address("before"),
        change: Change::Update,
    };
    assert_eq!(case.decide(), (Change::Restart, reason));
}

#[test]
fn a_process_restarts_when_its_file_was_repaired_by_a_run_that_was_killed() {
    let case = broker_case(vec![wrote(1), started(2), wrote(3)], None);
    let reason = Reason::ConfigChanged {
        path: "/config".into(),
        run: RunId(3),
    };
    assert_eq!(case.decide(), (Change::Restart, reason));
}

#[test]
fn a_process_that_does_not_serve_yet_restarts_when_its_file_was_changed_since() {
    let starting = || Observation::State {
        inputs: Digest::of("inputs"),
        check: Check::Drift {
            change: Change::Update,
            why: "it runs but does not serve yet".into(),
            diff: vec![],
        },
    };
    let mut case = broker_case(vec![wrote(1), started(2), wrote(3)], None);
    case.seen = starting();
    let reason = Reason::ConfigChanged {
        path: "/config".into(),
        run: RunId(3),
    };
    assert_eq!(case.decide(), (Change::Restart, reason));
    let mut case = broker_case(vec![wrote(1), started(2)], None);
    case.seen = starting();
    assert_eq!(case.decide().0, Change::Update);
}

#[test]
fn an_act_is_done_once_per_key() {
    let inputs = Digest::of("inputs");
    let seen = |incarnation: Option<&str>| Observation::Once {
        incarnation: incarnation.map(Digest::of),
        inputs,
    };
    let with_memory = |seen: Observation| {
        let key = act_key(&inputs, &Digest::of("one"));
        let mut case = Case::new(seen);
        case.history
            .steps
            .insert(address("s"), memory(1, Some(key)));
        case
    };
    assert_eq!(
        Case::new(seen(Some("one"))).decide(),
        (Change::Act, Reason::NeverDone)
    );
    let done = Reason::AlreadyDone { run: RunId(1) };
    assert_eq!(
        with_memory(seen(Some("one"))).decide(),
        (Change::NoOp, done)
    );
    assert_eq!(
        with_memory(seen(Some("two"))).decide(),
        (Change::Act, Reason::KeyChanged)
    );
    assert!(matches!(
        with_memory(seen(None)).decide(),
        (Change::Act, Reason::KnownAfterApply(_))
    ));
}

#[test]
fn a_proof_runs_again_when_something_before_it_changed() {
    let inputs = Digest::of("inputs");
    let proven = |before: Option<Change>, effects: Vec<EffectMemory>, prove: bool| {
        let mut case = Case::new(Observation::Proof { inputs });
        case.before = before;
        case.options = Options { prove };
        case.history.effects = effects.into_iter().collect();
        case.history
            .steps
            .insert(address("s"), memory(5, Some(inputs)));
        case.decide()
    };
    let fresh = Case::new(Observation::Proof { inputs }).decide();
    assert_eq!(fresh, (Change::Prove, Reason::NeverProven));
    let still = (Change::NoOp, Reason::Proven { run: RunId(1) });
    assert_eq!(proven(Some(Change::NoOp), vec![wrote(3)], false), still);
    assert_eq!(proven(None, vec![], true), (Change::Prove, Reason::Asked));
    // In this run, and in a run that was killed before it came to the proof.
    assert_eq!(
        proven(Some(Change::Restart), vec![], false).0,
        Change::Prove
    );
    assert_eq!(proven(None, vec![wrote(7)], false).0, Change::Prove);
}

fn adopted(name: &str, seq: u64) -> (Address, AdoptedMemory) {
    let spec = ProcessSpec {
        id: ProcessId {
            deployment: "d".into(),
            step: address(name),
        },
        argv: vec![],
        env: BTreeMap::new(),
        secret_env: Default::default(),
        cwd: "/".into(),
        log: "/log".into(),
        digest: Digest::of("wanted"),
        stop_grace_ms: 1,
    };
    let running = Running {
        pid: 42,
        started: 1,
        boot: "b".into(),
        digest: None,
        command: String::new(),
    };
    let memory = AdoptedMemory {
        seq: Seq(seq),
        spec,
        running,
    };
    (address(name), memory)
}

#[test]
fn an_adopted_process_stays_until_its_configuration_changes() {
    let mut case = Case::new(satisfied());
    case.history.adopted.extend([adopted("s", 5)]);
    assert_eq!(case.decide(), (Change::NoOp, Reason::Adopted { pid: 42 }));
    let mut case = Case::new(satisfied());
    case.history.adopted.extend([adopted("s", 5)]);
    let process = Target::Process(adopted("s", 5).1.spec.id);
    let declared = Declared {
        writes: vec![process],
        reads: vec!["/config".into()],
        ..Declared::default()
    };
    case.declared = vec![("s", declared)];
    case.history.effects.push(EffectMemory {
        seq: Seq(6),
        run: RunId(2),
        step: address("before"),
        effect: Effect::WriteFile {
            path: "/config".into(),
            content: Content::new(*b"x"),
            mode: 0o644,
            owner: None,
        },
        before: TargetState::Absent,
        undo: Undo::Kept,
        after: Some(TargetState::Absent),
    });
    assert_eq!(case.decide().0, Change::Restart);
}
