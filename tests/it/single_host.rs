//! The shipped runbook from nothing to compared records, again and again, and back.

use std::{
    collections::BTreeMap,
    fs,
    os::unix::fs::MetadataExt as _,
    time::{Duration, SystemTime},
};

use krun_tests::{
    procs::{marked, signal},
    tree::listing,
};

use crate::{
    cluster::{Cluster, kcat},
    properties,
};

#[test]
fn the_whole_life_of_a_cluster() {
    let cluster = Cluster::new(3);
    leave_an_earlier_cluster(&cluster);
    let before = listing(&cluster.root());

    plan_changes_nothing(&cluster, &before);
    first_run_is_proven(&cluster);
    second_run_touches_nothing(&cluster);
    a_killed_broker_alone_comes_back(&cluster);
    drift_is_found_repaired_and_restarts_one(&cluster);
    heap_restarts_one_at_a_time(&cluster);
    a_param_changes_what_depends_on_it(&cluster);
    let kafka = cluster.root().join("kafka");
    let folders = [kafka.join("config"), kafka.join("libs")];
    properties::are_read_as_java_reads_them(&cluster.lab.path(""), &[&folders[0], &folders[1]]);
    the_usual_tools_work(&cluster);
    status_and_history_tell_it(&cluster);
    stop_and_start_keep_data(&cluster);
    foreign_changes_stop_a_rollback(&cluster);

    cluster.lab.run(&["rollback", "--yes"]).expect(0);
    assert_eq!(listing(&cluster.root()), before, "back to the byte");
    assert_eq!(cluster.lab.pids(), BTreeMap::new(), "no process is left");
    let again = cluster.lab.run(&["rollback", "--yes"]).expect(0);
    assert!(
        again.err().contains("nothing to take back"),
        "{}",
        again.err()
    );
}

/// What an earlier Kafka left: snapshots, and a log folder of another cluster.
fn leave_an_earlier_cluster(cluster: &Cluster) {
    let lab = &cluster.lab;
    lab.write("root/zookeeper/version-2/snapshot.0", "an old snapshot");
    lab.write("root/zookeeper/version-2/log.1", "an old transaction log");
    lab.write("root/zookeeper/myid", "1\n");
    lab.write(
        "root/broker1/meta.properties",
        "version=0\nbroker.id=7\ncluster.id=AnotherClusterAltogether\n",
    );
    lab.write(
        "root/broker1/old-0/00000000000000000000.log",
        "records of another cluster",
    );
    lab.write("root/notes.txt", "not krun's business\n");
}

fn plan_changes_nothing(cluster: &Cluster, before: &str) {
    let plan = cluster.on_runbook("plan", &[]).expect(0);
    let text = plan.out();
    for expected in [
        "broker-2/config",
        "known after apply",
        "zookeeper/clean",
        "undo",
    ] {
        assert!(text.contains(expected), "{expected} in\n{text}");
    }
    assert_eq!(listing(&cluster.root()), before, "a plan touches nothing");
    assert!(!cluster.lab.path("state").exists(), "a plan makes no state");
}

fn first_run_is_proven(cluster: &Cluster) {
    let run = cluster.run().expect(0);
    let last = run.finished();
    assert_eq!(last["status"], "succeeded", "{last}");
    assert_eq!(last["failed"], 0);
    let steps: Vec<String> = cluster.lab.pids().into_keys().collect();
    assert_eq!(steps, ["broker-1", "broker-2", "broker-3", "zookeeper"]);
    assert!(
        !cluster.root().join("broker1/old-0").exists(),
        "the other cluster's logs are aside"
    );

    // A client that is not krun's sees the same.
    let metadata = kcat(&["-b", &cluster.bootstrap(), "-L", "-t", "test"]);
    assert!(metadata.contains("3 brokers:"), "{metadata}");
    assert!(
        metadata.contains("topic \"test\" with 10 partitions"),
        "{metadata}"
    );
    let full = metadata
        .lines()
        .filter(|l| l.contains("partition ") && isrs_of(l) == 3)
        .count();
    assert_eq!(full, 10, "{metadata}");
    let records = cluster.records();
    assert_eq!(records.len(), 100);
}

