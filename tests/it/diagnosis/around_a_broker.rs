//! What goes wrong beside a broker that runs: a second one that wants what it has, and clients that
//! want what it has not.

use std::{
    fs,
    io::{Read as _, Write as _},
    net::TcpStream,
    process::Command,
};

use super::{BROKER, Bench, Program, jars::KAFKA_3_9};

const TOPICS: &str = "org.apache.kafka.tools.TopicCommand";
const CONSUMER: &str = "org.apache.kafka.tools.consumer.ConsoleConsumer";
const PRODUCER: &str = "kafka.tools.ConsoleProducer";

#[test]
fn beside_a_running_broker() {
    let bench = Bench::new(KAFKA_3_9, 4);
    let _zookeeper = bench.zookeeper();
    let (port, other) = (bench.port(1), bench.port(2));
    let first = bench.broker_config(
        1,
        port,
        "offsets.topic.replication.factor=3\nauto.create.topics.enable=true",
    );
    let mut broker = bench.broker("first", &first);
    broker.until("started (kafka.server.KafkaServer)");

    let holder = std::net::TcpListener::bind(("127.0.0.1", 0)).expect("a port");
    let held = holder.local_addr().expect("an address").port();
    let log_dir = format!("log.dirs={}", bench.path("broker-1").display());
    for (name, id, listens, more, known) in [
        ("port", 2, held, "", "port-taken"),
        ("listener", 5, port, "", "listener-registered"),
        ("lock", 1, other, log_dir.as_str(), "log-dir-locked"),
    ] {
        let config = bench.broker_config(id, listens, more);
        let mut second = bench.broker(name, &config);
        second.wait();
        bench.answers(&second.log, known);
    }
    let twin = format!("log.dirs={}", bench.path("twin").display());
    let config = bench.broker_config(1, other, &twin);
    let mut second = bench.broker("twin", &config);
    second.wait();
    bench.answers(&second.log, "broker-id-registered");
    management_port_taken(&bench, other);
    clients_want_too_much(&bench, port);
    four_letter_word(&bench);

    drop(broker);
    let meta = bench.path("broker-1/meta.properties");
    let kept = fs::read_to_string(&meta).expect("meta.properties");
    for (name, text, known) in [
        (
            "id",
            kept.replace("broker.id=1", "broker.id=9"),
            "broker-id-changed",
        ),
        (
            "cluster",
            kept.replace("cluster.id=", "cluster.id=other"),
            "cluster-id-invalid",
        ),
    ] {
        fs::write(&meta, text).expect("written");
        let mut again = bench.broker(name, &first);
        again.wait();
        bench.answers(&again.log, known);
    }
}

fn management_port_taken(bench: &Bench, port: u16) {
    let holder = std::net::TcpListener::bind(("127.0.0.1", 0)).expect("a port");
    let taken = holder.local_addr().expect("an address").port().to_string();
    let config = bench.broker_config(4, port, "");
    let flags = [
        "-Dcom.sun.management.jmxremote".to_owned(),
        "-Dcom.sun.management.jmxremote.authenticate=false".to_owned(),
        "-Dcom.sun.management.jmxremote.host=127.0.0.1".to_owned(),
        format!("-Dcom.sun.management.jmxremote.port={taken}"),
    ];
    let flags: Vec<&str> = flags.iter().map(String::as_str).collect();
    let mut broker = bench.start_with("jmx", &flags, BROKER, &[&config]);
    broker.wait();
    bench.answers(&broker.log, "port-taken");
}

fn clients_want_too_much(bench: &Bench, port: u16) {
    let server = format!("127.0.0.1:{port}");
    let create = |name: &str, replicas: &str, more: &[&str]| {
        let mut args = vec![
            "--create",
            "--bootstrap-server",
            &server,
            "--topic",
            name,
            "--partitions",
            "1",
            "--replication-factor",
            replicas,
        ];
        args.extend(more);
        let mut tool = bench.start(&format!("create-{name}"), TOPICS, &args);
        tool.wait();
        tool
    };
    bench.answers(&create("wide", "3", &[]).log, "too-few-brokers");

    // Two replicas, both asked for, and one of their brokers ends.
    let config = bench.broker_config(6, bench.port(2), "");
    let mut second = bench.broker("second", &config);
    second.until("started (kafka.server.KafkaServer)");
    create("safe", "2", &["--config", "min.insync.replicas=2"]);
    second.stop();
    let produce = |name: &str, topic: &str, more: &[&str]| {
        let mut args = vec!["--bootstrap-server", &server, "--topic", topic];
        args.extend(more);
        let command = bench.java("java", &["-Xmx256m"], PRODUCER, &args);
        let mut shell = Command::new("sh");
        shell
            .args(["-c", "echo a record | \"$@\"", "sh"])
            .arg(command.get_program());
        shell.args(command.get_args()).current_dir(bench.path(""));
        let mut tool = Program::start(shell, bench.path(&format!("{name}.out")));
        tool.wait();
        tool
    };
    let few = produce(
        "isr",
        "safe",
        &[
            "--request-required-acks",
            "all",
            "--message-send-max-retries",
            "1",
        ],
    );
    bench.answers(&few.log, "not-enough-replicas");
    bench.answers(&produce("new", "made-by-itself", &[]).log, "no-leader");

    // The first consumer of a group asks for the topic of offsets, which wants three brokers.
    let args = [
        "--bootstrap-server",
        &server,
        "--topic",
        "safe",
        "--timeout-ms",
        "3000",
    ];
    bench.start("group", CONSUMER, &args).wait();
    bench.answers(&bench.path("first.out"), "offsets-topic-replicas");
}

fn four_letter_word(bench: &Bench) {
    let mut socket = TcpStream::connect(("127.0.0.1", bench.port(0))).expect("ZooKeeper");
    socket.write_all(b"ruok").expect("sent");
    let mut answer = String::new();
    socket.read_to_string(&mut answer).expect("an answer");
    let log = bench.lab.write("ruok.out", &answer);
    bench.answers(&log, "four-letter-word-refused");
}

#[test]
fn a_broker_alone() {
    let bench = Bench::new(KAFKA_3_9, 2);
    let port = bench.port(1);
    let mut started = vec![];
    for (id, more, known) in [
        (
            1,
            "zookeeper.connection.timeout.ms=1000",
            "zookeeper-not-reached",
        ),
        (
            2,
            "zookeeper.connect=no-such-host.invalid:2181\nzookeeper.connection.timeout.ms=1000",
            "name-not-resolvable",
        ),
        (
            3,
            "advertised.listeners=PLAINTEXT://0.0.0.0:1",
            "advertised-meta-address",
        ),
        (4, "num.io.threads=many", "config-invalid"),
    ] {
        let config = bench.broker_config(id, port, more);
        let mut broker = bench.broker(&format!("alone-{id}"), &config);
        if known == "name-not-resolvable" {
            broker.until("Unable to resolve address");
        }
        started.push((broker, known));
    }
    let without = bench.file(
        "nothing.properties",
        &format!("broker.id=1\nlog.dirs={}\n", bench.path("none").display()),
    );
    started.push((
        bench.broker("nothing", &without),
        "zookeeper-connect-missing",
    ));
    for (mut broker, known) in started {
        if known == "name-not-resolvable" {
            broker.until("Unable to resolve address");
        } else {
            broker.wait();
        }
        bench.answers(&broker.log, known);
    }
}
