//! What goes wrong when ZooKeeper starts.

use std::{fs, net::TcpListener};

use super::{
    Bench, ZOOKEEPER,
    jars::{KAFKA_3_9, ZOOKEEPER_WITH_JETTY},
};

#[test]
fn a_zookeeper_that_does_not_start() {
    let bench = Bench::new(KAFKA_3_9, 5);
    let ports = &bench.lab.ports.list;
    let ensemble = format!(
        "initLimit=5\nsyncLimit=2\nserver.1=127.0.0.1:{}:{}\nserver.2=127.0.0.1:{}:{}",
        ports[1], ports[2], ports[3], ports[4]
    );
    let starts = |name: &str, config: &str, known: &str, says: Option<&str>| {
        let mut server = bench.start(name, ZOOKEEPER, &[config]);
        match says {
            Some(text) => drop(server.until(text)),
            None => drop(server.wait()),
        }
        bench.answers(&server.log, known);
    };

    let config = bench.zookeeper_config("no-myid", &ensemble);
    fs::create_dir(bench.path("no-myid")).expect("dataDir");
    starts("no-myid", &config, "myid-wrong", None);

    let config = bench.zookeeper_config("other-myid", &ensemble);
    bench.lab.write("other-myid/myid", "7\n");
    starts("other-myid", &config, "myid-wrong", None);

    let config = bench.zookeeper_config("alone", &ensemble);
    bench.lab.write("alone/myid", "1\n");
    starts(
        "alone",
        &config,
        "peer-unreachable",
        Some("Cannot open channel to 2"),
    );

    let config = bench.zookeeper_config("words", "tickTime=soon");
    starts("words", &config, "config-invalid", None);

    let holder = TcpListener::bind(("127.0.0.1", ports[0])).expect("a free port");
    let config = bench.zookeeper_config("port", "");
    starts("port", &config, "port-taken", None);
    drop(holder);

    // A server that has logs and no snapshot: as 3.4 left it, or somebody who cleaned half of it.
    let config = bench.zookeeper_config("half", "");
    let mut whole = bench.start("half-before", ZOOKEEPER, &[&config]);
    whole.until("binding to port");
    let mut shell = bench.start(
        "create",
        "org.apache.zookeeper.ZooKeeperMain",
        &[
            "-server",
            &format!("127.0.0.1:{}", ports[0]),
            "create",
            "/krun",
        ],
    );
    shell.wait();
    whole.stop();
    for entry in fs::read_dir(bench.path("half/version-2"))
        .expect("version-2")
        .flatten()
    {
        if entry.file_name().to_string_lossy().starts_with("snapshot") {
            fs::remove_file(entry.path()).expect("removed");
        }
    }
    starts("half", &config, "snapshot-missing", None);
}

#[test]
fn a_folder_that_belongs_to_somebody_else() {
    let bench = Bench::new(KAFKA_3_9, 1);
    let config = bench.zookeeper_config("theirs", "");
    fs::create_dir_all(bench.path("theirs/version-2")).expect("dataDir");
    let command = bench.java("java", &["-Xmx256m"], ZOOKEEPER, &[&config]);
    let mut server = bench.start_as_nobody("theirs", &command, "theirs/version-2");
    server.wait();
    bench.answers(&server.log, "data-dir-not-writable");
}

#[test]
fn the_port_of_the_admin_server() {
    let bench = Bench::new(ZOOKEEPER_WITH_JETTY, 2);
    let admin = bench.port(1);
    let _holder = TcpListener::bind(("0.0.0.0", admin)).expect("a free port");
    let text = format!(
        "dataDir={}\nclientPort={}\nadmin.serverPort={admin}\n",
        bench.path("zk").display(),
        bench.port(0)
    );
    let config = bench.file("admin.properties", &text);
    let mut server = bench.start("admin", ZOOKEEPER, &[&config]);
    server.wait();
    bench.answers(&server.log, "admin-server-port");
}
