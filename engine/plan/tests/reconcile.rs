//! What a changed runbook makes of its steps, and which histories can move.

use krun_model::{
    Address, Digest, History, Manner, Map, Outputs, RunId, Runbook, Span, Step, Value,
    history::StepMemory, journal::Seq, kind::Kinds, reconcile::Moved,
};
use krun_plan::{Reconciliation, reconcile};

fn address(text: &str) -> Address {
    text.parse().expect("an address")
}

fn span() -> Span {
    Span {
        file: "r".into(),
        line: 1,
        column: 1,
    }
}

/// A step of kind `k` with an argument, after others, whose outputs it is given.
fn step(name: &str, arg: &str, after: &[&str]) -> Step {
    let output = |step: &&str| Value::Output {
        step: address(step),
        name: "o".into(),
    };
    let given = after.iter().map(output).collect();
    Step {
        address: address(name),
        kind: "k".into(),
        args: Map::from([
            ("arg".to_owned(), Value::from(arg)),
            ("given".to_owned(), Value::List(given)),
        ]),
        after: after.iter().map(|step| address(step)).collect(),
        manner: Manner::default(),
        doc: String::new(),
        phase: None,
        span: span(),
    }
}

fn runbook(steps: Vec<Step>, moved: &[(&str, &str)]) -> Runbook {
    let moved = moved.iter().map(|(from, to)| Moved {
        from: address(from),
        to: address(to),
        span: span(),
    });
    Runbook {
        name: "r".into(),
        version: "1".into(),
        moved: moved.collect(),
        steps,
        ..Runbook::default()
    }
}

/// A history in which some steps of kind `k` were done.
fn done(steps: &[&str]) -> History {
    let mut history = History::default();
    for step in steps {
        let memory = StepMemory {
            kind: "k".into(),
            run: RunId(1),
            seq: Seq(1),
            inputs: Digest::of("x"),
            key: Some(Digest::of("key")),
            outputs: Outputs::new(),
        };
        history.steps.insert(address(step), memory);
    }
    history
}

fn of(before: &Runbook, now: &Runbook, history: &History) -> Reconciliation {
    reconcile(Some(before), now, &Kinds::new(vec![]), history)
}

fn table(found: &Reconciliation) -> Vec<String> {
    let rows = found.table.iter();
    rows.map(|row| format!("{}: {}", row.step, row.fate))
        .collect()
}

#[test]
fn the_same_steps_are_no_change() {
    let before = runbook(vec![step("a", "1", &[]), step("b", "2", &["a"])], &[]);
    let mut now = before.clone();
    for step in &mut now.steps {
        step.doc = "other words".into();
        step.span.line = 7;
        step.phase = Some(1);
    }
    assert_eq!(
        of(&before, &now, &done(&["a", "b"])),
        Reconciliation::default()
    );
}

/// A step that is given the output of one that moved is asked for the same.
#[test]
fn what_is_given_a_moved_step_s_output_is_the_same() {
    let before = runbook(vec![step("a", "1", &[]), step("b", "2", &["a"])], &[]);
    let now = runbook(
        vec![step("x/a", "1", &[]), step("b", "2", &["x/a"])],
        &[("a", "m"), ("m", "x/a")],
    );
    let mut history = done(&["a", "b"]);
    let found = of(&before, &now, &history);
    assert_eq!(
        table(&found),
        ["x/a: moved from a, with its history", "b: reused"]
    );
    history.move_histories(&found.moves);
    assert_eq!(
        history
            .steps
            .keys()
            .map(Address::as_str)
            .collect::<Vec<_>>(),
        ["b", "x/a"]
    );
    assert_eq!(history.steps[&address("x/a")].key, Some(Digest::of("key")));
    // What moved already moves no more, and twice is once.
    assert!(of(&now, &now, &history).moves.is_empty());
    let again = history.clone();
    history.move_histories(&found.moves);
    assert_eq!(history, again);
}

#[test]
fn each_change_has_its_line() {
    let before = runbook(
        vec![
            step("a", "1", &[]),
            step("b", "2", &["a"]),
            step("c", "3", &[]),
        ],
        &[],
    );
    let mut other_kind = step("c", "3", &[]);
    other_kind.kind = "l".into();
    let now = runbook(
        vec![step("a", "9", &[]), other_kind, step("d", "4", &["a"])],
        &[],
    );
    assert_eq!(
        table(&of(&before, &now, &done(&["a", "b", "c"]))),
        [
            "a: redone: arg changed",
            "c: redone: kind changed",
            "d: new",
            "b: orphaned: it left the runbook, what it made stays",
        ]
    );
    // What was never done leaves nothing behind.
    let gone = runbook(vec![step("a", "1", &[]), step("c", "3", &[])], &[]);
    assert!(of(&before, &gone, &done(&["a", "c"])).table.is_empty());
}

#[test]
fn histories_that_can_not_move() {
    let mut of_kind_l = step("d", "1", &[]);
    of_kind_l.kind = "l".into();
    let now = runbook(
        vec![step("b", "1", &[]), of_kind_l],
        &[("a", "b"), ("c", "d")],
    );
    let refused = |history: &History| {
        let found = of(&now, &now, history);
        let lines = found.refused().map(|(step, why)| format!("{step}: {why}"));
        (lines.collect::<Vec<_>>(), found.moves.len())
    };
    let own = "a: b has a history of its own; roll it back or give the step another address";
    assert_eq!(refused(&done(&["a", "b"])), (vec![own.to_owned()], 0));
    let kind = "c: c was of kind k, and d is of kind l";
    assert_eq!(refused(&done(&["a", "c"])), (vec![kind.to_owned()], 1));
    // Both ends of a chain have a history.
    let chain = runbook(vec![step("c", "1", &[])], &[("a", "b"), ("b", "c")]);
    let found = of(&chain, &chain, &done(&["a", "b"]));
    assert_eq!((found.moves.len(), found.refused().count()), (1, 1));
}
