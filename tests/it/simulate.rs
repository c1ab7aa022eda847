//! `krun simulate`: schedules of faults from the command line, and the refusal of what can't be
//! simulated.

use krun_tests::lab::{Lab, repository};
use serde_json::Value;

/// Files that are there before, folders that are cleaned once, and packages.
const RUNBOOK: &str = r#"
runbook(#{ name: "all", version: "1.0.0", summary: "all that can be simulated" });
let root = param("root", #{ type: "path", default: "~/all", identity: true });
let top = directory("top", #{ path: root });
package("tools", #{ names: ["jq"] });
let base = file("base", #{ path: `${root}/base.properties`, content: "a=1\n", after: top });
let copy = file_clone("copy", #{ from: `${root}/base.properties`, to: `${root}/copy.properties`, after: base });
properties("settings", #{ path: `${root}/copy.properties`, set: #{ "a": 2 }, after: copy });
properties("hosts", #{ path: "/etc/app.conf", set: #{ "x": "y" } });
let clean = zookeeper::clean("clean", #{ data_dir: `${root}/zk`, data_log_dir: `${root}/zk`, after: top });
kafka::clean_logs("clean-logs", #{ log_dir: `${root}/log`, generation: clean.generation, after: top });
"#;

#[test]
fn a_thousand_schedules_and_one_of_them_again() {
    let lab = Lab::default();
    let runbook = lab.write("all.rhai", RUNBOOK);
    let runbook = runbook.to_str().expect("UTF-8");
    lab.write("there/etc/app.conf", "# theirs\nx=0\n");
    lab.write("there/all/zk/version-2/snapshot.0", "old");
    lab.write("there/all/log/meta.properties", "cluster.id=Other\n");
    let there = lab.path("there");
    let start = [
        "--start-from",
        there.to_str().expect("UTF-8"),
        "--param",
        "root=/all",
    ];
    let simulate = |more: &[&str]| {
        let first = ["simulate", runbook];
        let all: Vec<_> = first.iter().chain(more).chain(&start).copied().collect();
        lab.run(&all)
    };
    let done = simulate(&["--seeds", "300", "--json"]).expect(0);
    let object: Value = serde_json::from_str(&done.out()).expect("an object");
    assert_eq!(object["seeds"], 300);
    assert_eq!(object["failed_seed"], Value::Null);
    assert!(
        object["moments"].as_u64().expect("a number") > 60,
        "{object}"
    );
    let few = simulate(&["--seeds", "20", "--faults", "kill,power"]).expect(0);
    assert!(few.out().contains("every promise held"), "{}", few.out());
    let one = simulate(&["--seed", "7", "--faults", "kill"])
        .expect(0)
        .out();
    assert!(
        one.contains("krun rollback") && one.contains("killed"),
        "{one}"
    );
    assert_eq!(
        simulate(&["--seed", "7", "--faults", "kill"])
            .expect(0)
            .out(),
        one
    );
    // Nothing real was touched, and there is no deployment.
    assert!(!lab.path("root").exists());
    assert!(lab.run(&["history"]).code() != 0);
}

#[test]
fn what_cant_be_simulated_is_refused_by_name() {
    let lab = Lab::default();
    let shipped = repository().join("runbooks/single-host-3-broker.rhai");
    let done = lab
        .run(&["simulate", shipped.to_str().expect("UTF-8")])
        .expect(2);
    let said = done.err();
    for step in [
        "broker-1: kafka::broker",
        "zookeeper: zookeeper::server",
        "topic: kafka::topic",
    ] {
        assert!(said.contains(step), "{said}");
    }
    let done = lab.run(&["simulate", "x.rhai", "--faults", "plague"]);
    assert!(
        done.err().contains("`plague` is no fault"),
        "{}",
        done.err()
    );
}
