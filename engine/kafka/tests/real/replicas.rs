//! Replicas that are moved, throttled, and led by those who ought to.

use std::{collections::BTreeSet, time::Duration};

use krun_kafka::{ClusterEffector, view::ClusterView};
use krun_model::{
    Change, Effect, Effector as _, FaultCode, TargetState, Undo,
    kind::Check,
    placement::Placement,
    topic::{Acks, TopicRef, TopicSpec},
};
use serde_json::{Value, json};

use super::{change, cluster::Cluster, lab::Lab};

const TOPIC: &str = "moved";

/// A topic with two replicas on three brokers, drained, spread, held up by somebody else, and deleted.
pub async fn are_moved_and_led(lab: &Lab, cluster: &Cluster<'_>) {
    let bootstrap = cluster.bootstrap();
    let effector = ClusterEffector::new();
    let topic = TopicRef {
        bootstrap: bootstrap.clone(),
        name: TOPIC.into(),
    };
    let spec = TopicSpec {
        partitions: 6,
        replication_factor: 2,
        configs: Default::default(),
    };
    let create = Effect::CreateTopic {
        topic: topic.clone(),
        spec,
    };
    effector.perform(&create).await.unwrap();
    let produce = Effect::Produce {
        topic: topic.clone(),
        records: 500,
        seed: "moved".into(),
        keys: None,
        acks: Acks::All,
    };
    effector.perform(&produce).await.unwrap();
    let step = |brokers: &[i32], spread: &str, throttle: u64| {
        json!({
            "bootstrap": bootstrap, "brokers": brokers, "spread": spread,
            "topics": [TOPIC], "throttle": throttle, "offer": "say the word",
        })
    };

    // Off the third, throttled; it is then said to hold nothing.
    let drain = step(&[1, 2], "drain", 1_000_000);
    let done = lab.run("kafka::reassign", "r", drain).await.unwrap();
    assert!(done.changed);
    assert_eq!(holders(cluster).await, BTreeSet::from([1, 2]));
    let done = lab.run("kafka::reassign", "r", step(&[1, 2, 3], "drain", 0));
    let done = done.await.unwrap();
    assert!(!done.changed);
    let note = done.outputs["notes"][0].as_str().unwrap().to_owned();
    assert!(note.contains("broker 3 holds no partition") && note.contains("say the word"));

    // More replicas than brokers: nothing is begun.
    let alone = step(&[1], "drain", 0);
    let fault = lab.check("kafka::reassign", "r", &alone).await.unwrap_err();
    assert_eq!(fault.code, FaultCode::Conflict);
    assert!(fault.why.unwrap().contains("has 2 replicas, and 1 brokers"));

    let even = step(&[1, 2, 3], "even", 0);
    assert!(lab.run("kafka::reassign", "r", even).await.unwrap().changed);
    assert_eq!(holders(cluster).await, BTreeSet::from([1, 2, 3]));
    elections(lab, &bootstrap).await;
    somebody_elses_is_left_alone(lab, cluster, &step).await;
    let delete = Effect::DeleteTopic { topic };
    effector.perform(&delete).await.unwrap();
}

async fn elections(lab: &Lab, bootstrap: &[String]) {
    let elect = json!({"bootstrap": bootstrap, "topics": [TOPIC]});
    lab.run("kafka::elect_leaders", "e", elect.clone())
        .await
        .unwrap();
    let done = lab.run("kafka::elect_leaders", "e", elect).await.unwrap();
    assert!(!done.changed);
}

/// A reassignment that crawls: seen, not touched; and its undo brings everything back.
async fn somebody_elses_is_left_alone(
    lab: &Lab,
    cluster: &Cluster<'_>,
    step: &impl Fn(&[i32], &str, u64) -> Value,
) {
    let effector = ClusterEffector::new();
    let before = view(cluster).await;
    let moves: Vec<_> = before.topics[TOPIC]
        .iter()
        .map(|one| {
            let free = (1..=3).find(|id| !one.replicas.contains(id)).unwrap();
            Placement {
                topic: TOPIC.into(),
                partition: one.id,
                replicas: vec![one.replicas[0], free],
            }
        })
        .collect();
    let crawl = Effect::Reassign {
        bootstrap: cluster.bootstrap(),
        moves,
        throttle: Some(1),
        limit_ms: 300,
    };
    let target = crawl.target();
    let was = effector.observe(&target).await.unwrap();
    let fault = effector.perform(&crawl).await.unwrap_err();
    assert_eq!(fault.code, FaultCode::Timeout, "{fault:?}");
    let on_the_way = effector.observe(&target).await.unwrap();
    assert!(crawl.goes_on(&on_the_way) && !crawl.achieved(&on_the_way));

    let args = step(&[1, 2, 3], "even", 0);
    let fault = lab.check("kafka::reassign", "r", &args).await.unwrap_err();
    assert_eq!(fault.code, FaultCode::Conflict);
    assert!(fault.what.contains("krun did not start"), "{fault:?}");
    assert!(fault.evidence[0].starts_with("moved-"), "{fault:?}");

    let Undo::By(back) = crawl.undo(&was) else {
        panic!("{was}");
    };
    effector.perform(&back).await.unwrap();
    let TargetState::Replicas(seen) = effector.observe(&target).await.unwrap() else {
        panic!("no replicas");
    };
    assert!(!seen.moving && !seen.throttled);
    assert_eq!(TargetState::Replicas(seen), was);

    // A throttle that somebody left is found, and removed.
    let configs = format!("{}/bin/kafka-configs.sh", cluster.home);
    let list = "leader.replication.throttled.replicas=0:1";
    let output = std::process::Command::new(configs)
        .args(["--bootstrap-server", &cluster.bootstrap()[0], "--alter"])
        .args(["--entity-type", "topics", "--entity-name", TOPIC])
        .args(["--add-config", list])
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    let check = lab.check("kafka::reassign", "r", &args).await.unwrap();
    assert_eq!(change(&check), Change::Update);
    assert!(matches!(&check, Check::Drift { why, .. } if why.contains("throttle")));
    assert!(lab.run("kafka::reassign", "r", args).await.unwrap().changed);
}

async fn view(cluster: &Cluster<'_>) -> ClusterView {
    ClusterView::fetch(&cluster.bootstrap(), Duration::from_secs(5))
        .await
        .unwrap()
}

async fn holders(cluster: &Cluster<'_>) -> BTreeSet<i32> {
    let view = view(cluster).await;
    let replicas = view.topics[TOPIC].iter().flat_map(|one| &one.replicas);
    replicas.copied().collect()
}
