//! What the engine is told of a step: conditions, tags, turns, retries, times, gates, assertions.

use krun_model::{
    Condition, Manner, Runbook, Value,
    condition::Relation,
    manner::{Retry, Serial},
};
use serde_json::json;

use super::{codes, good, load_with, wrong};

const B: &str = "let b = kafka::broker(\"b\", #{config: \"/b\"});\n";

fn manner_of(runbook: &Runbook, step: &str) -> Manner {
    let step = runbook.step(&step.parse().unwrap()).unwrap();
    assert!(step.args.keys().all(|name| name == "path"), "{step:?}");
    step.manner.clone()
}

fn file_with(argument: &str) -> Manner {
    let runbook = good(&format!(
        "{B}phase(\"Start\");\nfile(\"f\", #{{path: \"/f\", {argument}}});"
    ));
    manner_of(&runbook, "f")
}

#[test]
fn nothing_said_is_nothing() {
    for argument in [
        "",
        "when: true",
        "tags: []",
        "retries: 0",
        "timeout: ()",
        "when: ()",
    ] {
        assert_eq!(file_with(argument), Manner::default(), "{argument}");
    }
}

#[test]
fn when() {
    let output = Value::Output {
        step: "b".parse().unwrap(),
        name: "pid".into(),
    };
    let is = Condition::Is(output.clone());
    let equals = |left, right| Condition::Compare {
        left,
        relation: Relation::Equal,
        right,
    };
    let not = |condition| Condition::Not(Box::new(condition));
    for (written, read) in [
        ("false", Condition::Is(Value::Bool(false))),
        ("b.pid", is.clone()),
        ("!b.pid", not(is.clone())),
        ("not(b.pid)", not(is.clone())),
        ("b.pid == 3", equals(output.clone(), Value::Int(3))),
        ("(b.pid == 3)", equals(output.clone(), Value::Int(3))),
        ("\"x\" == b.pid", equals("x".into(), output.clone())),
        ("!(b.pid == 3)", not(equals(output.clone(), Value::Int(3)))),
        (
            "all_of([true, b.pid])",
            Condition::All(vec![Condition::Is(Value::Bool(true)), is.clone()]),
        ),
        ("any_of([b.pid])", Condition::Any(vec![is.clone()])),
        ("all_of([false, b.pid])", Condition::Is(Value::Bool(false))),
    ] {
        let when = file_with(&format!("when: {written}")).when.unwrap();
        assert_eq!(when.condition, read, "{written}");
        assert_eq!(when.text, written);
    }
    assert_eq!(file_with("when: any_of([true, b.pid])").when, None);
    let runbook = good(&format!(
        "{B}file(\"f\", #{{path: \"/f\", when: b.pid > 1}});"
    ));
    assert_eq!(
        runbook.steps[1].after[0].as_str(),
        "b",
        "an edge like any other"
    );
    // Written elsewhere, the condition is shown as it was understood.
    let runbook = good(&format!(
        "{B}let args = #{{path: \"/f\", when: b.pid > 1}};\nfile(\"f\", args);"
    ));
    assert_eq!(manner_of(&runbook, "f").when.unwrap().text, "b.pid > 1");
}

#[test]
fn of_two_steps_for_one_path_one_may_be_out_of_the_question() {
    let script = |other: &str| {
        format!(
            "let old = param(\"old\", #{{type: \"bool\", default: false}});\n\
             file(\"a\", #{{path: \"/x\", when: old}});\nfile(\"b\", #{{path: \"/x\", {other}}});"
        )
    };
    good(&script("when: !old"));
    good(&script(""));
    let both = load_with(&script(""), json!({"old": true})).unwrap_err();
    assert_eq!(both.items[0].code, "krun::write-conflict");
}

#[test]
fn a_comparison_that_leads_nowhere_is_an_error() {
    for script in [
        "let x = b.pid == 1;",
        "let few = [b].filter(|step| step.pid == 1);",
        "let there = [b].some(|step| step.pid == 1);",
        "let n = [1, 2].index_of(b.pid);",
        "if all_of([b.pid]) { }",
        "if !(b.pid == 1) { }",
        "let x = (b.pid == 1) == true;",
        "let x = `${b.pid == 1}`;",
        "let x = (b.pid == 1) && true;",
        "let x = switch b.pid == 1 { true => 1, _ => 2 };",
        "assert(b.pid == 1, \"no\");",
        "assert(b.pid, \"no\");",
    ] {
        let found = codes(&format!("{B}{script}"));
        assert_eq!(found, ["krun::unknown-value"], "{script}");
    }
}

