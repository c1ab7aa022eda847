//! Kinds on a real ZooKeeper and real brokers, from Maven, on free ports in a folder of their own.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "what fails here fails the test; its times are shown with --nocapture"
)]

mod cluster;
mod host;
mod lab;
mod old;
mod replicas;
mod settings;

use std::{
    fs,
    net::TcpListener,
    process::Command,
    time::{Duration, Instant},
};

use camino::Utf8Path;
use futures::future::try_join_all;
use krun_kafka::{ClusterEffector, view::ClusterView};
use krun_model::{
    Change, Effect, Effector as _, FaultCode, Target, TargetState,
    kind::Check,
    topic::{Acks, TopicRef},
};
use serde_json::json;

use cluster::{Cluster, text};
use lab::Lab;

const HEAP: &str = "256m";

fn change(check: &Check) -> Change {
    match check {
        Check::Drift { change, .. } => *change,
        other => panic!("{other:?}"),
    }
}

/// From nothing to a proof, and then all that can happen to a cluster.
#[tokio::test(flavor = "multi_thread")]
async fn a_life_of_a_cluster() {
    let mut lab = Lab::new();
    let start = Instant::now();
    let cluster = Cluster::new(&lab, 3).await;
    let begin = Instant::now();
    let generation = cluster.zookeeper().await.unwrap();
    try_join_all((1..=3).map(|id| cluster.clean_logs(id, &generation)))
        .await
        .unwrap();
    try_join_all((1..=3).map(|id| cluster.broker(id, HEAP)))
        .await
        .unwrap();
    println!("3 of 3 brokers after {:?}", begin.elapsed());

    let topic = json!({
        "bootstrap": cluster.bootstrap(),
        "name": "test",
        "partitions": 10,
        "replication_factor": 3,
        "brokers": 3,
    });
    let made = lab
        .run("kafka::topic", "topic", topic.clone())
        .await
        .unwrap();
    assert!(made.changed);
    let describe = json!({
        "bootstrap": cluster.bootstrap(),
        "topic": "test",
        "partitions": 10,
        "replication_factor": 3,
    });
    let described = lab
        .run("kafka::describe", "describe", describe.clone())
        .await
        .unwrap();
    assert_eq!(
        described.outputs["partitions"].as_array().unwrap().len(),
        10
    );
    let produce = json!({
        "bootstrap": cluster.bootstrap(),
        "topic": "test",
        "topic_id": made.outputs["topic_id"],
        "records": 100,
    });
    let produced = lab
        .run("kafka::produce", "produce", produce.clone())
        .await
        .unwrap();
    let consume = json!({
        "bootstrap": cluster.bootstrap(),
        "topic": "test",
        "count": produced.outputs["count"],
        "checksum": produced.outputs["checksum"],
    });
    let consumed = lab
        .run("kafka::consume", "consume", consume.clone())
        .await
        .unwrap();
    assert_eq!(consumed.outputs["count"], 100);
    println!(
        "proven after {:?} (from the distribution on: {:?})",
        begin.elapsed(),
        start.elapsed()
    );

    once_is_once(&lab, &cluster, &produce, &consume).await;
    nothing_to_do(&lab, &cluster, &generation, &topic).await;
    let view = ClusterView::fetch(&cluster.bootstrap(), Duration::from_secs(5))
        .await
        .unwrap();
    assert_eq!(
        view.brokers
            .iter()
            .map(|broker| broker.id)
            .collect::<Vec<_>>(),
        [1, 2, 3]
    );
    assert!(view.controller.is_some() && view.cluster_id.is_some());
    let ends: i64 = view.topics["test"].iter().filter_map(|one| one.end).sum();
    assert_eq!(ends, 150);
    assert!(view.topics["test"].iter().all(|one| one.start == Some(0)));
    // Looking and proving have joined no group.
    assert_eq!(view.topics.keys().collect::<Vec<_>>(), ["test"]);

    launchers_work(&cluster);
    another_topic_is_a_conflict(&lab, &topic).await;
    replicas::are_moved_and_led(&lab, &cluster).await;
    a_change_restarts(&lab, &cluster).await;
    a_killed_broker_comes_back(&lab, &cluster).await;
    lab.run("kafka::describe", "describe", describe)
        .await
        .unwrap();
    lab.run("kafka::consume", "consume", consume).await.unwrap();

    let ports = (cluster.zookeeper_port, cluster.broker_ports.clone());
    let old_cluster = view.cluster_id.unwrap();
    drop(cluster);
    lab.kill(None);
    lab.new_deployment();
    another_deployment_cleans(&lab, ports, &old_cluster).await;
}

