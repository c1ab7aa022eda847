//! What can go wrong on a machine, each with its words and exit code, and nothing lost.

use std::{
    io::{BufRead as _, BufReader},
    net::TcpListener,
    process::Stdio,
};

use krun_tests::tree::listing;

use crate::cluster::Cluster;

#[test]
fn a_taken_port_names_its_process() {
    let cluster = Cluster::new(3);
    let port = cluster.lab.ports.list[2];
    let _holder = TcpListener::bind(("127.0.0.1", port)).expect("a free port");
    let refused = cluster.on_runbook("run", &[]).expect(4);
    for text in [
        "krun::port-taken",
        &port.to_string(),
        &std::process::id().to_string(),
    ] {
        assert!(
            refused.err().contains(text),
            "`{text}` in\n{}",
            refused.err()
        );
    }
    assert!(!cluster.root().exists(), "nothing was made");
}

#[test]
fn too_little_memory() {
    let mut cluster = Cluster::new(1);
    let refused = cluster
        .set("heap=9000g")
        .set("replication_factor=1")
        .on_runbook("run", &[])
        .expect(4);
    assert!(refused.err().contains("memory"), "{}", refused.err());
    assert!(!cluster.root().exists(), "nothing was made");
}

#[test]
fn a_root_that_cannot_be_written() {
    let mut cluster = Cluster::new(1);
    let file = cluster.lab.write("a-file", "no folder");
    let root = format!("root={}/below", file.display());
    let refused = cluster
        .set(&root)
        .set("replication_factor=1")
        .on_runbook("run", &[])
        .expect(1);
    assert!(refused.err().contains("a-file/below"), "{}", refused.err());
    assert!(refused.err().contains("root="), "{}", refused.err());
}

/// A small cluster, brought up once: the troubles that need one.
#[test]
fn trouble_around_a_running_cluster() {
    let mut cluster = Cluster::new(2);
    let one = format!("broker_ports={}", cluster.lab.ports.list[1]);
    cluster.set(&one);
    cluster.one_replica(2);

    // A broker that dies while it starts: the lines that matter, cause and cure, at once.
    let died = cluster.on_runbook("run", &["--param", "heap=1m"]).expect(1);
    for text in ["krun::process-died", "broker-1", "heap"] {
        assert!(died.err().contains(text), "`{text}` in\n{}", died.err());
    }
    assert_eq!(
        cluster.lab.pids().into_keys().collect::<Vec<_>>(),
        ["zookeeper"]
    );

    // Two at once: the second is told who holds the deployment.
    let mut first = cluster.command("run", &["--json"]);
    let mut first = first
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("krun starts");
    let mut lines = BufReader::new(first.stdout.take().expect("stdout")).lines();
    assert!(
        lines.next().is_some_and(|line| line.is_ok()),
        "the first run began"
    );
    let second = cluster.on_runbook("run", &[]).expect(5);
    for text in ["krun::locked", &first.id().to_string()] {
        assert!(second.err().contains(text), "`{text}` in\n{}", second.err());
    }
    let events: Vec<String> = lines.map_while(Result::ok).collect();
    assert!(first.wait().expect("krun ends").success(), "{events:#?}");

    // One more port is one more broker, and nothing else.
    let ports = cluster.lab.ports.list.clone();
    let longer = format!("broker_ports={},{}", ports[1], ports[2]);
    let before = cluster.lab.pids();
    let grown = cluster.set(&longer).run().expect(0);
    assert!(
        grown
            .changes()
            .iter()
            .all(|(step, _)| step.starts_with("broker-2")),
        "{:?}",
        grown.changes()
    );
    let after = cluster.lab.pids();
    assert!(after.contains_key("broker-2"));
    assert_eq!(
        (after["zookeeper"], after["broker-1"]),
        (before["zookeeper"], before["broker-1"])
    );

    // A log folder of another cluster, slipped in while the broker was stopped: the line of the log
    // that matters, its cause and its cure.
    cluster.lab.run(&["stop"]).expect(0);
    let meta = cluster.root().join("broker1/meta.properties");
    let ours = std::fs::read_to_string(&meta).expect("meta.properties");
    let cut = ours.find("cluster.id=").expect("a cluster id");
    std::fs::write(&meta, format!("{}cluster.id=Foreign\n", &ours[..cut])).expect("write");
    let mut start = cluster.lab.krun(&["start"]);
    start.env("JAVA_HOME", cluster.lab.path("jdk"));
    let died = krun_tests::lab::Done::of(start).expect(1);
    for text in ["krun::process-died", "Foreign", "log dirs", "help:"] {
        assert!(died.err().contains(text), "`{text}` in\n{}", died.err());
    }
    std::fs::write(&meta, ours).expect("write");
    cluster.run().expect(0);

    // A topic that exists with other settings is not touched.
    let conflict = cluster
        .on_runbook("run", &["--param", "partitions=1"])
        .expect(1);
    for text in ["krun::conflict", "2", "1"] {
        assert!(
            conflict.err().contains(text),
            "`{text}` in\n{}",
            conflict.err()
        );
    }

    // Somebody's records in krun's topic are not deleted by a rollback.
    let mut kcat = std::process::Command::new("kcat")
        .args(["-b", &cluster.bootstrap(), "-P", "-t", "test"])
        .stdin(Stdio::piped())
        .spawn()
        .expect("kcat");
    std::io::Write::write_all(
        &mut kcat.stdin.take().expect("stdin"),
        b"a person's record\n",
    )
    .expect("write");
    assert!(kcat.wait().expect("kcat ends").success());
    let tree = listing(&cluster.root().join("kafka"));
    let refused = cluster.lab.run(&["rollback", "--yes"]).expect(6);
    assert!(
        refused.err().contains("1 records that krun did not write"),
        "{}",
        refused.err()
    );
    assert_eq!(
        listing(&cluster.root().join("kafka")),
        tree,
        "nothing was touched"
    );
    cluster.lab.run(&["rollback", "--yes", "--force"]).expect(0);
    assert!(!cluster.root().exists());
}

