//! Settings, partitions and groups on real brokers, changed by krun and, behind its back, by Kafka's own
//! tools.

use std::{
    io::Write as _,
    process::{Command, Stdio},
    time::Duration,
};

use futures::future::try_join_all;
use krun_kafka::{ClusterEffector, view::ClusterView};
use krun_model::{
    Change, Effect, Effector as _, FaultCode, Target, TargetState, Undo,
    configs::{ConfigChanges, ConfigsOf, ConfigsRef},
    kind::Check,
    plan::DiffLine,
    topic::TopicRef,
};
use serde_json::{Value, json};

use super::{
    change,
    cluster::{Cluster, text},
    lab::Lab,
};

const HEAP: &str = "256m";

fn diff(check: Check) -> Vec<DiffLine> {
    match check {
        Check::Drift { diff, .. } => diff,
        other => panic!("{other:?}"),
    }
}

/// What a setting of a topic or broker is now, if it was set there.
async fn set(configs: &ConfigsRef, key: &str) -> Option<String> {
    let target = Target::Configs(configs.clone());
    match ClusterEffector::new().observe(&target).await.unwrap() {
        TargetState::Configs(now) => now.get(key).cloned(),
        other => panic!("{other}"),
    }
}

/// Performs an alteration and takes it back, as a rollback would.
async fn there_and_back(configs: &ConfigsRef, changes: &[(&str, Option<&str>)]) {
    let effector = ClusterEffector::new();
    let changes: ConfigChanges = changes
        .iter()
        .map(|(key, value)| ((*key).to_owned(), value.map(str::to_owned)))
        .collect();
    let effect = Effect::AlterConfigs {
        configs: configs.clone(),
        changes,
    };
    let before = effector.observe(&effect.target()).await.unwrap();
    assert!(!effect.achieved(&before), "{before}");
    effector.perform(&effect).await.unwrap();
    let after = effector.observe(&effect.target()).await.unwrap();
    assert!(effect.achieved(&after), "{after}");
    let Undo::By(undo) = effect.undo(&before) else {
        panic!("no way back");
    };
    effector.perform(&undo).await.unwrap();
    assert_eq!(effector.observe(&effect.target()).await.unwrap(), before);
}

/// Kafka's own tool, which knows nothing of krun.
fn tool(cluster: &Cluster<'_>, name: &str, args: &[&str]) -> String {
    let output = Command::new(format!("{}/bin/{name}", cluster.home))
        .args(["--bootstrap-server", &cluster.bootstrap().join(",")])
        .args(args)
        .output()
        .unwrap();
    let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
    assert!(output.status.success(), "{name}: {}", text(&output.stderr));
    text(&output.stdout)
}

#[tokio::test(flavor = "multi_thread")]
async fn settings_partitions_and_groups() {
    let lab = Lab::new();
    let cluster = Cluster::new(&lab, 2).await;
    let generation = cluster.zookeeper().await.unwrap();
    try_join_all((1..=2).map(|id| cluster.clean_logs(id, &generation)))
        .await
        .unwrap();
    try_join_all((1..=2).map(|id| cluster.broker(id, HEAP)))
        .await
        .unwrap();
    let topic = json!({
        "bootstrap": cluster.bootstrap(),
        "name": "test",
        "partitions": 2,
        "replication_factor": 2,
        "configs": {"retention.ms": 86_400_000, "min.cleanable.dirty.ratio": "0.50"},
    });
    settings_of_a_topic(&lab, &cluster, &topic).await;
    settings_of_brokers(&lab, &cluster).await;
    partitions_grow(&lab, &cluster, &topic).await;
    records_and_groups(&lab, &cluster, &topic).await;
    a_topic_goes(&lab, &cluster).await;
}

