//! Edges, gates, cycles and writes.

use std::time::{Duration, Instant};

use proptest::prelude::*;

use super::{codes, good, load, wrong};

fn afters(script: &str) -> Vec<String> {
    let runbook = good(script);
    let line = |step: &krun_model::Step| {
        let after: Vec<_> = step.after.iter().map(|a| a.as_str()).collect();
        format!("{} < {}", after.join(" "), step.address)
    };
    runbook.steps.iter().map(line).collect()
}

#[test]
fn edges_from_handles_outputs_and_after() {
    assert_eq!(
        afters(
            r#"
let a = file("a", #{path: "/a", after: ["z", "y"]});
let b = file("b", #{path: "/b", content: a.digest, after: a});
file("c", #{path: "/c", labels: [b], after: [a, [b.digest]]});
file("y", #{path: "/y"});
file("z", #{path: "/z"});
"#
        ),
        [" < y", " < z", "y z < a", "a < b", "a b < c"]
    );
}

#[test]
fn gates() {
    assert_eq!(
        afters(
            r#"
gate("nothing before");
let a = file("a", #{path: "/a"});
file("b", #{path: "/b", after: a});
file("c", #{path: "/c"});
gate("one");
gate("still one");
let d = file("d", #{path: "/d"});
file("e", #{path: "/e", after: d});
gate("two");
file("f", #{path: "/f"});
"#
        ),
        [" < a", "a < b", " < c", "b c < d", "d < e", "e < f"]
    );
}

#[test]
fn cycles() {
    insta::assert_snapshot!(wrong(r#"
file("free", #{path: "/free"});
file("a", #{path: "/a", after: "b"});
file("b", #{path: "/b", after: "c"});
file("c", #{path: "/c", after: "a"});
file("behind", #{path: "/behind", after: "c"});
file("self", #{path: "/self", after: "self"});
"#), @r#"
krun::cycle: steps wait for each other: a → b → c → a
  test.rhai:4:1
  | file("a", #{path: "/a", after: "b"});
  | ^^^^ `a` waits for `b`
  test.rhai:5:1
  | file("b", #{path: "/b", after: "c"});
  | ^^^^ `b` waits for `c`
  test.rhai:6:1
  | file("c", #{path: "/c", after: "a"});
  | ^^^^ `c` waits for `a`
  help: Take one of these out of the other's `after:` or arguments.
krun::cycle: steps wait for each other: self → self
  test.rhai:8:1
  | file("self", #{path: "/self", after: "self"});
  | ^^^^ `self` waits for `self`
  help: Take one of these out of the other's `after:` or arguments.
"#);
    assert_eq!(
        codes(
            r#"
file("a", #{path: "/a", after: "b"});
gate("g");
file("b", #{path: "/b"});
"#
        ),
        ["krun::cycle"]
    );
}

#[test]
fn unknown_steps() {
    insta::assert_snapshot!(wrong(r#"
file("broker-1", #{path: "/a"});
file("b", #{path: "/b", after: ["brokr-1"]});
"#), @r#"
krun::unknown-step: there is no step `brokr-1`
  test.rhai:4:32
  | file("b", #{path: "/b", after: ["brokr-1"]});
  |                                ^^^^^^^^^^^
  help: Did you mean `broker-1`?
"#);
}

#[test]
fn writes_need_an_order() {
    insta::assert_snapshot!(wrong(r#"
let a = file("a", #{path: "/same"});
let b = file("b", #{path: "/b", after: a});
file("c", #{path: "/same", after: b});
directory("d", #{path: "/same"});
"#), @r#"
krun::write-conflict: `c` and `d` both write /same, and neither waits for the other
  test.rhai:6:1
  | directory("d", #{path: "/same"});
  | ^^^^^^^^^ `d` writes it
  test.rhai:5:1
  | file("c", #{path: "/same", after: b});
  | ^^^^ `c` writes it
  help: Say which comes first, such as with `after: "c"` in `d`.
"#);
}

#[test]
fn ten_thousand_steps_are_quick() {
    let start = Instant::now();
    let runbook = load(
        r#"
let before = ();
for i in 0..10_000 {
    /// A file.
    before = file(`step-${i}`, #{path: `/${i % 100}`, after: before});
}
gate("all");
file("last", #{path: "/last"});
"#,
    );
    let runbook = runbook.unwrap_or_else(|wrong| panic!("{wrong}"));
    assert_eq!(runbook.steps.len(), 10_001);
    // Seconds where it takes tenths: what this keeps out is a square of ten thousand.
    assert!(
        start.elapsed() < Duration::from_secs(20),
        "{:?}",
        start.elapsed()
    );
}

proptest! {
    #![proptest_config(ProptestConfig {
        failure_persistence: None,
        ..ProptestConfig::with_cases(48)
    })]

    /// Whatever the edges: either a cycle is reported, or each step stands behind those before it,
    /// and steps that nothing forces apart stay as declared.
    #[test]
    fn steps_stand_behind_what_they_wait_for(
        edges in prop::collection::vec((0_usize..12, 0_usize..12), 0..16),
        gate in 0_usize..12,
    ) {
        let mut script = String::new();
        for step in 0..12 {
            if step == gate {
                script += "gate(\"g\");\n";
            }
            let after: Vec<_> = edges
                .iter()
                .filter(|(from, _)| *from == step)
                .map(|(_, to)| format!("\"s-{to:02}\""))
                .collect();
            script += &format!(
                "file(\"s-{step:02}\", #{{path: \"/{step}\", after: [{}]}});\n",
                after.join(", ")
            );
        }
        match load(&script) {
            Ok(runbook) => {
                for (at, step) in runbook.steps.iter().enumerate() {
                    for before in &step.after {
                        let place = runbook.steps.iter().position(|s| s.address == *before);
                        prop_assert!(place.is_some_and(|place| place < at));
                    }
                }
                if edges.iter().all(|(from, to)| to < from) {
                    prop_assert!(runbook.steps.is_sorted_by_key(|s| s.address.as_str().to_owned()));
                }
            }
            Err(wrong) => {
                prop_assert!(wrong.items.iter().all(|d| d.code == "krun::cycle"));
                prop_assert!(edges.iter().any(|(from, to)| to >= from));
            }
        }
    }
}