/// A produce that is done again writes nothing twice, one that was cut short writes the rest.
async fn once_is_once(
    lab: &Lab,
    cluster: &Cluster<'_>,
    produce: &serde_json::Value,
    consume: &serde_json::Value,
) {
    lab.run("kafka::produce", "produce", produce.clone())
        .await
        .unwrap();
    let topic = TopicRef {
        bootstrap: cluster.bootstrap(),
        name: "test".into(),
    };
    let effector = ClusterEffector::new();
    for records in [20, 50, 50] {
        let (topic, seed) = (topic.clone(), "other".to_owned());
        effector
            .perform(&Effect::Produce {
                topic,
                records,
                seed,
                keys: None,
                acks: Acks::All,
            })
            .await
            .unwrap();
    }
    let TargetState::Topic(seen) = effector.observe(&Target::Records(topic)).await.unwrap() else {
        panic!("no topic");
    };
    assert_eq!(seen.records, 150);
    let consumed = lab
        .run("kafka::consume", "consume", consume.clone())
        .await
        .unwrap();
    assert_eq!(consumed.outputs["others"], 50);
    let mut wrong = consume.clone();
    wrong["count"] = json!(101);
    let fault = lab.run("kafka::consume", "wrong", wrong).await.unwrap_err();
    assert_eq!(fault.code, FaultCode::ProofFailed);
}

/// A second run over everything that is as wanted.
async fn nothing_to_do(
    lab: &Lab,
    cluster: &Cluster<'_>,
    generation: &str,
    topic: &serde_json::Value,
) {
    let start = Instant::now();
    let version = json!({"kafka_version": "3.9.1"});
    assert!(
        !lab.run("kafka::java", "java", version)
            .await
            .unwrap()
            .changed
    );
    let distribution = cluster.distribution();
    assert!(
        !lab.run("kafka::distribution", "kafka", distribution)
            .await
            .unwrap()
            .changed
    );
    assert_eq!(cluster.zookeeper().await.unwrap(), generation);
    for id in 1..=3 {
        assert!(!cluster.clean_logs(id, generation).await.unwrap().changed);
        assert!(!cluster.broker(id, HEAP).await.unwrap().changed);
    }
    assert!(
        !lab.run("kafka::topic", "topic", topic.clone())
            .await
            .unwrap()
            .changed
    );
    println!("nothing to do: {:?}", start.elapsed());
}

/// What a person types by hand works too.
fn launchers_work(cluster: &Cluster<'_>) {
    let run = |name: &str, args: &[&str]| {
        let launcher = format!("{}/bin/{name}", cluster.home);
        let output = Command::new(launcher).args(args).output().unwrap();
        let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
        assert!(output.status.success(), "{name}: {}", text(&output.stderr));
        text(&output.stdout)
    };
    let bootstrap = cluster.bootstrap().join(",");
    let topics = run(
        "kafka-topics.sh",
        &["--bootstrap-server", &bootstrap, "--list"],
    );
    assert_eq!(topics.trim(), "test");
    let zookeeper = format!("localhost:{}", cluster.zookeeper_port);
    let ids = run("zookeeper-shell.sh", &[&zookeeper, "ls", "/brokers/ids"]);
    assert!(ids.contains("[1, 2, 3]"), "{ids}");
}

async fn another_topic_is_a_conflict(lab: &Lab, topic: &serde_json::Value) {
    let mut other = topic.clone();
    other["partitions"] = json!(8);
    let fault = lab
        .check("kafka::topic", "topic", &other)
        .await
        .unwrap_err();
    assert_eq!(fault.code, FaultCode::Conflict);
    assert!(fault.why.unwrap().contains("10 partitions × 3 replicas"));
}