async fn settings_of_a_topic(lab: &Lab, cluster: &Cluster<'_>, topic: &Value) {
    assert!(
        lab.run("kafka::topic", "topic", topic.clone())
            .await
            .unwrap()
            .changed
    );
    let again = lab
        .run("kafka::topic", "topic", topic.clone())
        .await
        .unwrap();
    assert!(!again.changed);

    tool(
        cluster,
        "kafka-configs.sh",
        &[
            "--alter",
            "--topic",
            "test",
            "--add-config",
            "retention.ms=5000,segment.ms=700000",
        ],
    );
    let check = lab.check("kafka::topic", "topic", topic).await.unwrap();
    assert_eq!(change(&check), Change::Update);
    assert_eq!(
        diff(check),
        [DiffLine::new("retention.ms", Some("5000"), "86400000")]
    );
    assert!(
        lab.run("kafka::topic", "topic", topic.clone())
            .await
            .unwrap()
            .changed
    );
    let of = ConfigsRef {
        bootstrap: cluster.bootstrap(),
        of: ConfigsOf::Topic("test".into()),
    };
    assert_eq!(set(&of, "retention.ms").await.unwrap(), "86400000");
    // What the step does not name stays as somebody else set it.
    assert_eq!(set(&of, "segment.ms").await.unwrap(), "700000");
    there_and_back(
        &of,
        &[
            ("retention.ms", Some("1")),
            ("segment.ms", None),
            ("max.message.bytes", Some("2000000")),
            ("cleanup.policy", Some("compact,delete")),
        ],
    )
    .await;

    for (key, value, says) in [
        ("retention.ms", "a day", "Not a number"),
        ("cleanup.policy", "forget", "forget"),
        ("min.insync.replicas", "0", "at least 1"),
    ] {
        let mut wrong = topic.clone();
        wrong["configs"][key] = json!(value);
        let fault = lab
            .check("kafka::topic", "topic", &wrong)
            .await
            .unwrap_err();
        assert_eq!(fault.code, FaultCode::Cluster, "{fault:?}");
        let why = fault.why.unwrap();
        assert!(why.contains(says), "{why}");
    }
    let mut wrong = topic.clone();
    wrong["configs"] = json!({"flush.mz": 1});
    let fault = lab
        .check("kafka::topic", "topic", &wrong)
        .await
        .unwrap_err();
    assert_eq!(fault.hints, ["Did you mean `flush.ms`?"]);
}

async fn settings_of_brokers(lab: &Lab, cluster: &Cluster<'_>) {
    let args = |broker: Value, configs: Value| json!({"bootstrap": cluster.bootstrap(), "broker": broker, "configs": configs});
    let kind = "kafka::broker_settings";
    for (broker, of) in [
        (json!(2), ConfigsOf::Broker(2)),
        (json!("default"), ConfigsOf::Brokers),
    ] {
        let at = format!("settings/{of}").replace(' ', "-");
        let wanted = args(
            broker.clone(),
            json!({"log.cleaner.threads": 2, "message.max.bytes": 1_500_000}),
        );
        let check = lab.check(kind, &at, &wanted).await.unwrap();
        assert_eq!(diff(check).len(), 2);
        assert!(lab.run(kind, &at, wanted.clone()).await.unwrap().changed);
        assert!(!lab.run(kind, &at, wanted).await.unwrap().changed);
        let configs = ConfigsRef {
            bootstrap: cluster.bootstrap(),
            of: of.clone(),
        };
        assert_eq!(set(&configs, "message.max.bytes").await.unwrap(), "1500000");
        there_and_back(
            &configs,
            &[
                ("message.max.bytes", None),
                ("log.cleaner.threads", Some("3")),
                ("num.io.threads", Some("9")),
            ],
        )
        .await;
        for (configs, says) in [
            (
                json!({"log.dirs": "/d"}),
                "can't be changed while a broker runs",
            ),
            (json!({"log.cleaner.thread": 1}), "has no setting"),
            (json!({"ssl.keystore.password": "x"}), "is a secret"),
        ] {
            let fault = lab
                .check(kind, &at, &args(broker.clone(), configs))
                .await
                .unwrap_err();
            assert_eq!(fault.code, FaultCode::Script, "{fault:?}");
            assert!(fault.what.contains(says), "{fault:?}");
        }
        let bad = args(broker.clone(), json!({"log.cleaner.threads": "many"}));
        let fault = lab.check(kind, &at, &bad).await.unwrap_err();
        assert_eq!(fault.code, FaultCode::Cluster, "{fault:?}");
        assert!(fault.why.as_ref().unwrap().contains("many"), "{fault:?}");
    }
    // What stands for all brokers is seen by Kafka's own tool too.
    let all = ["--describe", "--entity-type", "brokers", "--entity-default"];
    let seen = tool(cluster, "kafka-configs.sh", &all);
    assert!(seen.contains("message.max.bytes=1500000"), "{seen}");
    let fault = lab
        .check(kind, "none", &args(json!(7), json!({"num.io.threads": 4})))
        .await
        .unwrap_err();
    assert!(fault.what.contains("no such broker"), "{fault:?}");
}

