//! Brokers join a running cluster and leave it again; what they hold is moved, and nothing is lost.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    io::{BufRead as _, BufReader},
    path::PathBuf,
    process::{Command, Stdio},
};

use krun_tests::{lab::Done, tree::listing};
use serde_json::Value;

use crate::cluster::{Cluster, kcat};

#[test]
fn a_broker_joins_and_leaves() {
    let mut cluster = Cluster::new(4);
    let before = listing(&cluster.root());
    let ports: Vec<String> = cluster.lab.ports.list[1..]
        .iter()
        .map(ToString::to_string)
        .collect();
    let (three, four) = (
        format!("broker_ports={}", ports[..3].join(",")),
        format!("broker_ports={}", ports.join(",")),
    );
    cluster.set(&three);
    cluster.run().expect(0);
    let sent = sorted(cluster.records_through(&ports[..3]));
    assert_eq!(sent.len(), 100);

    cluster.set(&four);
    a_new_broker_is_said_to_be_empty(&cluster);
    let at_first = placed(&cluster);

    cluster.set("rebalance=even");
    a_killed_reassignment_is_gone_on_with(&mut cluster);
    assert_eq!(sorted(cluster.records()), sent);
    let held = holders(&cluster);
    let counts: BTreeSet<usize> = held.values().copied().collect();
    assert_eq!(held.keys().copied().collect::<Vec<_>>(), [1, 2, 3, 4]);
    assert!(counts.iter().all(|c| (7..=8).contains(c)), "{held:?}");
    assert_eq!(cluster.run().expect(0).finished()["changed"], 0);

    let even = placed(&cluster);
    let without = without_moving(&cluster);
    let shipped = cluster.use_runbook(without.clone());
    cluster.on_runbook("run", &["--prune", "--yes"]).expect(0);
    assert_eq!(placed(&cluster), at_first, "the moves were taken back");
    cluster.use_runbook(shipped);
    cluster.run().expect(0);
    assert_eq!(placed(&cluster), even);

    cluster.set(&three);
    let refused = cluster.on_runbook("run", &["--prune"]);
    let refused = refused.expect(10);
    assert!(refused.err().contains("--yes"), "{}", refused.err());
    a_broker_that_holds_partitions_is_not_stopped(&mut cluster, without);
    a_broker_leaves(&mut cluster, &ports);
    assert_eq!(sorted(cluster.records_through(&ports[..3])), sent);

    cluster.lab.run(&["rollback", "--yes"]).expect(0);
    assert_eq!(cluster.lab.pids(), BTreeMap::new());
    assert_eq!(listing(&cluster.root()), before);
}

fn a_new_broker_is_said_to_be_empty(cluster: &Cluster) {
    let plan = cluster.on_runbook("plan", &[]).expect(0).out();
    assert!(plan.contains("broker 4 holds no partition"), "{plan}");
    let before = cluster.lab.pids();
    let run = cluster.on_runbook("run", &[]).expect(0).err();
    assert!(run.contains("broker 4 holds no partition"), "{run}");
    let mut after = cluster.lab.pids();
    assert!(after.remove("broker-4").is_some());
    assert_eq!(after, before, "those that ran run on");
    assert!(run.contains("rebalance=even"), "{run}");
    let status = cluster.lab.run(&["status", "--cluster"]).expect(0).out();
    let line = status
        .lines()
        .find(|line| line.contains("holds nothing"))
        .unwrap_or_else(|| panic!("{status}"));
    assert!(line.trim_start().starts_with('4'), "{status}");
    assert!(!holders(cluster).contains_key(&4));
}

/// Killed while replicas move, krun goes on with them and leaves no throttle.
fn a_killed_reassignment_is_gone_on_with(cluster: &mut Cluster) {
    cluster.set("rebalance_throttle=20000");
    let plan = cluster.on_runbook("plan", &[]).expect(0).out();
    assert!(plan.contains("partitions are to be moved"), "{plan}");
    let onto_the_fourth = plan.lines().filter(|line| {
        let (_, to) = line.split_once(" → ").unwrap_or_default();
        line.trim_start().starts_with("test-") && to.contains('4')
    });
    assert_eq!(onto_the_fourth.count(), 7, "{plan}");
    kill_at(
        cluster.command("run", &["--json"]),
        "partitions moved and in sync",
    );
    let left = throttles(cluster);
    assert!(!left.is_empty(), "the throttle of the killed run");
    let run = cluster.run().expect(0);
    assert_eq!(run.finished()["status"], "succeeded");
    assert!(
        changed(&run).contains(&"leaders".to_owned()),
        "{:?}",
        run.changes()
    );
    assert_eq!(throttles(cluster), Vec::<String>::new());
    // One reassignment, not two: the second run took up what the first had begun.
    let shown = cluster.lab.run(&["show", "last"]).expect(0).out();
    let begun = shown.lines().filter(|line| {
        let line = line.trim_start();
        line.contains("move the replicas of") && !line.starts_with("undo")
    });
    assert_eq!(begun.count(), 1, "{shown}");
    let preferred = leaders(cluster);
    assert!(preferred.iter().all(|(leader, first)| leader == first));
}

