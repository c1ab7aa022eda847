//! Every version of Kafka that krun knows, from nothing to compared records and back, with the tools
//! as the guides of that version type them; ZooKeepers of other releases;
//! and the Java that is refused.

use std::{
    collections::BTreeMap,
    fs,
    process::Command,
    time::{Duration, Instant},
};

use krun_tests::lab::Lab;

use crate::{
    cluster::Cluster,
    hand::{Hand, brokers_appear},
};

mod launchers;

/// How the tools of a version are told where the cluster is.
struct Guide {
    version: &'static str,
    /// Whether kafka-topics takes `--zookeeper`, as it did until 2.8.
    topics_by_zookeeper: bool,
    /// Where the console producer finds brokers.
    producer: &'static str,
}

#[test]
fn kafka_1_0_0() {
    lives(&Guide {
        version: "1.0.0",
        topics_by_zookeeper: true,
        producer: "--broker-list",
    });
}

#[test]
fn kafka_2_5_0() {
    lives(&Guide {
        version: "2.5.0",
        topics_by_zookeeper: true,
        producer: "--broker-list",
    });
}

#[test]
fn kafka_2_8_0() {
    lives(&Guide {
        version: "2.8.0",
        topics_by_zookeeper: true,
        producer: "--bootstrap-server",
    });
}

#[test]
fn kafka_3_5_1() {
    lives(&Guide {
        version: "3.5.1",
        topics_by_zookeeper: false,
        producer: "--bootstrap-server",
    });
}

#[test]
fn kafka_3_9_1() {
    lives(&Guide {
        version: "3.9.1",
        topics_by_zookeeper: false,
        producer: "--bootstrap-server",
    });
}

/// From nothing to compared records, a second run that finds nothing to do, the tools, the servers as
/// a person starts them, and back to nothing.
#[expect(clippy::print_stdout, reason = "a row of the matrix of seconds")]
fn lives(guide: &Guide) {
    let mut cluster = Cluster::new(3);
    cluster.set(&format!("kafka_version={}", guide.version));
    let start = Instant::now();
    let first = cluster.on_runbook("run", &["--json", "--allow-untested-java"]);
    let done = first.expect(0).finished();
    assert_eq!(done["failed"], 0, "{done}");
    let (whole, mut seconds) = (start.elapsed(), BTreeMap::new());
    seconds.insert("1 from nothing", whole);
    assert_eq!(cluster.records().len(), 100);

    let start = Instant::now();
    // That untested Java is allowed is kept from the first run.
    let again = cluster.run().expect(0);
    seconds.insert("2 again", start.elapsed());
    assert_eq!(again.finished()["changed"], 0);

    let start = Instant::now();
    the_guides_tools_work(guide, &cluster);
    seconds.insert("3 tools", start.elapsed());
    cluster.lab.run(&["stop"]).expect(0);
    servers_start_by_hand(guide, &cluster);
    let mut command = cluster.lab.krun(&["start"]);
    command.env("JAVA_HOME", cluster.lab.path("jdk"));
    krun_tests::lab::Done::of(command).expect(0);

    let start = Instant::now();
    cluster.lab.run(&["rollback", "--yes", "--force"]).expect(0);
    seconds.insert("4 rollback", start.elapsed());
    assert!(!cluster.root().exists(), "nothing is left");
    assert_eq!(cluster.lab.pids(), BTreeMap::new());
    let list: Vec<_> = seconds
        .iter()
        .map(|(what, time)| format!("{} {:.1} s", &what[2..], time.as_secs_f64()))
        .collect();
    println!("Kafka {}: {}", guide.version, list.join(", "));
}