async fn partitions_grow(lab: &Lab, cluster: &Cluster<'_>, topic: &Value) {
    let mut more = topic.clone();
    more["partitions"] = json!(4);
    let check = lab.check("kafka::topic", "topic", &more).await.unwrap();
    assert_eq!(diff(check), [DiffLine::new("partitions", Some("2"), "4")]);
    assert!(
        lab.run("kafka::topic", "topic", more.clone())
            .await
            .unwrap()
            .changed
    );
    let describe = json!({
        "bootstrap": cluster.bootstrap(),
        "topic": "test",
        "partitions": 4,
        "replication_factor": 2,
    });
    lab.run("kafka::describe", "describe", describe)
        .await
        .unwrap();
    let fault = lab.check("kafka::topic", "topic", topic).await.unwrap_err();
    assert_eq!(fault.code, FaultCode::Conflict);
    assert!(fault.hints[0].contains("never taken away"));
    let effect = Effect::AddPartitions {
        topic: TopicRef {
            bootstrap: cluster.bootstrap(),
            name: "test".into(),
        },
        total: 4,
    };
    let now = ClusterEffector::new()
        .observe(&effect.target())
        .await
        .unwrap();
    assert!(effect.achieved(&now), "{now}");
}

async fn records_and_groups(lab: &Lab, cluster: &Cluster<'_>, topic: &Value) {
    let mut topic = topic.clone();
    topic["partitions"] = json!(4);
    let there = lab
        .run("kafka::topic", "topic", topic.clone())
        .await
        .unwrap();
    let produce = |acks: Value, keys: Option<u64>| {
        let mut args = json!({
            "bootstrap": cluster.bootstrap(),
            "topic": "test",
            "topic_id": there.outputs["topic_id"],
            "records": 60,
            "acks": acks,
        });
        if let Some(keys) = keys {
            args["keys"] = json!(keys);
        }
        args
    };
    let read = |outputs: &krun_model::Outputs| {
        json!({
            "bootstrap": cluster.bootstrap(),
            "topic": "test",
            "count": outputs["count"],
            "checksum": outputs["checksum"],
        })
    };
    for (acks, at) in [(json!(0), "acks-0"), (json!(1), "acks-1")] {
        let produced = lab
            .run("kafka::produce", at, produce(acks.clone(), None))
            .await
            .unwrap();
        // Done again, nothing is sent twice.
        lab.run("kafka::produce", at, produce(acks, None))
            .await
            .unwrap();
        lab.run("kafka::consume", "consume", read(&produced.outputs))
            .await
            .unwrap();
    }
    let produced = lab
        .run("kafka::produce", "keyed", produce(json!("all"), Some(6)))
        .await
        .unwrap();
    let keyed = lab
        .run("kafka::keyed", "same-key", read(&produced.outputs))
        .await
        .unwrap();
    assert_eq!(keyed.outputs["keys"], 6);
    assert!(
        keyed.outputs["partitions"].as_u64().unwrap() > 1,
        "{keyed:?}"
    );

    // More partitions, and the same keys again: the warning was right.
    topic["partitions"] = json!(7);
    let check = lab.check("kafka::topic", "topic", &topic).await.unwrap();
    let Check::Drift { why, .. } = &check else {
        panic!("{check:?}")
    };
    assert!(why.contains("keys map to other partitions"), "{why}");

    let view = ClusterView::fetch(&cluster.bootstrap(), Duration::from_secs(5))
        .await
        .unwrap();
    assert_eq!(view.groups(&cluster.bootstrap()).await.unwrap(), []);
    assert!(!view.topics.contains_key("__consumer_offsets"));

    let mut groups = read(&produced.outputs);
    groups["topic_id"] = there.outputs["topic_id"].clone();
    // Twice: an attempt that was cut off is begun anew.
    for _ in 0..2 {
        let shown = lab
            .run("kafka::groups", "groups", groups.clone())
            .await
            .unwrap();
        let number = |name: &str| shown.outputs[name].as_u64().unwrap();
        assert_eq!(
            (number("first"), number("second"), number("late")),
            (60, 60, 10)
        );
        assert!(
            shown.outputs["lag"][0]
                .as_str()
                .unwrap()
                .contains("-first: 10 behind")
        );
    }
    let view = ClusterView::fetch(&cluster.bootstrap(), Duration::from_secs(5))
        .await
        .unwrap();
    let seen = view.groups(&cluster.bootstrap()).await.unwrap();
    assert_eq!(seen.len(), 3);
    let late = seen
        .iter()
        .find(|group| group.id.ends_with("-late"))
        .unwrap();
    assert_eq!((late.state.as_str(), late.members), ("Empty", 0));
    let behind = |end: &str| -> i64 {
        let group = seen.iter().find(|group| group.id.ends_with(end)).unwrap();
        group.lags.iter().filter_map(|one| one.records()).sum()
    };
    assert_eq!(
        (behind("-first"), behind("-second"), behind("-late")),
        (10, 10, 0)
    );
    // Kafka's own tool counts the same.
    let first = &seen
        .iter()
        .find(|group| group.id.ends_with("-first"))
        .unwrap()
        .id;
    let told = tool(
        cluster,
        "kafka-consumer-groups.sh",
        &["--describe", "--group", first],
    );
    let lag: i64 = told
        .lines()
        .filter(|line| line.starts_with(first))
        .filter_map(|line| line.split_whitespace().nth(5)?.parse::<i64>().ok())
        .sum();
    assert_eq!(lag, 10, "{told}");
}

