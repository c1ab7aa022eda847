//! The whole runbook, its start-up and its rerun, beside the same by hand and from a shell.
//!
//! All three bring up the same thing: the configuration, the jars and the launchers that krun laid out.
//! They alternate, so that a machine which changes its mind does so for all.

use std::{
    fs,
    io::Write as _,
    os::unix::{fs::MetadataExt as _, process::CommandExt as _},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use krun_tests::{lab::repository, ports, procs};
use serde_json::Value;

use crate::{
    table::{Row, Times},
    work::{Work, end_all, finished, timed, times, until},
};

const ROUNDS: usize = 3;
const BROKERS: usize = 3;
const LIMIT: Duration = Duration::from_secs(120);
const SERVES: &str = "started (kafka.server.KafkaServer)";
const BOUND: &str = "binding to port";

/// One deployment of the shipped runbook.
struct Cluster<'a> {
    work: &'a Work,
    runbook: String,
    root: PathBuf,
    ports: ports::Ports,
    /// Of Kafka; the runbook's default where none is given.
    version: Option<&'static str>,
}

/// What krun started a process with.
struct Server {
    argv: Vec<String>,
    log: PathBuf,
    serves: &'static str,
}

/// All rows of the cluster.
pub fn measure(work: &Work) -> Result<Vec<Row>, String> {
    let cluster = Cluster::new(work, None);
    // Fills the cache: jars by Maven, and the archives, which a later run only uses.
    finished(&mut cluster.run())?;
    let archives = work.path("cache/krun/cds");
    until("the class-data archive", Duration::from_secs(600), || {
        let names = fs::read_dir(&archives).ok()?.flatten();
        let mut names = names.map(|entry| entry.file_name());
        names.find(|name| name.to_string_lossy().ends_with(".complete"))
    })?;
    cluster.rollback()?;

    let (mut whole, mut started, mut rerun) = (vec![], vec![], vec![]);
    let (mut shell, mut hand) = (vec![], vec![]);
    for _ in 0..ROUNDS {
        let since = Instant::now();
        let output = finished(&mut cluster.run())?;
        whole.push(since.elapsed());
        started.push(start_up(&String::from_utf8_lossy(&output.stdout))?);
        rerun.extend(times(5, || timed(&mut cluster.run()))?);
        cluster.an_altered_byte_is_found()?;
        let servers = cluster.servers()?;
        cluster.keep_layout()?;
        cluster.rollback()?;

        cluster.lay_out()?;
        shell.push(cluster.start_in_a_shell(&servers)?);
        cluster.lay_out()?;
        hand.push(cluster.by_hand()?);
        fs::remove_dir_all(&cluster.root).map_err(|error| error.to_string())?;
    }
    let [whole, started, rerun, shell, hand] = [whole, started, rerun, shell, hand].map(Times::new);
    let share = whole.median() / hand.median();
    let beside = started.median() / shell.median();
    Ok(vec![
        Row::beside(
            "the guide by hand: start one after the other, create, describe, 100 in, 100 out",
            hand.text(),
        ),
        Row::judged(
            "whole runbook, warm, from nothing to compared records",
            "at most 0.25 × the guide by hand",
            format!("{share:.2} ×: {}", whole.text()),
            share <= 0.25,
        ),
        Row::beside(
            "the same JVMs launched together from a shell, same flags and archive",
            shell.text(),
        ),
        Row::judged(
            "start-up part: ZooKeeper and all brokers serve",
            "at most 1.2 × the JVMs from a shell",
            format!("{beside:.2} ×: {}", started.text()),
            beside <= 1.2,
        ),
        Row::judged(
            "rerun, live cluster, every state step read from the machine; an altered byte under an \
             unchanged mtime was found",
            "at most 0.1 s",
            rerun.text(),
            rerun.median() <= 0.1,
        ),
    ])
}

