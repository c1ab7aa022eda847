//! Servers alone: why they come up, why not, and what brokers that are gone leave.

use krun_kafka::diagnosis::Patterns;
use krun_model::{Digest, Effect, ProcessId, ProcessSpec, topic::TopicSpec};

use crate::{tree::Node, world::World};

const ZOOKEEPER: &str = "org.apache.zookeeper.server.quorum.QuorumPeerMain";
const BROKER: &str = "kafka.Kafka";
/// Longer than any start.
const STARTED: u64 = 15_000;

fn id(step: &str) -> ProcessId {
    ProcessId {
        deployment: "d".into(),
        step: step.parse().unwrap(),
    }
}

/// Starts a server with a file of settings.
fn start(world: &mut World, step: &str, class: &str, settings: &str) {
    let config = format!("/etc/{step}.properties");
    let text = settings.as_bytes().to_vec();
    world
        .files
        .plant(config.as_str().into(), Node::file(text, 0o644));
    world.files.plant("/log".into(), Node::dir(0o755));
    let spec = ProcessSpec {
        secret_env: Default::default(),
        id: id(step),
        argv: ["java", "-cp", "/libs/*", class, &config]
            .map(str::to_owned)
            .into(),
        env: Default::default(),
        cwd: "/".into(),
        log: format!("/log/{step}").into(),
        digest: Digest::of(settings),
        stop_grace_ms: 1,
    };
    world.perform(&Effect::StartProcess(spec), None).unwrap();
}

fn zookeeper(world: &mut World) {
    start(
        world,
        "zookeeper",
        ZOOKEEPER,
        "clientPort=2181\ndataDir=/zk\n",
    );
}

fn broker(world: &mut World, number: u16) {
    let settings = format!(
        "broker.id={number}\nlisteners=PLAINTEXT://h:{}\nlog.dirs=/b{number}\nzookeeper.connect=h:2181\n",
        9090 + number
    );
    start(world, &format!("broker-{number}"), BROKER, &settings);
}

fn wait(world: &mut World, time: u64) {
    world.pass(world.now() + time);
}

fn cluster() -> World {
    let mut world = World::new();
    zookeeper(&mut world);
    for number in 1..=3 {
        broker(&mut world, number);
    }
    wait(&mut world, STARTED);
    world
}

fn runs(world: &World, step: &str) -> bool {
    world.processes.contains_key(&id(step))
}

/// What krun's diagnosis makes of a log.
fn diagnosed(world: &World, step: &str) -> Vec<String> {
    let log = world.files.bytes(format!("/log/{step}").as_str().into());
    let log = log.unwrap().unwrap().to_vec();
    let findings = Patterns::builtin().diagnose(&String::from_utf8(log).unwrap());
    findings.into_iter().map(|finding| finding.id).collect()
}

fn state(world: &World) -> (Vec<i32>, Option<i32>) {
    let nodes = world.nodes(&id("zookeeper")).unwrap();
    let partition = &nodes.topics["t"].partitions[0];
    let mut isr = partition.isr.clone();
    isr.sort_unstable();
    (isr, partition.leader)
}

#[test]
fn a_broker_needs_its_zookeeper() {
    let mut world = World::new();
    broker(&mut world, 1);
    wait(&mut world, 3 * STARTED);
    assert!(!runs(&world, "broker-1"));
    assert_eq!(diagnosed(&world, "broker-1"), ["zookeeper-not-reached"]);
    broker(&mut world, 2);
    wait(&mut world, STARTED);
    zookeeper(&mut world);
    wait(&mut world, STARTED);
    assert!(runs(&world, "broker-2"), "one that comes up late is enough");
    assert!(world.servers.serving_at("h:9092").is_some());
}

#[test]
fn log_dirs_of_others_and_taken_ports() {
    let mut world = cluster();
    world.perform(&stop("broker-1"), None).unwrap();
    let meta = "/b1/meta.properties".into();
    let other = Node::file(*b"version=0\nbroker.id=1\ncluster.id=another\n", 0o644);
    world.files.plant(meta, other);
    broker(&mut world, 1);
    wait(&mut world, STARTED);
    assert_eq!(diagnosed(&world, "broker-1"), ["cluster-id-invalid"]);
    start(
        &mut world,
        "copy",
        BROKER,
        "broker.id=4\nlisteners=PLAINTEXT://h:9092\nlog.dirs=/b4\nzookeeper.connect=h:2181\n",
    );
    wait(&mut world, STARTED);
    assert_eq!(diagnosed(&world, "copy"), ["port-taken"]);
}

fn stop(step: &str) -> Effect {
    Effect::StopProcess {
        id: id(step),
        grace_ms: 1,
    }
}

fn kill(world: &mut World, step: &str) {
    let all: Vec<_> = world.processes.keys().cloned().collect();
    let at = all.iter().position(|one| *one == id(step)).unwrap();
    assert_eq!(world.one_dies(at), Some(id(step)));
}

#[test]
fn a_killed_broker_stays_registered_until_its_session_ends() {
    let mut world = cluster();
    let spec = TopicSpec {
        partitions: 1,
        replication_factor: 3,
        configs: Default::default(),
    };
    let made = world.with_nodes(&id("zookeeper"), |nodes| {
        nodes.create("t", "i".into(), &spec, 0)
    });
    assert_eq!(made, Some(Ok(())));
    wait(&mut world, 100);
    assert_eq!(state(&world), (vec![1, 2, 3], Some(1)));
    kill(&mut world, "broker-1");
    broker(&mut world, 1);
    wait(&mut world, STARTED);
    assert!(!runs(&world, "broker-1"));
    assert_eq!(diagnosed(&world, "broker-1"), ["broker-id-registered"]);
    assert_eq!(state(&world), (vec![1, 2, 3], Some(1)));
    wait(&mut world, STARTED);
    assert_eq!(state(&world), (vec![2, 3], Some(2)));
    broker(&mut world, 1);
    wait(&mut world, STARTED);
    assert_eq!(state(&world), (vec![1, 2, 3], Some(2)));
    // Told to end, it leaves at once; the last one in sync stays so, and none leads.
    for step in ["broker-1", "broker-2", "broker-3"] {
        world.perform(&stop(step), None).unwrap();
    }
    assert_eq!(state(&world), (vec![3], None));
}

#[test]
fn what_a_cluster_keeps_is_in_its_folders() {
    let mut world = cluster();
    let before = world.nodes(&id("zookeeper")).unwrap().cluster.clone();
    assert!(before.is_some());
    world.reboot();
    world
        .files
        .rename("/zk/version-2".into(), "/aside".into())
        .unwrap();
    zookeeper(&mut world);
    wait(&mut world, STARTED);
    assert_eq!(world.nodes(&id("zookeeper")).unwrap().cluster, None);
    world.perform(&stop("zookeeper"), None).unwrap();
    world.files.take("/zk/version-2".into());
    world
        .files
        .rename("/aside".into(), "/zk/version-2".into())
        .unwrap();
    zookeeper(&mut world);
    wait(&mut world, STARTED);
    assert_eq!(world.nodes(&id("zookeeper")).unwrap().cluster, before);
}
