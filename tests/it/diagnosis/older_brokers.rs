//! Errors that older versions say in other words.

use std::fs;

use super::{
    Bench,
    jars::{KAFKA_1_0, KAFKA_2_8, KAFKA_3_5},
};

/// Brokers up to 3.6 compare ids and clusters in words of their own.
#[test]
fn kafka_3_5_and_its_log_dirs() {
    let bench = Bench::new(KAFKA_3_5, 2);
    let _zookeeper = bench.zookeeper();
    let config = bench.broker_config(1, bench.port(1), "");
    let mut broker = bench.broker("whole", &config);
    broker.until(STARTED);
    broker.stop();
    let meta = bench.path("broker-1/meta.properties");
    let kept = fs::read_to_string(&meta).expect("meta.properties");
    let fails = |name: &str, config: &str, known: &str| {
        let mut broker = bench.broker(name, config);
        broker.wait();
        bench.answers(&broker.log, known);
    };
    fs::write(&meta, kept.replace("cluster.id=", "cluster.id=other")).expect("written");
    fails("cluster", &config, "cluster-id-mismatch");
    fs::write(&meta, kept.replace("broker.id=1", "broker.id=9")).expect("written");
    fails("id", &config, "broker-id-changed");

    fs::write(&meta, &kept).expect("written");
    bench.lab.write(
        "second/meta.properties",
        &kept.replace("broker.id=1", "broker.id=2"),
    );
    let both = format!(
        "log.dirs={},{}",
        bench.path("broker-1").display(),
        bench.path("second").display()
    );
    let config = bench.broker_config(1, bench.port(1), &both);
    fails("two", &config, "broker-id-across-dirs");
}

const STARTED: &str = "started (kafka.server.KafkaServer)";

#[test]
fn kafka_2_8() {
    let bench = Bench::new(KAFKA_2_8, 3);
    let _zookeeper = bench.zookeeper();
    let config = bench.broker_config(1, bench.port(1), "auto.create.topics.enable=false");
    let mut broker = bench.broker("first", &config);
    broker.until(STARTED);
    one_id_twice(&bench);

    let producer = bench.java(
        "java",
        &["-Xmx256m"],
        "kafka.tools.ConsoleProducer",
        &[
            "--bootstrap-server",
            &format!("127.0.0.1:{}", bench.port(1)),
            "--topic",
            "nobody-made-it",
            "--producer-property",
            "max.block.ms=1000",
        ],
    );
    let mut producer = bench.start_after(
        "producer",
        "echo a record > record; exec < record",
        &producer,
    );
    producer.wait();
    bench.answers(&producer.log, "no-leader");
}

#[test]
fn kafka_1_0() {
    let bench = Bench::new(KAFKA_1_0, 3);
    let _zookeeper = bench.zookeeper();
    let config = bench.broker_config(1, bench.port(1), "offsets.topic.replication.factor=3");
    let mut broker = bench.broker("first", &config);
    broker.until(STARTED);
    one_id_twice(&bench);

    // The first consumer of a group asks for the topic of offsets, which wants three brokers.
    let server = format!("127.0.0.1:{}", bench.port(1));
    let _consumer = bench.start(
        "consumer",
        "kafka.tools.ConsoleConsumer",
        &["--bootstrap-server", &server, "--topic", "any"],
    );
    broker.until("for the offsets topic");
    bench.answers(&broker.log, "offsets-topic-replicas");
}

/// A second broker with the id of the first, on a log dir and a port of its own.
fn one_id_twice(bench: &Bench) {
    let elsewhere = format!("log.dirs={}", bench.path("elsewhere").display());
    let config = bench.broker_config(1, bench.port(2), &elsewhere);
    let mut twin = bench.broker("twin", &config);
    twin.wait();
    bench.answers(&twin.log, "broker-id-registered");
}

#[test]
fn kafka_2_8_and_a_name_that_nobody_knows() {
    let bench = Bench::new(KAFKA_2_8, 2);
    let more = "zookeeper.connect=no-such-host.invalid:2181";
    let mut broker = bench.broker("name", &bench.broker_config(1, bench.port(1), more));
    broker.until("not resolvable");
    bench.answers(&broker.log, "name-not-resolvable");
}

#[test]
fn kafka_1_0_without_zookeeper() {
    let bench = Bench::new(KAFKA_1_0, 2);
    let config = bench.broker_config(1, bench.port(1), "zookeeper.connection.timeout.ms=1000");
    let mut broker = bench.broker("alone", &config);
    broker.wait();
    bench.answers(&broker.log, "zookeeper-not-reached");
}