/// Another heap and another setting restart; a comment does not.
async fn a_change_restarts(lab: &Lab, cluster: &Cluster<'_>) {
    let args = cluster.broker_args(2, "300m");
    let check = lab.check("kafka::broker", "broker-2", &args).await.unwrap();
    assert_eq!(change(&check), Change::Restart);
    let Check::Drift { diff, .. } = &check else {
        unreachable!()
    };
    assert_eq!(
        (diff.len(), diff[0].key.as_str(), diff[0].before.as_deref()),
        (1, "heap", Some(HEAP))
    );
    let pid = lab.pids(Some("broker-2"));
    assert!(cluster.broker(2, "300m").await.unwrap().changed);
    assert_ne!(lab.pids(Some("broker-2")), pid);

    let config = cluster.broker_config(1);
    let mut bytes = fs::read(&config).unwrap();
    bytes.extend(b"# a remark\n");
    fs::write(&config, bytes).unwrap();
    assert!(!cluster.broker(1, HEAP).await.unwrap().changed);
    cluster.edit(&config, &config, &[("num.io.threads", "4".into())]);
    let args = cluster.broker_args(1, HEAP);
    let check = lab.check("kafka::broker", "broker-1", &args).await.unwrap();
    let Check::Drift { diff, .. } = &check else {
        panic!("{check:?}")
    };
    assert_eq!(diff[0].key, "num.io.threads");
    assert!(cluster.broker(1, HEAP).await.unwrap().changed);
}

async fn a_killed_broker_comes_back(lab: &Lab, cluster: &Cluster<'_>) {
    lab.kill(Some("broker-3"));
    let args = cluster.broker_args(3, HEAP);
    let check = lab.check("kafka::broker", "broker-3", &args).await.unwrap();
    assert_eq!(change(&check), Change::Create);
    assert!(cluster.broker(3, HEAP).await.unwrap().changed);
}

/// A new deployment on old folders: the old cluster is set aside, and left in peace until it is.
async fn another_deployment_cleans(lab: &Lab, ports: (u16, Vec<u16>), old_cluster: &str) {
    let mut cluster = Cluster::new(lab, 0).await;
    (cluster.zookeeper_port, cluster.broker_ports) = ports;
    let zookeeper = cluster.zookeeper_config();
    let port = cluster.zookeeper_port.to_string();
    cluster.edit(&zookeeper, &zookeeper, &[("clientPort", port)]);
    let folders = json!({
        "data_dir": lab.path("data/zookeeper"),
        "data_log_dir": lab.path("data/zookeeper"),
    });
    let check = lab
        .check("zookeeper::clean", "zookeeper/clean", &folders)
        .await
        .unwrap();
    assert_eq!(change(&check), Change::Update);
    let generation = cluster.zookeeper().await.unwrap();
    assert_eq!(lab.quarantined(), ["zookeeper.clean.data/version-2"]);

    // Records of another cluster: the broker says so, and so does the fault.
    let fault = cluster.broker(1, HEAP).await.unwrap_err();
    assert_eq!(fault.code, FaultCode::ProcessDied, "{fault:?}");
    assert!(
        fault.why.as_ref().unwrap().contains("another cluster"),
        "{fault:?}"
    );
    assert!(
        fault
            .evidence
            .iter()
            .any(|line| line.contains("Invalid cluster.id in"))
    );

    let args = json!({"log_dir": cluster.log_dir(1), "generation": generation});
    let check = lab
        .check("kafka::clean_logs", "broker-1/clean", &args)
        .await
        .unwrap();
    let Check::Drift { diff, .. } = &check else {
        panic!("{check:?}")
    };
    let id = diff.iter().find(|line| line.key == "cluster.id").unwrap();
    assert_eq!(id.before.as_deref(), Some(old_cluster));
    assert!(cluster.clean_logs(1, &generation).await.unwrap().changed);
    assert!(
        lab.quarantined()
            .iter()
            .any(|name| name.ends_with("logs/meta.properties"))
    );
    // Its peers are down: they are not waited for.
    cluster.broker_ports.truncate(1);
    assert!(cluster.broker(1, HEAP).await.unwrap().changed);

    // Nobody cleans under running servers.
    fs::remove_file(lab.path("data/zookeeper/.krun-generation")).unwrap();
    let fault = lab
        .run("zookeeper::clean", "zookeeper/clean", folders)
        .await
        .unwrap_err();
    assert_eq!(fault.code, FaultCode::Conflict);
    assert!(fault.why.unwrap().starts_with("pid "));
    fs::remove_file(cluster.log_dir(1) + "/.krun-generation").unwrap();
    let fault = cluster.clean_logs(1, &generation).await.unwrap_err();
    assert!(fault.why.unwrap().starts_with("pid "));

    // A port that is taken is known before anything is started.
    lab.kill(Some("broker-1"));
    let _holder = TcpListener::bind(("0.0.0.0", cluster.broker_ports[0])).unwrap();
    let fault = cluster.broker(1, HEAP).await.unwrap_err();
    assert_eq!(fault.code, FaultCode::PortTaken);
    assert_eq!(lab.pids(Some("broker-1")), [""; 0]);
    let zookeeper = lab.run("zookeeper::server", "zookeeper", cluster.zookeeper_args());
    assert_eq!(
        text(&zookeeper.await.unwrap().outputs, "mode"),
        "standalone"
    );
}