fn isrs_of(line: &str) -> usize {
    line.rsplit("isrs:")
        .next()
        .map_or(0, |list| list.split(',').count())
}

fn second_run_touches_nothing(cluster: &Cluster) {
    let (pids, before) = (cluster.lab.pids(), config_listing(cluster));
    let last = cluster.run().expect(0).finished();
    assert_eq!(last["changed"], 0, "{last}");
    assert_eq!(cluster.lab.pids(), pids, "no process was restarted");
    assert_eq!(config_listing(cluster), before, "no file was touched");
}

/// Configuration with inode and time of change: a rewrite of the same bytes would show.
fn config_listing(cluster: &Cluster) -> Vec<String> {
    let mut lines: Vec<String> = fs::read_dir(cluster.root().join("kafka/config"))
        .expect("config")
        .flatten()
        .map(|entry| {
            let meta = entry.metadata().expect("metadata");
            format!(
                "{:?} {} {}",
                entry.file_name(),
                meta.ino(),
                meta.ctime_nsec()
            )
        })
        .collect();
    lines.sort();
    lines
}

fn a_killed_broker_alone_comes_back(cluster: &Cluster) {
    let before = cluster.lab.pids();
    signal(before["broker-2"], rustix::process::Signal::KILL);
    let run = cluster.run().expect(0);
    assert_eq!(
        run.changes(),
        [("broker-2".to_owned(), "create".to_owned())]
    );
    let after = cluster.lab.pids();
    assert_ne!(after["broker-2"], before["broker-2"]);
    for step in ["zookeeper", "broker-1", "broker-3"] {
        assert_eq!(after[step], before[step], "{step} was left alone");
    }
}

fn drift_is_found_repaired_and_restarts_one(cluster: &Cluster) {
    let path = cluster.root().join("kafka/config/server2.properties");
    let text = fs::read_to_string(&path).expect("server2.properties");
    let modified: SystemTime = fs::metadata(&path)
        .and_then(|m| m.modified())
        .expect("mtime");
    let wrong = text.replace(
        "log.flush.interval.messages=2",
        "log.flush.interval.messages=3",
    );
    assert_ne!(wrong, text);
    fs::write(&path, wrong).expect("write");
    fs::File::options()
        .write(true)
        .open(&path)
        .and_then(|file| file.set_modified(modified))
        .expect("the same time as before");

    let plan = cluster.on_runbook("plan", &[]).expect(0).out();
    assert!(
        plan.contains("log.flush.interval.messages: 3 → 2"),
        "{plan}"
    );
    let before = cluster.lab.pids();
    let run = cluster.run().expect(0);
    assert_eq!(
        run.changes(),
        [
            ("broker-2/config".to_owned(), "update".to_owned()),
            ("broker-2".to_owned(), "restart".to_owned())
        ]
    );
    assert_eq!(
        fs::read_to_string(&path).expect("server2.properties"),
        text,
        "repaired"
    );
    let after = cluster.lab.pids();
    assert_ne!(after["broker-2"], before["broker-2"]);
    assert_eq!(after["broker-1"], before["broker-1"]);
}