#[test]
fn tags_turns_retries_and_times() {
    assert_eq!(file_with("tags: [\"b\", \"a\", \"b\"]").tags, ["a", "b"]);
    assert_eq!(file_with("tags: \"slow\"").tags, ["slow"]);
    let serial = |group: &str, at_once| {
        Some(Serial {
            group: group.into(),
            at_once,
        })
    };
    assert_eq!(
        file_with("serial: 2").serial,
        serial("file in \"Start\"", 2)
    );
    let named = file_with("serial: #{group: \"rolling\"}");
    assert_eq!(named.serial, serial("rolling", 1));
    assert_eq!(file_with("retries: 3").retry, Some(Retry::times(3)));
    let retry =
        file_with("retries: #{times: 2, backoff: \"250ms\", max_backoff: 1.5, jitter: false}");
    let read = Retry {
        times: 2,
        backoff_ms: 250,
        max_backoff_ms: 1_500,
        jitter: false,
    };
    assert_eq!(retry.retry, Some(read));
    for (written, ms) in [
        ("30", 30_000),
        ("\"2m\"", 120_000),
        ("0.5", 500),
        ("\"90s\"", 90_000),
    ] {
        let manner = file_with(&format!("timeout: {written}"));
        assert_eq!(manner.timeout_ms, Some(ms), "{written}");
    }
}

#[test]
fn what_can_not_be_meant() {
    for argument in [
        "when: 1",
        "when: \"yes\"",
        "when: b",
        "tags: [1]",
        "tags: \"two words\"",
        "serial: 0",
        "serial: \"rolling\"",
        "serial: #{grup: \"x\"}",
        "retries: -1",
        "retries: #{backoff: 1}",
        "retries: #{times: 1, backoff: \"soon\"}",
        "timeout: 0",
        "timeout: \"soon\"",
        "timeout: -3",
        "when: all_of([1])",
    ] {
        let found = codes(&format!("{B}file(\"f\", #{{path: \"/f\", {argument}}});"));
        assert_eq!(found, ["krun::arg-type"], "{argument}");
    }
    insta::assert_snapshot!(wrong(
        "file(\"a\", #{path: \"/a\", retries: #{tims: 2}, whn: true});\n\
         file(\"b\", #{path: \"/b\", serial: 1});\nfile(\"c\", #{path: \"/c\", serial: 2});"
    ), @r#"
    krun::arg-type: `retries` must be a map of `backoff`, `jitter`, `max_backoff` and `times`; is `tims` meant to be `times`?
      test.rhai:2:34
      | file("a", #{path: "/a", retries: #{tims: 2}, whn: true});
      |                                  ^^^^^^^^^^
    krun::unknown-arg: `file` has no argument `whn`
      test.rhai:2:46
      | file("a", #{path: "/a", retries: #{tims: 2}, whn: true});
      |                                              ^^^
      help: Did you mean `when`?
    krun::serial: the group `file` runs 2 at a time here and 1 elsewhere
      test.rhai:4:33
      | file("c", #{path: "/c", serial: 2});
      |                                 ^
      test.rhai:3:33
      | file("b", #{path: "/b", serial: 1});
      |                                 ^ it is said here first
      help: Say the same number in all its steps, or give each group a name of its own.
    "#);
}

#[test]
fn gates_know_their_place() {
    let runbook = good(
        "file(\"a\", #{path: \"/a\"});\nfile(\"b\", #{path: \"/b\"});\n\
         /// Nothing starts before all files are there.\ngate(\"files\");\n\
         file(\"c\", #{path: \"/c\"});\ngate(\"end\");",
    );
    let gates: Vec<_> = runbook
        .gates
        .iter()
        .map(|gate| (gate.name.as_str(), gate.steps))
        .collect();
    assert_eq!(gates, [("files", 2), ("end", 3)]);
    assert_eq!(
        runbook.gates[0].doc,
        "Nothing starts before all files are there."
    );
}

#[test]
fn assertions_on_what_is_known() {
    good("assert(1 < 2, \"numbers\");");
    insta::assert_snapshot!(wrong(
        "let replicas = 5;\nlet brokers = 3;\nassert(replicas <= brokers, `${replicas} replicas need as many brokers`);\n\
         assert(1, \"x\");\nassert(true, 2);"
    ), @r#"
    krun::assert: 5 replicas need as many brokers
      test.rhai:4:8
      | assert(replicas <= brokers, `${replicas} replicas need as many brokers`);
      |        ^^^^^^^^^^^^^^^^^^^ this does not hold
    krun::arg-type: `assert` takes a bool and a message, or an address and a map
      test.rhai:5:8
      | assert(1, "x");
      |        ^
    krun::arg-type: the message of an `assert` must be a string
      test.rhai:6:14
      | assert(true, 2);
      |              ^
    "#);
}
