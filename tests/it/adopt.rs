//! A cluster that was started by hand: taken over, run against, rolled back, and running on.

use std::{
    collections::BTreeMap,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use krun_tests::{lab::Done, procs::signal};
use rustix::process::Signal;

use crate::cluster::Cluster;

/// A command of another krun, which never heard of the first: another state folder.
pub fn other(cluster: &Cluster, verb: &str, more: &[&str]) -> Command {
    let mut command = cluster.command(verb, more);
    command.env("KRUN_STATE", cluster.lab.path("other-state"));
    command
}

fn by_other(cluster: &Cluster, verb: &str, more: &[&str]) -> Done {
    Done::of(other(cluster, verb, more))
}

/// Starts a server with its launcher, as a person would.
pub fn by_hand(cluster: &Cluster, launcher: &str, config: &str, heap: &str) {
    let kafka = cluster.root().join("kafka");
    let started = Command::new(kafka.join("bin").join(launcher))
        .arg("-daemon")
        .arg(kafka.join("config").join(config))
        .env("KAFKA_HEAP_OPTS", format!("-Xmx{heap} -Xms{heap}"))
        .env("LOG_DIR", cluster.lab.path("by-hand"))
        .env("JAVA_HOME", cluster.lab.path("jdk"))
        .current_dir(cluster.root())
        .stdin(Stdio::null())
        .status()
        .expect("a launcher");
    assert!(started.success(), "{launcher} {config}");
}

/// The pids of the servers by the name of their configuration, whoever started them.
fn servers(cluster: &Cluster) -> BTreeMap<String, u32> {
    let root = cluster.root().display().to_string();
    let mut found = BTreeMap::new();
    for entry in std::fs::read_dir("/proc").expect("/proc").flatten() {
        let Some(pid) = entry
            .file_name()
            .to_str()
            .and_then(|name| name.parse().ok())
        else {
            continue;
        };
        let bytes = std::fs::read(entry.path().join("cmdline")).unwrap_or_default();
        let line = String::from_utf8_lossy(&bytes).into_owned();
        let last = line
            .trim_end_matches('\0')
            .rsplit('\0')
            .next()
            .unwrap_or("");
        if line.contains("-cp\0") && last.starts_with(&root) && last.ends_with(".properties") {
            let name = last.rsplit('/').next().unwrap_or_default();
            found.insert(name.trim_end_matches(".properties").to_owned(), pid);
        }
    }
    found
}

/// Ends what was started by hand, also when the test fails.
pub struct Hands<'a>(pub &'a Cluster);

impl Drop for Hands<'_> {
    fn drop(&mut self) {
        for pid in servers(self.0).into_values() {
            signal(pid, Signal::KILL);
        }
    }
}

/// Waits until clients see all brokers.
pub fn await_brokers(cluster: &Cluster, count: usize) {
    let since = Instant::now();
    loop {
        let output = Command::new("kcat")
            .args(["-b", &cluster.bootstrap(), "-L", "-m", "2"])
            .output()
            .expect("kcat");
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        if text.contains(&format!("{count} brokers:")) {
            return;
        }
        assert!(since.elapsed() < Duration::from_secs(90), "{text}");
        std::thread::sleep(Duration::from_millis(100));
    }
}