/// Two runs that need the same jars share one download; jars that went missing come back.
#[tokio::test(flavor = "multi_thread")]
async fn a_distribution() {
    let folder = tempfile::tempdir().unwrap();
    let lab = Lab::with_cache(Utf8Path::from_path(folder.path()).unwrap());
    let version = json!({"kafka_version": "3.9.1"});
    let java = lab.run("kafka::java", "java", version).await.unwrap();
    let args = |to: &str| {
        json!({
            "version": "3.9.1",
            "to": lab.path(to),
            "java": java.outputs["bin"],
        })
    };
    let both = ["one", "two"].map(|to| lab.run("kafka::distribution", to, args(to)));
    try_join_all(both).await.unwrap();
    let libs = fs::canonicalize(lab.path("one/libs")).unwrap();
    assert_eq!(libs, fs::canonicalize(lab.path("two/libs")).unwrap());
    let versions = fs::read_dir(folder.path().join("kafka/maven")).unwrap();
    let names = versions.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    assert_eq!(names.filter(|name| name.contains(".work-")).count(), 0);

    // What a step or a person writes into the configuration is no drift, a lost jar is.
    fs::write(lab.path("one/config/server.properties"), "broker.id=7\n").unwrap();
    assert!(
        !lab.run("kafka::distribution", "one", args("one"))
            .await
            .unwrap()
            .changed
    );
    fs::remove_file(libs.join("kafka_2.13-3.9.1.jar")).unwrap();
    let check = lab
        .check("kafka::distribution", "one", &args("one"))
        .await
        .unwrap();
    assert_eq!(change(&check), Change::Update);
    assert!(
        lab.run("kafka::distribution", "one", args("one"))
            .await
            .unwrap()
            .changed
    );
    assert!(
        !lab.run("kafka::distribution", "two", args("two"))
            .await
            .unwrap()
            .changed
    );
    let config = fs::read_to_string(lab.path("one/config/server.properties")).unwrap();
    assert_eq!(config, "broker.id=7\n");

    // The folder of an archive is looked at and left alone.
    let mut existing = args("three");
    existing["home"] = json!(lab.path("one"));
    assert!(
        !lab.run("kafka::distribution", "three", existing.clone())
            .await
            .unwrap()
            .changed
    );
    assert!(!fs::exists(lab.path("three")).unwrap());
    fs::create_dir(lab.path("source")).unwrap();
    fs::write(lab.path("source/build.gradle"), "").unwrap();
    existing["home"] = json!(lab.path("source"));
    let fault = lab
        .run("kafka::distribution", "three", existing)
        .await
        .unwrap_err();
    assert!(fault.what.contains("source archive"), "{fault:?}");
}
