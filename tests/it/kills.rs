//! krun is ended with SIGKILL while it brings up, changes and takes back a real cluster.

use std::{
    collections::BTreeMap,
    io::{BufRead as _, BufReader},
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use krun_tests::{procs, tree::listing};
use rustix::process::Signal;

use crate::cluster::Cluster;

#[test]
fn goes_on_after_sigkill_and_starts_nothing_twice() {
    let cluster = Cluster::new(3);
    cluster
        .lab
        .write("root/zookeeper/version-2/snapshot.0", "an old snapshot");
    let before = listing(&cluster.root());
    let began = |step: &str| format!("\"event\":\"step_started\",\"step\":\"{step}\"");
    for moment in [
        began("kafka"),
        began("zookeeper/clean"),
        began("broker-2/config"),
        began("zookeeper"),
        began("broker-1"),
        began("broker-3"),
        began("topic"),
        began("produce"),
        began("consume"),
    ] {
        kill_at(cluster.command("run", &["--json"]), &moment);
        // Asks the operating system, and fails if a step has two processes.
        cluster.lab.pids();
    }
    let last = cluster.run().expect(0).finished();
    assert_eq!(last["status"], "succeeded", "{last}");
    for config in [
        "zookeeper.properties",
        "server.properties",
        "server2.properties",
        "server3.properties",
    ] {
        assert_eq!(
            cluster.starts(&format!("/{config}")),
            1,
            "{config} was started once"
        );
    }
    let records = cluster.records();
    assert_eq!(
        records.len(),
        100,
        "sent once, though krun was killed while sending"
    );
    assert_eq!(cluster.run().expect(0).finished()["changed"], 0);

    for _ in 0..4 {
        kill_at(
            cluster.lab.krun(&["rollback", "--yes", "--json"]),
            "\"event\":\"undone\"",
        );
    }
    cluster.lab.run(&["rollback", "--yes"]).expect(0);
    assert_eq!(cluster.lab.pids(), BTreeMap::new());
    assert_eq!(listing(&cluster.root()), before);
}

/// Runs krun until a line of its events holds a text, and ends it there with SIGKILL.
fn kill_at(mut command: Command, moment: &str) {
    let mut krun = command
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("krun starts");
    let lines = BufReader::new(krun.stdout.take().expect("stdout")).lines();
    for line in lines.map_while(Result::ok) {
        if line.contains(moment) {
            break;
        }
    }
    krun.kill().expect("SIGKILL");
    krun.wait().expect("krun is gone");
}

#[test]
fn stopped_by_ctrl_c_it_says_how_to_go_on() {
    let cluster = Cluster::of_one(1);
    let mut krun = cluster
        .command("run", &["--json"])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("krun starts");
    let mut last = String::new();
    for line in BufReader::new(krun.stdout.take().expect("stdout")).lines() {
        last = line.expect("an event");
        if last.contains("\"step_started\",\"step\":\"broker-1\"") {
            procs::signal(krun.id(), Signal::INT);
        }
    }
    assert_eq!(krun.wait().expect("krun ends").code(), Some(130));
    assert!(
        last.contains("\"run_finished\"") && last.contains("\"cancelled\""),
        "{last}"
    );
    let again = cluster.run().expect(0).finished();
    assert_eq!(again["status"], "succeeded", "{again}");
    assert_eq!(
        cluster.starts("/server.properties"),
        1,
        "the broker that was starting is kept"
    );
    stopped_twice(&cluster);
}

/// On a broker that does not end: once, krun waits for the effect in hand; twice, it ends at once, and
/// the next command goes on from what is there.
fn stopped_twice(cluster: &Cluster) {
    let broker = cluster.lab.pids()["broker-1"];
    // It gets SIGTERM, and can't act on it.
    assert!(procs::signal(broker, Signal::STOP));
    let mut krun = cluster
        .lab
        .krun(&["stop", "--json"])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("krun starts");
    let mut lines = BufReader::new(krun.stdout.take().expect("stdout")).lines();
    let began = "\"step_started\",\"step\":\"broker-1\"";
    let said = lines.any(|line| line.is_ok_and(|line| line.contains(began)));
    assert!(said, "the broker is being stopped");
    assert!(procs::signal(krun.id(), Signal::INT));
    // Nothing tells of the end that does not come; a krun that gave up would do so at once.
    thread::sleep(Duration::from_millis(300));
    assert_eq!(krun.try_wait().expect("a look"), None, "it waits");
    let since = Instant::now();
    assert!(procs::signal(krun.id(), Signal::INT));
    assert_eq!(krun.wait().expect("krun ends").code(), Some(130));
    assert!(since.elapsed() < Duration::from_secs(5));
    assert_eq!(cluster.lab.pids()["broker-1"], broker, "nobody killed it");
    assert!(procs::signal(broker, Signal::CONT));
    cluster.lab.run(&["resume"]).expect(0);
    assert_eq!(cluster.lab.pids(), BTreeMap::new());
    let again = cluster.run().expect(0).finished();
    assert_eq!(again["status"], "succeeded", "{again}");
    assert_eq!(cluster.records().len(), 100);
}