/// How long ZooKeeper and the slowest broker took, one after the other as the runbook says.
fn start_up(events: &str) -> Result<Duration, String> {
    let took = |wanted: &dyn Fn(&str) -> bool| {
        events
            .lines()
            .filter_map(|line| serde_json::from_str::<Value>(line).ok())
            .filter(|event| event["event"] == "step_finished")
            .filter(|event| event["step"].as_str().is_some_and(wanted))
            .filter_map(|event| event["duration_ms"].as_u64())
            .max()
    };
    let zookeeper = took(&|step| step == "zookeeper");
    let broker = took(&|step| step.starts_with("broker-") && !step.contains('/'));
    match (zookeeper, broker) {
        (Some(zookeeper), Some(broker)) => Ok(Duration::from_millis(zookeeper + broker)),
        _ => Err("the run told of no ZooKeeper and brokers".to_owned()),
    }
}

/// Every version of Kafka: from nothing to compared records, again, and back.
pub fn versions(work: &Work) -> Result<Vec<Row>, String> {
    let mut rows = vec![];
    for version in ["1.0.0", "2.5.0", "2.8.0", "3.5.1", "3.9.1"] {
        let cluster = Cluster::new(work, Some(version));
        // Fills the cache with its jars.
        finished(&mut cluster.run_with(&["--target", "kafka"]))?;
        cluster.rollback()?;
        let once = |command: &mut Command| timed(command.env("KRUN_NO_ARCHIVE", "1"));
        let whole = once(&mut cluster.run())?;
        let again = Times::new(times(3, || once(&mut cluster.run()))?);
        let back = timed(&mut cluster.roll_back())?;
        rows.push(Row::beside(
            &format!("Kafka {version}: from nothing to compared records / again / rolled back"),
            [whole.as_secs_f64(), again.median(), back.as_secs_f64()]
                .map(|time| format!("{time:.2} s"))
                .join(" / "),
        ));
    }
    Ok(rows)
}

impl<'a> Cluster<'a> {
    fn new(work: &'a Work, version: Option<&'static str>) -> Self {
        let runbook = repository().join("runbooks/single-host-3-broker.rhai");
        Self {
            work,
            runbook: runbook.to_string_lossy().into_owned(),
            root: work.path("root"),
            ports: ports::reserve(1 + BROKERS),
            version,
        }
    }
}

