//! What a described cluster looks like.

use insta::assert_snapshot;

use super::*;

fn cluster() -> ClusterTable {
    let broker = |id, controller| ClusterBroker {
        id,
        host: format!("kafka-{id}.example.org"),
        port: 9092,
        controller,
        replicas: if id == 10 { 0 } else { 3 },
        leads: usize::from(id != 10),
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
        brokers: vec![broker(1, false), broker(2, true), broker(10, false)],
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
    }
}

#[test]
fn tables() {
    assert_snapshot!(cluster_text(&cluster(), Style::default()), @r#"
    cluster lYh9hAxKQ0y0FJlx3tT1kw: 3 brokers, 2 topics

    broker  host                  port  role
         1  kafka-1.example.org   9092
         2  kafka-2.example.org   9092  controller
        10  kafka-10.example.org  9092

    topic               partition  leader  replicas  in sync  start   end  trouble
    demo                        0       1  1,2,10    1,2,10       0  1000
    demo                        1       2  1,2,10    2            0    20  under-replicated
    __consumer_offsets          0    none  1,2,10                 0        no leader
    "#);
}

#[test]
fn healthy_and_without_offsets() {
    let mut cluster = cluster();
    cluster.topics.truncate(1);
    cluster.topics[0].partitions.truncate(1);
    cluster.topics[0].partitions[0].start = None;
    cluster.topics[0].partitions[0].end = None;
    assert_snapshot!(cluster_text(&cluster, Style::default()), @r#"
    cluster lYh9hAxKQ0y0FJlx3tT1kw: 3 brokers, 1 topic

    broker  host                  port  role
         1  kafka-1.example.org   9092
         2  kafka-2.example.org   9092  controller
        10  kafka-10.example.org  9092

    topic  partition  leader  replicas  in sync
    demo           0       1  1,2,10    1,2,10
    "#);
    assert_snapshot!(cluster_text(&ClusterTable::default(), Style::default()), @"cluster: 0 brokers, 0 topics");
}
