//! What goes wrong when the machine has no more to give: disk, descriptors, memory maps, rights.

use super::{BROKER, Bench, Program, jars::KAFKA_3_9};

const TOPICS: &str = "org.apache.kafka.tools.TopicCommand";

impl Bench {
    fn broker_after(&self, name: &str, before: &str, config: &str) -> Program {
        let broker = self.java("java", &["-Xmx256m"], BROKER, &[config]);
        self.start_after(name, before, &broker)
    }

    fn create_partitions(&self, count: &str) -> Program {
        let server = format!("127.0.0.1:{}", self.port(1));
        let args = [
            "--create",
            "--bootstrap-server",
            &server,
            "--topic",
            "many",
            "--partitions",
            count,
            "--replication-factor",
            "1",
        ];
        self.start("create", TOPICS, &args)
    }
}

#[test]
fn no_more_room() {
    let bench = Bench::new(KAFKA_3_9, 2);
    let _zookeeper = bench.zookeeper();
    let config = bench.broker_config(1, bench.port(1), "");
    let folder = bench.path("broker-1");
    std::fs::create_dir(&folder).expect("a folder");
    let small = format!("mount -t tmpfs -o size=3m none {}", folder.display());
    let mut broker = bench.broker_after("full", &small, &config);
    broker.until("started (kafka.server.KafkaServer)");
    // The mount is the broker's alone; the kernel shows it below the process.
    let filler = format!("/proc/{}/root{}/filler", broker.pid(), folder.display());
    let mut filler = std::fs::File::create(filler).expect("a file");
    let full = std::io::copy(&mut std::io::repeat(1), &mut filler).expect_err("no room");
    assert_eq!(full.kind(), std::io::ErrorKind::StorageFull);
    let _tool = bench.create_partitions("10");
    broker.wait();
    bench.answers(&broker.log, "disk-full");
    bench.answers(&broker.log, "log-dirs-failed");
}

#[test]
fn no_more_descriptors_and_maps() {
    for (name, before, more, says, known) in [
        (
            "files",
            "ulimit -n 300",
            "",
            "Too many open files",
            "out-of-descriptors",
        ),
        (
            "maps",
            "ulimit -v 9000000",
            "log.index.size.max.bytes=2000000000",
            "Map failed",
            "out-of-maps",
        ),
    ] {
        let bench = Bench::new(KAFKA_3_9, 2);
        let _zookeeper = bench.zookeeper();
        let config = bench.broker_config(1, bench.port(1), more);
        let mut broker = bench.broker_after(name, before, &config);
        broker.until("started (kafka.server.KafkaServer)");
        let _tool = bench.create_partitions("300");
        broker.until(says);
        bench.answers(&broker.log, known);
    }
}

#[test]
fn a_log_dir_that_is_not_the_brokers() {
    let bench = Bench::new(KAFKA_3_9, 2);
    let _zookeeper = bench.zookeeper();
    let config = bench.broker_config(1, bench.port(1), "");
    bench.lab.write("broker-1/lost+found/x", "");
    let mut broker = bench.broker("stray", &config);
    broker.wait();
    bench.answers(&broker.log, "stray-folder");

    let bench = Bench::new(KAFKA_3_9, 2);
    let _zookeeper = bench.zookeeper();
    let config = bench.broker_config(1, bench.port(1), "");
    let folder = bench.path("broker-1");
    std::fs::create_dir(&folder).expect("a folder");
    let sealed = format!("mount -t tmpfs -o ro none {}", folder.display());
    let mut broker = bench.broker_after("sealed", &sealed, &config);
    broker.wait();
    bench.answers(&broker.log, "read-only-filesystem");
}

#[test]
fn a_log_dir_that_is_somebody_elses() {
    let bench = Bench::new(KAFKA_3_9, 2);
    let _zookeeper = bench.zookeeper();
    let config = bench.broker_config(1, bench.port(1), "");
    std::fs::create_dir(bench.path("broker-1")).expect("a folder");
    let broker = bench.java("java", &["-Xmx256m"], BROKER, &[&config]);
    let mut broker = bench.start_as_nobody("theirs", &broker, "broker-1");
    broker.wait();
    bench.answers(&broker.log, "permission-denied");
}