#[test]
fn a_cluster_that_was_started_by_hand() {
    let mut cluster = Cluster::new(2);
    cluster.set("replication_factor=2").set("partitions=3");
    cluster
        .set("transaction_replication_factor=2")
        .set("transaction_min_isr=2");

    // What a person set up: here by another krun, which has nothing to do with it from now on.
    cluster.run().expect(0);
    cluster.lab.run(&["stop"]).expect(0);
    let _hands = Hands(&cluster);
    by_hand(
        &cluster,
        "zookeeper-server-start.sh",
        "zookeeper.properties",
        "128m",
    );
    by_hand(
        &cluster,
        "kafka-server-start.sh",
        "server.properties",
        "256m",
    );
    by_hand(
        &cluster,
        "kafka-server-start.sh",
        "server2.properties",
        "300m",
    );
    await_brokers(&cluster, 2);
    let started = servers(&cluster);
    assert_eq!(started.len(), 3, "{started:?}");
    assert!(cluster.lab.pids().is_empty(), "none of them is krun's");

    // In the way, unless it is adopted.
    let refused = by_other(&cluster, "run", &[]).expect(4);
    for text in ["krun::port-taken", "krun adopt"] {
        assert!(
            refused.err().contains(text),
            "`{text}` in\n{}",
            refused.err()
        );
    }

    let plan = by_other(&cluster, "adopt", &["--plan"]).expect(0);
    for text in [&started["server"].to_string(), "heap: 300m → 256m"] {
        assert!(plan.out().contains(text), "`{text}` in\n{}", plan.out());
    }
    by_other(&cluster, "adopt", &[]).expect(10);
    by_other(&cluster, "adopt", &["--yes"]).expect(0);
    assert_eq!(servers(&cluster), started, "all run on");
    let nothing = by_other(&cluster, "adopt", &["--yes"]).expect(2);
    assert!(
        nothing.err().contains("nothing to adopt"),
        "{}",
        nothing.err()
    );

    // What is as wanted stays; what differs is shown, and is only ended with consent.
    let plan = by_other(&cluster, "plan", &["--json"]).expect(0);
    let plan = &plan.events()[0]["plan"];
    let changes: Vec<String> = plan["steps"]
        .as_array()
        .expect("steps")
        .iter()
        .filter(|step| !matches!(step["change"].as_str(), Some("no-op" | "prove")))
        .map(|step| format!("{} {} {}", step["address"], step["change"], step["undo"]))
        .collect();
    assert!(
        changes.contains(&"\"broker-2\" \"restart\" \"irreversible\"".to_owned()),
        "{changes:?}"
    );
    assert!(
        changes.iter().all(|line| line.starts_with("\"broker-2\"")
            || line.starts_with("\"produce\"")
            || line.starts_with("\"consume\"")),
        "{changes:?}"
    );
    let refused = by_other(&cluster, "run", &[]).expect(10);
    assert!(refused.err().contains("--yes"), "{}", refused.err());
    assert_eq!(servers(&cluster), started);
    let run = by_other(&cluster, "run", &["--json", "--yes"]);
    eprintln!("{}", run.err());
    let run = run.expect(0);
    let touched: Vec<String> = run.changes().into_iter().map(|(step, _)| step).collect();
    assert_eq!(touched, ["broker-2", "produce"]);
    let now = servers(&cluster);
    assert_eq!(
        (now["zookeeper"], now["server"]),
        (started["zookeeper"], started["server"])
    );
    assert_ne!(now["server2"], started["server2"]);
    assert_eq!(cluster.lab.pids()["broker-2"], now["server2"], "krun's own");
    let again = by_other(&cluster, "run", &["--json"]).expect(0);
    assert_eq!(again.finished()["changed"], 0);

    // One that died is started as krun's own.
    signal(now["server"], Signal::KILL);
    let back = by_other(&cluster, "run", &["--json", "--yes"]).expect(0);
    assert!(back.changes().iter().any(|(step, _)| step == "broker-1"));
    assert!(cluster.lab.pids().contains_key("broker-1"));

    // Neither a stop nor a rollback ends what krun did not start.
    let mut stop = cluster.lab.krun(&["stop"]);
    stop.env("KRUN_STATE", cluster.lab.path("other-state"));
    Done::of(stop).expect(0);
    assert_eq!(
        servers(&cluster).into_values().collect::<Vec<_>>(),
        [started["zookeeper"]]
    );
    let mut rollback = cluster.lab.krun(&["rollback", "--yes"]);
    rollback.env("KRUN_STATE", cluster.lab.path("other-state"));
    let rollback = Done::of(rollback).expect(0);
    assert_eq!(
        servers(&cluster).into_values().collect::<Vec<_>>(),
        [started["zookeeper"]],
        "{}",
        rollback.err()
    );
    assert!(
        cluster.root().join("broker1/meta.properties").exists(),
        "its records stay"
    );
}