/// Runs krun in a mount namespace of its own, after some commands: for a full disk, a missing Java.
fn in_own_mounts(cluster: &Cluster, prepare: &str, more: &[&str]) -> krun_tests::lab::Done {
    let krun = cluster.command("run", more);
    let mut command = std::process::Command::new("unshare");
    command
        .args(["--mount", "--map-root-user", "sh", "-c"])
        .arg(format!("set -e; {prepare}; exec \"$@\""))
        .arg("sh")
        .arg(krun.get_program())
        .args(krun.get_args())
        .current_dir(krun.get_current_dir().expect("a folder"))
        .stdin(Stdio::null());
    for (name, value) in krun.get_envs() {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    krun_tests::lab::Done::of(command)
}

#[test]
fn a_full_disk_is_seen_before_anything_is_done() {
    let cluster = Cluster::new(3);
    let root = cluster.root();
    std::fs::create_dir(&root).expect("root");
    let full = format!("mount -t tmpfs -o size=4m none {}", root.display());
    let refused = in_own_mounts(&cluster, &full, &[]).expect(4);
    for text in ["krun::disk-full", "MiB", root.to_str().expect("UTF-8")] {
        assert!(
            refused.err().contains(text),
            "`{text}` in\n{}",
            refused.err()
        );
    }
}

#[test]
fn no_java_and_no_right_to_install_one() {
    let cluster = Cluster::new(3);
    let programs = cluster.lab.path("programs");
    std::fs::create_dir(&programs).expect("programs");
    std::fs::remove_dir_all(cluster.lab.path("jdk")).expect("jdk");
    let hidden = format!(
        "mount -t tmpfs none /usr/lib/jvm; unset JAVA_HOME; PATH={}; export PATH",
        programs.display()
    );
    let refused = in_own_mounts(&cluster, &hidden, &[]).expect(4);
    for text in ["krun::prerequisite", "Java", "apt-get install"] {
        assert!(
            refused.err().contains(text),
            "`{text}` in\n{}",
            refused.err()
        );
    }
    assert!(!cluster.root().exists(), "nothing was made");
}

#[test]
fn a_java_that_is_too_old() {
    let cluster = Cluster::new(3);
    let programs = cluster.lab.path("programs");
    std::fs::create_dir(&programs).expect("programs");
    cluster
        .lab
        .write("jdk/release", "JAVA_VERSION=\"1.7.0_80\"\n");
    let hidden = format!(
        "mount -t tmpfs none /usr/lib/jvm; PATH={}; export PATH",
        programs.display()
    );
    let refused = in_own_mounts(&cluster, &hidden, &[]).expect(4);
    for text in ["krun::prerequisite", "7", "3.9.1", "apt-get install"] {
        assert!(
            refused.err().contains(text),
            "`{text}` in\n{}",
            refused.err()
        );
    }
}

/// Answers every request with the beginning of a file, and hangs up.
fn cut_every_download() -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a port");
    let port = listener.local_addr().expect("an address").port();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let mut request = BufReader::new(&stream).lines();
            while request
                .next()
                .is_some_and(|line| line.is_ok_and(|line| !line.is_empty()))
            {}
            let cut = b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n<project>";
            let _ = std::io::Write::write_all(&mut &stream, cut);
        }
    });
    port
}

/// Real Maven with a company's mirror in its settings, a mirror that cuts every download.
#[test]
fn a_cut_download_says_so_and_the_next_run_goes_on() {
    let cluster = Cluster::of_one(1);
    let port = cut_every_download();
    cluster.lab.write(
        "home/.m2/settings.xml",
        &format!(
            "<settings><mirrors><mirror><id>m</id><mirrorOf>*</mirrorOf>\
             <url>http://127.0.0.1:{port}/maven</url></mirror></mirrors></settings>"
        ),
    );
    let run = |cut: bool| {
        let mut command = cluster.command("run", &["--json"]);
        command.env("XDG_CACHE_HOME", cluster.lab.path("cache"));
        if cut {
            let home = format!("-Duser.home={}", cluster.lab.path("home").display());
            command.env("MAVEN_OPTS", home);
        }
        krun_tests::lab::Done::of(command)
    };
    let refused = run(true).expect(1);
    let failed = refused
        .events()
        .into_iter()
        .find(|event| event["event"] == "step_failed");
    let failed = failed.expect("a step that failed");
    assert_eq!(failed["step"], "kafka");
    assert_eq!(failed["fault"]["code"], "download", "{failed}");
    run(false).expect(0);
}
