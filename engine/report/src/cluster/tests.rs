//! What a described cluster looks like.

use insta::assert_snapshot;

use super::*;

fn cluster() -> ClusterTable {
    let broker = |id, controller| ClusterBroker {
        id,
        host: format!("kafka-{id}.example.org"),
        port: 9092,
        controller,
        replicas: if id == 11 { 0 } else { 3 },
        leads: usize::from(id < 10),
    };
    let partition = |id, leader, isr: &[i32], end| ClusterPartition {
        id,
        leader,
        replicas: vec![1, 2, 10],
        isr: isr.to_vec(),
        start: Some(0),
        end,
    };
    ClusterTable {
        cluster_id: Some("lYh9hAxKQ0y0FJlx3tT1kw".into()),
        brokers: vec![
            broker(1, false),
            broker(2, true),
            broker(10, false),
            broker(11, false),
        ],
        topics: vec![
            ClusterTopic {
                name: "demo".into(),
                partitions: vec![
                    partition(0, Some(1), &[1, 2, 10], Some(1_000)),
                    partition(1, Some(2), &[2], Some(20)),
                ],
            },
            ClusterTopic {
                name: "__consumer_offsets".into(),
                partitions: vec![partition(0, None, &[], None)],
            },
        ],
        groups: vec![],
    }
}

#[test]
fn tables() {
    assert_snapshot!(cluster_text(&cluster(), Style::default()), @r#"
    cluster lYh9hAxKQ0y0FJlx3tT1kw: 4 brokers, 2 topics

    broker  host                  port  role        replicas  leads  note
         1  kafka-1.example.org   9092                     3      1
         2  kafka-2.example.org   9092  controller         3      1
        10  kafka-10.example.org  9092                     3      0
        11  kafka-11.example.org  9092                     0      0  holds nothing

    topic               partition  leader  replicas  in sync  start   end  trouble
    demo                        0       1  1,2,10    1,2,10       0  1000
    demo                        1       2  1,2,10    2            0    20  under-replicated
    __consumer_offsets          0    none  1,2,10                 0        no leader
    "#);
}

#[test]
fn groups() {
    let place = |partition, committed, end: Option<i64>| GroupPlace {
        topic: "demo".into(),
        partition,
        committed,
        end,
        lag: end.map(|end| end - committed),
    };
    let cluster = ClusterTable {
        groups: vec![
            ClusterGroup {
                id: "billing".into(),
                state: "Stable".into(),
                members: 2,
                places: vec![place(0, 990, Some(1_000)), place(1, 20, None)],
            },
            ClusterGroup {
                id: "new".into(),
                state: "PreparingRebalance".into(),
                members: 1,
                places: vec![],
            },
        ],
        ..ClusterTable::default()
    };
    assert_snapshot!(cluster_text(&cluster, Style::default()), @r"
    cluster: 0 brokers, 0 topics

    group    state               members  topic  partition  committed   end  lag
    billing  Stable                    2  demo           0        990  1000   10
    billing  Stable                    2  demo           1         20
    new      PreparingRebalance        1
    ");
}

#[test]
fn healthy_and_without_offsets() {
    let mut cluster = cluster();
    cluster.topics.truncate(1);
    cluster.topics[0].partitions.truncate(1);
    cluster.topics[0].partitions[0].start = None;
    cluster.topics[0].partitions[0].end = None;
    assert_snapshot!(cluster_text(&cluster, Style::default()), @r#"
    cluster lYh9hAxKQ0y0FJlx3tT1kw: 4 brokers, 1 topic

    broker  host                  port  role        replicas  leads  note
         1  kafka-1.example.org   9092                     3      1
         2  kafka-2.example.org   9092  controller         3      1
        10  kafka-10.example.org  9092                     3      0
        11  kafka-11.example.org  9092                     0      0  holds nothing

    topic  partition  leader  replicas  in sync
    demo           0       1  1,2,10    1,2,10
    "#);
    assert_snapshot!(cluster_text(&ClusterTable::default(), Style::default()), @"cluster: 0 brokers, 0 topics");
}