fn the_guides_tools_work(guide: &Guide, cluster: &Cluster) {
    let hand = Hand::of(&cluster.lab, cluster.root().join("kafka/bin"));
    let zookeeper = format!("127.0.0.1:{}", cluster.lab.ports.list[0]);
    let bootstrap = cluster.bootstrap();
    let topics = match guide.topics_by_zookeeper {
        true => ["--zookeeper", &zookeeper],
        false => ["--bootstrap-server", &bootstrap],
    };
    let with = |more: &[&'static str]| [&topics[..], more].concat();
    let described = hand.run("kafka-topics.sh", &with(&["--describe", "--topic", "test"]));
    let flat = described.replace([' ', '\t'], "");
    assert!(
        flat.contains("PartitionCount:10ReplicationFactor:3"),
        "{described}"
    );
    hand.run(
        "kafka-topics",
        &with(&[
            "--create",
            "--topic",
            "by-hand",
            "--partitions",
            "1",
            "--replication-factor",
            "3",
        ]),
    );
    let typed = hand.typed(
        "kafka-console-producer.sh",
        &[guide.producer, &bootstrap, "--topic", "by-hand"],
        "one\ntwo\n",
    );
    assert_eq!(typed.code, 0, "{}", typed.err);
    let read = hand.run(
        "kafka-console-consumer",
        &[
            "--bootstrap-server",
            &bootstrap,
            "--topic",
            "by-hand",
            "--from-beginning",
            "--max-messages",
            "2",
            "--group",
            "by-hand",
        ],
    );
    assert_eq!(read.lines().collect::<Vec<_>>(), ["one", "two"]);
    let group = hand.run(
        "kafka-consumer-groups.sh",
        &[
            "--bootstrap-server",
            &bootstrap,
            "--describe",
            "--group",
            "by-hand",
        ],
    );
    assert!(group.contains("by-hand"), "{group}");
    let ids = hand.run("zookeeper-shell.sh", &[&zookeeper, "ls", "/brokers/ids"]);
    assert!(ids.contains("[1, 2, 3]"), "{ids}");
}

/// ZooKeeper and a broker as the guide starts them, on what krun configured.
fn servers_start_by_hand(guide: &Guide, cluster: &Cluster) {
    let hand = Hand::of(&cluster.lab, cluster.root().join("kafka/bin"));
    let config = cluster.root().join("kafka/config");
    let file = |name: &str| config.join(name).to_str().expect("UTF-8").to_owned();
    hand.background(
        "zookeeper-server-start.sh",
        &["-daemon", &file("zookeeper.properties")],
    );
    // All three: a partition whose replicas last in sync are on a broker that is down has no leader.
    for (launcher, name) in [
        ("kafka-server-start.sh", "server.properties"),
        ("kafka-server-start", "server2.properties"),
        ("kafka-server-start.sh", "server3.properties"),
    ] {
        hand.background(launcher, &["-daemon", &file(name)]);
    }
    let log = cluster.lab.path("by-hand/kafkaServer.out");
    brokers_appear(&cluster.bootstrap(), 3, &log);
    // Brokers that have just registered learn of topics a moment later.
    let start = Instant::now();
    let records = loop {
        let read = Command::new("kcat")
            .args(["-b", &cluster.bootstrap(), "-C", "-t", "by-hand"])
            .args(["-o", "beginning", "-e", "-q"])
            .output()
            .expect("kcat is installed");
        if read.status.success() || start.elapsed() > Duration::from_secs(60) {
            break String::from_utf8_lossy(&read.stdout).into_owned();
        }
        std::thread::sleep(Duration::from_millis(100));
    };
    assert_eq!(records, "one\ntwo\n", "Kafka {}", guide.version);
    hand.end("kafka-server-start");
    hand.end("zookeeper-server-start");
}

#[test]
fn a_zookeeper_of_another_release() {
    for version in ["3.4.10", "3.8.4", "3.8.6", "3.9.0", "3.9.5"] {
        let mut cluster = Cluster::of_one(1);
        cluster.set(&format!("zookeeper_version={version}"));
        let start = Instant::now();
        cluster.run().expect(0);
        println!(
            "ZooKeeper {version}: from nothing {:.1} s",
            start.elapsed().as_secs_f64()
        );
        let again = cluster.run().expect(0);
        assert_eq!(again.finished()["changed"], 0);
        let hand = Hand::of(&cluster.lab, cluster.root().join("apache-zookeeper/bin"));
        assert_eq!(
            hand.names(),
            ["zkCli", "zkCli.sh", "zkServer", "zkServer.sh"]
        );
        assert!(
            hand.run("zkServer.sh", &["status"])
                .contains("Mode: standalone")
        );
        let address = format!("127.0.0.1:{}", cluster.lab.ports.list[0]);
        let said = hand.typed("zkCli.sh", &["-server", &address, "ls", "/brokers/ids"], "");
        assert!(said.out.contains("[1]"), "{}{}", said.out, said.err);
        let log = fs::read_to_string(cluster.root().join("logs/zookeeper/zookeeper.out"));
        assert!(
            log.expect("its output")
                .contains(&format!("zookeeper.version={version}"))
        );
        cluster.lab.run(&["rollback", "--yes"]).expect(0);
        assert!(!cluster.root().exists());
    }
}

#[test]
fn an_unknown_zookeeper_names_the_known_ones() {
    let mut cluster = Cluster::new(1);
    cluster.set("zookeeper_version=3.3.0");
    let refused = cluster.on_runbook("plan", &[]).expect(3);
    for text in ["ZooKeeper 3.3.0 is not known", "3.4.10, 3.8.4"] {
        assert!(refused.err().contains(text), "{}", refused.err());
    }
}

const ONLY_FOLDERS: &str = r#"
runbook(#{ name: "folders", version: "1.0.0", summary: "two distributions", requires: ">=0.1" });
let root = param("root", #{ type: "path", default: "." });
let java = kafka::java("java", #{ kafka_version: "1.0.0", allow_untested: true });
kafka::distribution("kafka", #{ version: "1.0.0", to: `${root}/kafka`, data: root, java: java.bin });
zookeeper::distribution("zookeeper", #{ version: "3.8.4", to: `${root}/zk`, data: root, java: java.bin });
"#;

/// `zkServer.sh` starts, stops and asks; `start` on a running one ends as that version's own script
/// does.
#[test]
fn zk_server_starts_and_stops() {
    let lab = Lab::new(2);
    let runbook = lab.write("folders.rhai", ONLY_FOLDERS);
    let root = lab.path("root");
    let root = format!("root={}", root.display());
    let runbook = runbook.to_str().expect("UTF-8");
    lab.run(&["run", runbook, "--param", &root]).expect(0);
    for (index, (folder, config, already)) in [
        ("root/zk", "conf/zoo.cfg", 1),
        // 3.4.10, which Kafka 1.0.0 brings.
        ("root/kafka", "config/zookeeper.properties", 0),
    ]
    .into_iter()
    .enumerate()
    {
        let path = lab.path(folder).join(config);
        let port = lab.ports.list[index];
        let text = fs::read_to_string(&path).expect("a configuration");
        let text = text.replace("clientPort=2181", &format!("clientPort={port}"));
        fs::write(&path, text + "\nadmin.enableServer=false\n").expect("a configuration");
        let hand = Hand::of(&lab, lab.path(folder).join("bin"));
        let says = |arguments: &[&str], code: i32, text: &str| {
            let said = hand.typed("zkServer.sh", arguments, "");
            let all = format!("{}{}", said.out, said.err);
            assert_eq!(said.code, code, "{folder} {arguments:?}\n{all}");
            assert!(all.contains(text), "`{text}` of {arguments:?}\n{all}");
        };
        says(
            &["status"],
            1,
            "Error contacting service. It is probably not running.",
        );
        says(&["stop"], 0, "no zookeeper to stop");
        says(&["start"], 0, "STARTED");
        says(&["status"], 0, "Mode: standalone");
        says(&["start"], already, "already running as process");
        says(&["restart", path.to_str().expect("UTF-8")], 0, "STARTED");
        says(&["stop"], 0, "STOPPED");
        says(&["status"], 1, "Error contacting service");
        says(&["start", "nothing.cfg"], 1, "can't be read");
        says(&["dance"], 1, "usage:");
        assert_eq!(lab.pids(), BTreeMap::new());
        fs::write(&path, "dataDir=relative\nclientPort=x\n").expect("a configuration");
        says(&["start"], 1, "FAILED TO START");
        // It made its data folder where it was told to.
        let _ = fs::remove_dir_all(lab.path("relative"));
    }
}

/// Java 17 is newer than what Kafka 2.8 is documented for.
#[test]
fn an_untested_java_is_refused_until_it_is_allowed() {
    if an_older_java_is_installed() {
        println!("a Java that Kafka 2.8 is documented for is installed: nothing to refuse");
        return;
    }
    let mut cluster = Cluster::new(3);
    cluster.set("kafka_version=2.8.0");
    let refused = cluster.on_runbook("plan", &[]).expect(4);
    for text in [
        "no Java was found that Kafka 2.8.0 runs on",
        "it is documented for Java 8 and 11",
        "--allow-untested-java",
    ] {
        assert!(
            refused.err().contains(text),
            "`{text}` in\n{}",
            refused.err()
        );
    }
    let allowed = cluster
        .on_runbook("plan", &["--allow-untested-java"])
        .expect(0);
    assert!(
        allowed.out().contains("Kafka 2.8.0 through Maven"),
        "{}",
        allowed.out()
    );
}

/// Whether a Java 8 to 16 is among those that krun looks at.
fn an_older_java_is_installed() -> bool {
    let installed = fs::read_dir("/usr/lib/jvm").into_iter().flatten().flatten();
    let mut releases = installed.map(|java| java.path().join("release"));
    releases.any(|release| {
        let text = fs::read_to_string(release).unwrap_or_default();
        let majors = (9..17).map(|major| format!("JAVA_VERSION=\"{major}"));
        text.contains("JAVA_VERSION=\"1.8") || majors.into_iter().any(|major| text.contains(&major))
    })
}

#[test]
fn a_runbook_without_the_parameter_refuses_the_flag() {
    let lab = Lab::new(0);
    let runbook = lab.write("folders.rhai", ONLY_FOLDERS);
    let runbook = runbook.to_str().expect("UTF-8");
    let refused = lab
        .run(&["plan", runbook, "--allow-untested-java"])
        .expect(2);
    assert!(
        refused
            .err()
            .contains("it has no parameter `allow_untested_java`"),
        "{}",
        refused.err()
    );
}
