//! The guide's commands, taken from the page as a reader sees it and typed into a real bash, make the
//! cluster that krun makes.

mod facts;
mod typed;

use std::{collections::BTreeMap, fs, process::Command};

use krun_tests::lab::{Done, repository};
use serde_json::{Value, json};

use self::{
    facts::{Facts, named, processes},
    typed::{Commands, make_archives, type_it},
};
use crate::cluster::{Cluster, kcat};

/// The guide of the book, and what it says beyond that where more is to be proven and set.
#[test]
fn the_guide_typed_by_hand_makes_krun_s_cluster() {
    let cluster = || {
        let mut cluster = Cluster::new(3);
        // The heaps are those of the book.
        cluster
            .set("proofs=full")
            .set("heap=512m")
            .set("zookeeper_heap=256m");
        cluster
    };
    let by_krun = made_by_krun(cluster(), &the_capture_is_what_krun_says);

    let mut cluster = cluster();
    let guide = Commands::of(&cluster.on_runbook("doc", &[]).expect(0).out());
    holds_all_of_the_book_s_guide(&cluster, &guide);
    make_by_hand(&cluster, &guide);
    assert_eq!(Facts::of(&cluster), by_krun);
    krun_finds_it_as_wanted(&mut cluster);
    settings_typed_by_hand(&cluster);
    an_archive_laid_out_by_hand(&cluster);
    take_back(&cluster, &guide);
}

/// Tools that ask ZooKeeper, a flag that has another name since, and a ZooKeeper of its own.
#[test]
fn the_same_for_the_oldest_kafka_and_a_newer_zookeeper() {
    let cluster = || {
        let mut cluster = Cluster::new(1);
        cluster
            .set("kafka_version=1.0.0")
            .set("zookeeper_version=3.8.4")
            .set("allow_untested_java=true")
            .set("replication_factor=1")
            .set("partitions=2");
        cluster
    };
    let by_krun = made_by_krun(cluster(), &|_, _| {});

    let cluster = cluster();
    let guide = Commands::of(&cluster.on_runbook("doc", &[]).expect(0).out());
    make_by_hand(&cluster, &guide);
    assert_eq!(Facts::of(&cluster), by_krun);
    take_back(&cluster, &guide);
}

/// What is seen of a cluster that krun made and took back again.
fn made_by_krun(cluster: Cluster, look: &dyn Fn(&Cluster, &Done)) -> Facts {
    let run = cluster.run().expect(0);
    look(&cluster, &run);
    let facts = Facts::of(&cluster);
    cluster.lab.run(&["rollback", "--yes"]).expect(0);
    facts
}

fn make_by_hand(cluster: &Cluster, guide: &Commands) {
    assert!(guide.shell.len() > 3 && guide.apply.len() > 15 && !guide.take_back.is_empty());
    make_archives(cluster, &guide.apply.join("\n"));
    leave_an_earlier_cluster(cluster);
    type_it(cluster, &guide.apply);
}

fn take_back(cluster: &Cluster, guide: &Commands) {
    type_it(cluster, &[&guide.shell[..], &guide.take_back].concat());
    assert_eq!(processes(cluster), BTreeMap::new(), "nothing runs any more");
}

/// What an earlier Kafka left, so that the commands that clear it have something to do.
fn leave_an_earlier_cluster(cluster: &Cluster) {
    cluster
        .lab
        .write("root/zookeeper/version-2/snapshot.0", "an old snapshot");
    cluster.lab.write(
        "root/broker1/meta.properties",
        "version=0\nbroker.id=7\ncluster.id=AnotherClusterAltogether\n",
    );
}

/// What is typed is what the page in the book says, but for the lab's folder and ports, and more.
fn holds_all_of_the_book_s_guide(cluster: &Cluster, guide: &Commands) {
    let path = "book/src/guides/single-host-3-broker.md";
    let page = fs::read_to_string(repository().join(path)).expect(path);
    let mut book = page.replace("~/krun/single-host-3-broker", "ROOT");
    for (index, port) in ["2181", "9091", "9092", "9093"].iter().enumerate() {
        book = book.replace(port, &format!("PORT{index}"));
    }
    let book = Commands::of(&book);
    let typed = |blocks: &[String]| named(cluster, &blocks.join("\n"));
    let (apply, take_back) = (typed(&guide.apply), typed(&guide.take_back));
    for block in &book.apply {
        assert!(apply.contains(block), "{block}\n--- is not in\n{apply}");
    }
    // All of it is one block.
    let lines = book.take_back.iter().flat_map(|block| block.lines());
    for line in lines {
        assert!(
            take_back.contains(line),
            "{line}\n--- is not in\n{take_back}"
        );
    }
}

