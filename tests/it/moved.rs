//! A changed runbook meets what was done under the one before: steps are known by address and inputs, a
//! renamed one keeps its history, and what can't be done safely is refused.

use std::process::Command;

use krun_tests::{
    lab::{Done, Lab},
    tree::listing,
};
use serde_json::{Value, json};

use crate::cluster::Cluster;

/// Writes the runbook anew: its steps, with `ROOT` for the lab's folder.
fn write(lab: &Lab, steps: &str) -> String {
    let steps = steps.replace("ROOT", &lab.path("root").display().to_string());
    let head = "runbook(#{ name: \"moving\", version: \"1\", summary: \"files\" });\n";
    let path = lab.write("moving.rhai", &format!("{head}{steps}"));
    path.to_str().expect("UTF-8").to_owned()
}

const FIRST: &str = "\
let a = file(\"a\", #{ path: \"ROOT/a\", content: \"a\" });
let b = file(\"b\", #{ path: \"ROOT/b\", content: \"b\", after: a });
file(\"c\", #{ path: \"ROOT/c\", content: \"c\", after: b });
";

/// A lab in which [`FIRST`] ran, over a file that was there before; with the runbook and what was there.
fn first() -> (Lab, String, String) {
    let lab = Lab::default();
    lab.write("root/a", "before\n");
    let before = listing(&lab.path("root"));
    let runbook = write(&lab, FIRST);
    lab.run(&[&runbook]).expect(0);
    (lab, runbook, before)
}

/// The table that a run's events show, as `step: fate`.
fn table(done: &Done) -> Vec<Value> {
    let events = done.events();
    let planned = events.iter().find(|event| event["event"] == "planned");
    let table = &planned.expect("a plan")["plan"]["reconciled"];
    table.as_array().cloned().unwrap_or_default()
}

fn entries(lab: &Lab) -> Vec<Value> {
    let history = lab.run(&["history", "--json"]).expect(0).events();
    let changes = history.last().expect("a run")["changes"].clone();
    changes.as_array().cloned().unwrap_or_default()
}

#[test]
fn another_layout_and_other_comments_change_nothing() {
    let (lab, _, _) = first();
    let text = "// Everything anew.\nlet a =\n  file(\"a\",\n    #{ content: \"a\",   path: `ROOT/a` });\n\
                /// The second.\nlet b = file(\"b\", #{ after: [a], path: \"ROOT/b\", content: `${\"b\"}` });\n\
                phase(\"Last\");\nfile(\"c\", #{ path: \"ROOT/c\", content: \"c\", after: b });\n";
    let run = lab.run(&[&write(&lab, text), "--json"]).expect(0);
    assert_eq!(table(&run), [Value::Null; 0]);
    assert_eq!(run.finished()["changed"], 0);
    assert_eq!(entries(&lab), [Value::Null; 0]);
}

#[test]
fn what_changed_is_a_table_and_journaled_before_anything_happens() {
    let (lab, _, _) = first();
    let text = "let a = file(\"a\", #{ path: \"ROOT/a\", content: \"other\" });\n\
                let d = file(\"d\", #{ path: \"ROOT/d\", content: \"d\" });\n\
                file(\"c\", #{ path: \"ROOT/c\", content: \"c\", after: [a, d] });\n";
    let runbook = write(&lab, text);
    let plan = lab.run(&["plan", &runbook]).expect(0).out();
    for line in [
        "The runbook changed since the last run",
        "redone: content changed",
        "d  new",
        "reordered: now after a, d, no longer after b",
        "orphaned",
    ] {
        assert!(plan.contains(line), "{line} in {plan}");
    }
    let run = lab.run(&[&runbook, "--json"]).expect(0);
    let expected = json!([
        {"step": "a", "fate": {"redone": {"changed": ["content"]}}},
        {"step": "d", "fate": "new"},
        {"step": "c", "fate": {"reordered": {"added": ["a", "d"], "dropped": ["b"]}}},
        {"step": "b", "fate": "orphaned"},
    ]);
    assert_eq!(Value::from(table(&run)), expected);
    let entries = entries(&lab);
    assert_eq!(
        entries[0]["reconciled"], expected,
        "the first of all: {entries:?}"
    );
    assert!(
        lab.run(&["show", "last"])
            .expect(0)
            .out()
            .contains("the runbook changed")
    );
    // The same again is no change any more.
    assert_eq!(
        table(&lab.run(&[&runbook, "--json"]).expect(0)),
        [Value::Null; 0]
    );
}

/// [`FIRST`] with other addresses, and where they come from.
const RENAMED: &str = "\
moved(\"a\", \"one\");
moved(\"one\", \"files/a\");
moved(\"b\", \"files/b\");
let a = file(\"files/a\", #{ path: \"ROOT/a\", content: \"a\" });
let b = file(\"files/b\", #{ path: \"ROOT/b\", content: \"b\", after: a });
file(\"c\", #{ path: \"ROOT/c\", content: \"c\", after: b });
";

#[test]
fn a_renamed_step_keeps_its_history() {
    let (lab, _, before) = first();
    let runbook = write(&lab, RENAMED);
    let plan = lab.run(&["plan", &runbook]).expect(0).out();
    assert!(plan.contains("moved from a, with its history"), "{plan}");
    assert!(!plan.contains("No longer in the runbook"), "{plan}");
    let run = lab.run(&[&runbook, "--json"]).expect(0);
    assert_eq!(run.finished()["changed"], 0);
    let moved = json!({"step": "files/a", "fate": {"moved": {"from": "a"}}});
    assert!(table(&run).contains(&moved), "{:?}", table(&run));
    // It is krun's own, not found; and to say `moved` once more does no harm.
    let again = lab.run(&[&runbook, "--json"]).expect(0);
    let done = again.events();
    let step = done.iter().find(|event| event["step"] == "files/a");
    assert_eq!(step.expect("the step")["reason"], "satisfied");
    assert_eq!(table(&again), [Value::Null; 0]);
    // Without it, too, and with a new step at the old address.
    let later = RENAMED.replace(
        "moved(\"a\", \"one\");\nmoved(\"one\", \"files/a\");\nmoved(\"b\", \"files/b\");",
        "file(\"a\", #{ path: \"ROOT/new\", content: \"n\" });",
    );
    let later = lab.run(&[&write(&lab, &later), "--json"]).expect(0);
    assert_eq!(later.changes(), [("a".to_owned(), "create".to_owned())]);
    lab.run(&["rollback", "--yes"]).expect(0);
    assert_eq!(listing(&lab.path("root")), before);
}

#[test]
fn what_cannot_move_safely_is_refused() {
    let (lab, _, before) = first();
    let after = listing(&lab.path("root"));
    let to_known = "let a = file(\"a\", #{ path: \"ROOT/a\", content: \"a\" });\n\
                    moved(\"b\", \"c\");\n\
                    file(\"c\", #{ path: \"ROOT/c\", content: \"c\", after: a });\n";
    let other_kind = "moved(\"a\", \"d\");\ndirectory(\"d\", #{ path: \"ROOT/d\" });\n";
    for (steps, why) in [
        (to_known, "c has a history of its own"),
        (other_kind, "a was of kind file, and d is of kind directory"),
    ] {
        let runbook = write(&lab, steps);
        for verb in ["plan", "run"] {
            let refused = lab.run(&[verb, &runbook]).expect(1);
            assert!(refused.err().contains(why), "{why} in {}", refused.err());
        }
        assert_eq!(listing(&lab.path("root")), after);
    }
    // What contradicts itself is found before anything is looked at.
    let still = format!("{FIRST}moved(\"a\", \"c\");\n");
    lab.run(&["check", &write(&lab, &still)]).expect(3);
    assert_eq!(lab.run(&["history", "--json"]).expect(0).events().len(), 1);
    lab.run(&["rollback", "--yes"]).expect(0);
    assert_eq!(listing(&lab.path("root")), before);
}

/// Killed around the entry that moves histories, the next run moves them once.
#[test]
fn killed_while_histories_move() {
    for point in ["after:1:", "before:2:", "after:2:", "before:3:"] {
        let (lab, _, before) = first();
        let runbook = write(&lab, RENAMED);
        let mut krun: Command = lab.krun(&[&runbook]);
        krun.env("KRUN_KILL_AT", point);
        assert_eq!(Done::of(krun).code(), -1, "{point}");
        let run = lab.run(&[&runbook, "--json"]).expect(0);
        assert_eq!(run.finished()["changed"], 0, "{point}");
        let plan = lab.run(&["plan", &runbook]).expect(0).out();
        assert!(!plan.contains("No longer"), "{plan}");
        lab.run(&["rollback", "--yes"]).expect(0);
        assert_eq!(listing(&lab.path("root")), before, "{point}");
    }
}

/// What a run renamed stays renamed when the run is taken back, and is known by its new address.
#[test]
fn a_run_that_renamed_steps_is_taken_back() {
    let (lab, _, before) = first();
    let runbook = write(&lab, &RENAMED.replace("content: \"b\"", "content: \"B\""));
    lab.run(&[&runbook]).expect(0);
    lab.run(&["rollback", "--run", "2", "--yes"]).expect(0);
    let text = std::fs::read_to_string(lab.path("root/b")).expect("b");
    assert_eq!(text, "b");
    let status = lab.run(&["status"]).expect(0).out();
    assert!(status.contains("files/b"), "{status}");
    let run = lab.run(&[&runbook, "--json"]).expect(0);
    assert_eq!(run.changes(), [("files/b".to_owned(), "update".to_owned())]);
    lab.run(&["rollback", "--yes"]).expect(0);
    assert_eq!(listing(&lab.path("root")), before);
}

/// On a real cluster: processes, a topic and records are known under their new addresses. Nothing is
/// restarted, nothing is sent again; whoever is started next carries the new address.
#[test]
fn a_cluster_of_renamed_steps_runs_on() {
    let mut cluster = Cluster::of_one(1);
    cluster.run().expect(0);
    let before = cluster.lab.pids();
    let text = std::fs::read_to_string(cluster.runbook()).expect("the runbook");
    let renamed = text
        .replace(
            "zookeeper::server(\"zookeeper\",",
            "zookeeper::server(\"ensemble/1\",",
        )
        .replace(
            "kafka::broker(`broker-${broker.id}`,",
            "kafka::broker(`node-${broker.id}`,",
        )
        .replace("kafka::topic(\"topic\",", "kafka::topic(\"topics/test\",")
        .replace("kafka::produce(\"produce\",", "kafka::produce(\"send\",")
        + "\nmoved(\"zookeeper\", \"ensemble/1\");\nmoved(\"broker-1\", \"node-1\");\n\
           moved(\"topic\", \"topics/test\");\nmoved(\"produce\", \"send\");\n";
    let path = cluster.lab.write("renamed.rhai", &renamed);
    cluster.use_runbook(path);
    let run = cluster.run().expect(0);
    assert_eq!(run.changes(), [], "{}", run.out());
    assert_eq!(cluster.lab.pids(), before, "the same processes");
    assert_eq!(cluster.records().len(), 100);
    assert_eq!(cluster.starts("/server.properties"), 1);
    let mut status = cluster.lab.krun(&["status", "--check"]);
    status.env("JAVA_HOME", cluster.lab.path("jdk"));
    Done::of(status).expect(0);
    // A broker that is started anew carries its own address.
    cluster.set("heap=260m");
    let run = cluster.run().expect(0);
    assert!(
        run.changes()
            .contains(&("node-1".to_owned(), "restart".to_owned())),
        "{:?}",
        run.changes()
    );
    let now = cluster.lab.pids();
    assert!(
        now.contains_key("node-1") && !now.contains_key("broker-1"),
        "{now:?}"
    );
    assert_eq!(cluster.run().expect(0).changes(), []);
    cluster.lab.run(&["rollback", "--yes"]).expect(0);
    assert!(cluster.lab.pids().is_empty(), "{:?}", cluster.lab.pids());
}