impl Cluster<'_> {
    fn run(&self) -> Command {
        self.run_with(&[])
    }

    fn run_with(&self, more: &[&str]) -> Command {
        let list = &self.ports.list;
        let brokers: Vec<_> = list[1..].iter().map(u16::to_string).collect();
        let mut command = self.work.krun(&[&self.runbook, "--json", "--yes"]);
        for (name, value) in [
            ("root", self.root.to_string_lossy().into_owned()),
            ("zookeeper_port", list[0].to_string()),
            ("broker_ports", brokers.join(",")),
        ] {
            command.arg("--param").arg(format!("{name}={value}"));
        }
        if let Some(version) = self.version {
            command
                .arg("--param")
                .arg(format!("kafka_version={version}"));
            command.arg("--allow-untested-java");
        }
        command.args(more);
        command
    }

    fn roll_back(&self) -> Command {
        self.work.krun(&["rollback", "--yes"])
    }

    fn rollback(&self) -> Result<(), String> {
        finished(&mut self.roll_back()).map(drop)
    }

    /// Alters one byte of a broker's configuration without changing its size and time; a plan must see
    /// it. Puts it right again.
    fn an_altered_byte_is_found(&self) -> Result<(), String> {
        let failed = |error: std::io::Error| error.to_string();
        let path = self.root.join("kafka/config/server2.properties");
        let was = fs::read(&path).map_err(failed)?;
        let time = fs::metadata(&path)
            .map_err(failed)?
            .modified()
            .map_err(failed)?;
        let write = |bytes: &[u8]| {
            fs::write(&path, bytes)?;
            fs::File::options()
                .write(true)
                .open(&path)?
                .set_modified(time)
        };
        let text = String::from_utf8_lossy(&was).replacen("broker.id=2", "broker.id=4", 1);
        write(text.as_bytes()).map_err(failed)?;
        let meta = fs::metadata(&path).map_err(failed)?;
        let same = meta.size() == was.len() as u64 && meta.modified().map_err(failed)? == time;
        let mut plan = self.run();
        let arguments: Vec<_> = plan.get_args().map(ToOwned::to_owned).collect();
        plan = self.work.krun(&["plan"]);
        plan.args(arguments.into_iter().filter(|one| one != "--yes"));
        let plan = finished(&mut plan);
        write(&was).map_err(failed)?;
        let plan: Value = serde_json::from_slice(&plan?.stdout).map_err(|e| e.to_string())?;
        let steps = plan["plan"]["steps"]
            .as_array()
            .cloned()
            .unwrap_or_default();
        let seen = steps
            .iter()
            .any(|step| step["address"] == "broker-2/config" && step["change"] == "update");
        match (same, seen) {
            (true, true) => Ok(()),
            (false, _) => Err("the altered file has another size or time".to_owned()),
            (true, false) => Err("an altered byte was not found".to_owned()),
        }
    }

    /// What the live servers were started with: ZooKeeper first.
    fn servers(&self) -> Result<Vec<Server>, String> {
        let folder = self.work.path("").to_string_lossy().into_owned();
        let mut servers = vec![];
        for process in procs::marked(&folder) {
            let line = fs::read(format!("/proc/{}/cmdline", process.pid))
                .map_err(|error| error.to_string())?;
            let argv: Vec<String> = line
                .split(|byte| *byte == 0)
                .filter(|part| !part.is_empty())
                .map(|part| String::from_utf8_lossy(part).into_owned())
                .collect();
            if !argv
                .iter()
                .any(|one| one.starts_with("-XX:SharedArchiveFile="))
            {
                return Err(format!("{} was started without an archive", process.step));
            }
            let serves = if process.step == "zookeeper" {
                BOUND
            } else {
                SERVES
            };
            let log = self.work.path(&format!("{}.log", process.step));
            servers.push(Server { argv, log, serves });
        }
        match servers.len() {
            count if count == 1 + BROKERS => Ok(servers),
            count => Err(format!("{count} servers are there")),
        }
    }

    fn kept(&self) -> PathBuf {
        self.work.path("kept")
    }

    /// Keeps what krun laid out: configuration, launchers and the link to the jars.
    fn keep_layout(&self) -> Result<(), String> {
        copy(&self.root.join("kafka"), &self.kept())
    }

    /// Lays it out again, with nothing of an earlier run beside it.
    fn lay_out(&self) -> Result<(), String> {
        if self.root.exists() {
            fs::remove_dir_all(&self.root).map_err(|error| error.to_string())?;
        }
        fs::create_dir_all(self.root.join("logs")).map_err(|error| error.to_string())?;
        for name in ["zookeeper", "broker-1", "broker-2", "broker-3"] {
            fs::create_dir_all(self.root.join("logs").join(name)).map_err(|e| e.to_string())?;
        }
        copy(&self.kept(), &self.root.join("kafka"))
    }

    /// All JVMs at once, as with `&` in a shell; brokers wait for ZooKeeper by themselves.
    fn start_in_a_shell(&self, servers: &[Server]) -> Result<Duration, String> {
        let since = Instant::now();
        let mut running = vec![];
        for server in servers {
            let log = fs::File::create(&server.log).map_err(|error| error.to_string())?;
            let again = log.try_clone().map_err(|error| error.to_string())?;
            let child = Command::new(&server.argv[0])
                .args(&server.argv[1..])
                .current_dir(self.root.join("kafka"))
                .stdin(Stdio::null())
                .stdout(log)
                .stderr(again)
                .spawn()
                .map_err(|error| error.to_string())?;
            running.push(child);
        }
        let served = servers
            .iter()
            .try_for_each(|server| until_said(&server.log, server.serves));
        let took = since.elapsed();
        for child in &mut running {
            let _gone = child.kill();
            let _gone = child.wait();
        }
        served.map(|()| took)
    }

    /// As a guide says it: a launcher after the other, each once the one before has said that it
    /// serves, then the stock tools.
    fn by_hand(&self) -> Result<Duration, String> {
        let took = self.by_hand_until_records();
        end_all(&self.root);
        took
    }

    fn by_hand_until_records(&self) -> Result<Duration, String> {
        let home = self.root.join("kafka");
        let bin = |name: &str| Command::new(home.join("bin").join(name));
        let config = |name: &str| home.join("config").join(name);
        let since = Instant::now();
        let mut configs = vec![(
            "zookeeper-server-start.sh",
            config("zookeeper.properties"),
            BOUND,
            "256m",
        )];
        for name in ["server", "server2", "server3"] {
            let file = config(&format!("{name}.properties"));
            configs.push(("kafka-server-start.sh", file, SERVES, "512m"));
        }
        for (number, (launcher, file, serves, heap)) in configs.iter().enumerate() {
            let logs = self.root.join("logs").join(format!("hand-{number}"));
            fs::create_dir_all(&logs).map_err(|error| error.to_string())?;
            let said = logs.join("console");
            let console = fs::File::create(&said).map_err(|error| error.to_string())?;
            let again = console.try_clone().map_err(|error| error.to_string())?;
            // In a session of its own, as a second terminal would be; ended with the folder.
            bin(launcher)
                .arg(file)
                .env("LOG_DIR", &logs)
                .env("KAFKA_HEAP_OPTS", format!("-Xmx{heap} -Xms{heap}"))
                .process_group(0)
                .stdin(Stdio::null())
                .stdout(console)
                .stderr(again)
                .spawn()
                .map_err(|error| error.to_string())?;
            until_said(&said, serves)?;
        }
        let servers: Vec<_> = self.ports.list[1..]
            .iter()
            .map(|port| format!("127.0.0.1:{port}"))
            .collect();
        let servers = ["--bootstrap-server", &servers.join(",")];
        let topic = ["--topic", "test"];
        finished(
            bin("kafka-topics.sh")
                .arg("--create")
                .args(topic)
                .args(["--partitions", "10", "--replication-factor", "3"])
                .args(servers),
        )?;
        finished(
            bin("kafka-topics.sh")
                .arg("--describe")
                .args(topic)
                .args(servers),
        )?;
        let mut producer = bin("kafka-console-producer.sh")
            .args(topic)
            .args(servers)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|error| error.to_string())?;
        let records: String = (0..100).map(|n| format!("record {n}\n")).collect();
        if let Some(mut input) = producer.stdin.take() {
            input
                .write_all(records.as_bytes())
                .map_err(|error| error.to_string())?;
        }
        producer.wait().map_err(|error| error.to_string())?;
        let read = finished(
            bin("kafka-console-consumer.sh")
                .args(topic)
                .args(servers)
                .args([
                    "--from-beginning",
                    "--max-messages",
                    "100",
                    "--timeout-ms",
                    "60000",
                ]),
        )?;
        match String::from_utf8_lossy(&read.stdout).lines().count() {
            100 => Ok(since.elapsed()),
            count => Err(format!("by hand {count} of 100 records came back")),
        }
    }
}

fn until_said(log: &Path, text: &str) -> Result<(), String> {
    let what = format!("`{text}` in {}", log.display());
    until(&what, LIMIT, || {
        fs::read(log)
            .is_ok_and(|said| String::from_utf8_lossy(&said).contains(text))
            .then_some(())
    })
}

fn copy(from: &Path, to: &Path) -> Result<(), String> {
    if to.exists() {
        fs::remove_dir_all(to).map_err(|error| error.to_string())?;
    }
    finished(Command::new("cp").arg("-a").arg(from).arg(to)).map(drop)
}
