//! Every launcher of the newest version, with what it says.

use super::*;

#[test]
fn every_launcher_of_3_9_1_works() {
    let cluster = Cluster::of_one(1);
    cluster.run().expect(0);
    let hand = Hand::of(&cluster.lab, cluster.root().join("kafka/bin"));
    let bootstrap = cluster.bootstrap();
    let at = |more: &[&'static str]| -> Vec<String> {
        let mut all = vec!["--bootstrap-server".to_owned(), bootstrap.clone()];
        all.extend(more.iter().map(|&word| word.to_owned()));
        all
    };
    let words = |line: &str| line.split(' ').map(str::to_owned).collect::<Vec<_>>();
    let zookeeper = format!("127.0.0.1:{}", cluster.lab.ports.list[0]);
    let log = fs::read_dir(cluster.root().join("broker1/test-0"))
        .expect("a partition")
        .map(|entry| entry.expect("a file").path())
        .find(|path| path.extension().is_some_and(|end| end == "log"))
        .expect("a segment");
    let deletion = cluster.lab.write(
        "deletion.json",
        r#"{"version":1,"partitions":[{"topic":"test","partition":0,"offset":1}]}"#,
    );
    let reassignment = cluster.lab.write(
        "reassignment.json",
        r#"{"version":1,"partitions":[{"topic":"test","partition":0,"replicas":[1]}]}"#,
    );
    let path = |path: &std::path::Path| path.to_str().expect("UTF-8").to_owned();
    let consume = "--topic test --from-beginning --max-messages 100 --group g";
    // Arguments, exit code, and what must be said. Where a cluster of this make can't do it, the tool
    // was started and says so; where a tool does nothing by itself, its help is asked for, with which
    // Kafka's tools end with 1.
    let help = |name: &'static str, says: &'static str| (name, words("--help"), 1, says);
    let mut cases: Vec<(&str, Vec<String>, i32, &str)> = vec![
        ("kafka-acls", at(&["--list"]), 1, "No Authorizer is configured"),
        ("kafka-broker-api-versions", at(&[]), 0, "Produce(0)"),
        ("kafka-client-metrics", at(&["--list"]), 1, "does not support LIST_CLIENT_METRICS"),
        (
            "kafka-cluster",
            [words("cluster-id"), at(&[])].concat(),
            0,
            "Cluster ID: ",
        ),
        (
            "kafka-configs",
            at(&["--describe", "--entity-type", "topics", "--entity-name", "test"]),
            0,
            "configs for topic test",
        ),
        (
            "kafka-console-consumer",
            [at(&[]), words(consume)].concat(),
            0,
            "record 99",
        ),
        (
            "kafka-console-producer",
            at(&["--topic", "test"]),
            0,
            "",
        ),
        (
            "kafka-consumer-perf-test",
            at(&["--topic", "test", "--messages", "10"]),
            0,
            "data.consumed.in.MB",
        ),
        ("kafka-consumer-groups", at(&["--list"]), 0, ""),
        help("kafka-delegation-tokens", "delegation tokens"),
        (
            "kafka-delete-records",
            [at(&["--offset-json-file"]), vec![path(&deletion)]].concat(),
            0,
            "low_watermark: 1",
        ),
        (
            "kafka-dump-log",
            vec!["--files".to_owned(), path(&log)],
            0,
            "baseOffset: 0",
        ),
        ("kafka-e2e-latency", vec![bootstrap.clone(), "test".into(), "2".into(), "1".into(), "10".into()], 0, "Avg latency"),
        ("kafka-features", [at(&[]), words("describe")].concat(), 0, ""),
        ("kafka-get-offsets", at(&["--topic", "test"]), 0, "test:0:"),
        help("kafka-jmx", "Dump JMX values"),
        (
            "kafka-leader-election",
            at(&["--election-type", "preferred", "--all-topic-partitions"]),
            0,
            "",
        ),
        (
            "kafka-log-dirs",
            at(&["--describe", "--topic-list", "test"]),
            0,
            "\"partition\":\"test-0\"",
        ),
        (
            "kafka-metadata-quorum",
            [at(&[]), words("describe --status")].concat(),
            1,
            "does not support DESCRIBE_QUORUM",
        ),
        help("kafka-mirror-maker", "copy data between two Kafka clusters"),
        (
            "kafka-producer-perf-test",
            [
                words("--topic test --num-records 5 --record-size 10 --throughput -1 --producer-props"),
                vec![format!("bootstrap.servers={bootstrap}")],
            ]
            .concat(),
            0,
            "5 records sent",
        ),
        (
            "kafka-reassign-partitions",
            [at(&["--verify", "--reassignment-json-file"]), vec![path(&reassignment)]].concat(),
            0,
            "test-0 is complete",
        ),
        help("kafka-replica-verification", "Validate that all replicas"),
        (
            "kafka-run-class",
            words("kafka.Kafka --version"),
            0,
            "3.9.1",
        ),
        ("kafka-server-start", words("--version"), 0, "3.9.1"),
        ("kafka-storage", words("random-uuid"), 0, ""),
        ("kafka-topics", at(&["--list"]), 0, "test"),
        (
            "kafka-transactions",
            [at(&[]), words("list")].concat(),
            0,
            "TransactionalId",
        ),
        help("kafka-verifiable-consumer", "verifiable-consumer"),
        (
            "kafka-verifiable-producer",
            at(&["--topic", "test", "--max-messages", "1"]),
            0,
            "\"acked\":1",
        ),
        (
            "zkCli",
            vec!["-server".to_owned(), zookeeper.clone(), "ls".into(), "/brokers/ids".into()],
            0,
            "[1]",
        ),
        ("zkServer", words("status"), 0, "Mode: standalone"),
        (
            "zookeeper-shell",
            vec![zookeeper.clone(), "ls".into(), "/brokers/ids".into()],
            0,
            "[1]",
        ),
        help("zookeeper-security-migration", "ZooKeeper Migration Tool"),
        // Without a file it must say how it is used rather than start.
        ("zookeeper-server-start", vec![], 1, "usage:"),
    ];
    let names = hand.names();
    let mut named: Vec<_> = cases.iter().map(|(name, ..)| (*name).to_owned()).collect();
    named.extend(cases.iter().map(|(name, ..)| format!("{name}.sh")));
    named.sort();
    assert_eq!(names, named, "every name is tried, with and without .sh");

    // Each name once, every other one with its .sh; both are links to the same script. What reads
    // records comes before what deletes them.
    cases.sort_by_key(|(name, ..)| *name == "kafka-delete-records");
    let mut wrong = vec![];
    for (index, (name, arguments, code, says)) in cases.iter().enumerate() {
        let name = match index % 2 {
            0 => (*name).to_owned(),
            _ => format!("{name}.sh"),
        };
        let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
        let said = hand.typed(&name, &arguments, "typed\n");
        let all = format!("{}{}", said.out, said.err);
        if said.code != *code || !all.contains(says) {
            wrong.push(format!(
                "{name} {arguments:?} ended with {}, not {code}, or without `{says}`:\n{all}",
                said.code
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
    cluster.lab.run(&["rollback", "--yes", "--force"]).expect(0);
}
