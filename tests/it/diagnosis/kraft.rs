//! What goes wrong without ZooKeeper: formatting, fencing, ids.

use std::process::Command;

use super::{BROKER, Bench, Program, jars::KAFKA_3_9};

const STORAGE: &str = "kafka.tools.StorageTool";
const TOPICS: &str = "org.apache.kafka.tools.TopicCommand";
/// A cluster id: 16 bytes in base64 without padding.
const CLUSTER: &str = "AAAAAAAAAAAAAAAAAAAAAQ";

impl Bench {
    /// A configuration file without ZooKeeper; the controller, node 1, is on the first port.
    fn kraft_config(&self, name: &str, node: u32, roles: &str, more: &str) -> String {
        let (controller, broker) = (self.port(0), self.port(node as usize));
        let listeners: Vec<String> = roles
            .split(',')
            .map(|role| match role {
                "controller" => format!("CONTROLLER://127.0.0.1:{controller}"),
                _ => format!("PLAINTEXT://127.0.0.1:{broker}"),
            })
            .collect();
        let text = format!(
            "process.roles={roles}\nnode.id={node}\nlisteners={}\nlog.dirs={}\n\
             controller.listener.names=CONTROLLER\n\
             listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT\n{more}\n",
            listeners.join(","),
            self.path(name).display(),
        );
        self.file(&format!("{name}.properties"), &text)
    }

    fn voters(&self) -> String {
        format!("controller.quorum.voters=1@127.0.0.1:{}", self.port(0))
    }

    fn format(&self, name: &str, config: &str, more: &[&str]) -> Program {
        let mut args = vec!["format", "-t", CLUSTER, "-c", config];
        args.extend(more);
        let mut tool = self.start(&format!("format-{name}"), STORAGE, &args);
        tool.wait();
        tool
    }

    fn create(&self, name: &str, server: &str, replicas: &str) -> Program {
        let args = [
            "--create",
            "--bootstrap-server",
            server,
            "--topic",
            name,
            "--partitions",
            "1",
            "--replication-factor",
            replicas,
        ];
        let mut tool = self.start(&format!("create-{name}"), TOPICS, &args);
        tool.wait();
        tool
    }
}

#[test]
fn formatting() {
    let bench = Bench::new(KAFKA_3_9, 2);
    let voters = bench.voters();
    let config = bench.kraft_config("node", 1, "broker,controller", &voters);
    let mut early = bench.start("early", BROKER, &[&config]);
    early.wait();
    bench.answers(&early.log, "not-formatted");
    bench.format("once", &config, &[]);
    bench.answers(
        &bench.format("twice", &config, &[]).log,
        "already-formatted",
    );
    let servers = format!(
        "controller.quorum.bootstrap.servers=127.0.0.1:{}",
        bench.port(0)
    );
    let config = bench.kraft_config("no-voters", 1, "broker,controller", &servers);
    bench.answers(&bench.format("no-voters", &config, &[]).log, "kraft-voters");
}

#[test]
fn fenced_brokers_and_one_id_twice() {
    let bench = Bench::new(KAFKA_3_9, 4);
    let voters = bench.voters();
    let config = bench.kraft_config("node", 1, "broker,controller", &voters);
    bench.format("node", &config, &[]);
    let mut node = bench.start("node", BROKER, &[&config]);
    node.until("Kafka Server started");
    let server = format!("127.0.0.1:{}", bench.port(1));
    bench.answers(&bench.create("wide", &server, "3").log, "too-few-brokers");

    // One id twice: each on a log dir of its own, the second on another port.
    let first = bench.kraft_config("first", 2, "broker", &voters);
    bench.format("first", &first, &[]);
    let mut broker = bench.start("first", BROKER, &[&first]);
    broker.until("Kafka Server started");
    let listeners = format!(
        "{voters}\nlisteners=PLAINTEXT://127.0.0.1:{}",
        bench.port(3)
    );
    let second = bench.kraft_config("second", 2, "broker", &listeners);
    bench.format("second", &second, &[]);
    let mut twin = bench.start("second", BROKER, &[&second]);
    twin.until("DUPLICATE_BROKER_REGISTRATION");
    bench.answers(&twin.log, "broker-id-registered");
}

/// A broker whose heartbeats come too seldom is fenced, and still answers who is connected.
#[test]
fn all_brokers_fenced() {
    let bench = Bench::new(KAFKA_3_9, 2);
    let rarely = format!(
        "{}\nbroker.heartbeat.interval.ms=600000\nbroker.session.timeout.ms=300",
        bench.voters()
    );
    let config = bench.kraft_config("node", 1, "broker,controller", &rarely);
    bench.format("node", &config, &[]);
    let mut node = bench.start("node", BROKER, &[&config]);
    node.until("Kafka Server started");
    node.until("Fencing broker 1");
    let server = format!("127.0.0.1:{}", bench.port(1));
    let mut producer = Command::new("sh");
    producer.args([
        "-c",
        "echo a record | kcat -P -b \"$1\" -t made-by-itself",
        "sh",
        &server,
    ]);
    let _producer = Program::start(producer, bench.path("kcat.out"));
    node.until("All brokers are currently fenced");
    bench.answers(&node.log, "too-few-brokers");
}
