//! The class-data archive of servers, made and used by real ones.
//!
//! A test binary of its own, because cargo runs one after the other: what makes an archive gives way to
//! everything else on the machine, and would wait long beside other tests.

use std::{
    fs,
    path::PathBuf,
    process::Command,
    time::{Duration, Instant},
};

use krun_tests::{
    lab::{Done, Lab, repository},
    procs,
};

const MAKING: Duration = Duration::from_secs(400);

/// One ZooKeeper and one broker, with a cache of their own, and archives as a user has them.
struct Own(Lab);

impl Own {
    fn krun(&self, arguments: &[&str]) -> Done {
        let mut command = self.0.krun(arguments);
        command
            .env("XDG_CACHE_HOME", self.0.path("cache"))
            .env_remove("KRUN_NO_ARCHIVE");
        Done::of(command)
    }

    fn run(&self) -> Done {
        let runbook = repository().join("runbooks/single-host-3-broker.rhai");
        let root = format!("root={}", self.0.path("root").display());
        let ports = &self.0.ports.list;
        let (zookeeper, broker) = (
            format!("zookeeper_port={}", ports[0]),
            format!("broker_ports={}", ports[1]),
        );
        let mut arguments = vec!["run", runbook.to_str().expect("UTF-8"), "--json"];
        for param in [
            &*root,
            &zookeeper,
            &broker,
            "heap=256m",
            "zookeeper_heap=128m",
            "replication_factor=1",
            "partitions=1",
            "transaction_replication_factor=1",
            "transaction_min_isr=1",
        ] {
            arguments.extend(["--param", param]);
        }
        self.krun(&arguments)
    }

    fn archives(&self) -> PathBuf {
        self.0.path("cache/krun/cds")
    }

    /// The archives of a kind of file that are there.
    fn made(&self, end: &str) -> Vec<PathBuf> {
        let mut found: Vec<_> = fs::read_dir(self.archives())
            .into_iter()
            .flatten()
            .flatten()
            .map(|entry| entry.path())
            .filter(|path| path.to_string_lossy().ends_with(end))
            .collect();
        found.sort();
        found
    }

    fn wait_until_made(&self) {
        let since = Instant::now();
        while self.made(".complete").is_empty() {
            let told: Vec<_> = [".failed", ".said"]
                .iter()
                .flat_map(|end| self.made(end))
                .map(|path| fs::read_to_string(path).unwrap_or_default())
                .collect();
            assert!(
                told.is_empty() && since.elapsed() < MAKING,
                "no archive: {told:?}"
            );
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    /// Ends both servers and starts them again.
    fn restart(&self) {
        self.krun(&["stop"]).expect(0);
        self.krun(&["start"]).expect(0);
    }

    /// The servers that have an archive mapped, as the operating system shows it.
    fn mapped(&self) -> Vec<String> {
        let folder = self.0.path("");
        procs::marked(folder.to_str().expect("UTF-8"))
            .into_iter()
            .filter(|process| {
                let maps = fs::read_to_string(format!("/proc/{}/maps", process.pid));
                maps.expect("its maps")
                    .lines()
                    .any(|line| line.contains("/krun/cds/") && line.ends_with(".jsa"))
            })
            .map(|process| process.step)
            .collect()
    }
}

#[test]
fn it_is_made_beside_a_first_run_used_by_later_ones_and_never_in_the_way() {
    let own = Own(Lab::new(2));
    own.run().expect(0);
    assert_eq!(own.mapped(), [""; 0], "there was none yet");
    own.wait_until_made();
    assert_eq!(own.made(".jsa").len(), 2);
    assert!(own.made("work-").is_empty());

    // It is no part of what a process is recognised by.
    assert_eq!(own.run().expect(0).finished()["changed"], 0);
    own.restart();
    assert_eq!(own.mapped(), ["broker-1", "zookeeper"]);
    assert_eq!(own.run().expect(0).finished()["changed"], 0);

    // Java dies of a truncated one, so that it is not given to it. In its place, because the servers
    // that run have the whole one mapped.
    for archive in own.made(".jsa") {
        let whole = fs::read(&archive).expect("an archive");
        let half = own.0.path("half");
        fs::write(&half, &whole[..whole.len() / 2]).expect("half of it");
        fs::rename(&half, &archive).expect("renamed");
    }
    own.restart();
    assert_eq!(own.mapped(), [""; 0]);
    assert_eq!(own.run().expect(0).finished()["changed"], 0);

    own.krun(&["rollback", "--yes"]).expect(0);
    assert!(!own.0.path("root").exists());
    let left = Command::new("pgrep")
        .args(["-f", own.archives().to_str().expect("UTF-8")])
        .output()
        .expect("pgrep");
    assert_eq!(String::from_utf8_lossy(&left.stdout), "", "a maker is left");
}