async fn a_topic_goes(lab: &Lab, cluster: &Cluster<'_>) {
    let args = json!({"bootstrap": cluster.bootstrap(), "name": "test"});
    let mut kcat = Command::new("kcat")
        .args(["-b", &cluster.bootstrap().join(","), "-P", "-t", "test"])
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    kcat.stdin
        .take()
        .unwrap()
        .write_all(b"a person's\n")
        .unwrap();
    assert!(kcat.wait().unwrap().success());
    let fault = lab
        .run("kafka::topic_absent", "gone", args)
        .await
        .unwrap_err();
    assert_eq!(fault.code, FaultCode::Conflict);
    assert!(fault.why.unwrap().starts_with("1 records have no header"));

    let other = json!({
        "bootstrap": cluster.bootstrap(),
        "name": "other",
        "partitions": 1,
        "replication_factor": 1,
    });
    let made = lab.run("kafka::topic", "other", other).await.unwrap();
    assert_eq!(text(&made.outputs, "name"), "other");
    let args = json!({"bootstrap": cluster.bootstrap(), "name": "other"});
    assert!(
        lab.run("kafka::topic_absent", "gone", args.clone())
            .await
            .unwrap()
            .changed
    );
    assert!(
        !lab.run("kafka::topic_absent", "gone", args)
            .await
            .unwrap()
            .changed
    );
}