/// The guard: without a step that moves them, partitions hold their broker.
fn a_broker_that_holds_partitions_is_not_stopped(cluster: &mut Cluster, without: PathBuf) {
    let shipped = cluster.use_runbook(without);
    let done = cluster.on_runbook("run", &["--prune", "--yes"]);
    assert_ne!(done.code(), 0);
    assert!(
        done.err().contains("broker 4 still holds partitions"),
        "{}",
        done.err()
    );
    assert!(cluster.lab.pids().contains_key("broker-4"));
    cluster.use_runbook(shipped);
}

/// The shipped runbook but for the step that moves partitions and the one after it.
fn without_moving(cluster: &Cluster) -> PathBuf {
    let shipped = fs::read_to_string(cluster.runbook()).expect("the runbook");
    let (head, rest) = shipped
        .split_once("let replicas = kafka::reassign(")
        .expect("the step");
    let (_, tail) = rest.split_once("phase(\"Look at it\");").expect("the rest");
    let text = format!("{head}\nphase(\"Look at it\");{tail}");
    cluster.lab.write("without.rhai", &text)
}

fn a_broker_leaves(cluster: &mut Cluster, ports: &[String]) {
    cluster.set("rebalance=drain");
    let plan = cluster.on_runbook("plan", &["--prune"]).expect(0).out();
    assert!(plan.contains("broker-4"), "{plan}");
    assert!(plan.contains("delete"), "{plan}");
    let data = cluster.root().join("broker4");
    assert!(data.join("meta.properties").exists());
    kill_at(
        cluster.command("run", &["--prune", "--yes", "--json"]),
        "\"event\":\"undone\"",
    );
    let run = cluster.on_runbook("run", &["--prune", "--yes"]).expect(0);
    assert!(!cluster.lab.pids().contains_key("broker-4"));
    assert!(!data.exists(), "its folder is aside\n{}", run.err());
    let metadata = kcat(&["-b", &format!("127.0.0.1:{}", ports[0]), "-L"]);
    assert!(metadata.contains("3 brokers:"), "{metadata}");
    let again = cluster.on_runbook("run", &["--prune", "--json"]).expect(0);
    assert_eq!(again.finished()["changed"], 0);
    assert_eq!(throttles(cluster), Vec::<String>::new());
    let held = holders(cluster);
    assert_eq!(held.keys().copied().collect::<Vec<_>>(), [1, 2, 3]);
    assert!(
        !cluster
            .root()
            .join("kafka/config/server4.properties")
            .exists()
    );
}

fn sorted(mut lines: Vec<String>) -> Vec<String> {
    lines.sort();
    lines
}

fn changed(run: &Done) -> Vec<String> {
    run.changes().into_iter().map(|(step, _)| step).collect()
}

/// Leader and first replica of each partition of `test`, as kcat sees them.
fn leaders(cluster: &Cluster) -> Vec<(i64, i64)> {
    partitions(cluster)
        .iter()
        .map(|p| (p["leader"].as_i64().expect("a leader"), replicas(p)[0]))
        .collect()
}

/// The brokers of each partition of `test`, as kcat sees them.
fn placed(cluster: &Cluster) -> Vec<Vec<i64>> {
    partitions(cluster).iter().map(replicas).collect()
}

fn replicas(partition: &Value) -> Vec<i64> {
    let replicas = partition["replicas"].as_array().expect("replicas");
    let ids = replicas
        .iter()
        .map(|one| one["id"].as_i64().expect("an id"));
    ids.collect()
}

/// How many replicas of `test` each broker holds, as kcat sees it.
fn holders(cluster: &Cluster) -> BTreeMap<i64, usize> {
    let mut held = BTreeMap::new();
    for replicas in placed(cluster) {
        assert_eq!(replicas.len(), 3);
        for id in replicas {
            *held.entry(id).or_default() += 1;
        }
    }
    held
}

fn partitions(cluster: &Cluster) -> Vec<Value> {
    let one = format!("127.0.0.1:{}", cluster.lab.ports.list[1]);
    let text = kcat(&["-b", &one, "-L", "-J", "-t", "test"]);
    let seen: Value = serde_json::from_str(&text).expect("JSON");
    seen["topics"][0]["partitions"]
        .as_array()
        .expect("partitions")
        .clone()
}

/// Every setting of a throttle that Kafka's own tool finds, on topics and brokers.
fn throttles(cluster: &Cluster) -> Vec<String> {
    let tool = cluster.root().join("kafka/bin/kafka-configs.sh");
    let mut found = vec![];
    for kind in ["topics", "brokers"] {
        let output = Command::new(&tool)
            .args(["--bootstrap-server"])
            .arg(format!("127.0.0.1:{}", cluster.lab.ports.list[1]))
            .args(["--describe", "--entity-type", kind])
            .output()
            .expect("kafka-configs.sh runs");
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(text.contains("onfigs for"), "{text}");
        found.extend(
            text.lines()
                .filter(|line| line.contains("throttled"))
                .map(str::to_owned),
        );
    }
    found
}

/// Runs krun until a line of its events holds a text, and ends it there with SIGKILL.
fn kill_at(mut command: Command, moment: &str) {
    let mut krun = command
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("krun starts");
    let lines = BufReader::new(krun.stdout.take().expect("stdout")).lines();
    let mut seen = false;
    for line in lines.map_while(Result::ok) {
        if line.contains(moment) {
            seen = true;
            break;
        }
    }
    krun.kill().expect("SIGKILL");
    krun.wait().expect("krun is gone");
    assert!(seen, "krun ended before `{moment}`");
}
