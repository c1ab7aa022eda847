//! A Kafka folder that is already there, with data of its own, and a cluster that is dead when it is
//! taken back.

use std::{
    collections::BTreeMap,
    io::{BufRead as _, BufReader, Write},
    net::TcpListener,
    process::Command,
};

use krun_tests::{lab::Lab, procs, tree::listing};

use crate::cluster::{Cluster, kcat};

const POM: &str = r#"<project><modelVersion>4.0.0</modelVersion>
<groupId>t</groupId><artifactId>t</artifactId><version>1</version><dependencies>
<dependency><groupId>org.apache.kafka</groupId><artifactId>kafka_2.13</artifactId><version>3.9.1</version></dependency>
<dependency><groupId>org.slf4j</groupId><artifactId>slf4j-reload4j</artifactId><version>1.7.36</version></dependency>
</dependencies></project>"#;

/// What an administrator unpacked once: libraries, and configuration that was edited by hand.
fn install_kafka(lab: &Lab) {
    lab.write("apache/pom.xml", POM);
    let mvn = Command::new("mvn")
        .args([
            "-q",
            "-B",
            "dependency:copy-dependencies",
            "-DoutputDirectory=libs",
        ])
        .current_dir(lab.path("apache"))
        .output()
        .expect("mvn");
    assert!(
        mvn.status.success(),
        "{}",
        String::from_utf8_lossy(&mvn.stdout)
    );
    let data = lab.path("data");
    let data = data.display();
    lab.write(
        "apache/config/zookeeper.properties",
        &format!("# ours\ndataDir={data}/zk\ndataLogDir={data}/zklog\nclientPort=2181\n"),
    );
    lab.write(
        "apache/config/server.properties",
        "# edited by hand; keep the order\nbroker.id=0\n#listeners=PLAINTEXT://:9092\n\
         offsets.topic.replication.factor=1\nlog.dirs=/tmp/kafka-logs\n\n\
         zookeeper.connect=localhost:2181\n",
    );
    lab.write("data/zk/version-2/snapshot.5", "an old snapshot");
    lab.write("data/zklog/version-2/log.6", "an old transaction log");
}

#[test]
fn an_existing_folder_is_used_and_a_dead_cluster_taken_back() {
    let mut cluster = Cluster::new(2);
    install_kafka(&cluster.lab);
    let home = format!("kafka_home={}", cluster.lab.path("apache").display());
    cluster
        .set(&home)
        .set("replication_factor=2")
        .set("partitions=3");
    cluster
        .set("transaction_replication_factor=2")
        .set("transaction_min_isr=2");
    let before = [
        listing(&cluster.lab.path("apache")),
        listing(&cluster.lab.path("data")),
    ];

    cluster.run().expect(0);
    assert!(
        !cluster.lab.path("data/zk/version-2/snapshot.5").exists(),
        "set aside"
    );
    assert!(
        !cluster.lab.path("data/zklog/version-2/log.6").exists(),
        "with its log"
    );
    let metadata = kcat(&["-b", &cluster.bootstrap(), "-L", "-t", "test"]);
    assert!(
        metadata.contains("topic \"test\" with 3 partitions"),
        "{metadata}"
    );

    a_web_console_is_proven(&cluster);

    procs::end_all(cluster.lab.path("").to_str().expect("UTF-8"));
    cluster.lab.run(&["rollback", "--yes"]).expect(0);
    let after = [
        listing(&cluster.lab.path("apache")),
        listing(&cluster.lab.path("data")),
    ];
    assert_eq!(after, before, "back to the byte");
    assert!(!cluster.root().exists());
    assert_eq!(cluster.lab.pids(), BTreeMap::new());
}

/// A page that names the topic and one broker's port, as a console's page would.
fn a_web_console_is_proven(cluster: &Cluster) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a port");
    let url = format!(
        "ui_url=http://{}/topics",
        listener.local_addr().expect("an address")
    );
    let broker = cluster.lab.ports.list[1];
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let mut request = BufReader::new(&stream).lines();
            while request
                .next()
                .is_some_and(|line| line.is_ok_and(|line| !line.is_empty()))
            {}
            let page = format!("<html>topic test on 127.0.0.1:{broker}</html>");
            let answer = format!(
                "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{page}",
                page.len()
            );
            let _ = Write::write_all(&mut &stream, answer.as_bytes());
        }
    });
    let shows = format!("ui_shows=127.0.0.1:{broker}");
    let proven = cluster.on_runbook("run", &["--json", "--param", &url, "--param", &shows]);
    let last = proven.expect(0).finished();
    assert_eq!(
        (&last["changed"], &last["failed"]),
        (&0.into(), &0.into()),
        "{last}"
    );
    let missing = cluster.on_runbook(
        "run",
        &["--param", &url, "--param", "ui_shows=another-broker"],
    );
    let missing = missing.expect(1);
    for text in ["krun::proof-failed", "another-broker"] {
        assert!(
            missing.err().contains(text),
            "`{text}` in\n{}",
            missing.err()
        );
    }
}

#[test]
fn a_new_data_folder_leaves_old_snapshots_where_they_are() {
    let mut cluster = Cluster::of_one(1);
    cluster.set("snapshots=new_data_dir");
    cluster
        .lab
        .write("root/zookeeper/version-2/snapshot.0", "an old snapshot");
    let old = listing(&cluster.root().join("zookeeper"));
    cluster.run().expect(0);
    assert_eq!(listing(&cluster.root().join("zookeeper")), old);
    assert!(cluster.root().join("zookeeper-new/version-2").is_dir());
    let state = listing(&cluster.lab.path("state"));
    cluster.on_runbook("plan", &[]).expect(0);
    assert_eq!(
        listing(&cluster.lab.path("state")),
        state,
        "a plan leaves the state alone"
    );
    cluster.lab.run(&["rollback", "--yes"]).expect(0);
    assert_eq!(listing(&cluster.root().join("zookeeper")), old);
    assert!(!cluster.root().join("zookeeper-new").exists());
}