/// Kinds that the shipped runbook does not use: what is typed is what krun wants, and can be taken back.
fn settings_typed_by_hand(cluster: &Cluster) {
    let ports = cluster.lab.ports.list[1..].iter();
    let bootstrap: Vec<_> = ports.map(|port| format!("\"127.0.0.1:{port}\"")).collect();
    cluster.lab.write(
        "settings.rhai",
        &format!(
            r#"runbook(#{{ name: "settings", version: "1", summary: "Settings" }});
let bootstrap = [{}];
let java = kafka::java("java", #{{ kafka_version: "3.9.1" }});
let kafka = kafka::distribution("kafka", #{{ version: "3.9.1", to: "{root}", home: "{root}", java: java.bin }});
for broker in ["default", "2"] {{
    kafka::broker_settings(`settings-${{broker}}`, #{{
        bootstrap: bootstrap, broker: broker,
        configs: #{{ "log.cleaner.threads": 2, "log.cleanup.policy": "compact,delete" }}, after: kafka,
    }});
}}
kafka::topic("made", #{{
    bootstrap: bootstrap, name: "made", partitions: 2, replication_factor: 3,
    configs: #{{ "retention.ms": 86400000, "cleanup.policy": "compact,delete" }}, after: kafka,
}});
kafka::topic_absent("old", #{{ bootstrap: bootstrap, name: "old", after: kafka }});
"#,
            bootstrap.join(", "),
            root = cluster.root().join("kafka").display()
        ),
    );
    // Brokers make a topic that somebody writes into.
    let record = cluster.lab.write("record", "somebody's");
    let record = record.to_str().expect("UTF-8");
    kcat(&["-b", &cluster.bootstrap(), "-P", "-t", "old", record]);
    let page = cluster.lab.run(&["doc", "settings.rhai"]).expect(0).out();
    let typed = Commands::of(&page);
    type_it(cluster, &typed.apply);
    let plan = cluster.lab.run(&["plan", "settings.rhai", "--json"]);
    let plan = plan.expect(0).events().remove(0);
    let steps = plan["plan"]["steps"].as_array().expect("steps").clone();
    assert_eq!(steps.len(), 6, "{plan}");
    for step in &steps {
        assert_eq!(step["change"], "no-op", "{step}");
    }
    type_it(cluster, &typed.take_back);
}

/// Kafka out of an archive that the user names, checked by a file in the shape that Apache's have.
fn an_archive_laid_out_by_hand(cluster: &Cluster) {
    let lab = &cluster.lab;
    let archive = lab.path("mirror/kafka/3.9.1/kafka_2.13-3.9.1.tgz");
    let sum = Command::new("sha512sum").arg(&archive).output();
    let sum = String::from_utf8(sum.expect("sha512sum").stdout).expect("UTF-8");
    let (digits, _) = sum.split_once(' ').expect("digits");
    let digits = digits.to_uppercase();
    let (half, rest) = digits.split_at(64);
    let checksum = lab.write("sum", &format!("kafka_2.13-3.9.1.tgz: {half}\n   {rest}\n"));
    lab.write(
        "archive.rhai",
        &format!(
            r#"runbook(#{{ name: "archive", version: "1", summary: "An archive" }});
let java = kafka::java("java", #{{ kafka_version: "3.9.1" }});
kafka::distribution("kafka", #{{
    version: "3.9.1", to: "{}", from: "{}", checksum: "{}", java: java.bin,
}});
"#,
            lab.path("again").display(),
            archive.display(),
            checksum.display()
        ),
    );
    let page = lab.run(&["doc", "archive.rhai"]).expect(0).out();
    type_it(cluster, &Commands::of(&page).apply);
    assert!(lab.path("again/bin/kafka-topics.sh").exists());
}

/// A krun that knows nothing of the cluster has nothing to change in its files and its topic.
fn krun_finds_it_as_wanted(cluster: &mut Cluster) {
    let home = cluster.root().join("kafka");
    cluster.set(&format!("kafka_home={}", home.display()));
    // The ports are taken, so a run would be refused; what it looks at is seen all the same.
    let plan = cluster.on_runbook("plan", &["--json"]).expect(4);
    let plan = plan.events().remove(0);
    let steps = plan["plan"]["steps"].as_array().expect("steps").clone();
    let mut looked = 0;
    for step in steps {
        let kind_of_file = |address: &str| {
            ["root", "kafka", "topic"].contains(&address)
                || address.ends_with("/config")
                || address.ends_with("/clone")
        };
        if kind_of_file(step["address"].as_str().unwrap_or_default()) {
            assert_eq!(step["change"], "no-op", "{step}");
            looked += 1;
        }
    }
    assert_eq!(looked, 3 + 4 + 2, "{plan}");
}

/// The run that is shown in the guide said what a run says now: the same steps, the same changes, the
/// same outputs, and the same values but for those that no two runs share.
fn the_capture_is_what_krun_says(cluster: &Cluster, run: &Done) {
    let events = cluster.lab.write("events", &run.out());
    let events = events.to_str().expect("UTF-8");
    let made = cluster.on_runbook("doc", &["--record", events]).expect(0);
    let made: Value = serde_json::from_str(&made.out()).expect("a capture");
    let path = "book/captures/single-host-3-broker.json";
    let there = fs::read_to_string(repository().join(path)).expect(path);
    let there: Value = serde_json::from_str(&there).expect(path);
    let (there, mut made) = (told(&there), told(&made));
    made.retain(|address, _| !address.starts_with("proofs/"));
    assert_eq!(
        there, made,
        "{path} is stale; `book/refresh --capture` makes it anew"
    );
}

/// What a capture tells of each step.
fn told(capture: &Value) -> BTreeMap<String, Value> {
    let steps = capture["steps"].as_object().expect("steps");
    steps
        .iter()
        .map(|(address, step)| {
            let mut outputs = step["outputs"].as_object().cloned().unwrap_or_default();
            for (name, value) in &mut outputs {
                // Which broker leads what is the cluster's choice; the Java is the machine's.
                if ["leaders", "partitions", "version"].contains(&name.as_str()) {
                    *value = json!("…");
                }
            }
            (address.clone(), json!([step["change"], outputs]))
        })
        .collect()
}