fn heap_restarts_one_at_a_time(cluster: &Cluster) {
    let folder = cluster.lab.path("");
    let folder = folder.to_str().expect("UTF-8").to_owned();
    let run = cluster.command("run", &["--json", "--param", "heap=288m"]);
    // While the run goes on, the operating system is asked how many brokers there are.
    let (done, fewest) = std::thread::scope(|scope| {
        let running = scope.spawn(|| krun_tests::lab::Done::of(run));
        let mut fewest = usize::MAX;
        while !running.is_finished() {
            let brokers = marked(&folder)
                .iter()
                .filter(|p| p.step.starts_with("broker-"))
                .count();
            fewest = fewest.min(brokers);
            std::thread::sleep(Duration::from_millis(2));
        }
        (running.join().expect("krun"), fewest)
    });
    let done = done.expect(0);
    // Which of them comes first depends on whose files were looked at first.
    let mut changes = done.changes();
    changes.sort();
    assert_eq!(
        changes,
        ["broker-1", "broker-2", "broker-3"].map(|s| (s.to_owned(), "restart".to_owned()))
    );
    assert!(
        fewest >= 2,
        "at most one broker was down at a time, but {fewest} were up"
    );
    let commands = krun_tests::procs::marked(&folder);
    assert_eq!(commands.len(), 4);
}

fn a_param_changes_what_depends_on_it(cluster: &Cluster) {
    // The heap of the last run is kept without being given again; only the act of producing and the
    // proof that reads it depend on the number of records.
    let mut again = cluster.on_runbook(
        "run",
        &["--json", "--param", "heap=288m", "--param", "records=150"],
    );
    again = again.expect(0);
    assert_eq!(again.changes(), [("produce".to_owned(), "act".to_owned())]);
}

/// The guide's own command, as a person would type it.
fn the_usual_tools_work(cluster: &Cluster) {
    let describe = std::process::Command::new(cluster.root().join("kafka/bin/kafka-topics.sh"))
        .args([
            "--describe",
            "--topic",
            "test",
            "--bootstrap-server",
            &cluster.bootstrap(),
        ])
        .output()
        .expect("kafka-topics.sh");
    let text = String::from_utf8_lossy(&describe.stdout);
    assert!(
        text.contains("PartitionCount: 10\tReplicationFactor: 3"),
        "{text}"
    );
}

fn status_and_history_tell_it(cluster: &Cluster) {
    let table = cluster.lab.run(&["status", "--cluster"]).expect(0).out();
    assert!(
        table.contains("test") && table.contains(&cluster.lab.ports.list[1].to_string()),
        "{table}"
    );
    let status = cluster.lab.run(&["status"]).expect(0).out();
    assert!(status.contains("broker-3"), "{status}");
    let history = cluster.lab.run(&["history", "--json"]).expect(0);
    assert!(history.events().len() >= 6);
    let show = cluster.lab.run(&["show", "1"]).expect(0).out();
    assert!(show.contains("zookeeper/clean"), "{show}");
    let logs = cluster
        .lab
        .run(&["logs", "broker-1", "-n", "0"])
        .expect(0)
        .out();
    assert!(
        logs.contains("started (kafka.server.KafkaServer)"),
        "{logs}"
    );
}

fn stop_and_start_keep_data(cluster: &Cluster) {
    cluster.lab.run(&["stop"]).expect(0);
    assert_eq!(cluster.lab.pids(), BTreeMap::new());
    let mut start = cluster.lab.krun(&["start"]);
    start.env("JAVA_HOME", cluster.lab.path("jdk"));
    krun_tests::lab::Done::of(start).expect(0);
    let records = cluster.records();
    assert_eq!(records.len(), 250);
}

fn foreign_changes_stop_a_rollback(cluster: &Cluster) {
    let path = cluster.root().join("kafka/config/server3.properties");
    let ours = fs::read(&path).expect("server3.properties");
    fs::write(&path, [&ours[..], b"# a person was here\n"].concat()).expect("write");
    let pids = cluster.lab.pids();
    let refused = cluster.lab.run(&["rollback", "--yes"]).expect(6);
    assert!(
        refused.err().contains("server3.properties"),
        "{}",
        refused.err()
    );
    assert!(refused.err().contains("--force"), "{}", refused.err());
    assert_eq!(cluster.lab.pids(), pids, "nothing was touched");
    fs::write(&path, ours).expect("write");
}
