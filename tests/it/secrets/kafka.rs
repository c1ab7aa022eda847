//! A real broker with a listener that asks for a password: one that is a secret, in its properties file
//! and in that of a client. Kafka's own tool says whether it holds.

use std::{
    cell::Cell,
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use krun_tests::{
    lab::Done,
    ports::{self, Ports},
};

use super::planted::{mode, search_files};
use crate::{
    adopt::{Hands, await_brokers, by_hand, other},
    cluster::Cluster,
};

/// The shipped runbook with a second listener, and a client's properties file.
fn with_sasl(cluster: &mut Cluster, port: u16) {
    let text = fs::read_to_string(cluster.runbook()).expect("the shipped runbook");
    let replace = |text: String, from: &str, to: &str| {
        assert!(text.contains(from), "{from}");
        text.replace(from, to)
    };
    let listener =
        format!("PLAINTEXT://${{address}}:${{broker.port}},SASL_PLAINTEXT://${{address}}:{port}`,");
    let text = replace(text, "PLAINTEXT://${address}:${broker.port}`,", &listener);
    let text = replace(
        text,
        "            \"broker.id\": broker.id,\n",
        r#"            "broker.id": broker.id,
            "sasl.enabled.mechanisms": "PLAIN",
            "listener.name.sasl_plaintext.plain.sasl.jaas.config":
                `org.apache.kafka.common.security.plain.PlainLoginModule required user_alice="${login}";`,
"#,
    );
    let text = replace(
        text,
        "        cluster: \"single-host\",\n",
        "        cluster: \"single-host\",\n        env: #{ ALICE: `alice:${login}` },\n",
    );
    let text = replace(
        text,
        "let started = [];\n",
        r#"file("client", #{ path: `${root}/client.properties`, after: home, content: `security.protocol=SASL_PLAINTEXT
sasl.mechanism=PLAIN
sasl.jaas.config=org.apache.kafka.common.security.plain.PlainLoginModule required username="alice" password="${login}";
`});
let started = [];
"#,
    );
    let text = replace(
        text,
        "// What follows from them.\n",
        "/// Alice's password.\nlet login = secret(\"login\");\n",
    );
    let runbook = cluster.lab.write("sasl.rhai", &text);
    cluster.use_runbook(runbook);
}

struct Bench {
    cluster: Cluster,
    sasl: Ports,
    values: Vec<String>,
    runs: Cell<usize>,
}

impl Bench {
    /// One broker that asks for a password, and the first of its passwords.
    fn new() -> Self {
        let mut cluster = Cluster::of_one(1);
        let sasl = ports::reserve(1);
        with_sasl(&mut cluster, sasl.list[0]);
        let mut bench = Self {
            cluster,
            sasl,
            values: vec![],
            runs: Cell::default(),
        };
        bench.rotate();
        bench
    }

    fn rotate(&mut self) {
        let random = fs::read_to_string("/proc/sys/kernel/random/uuid").expect("randomness");
        let random = random.trim().replace('-', "");
        self.values
            .push(format!("{}!=%/+~.:,{}", &random[..16], &random[16..]));
    }

    fn value(&self) -> &str {
        self.values.last().expect("a value")
    }

    fn krun(&self, verb: &str, more: &[&str]) -> Done {
        let mut command = self.cluster.command(verb, more);
        command.env("KRUN_SECRET_LOGIN", self.value());
        self.kept(Done::of(command))
    }

    fn kept(&self, done: Done) -> Done {
        let run = self.runs.get() + 1;
        self.runs.set(run);
        let lab = &self.cluster.lab;
        lab.write(&format!("seen/{run}.out"), &done.out());
        lab.write(&format!("seen/{run}.err"), &done.err());
        done
    }

    /// A command that needs no value to do its work, and gets none.
    #[track_caller]
    fn without_value(&self, words: &[&str]) {
        let done = Done::of(self.cluster.lab.krun(words));
        self.kept(done).expect(0);
    }

    /// What the broker has in its environment.
    #[track_caller]
    fn told(&self, value: &str) {
        let pid = self.cluster.lab.pids()["broker-1"];
        let environment = fs::read(format!("/proc/{pid}/environ")).expect("an environment");
        let environment = String::from_utf8_lossy(&environment);
        let mut all = environment.split('\0');
        let alice = all.find(|line| line.starts_with("ALICE="));
        assert_eq!(alice, Some(&*format!("ALICE=alice:{value}")));
    }

    /// What Kafka's own tool says with a client's properties.
    fn topics(&self, client: &Path) -> Output {
        let tool = self.cluster.root().join("kafka/bin/kafka-topics.sh");
        let server = format!("127.0.0.1:{}", self.sasl.list[0]);
        let timeout = self.cluster.lab.path("timeout.properties");
        let text = fs::read_to_string(client).expect("a client's properties");
        let short = "default.api.timeout.ms=15000\nrequest.timeout.ms=10000\n";
        fs::write(&timeout, format!("{text}{short}")).expect("a file");
        let output = Command::new(tool)
            .args(["--bootstrap-server", &server, "--list", "--command-config"])
            .arg(&timeout)
            .output();
        fs::remove_file(&timeout).expect("removed");
        output.expect("a tool of Kafka")
    }

    #[track_caller]
    fn proven(&self) {
        let output = self.topics(&self.cluster.root().join("client.properties"));
        let said = String::from_utf8_lossy(&output.stdout);
        let why = String::from_utf8_lossy(&output.stderr);
        assert!(said.lines().any(|line| line == "test"), "{said}\n{why}");
    }

    /// Every file but those two that are to hold the password; every command line.
    #[track_caller]
    fn search(&self) {
        let mut files = vec![];
        collect(&self.cluster.lab.path(""), &mut files);
        let targets = ["server.properties", "client.properties", "old.properties"];
        files.retain(|file| !targets.iter().any(|target| file.ends_with(target)));
        assert!(files.iter().any(|file| file.ends_with("journal.db")));
        search_files(&self.values, &files);
        for pid in self.cluster.lab.pids().values() {
            let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
            let line = String::from_utf8_lossy(&line).into_owned();
            assert!(
                self.values.iter().all(|value| !line.contains(value)),
                "{line}"
            );
        }
    }
}

fn collect(at: &Path, files: &mut Vec<PathBuf>) {
    let Ok(meta) = fs::symlink_metadata(at) else {
        return;
    };
    if meta.is_dir() {
        for entry in fs::read_dir(at).into_iter().flatten().flatten() {
            collect(&entry.path(), files);
        }
    } else if meta.is_file() {
        files.push(at.to_owned());
    }
}

#[test]
fn a_broker_with_a_password_is_proven_rotated_and_taken_back() {
    let mut bench = Bench::new();
    bench.krun("run", &["--json"]).expect(0);
    bench.proven();
    let root = bench.cluster.root();
    for file in ["kafka/config/server.properties", "client.properties"] {
        assert_eq!(mode(&root.join(file)), 0o600, "{file}");
    }
    let pid = bench.cluster.lab.pids()["broker-1"];
    bench.told(bench.value());
    assert_eq!(
        bench.krun("run", &["--json"]).expect(0).finished()["changed"],
        0
    );
    bench.search();

    let old = bench.cluster.lab.path("old.properties");
    fs::copy(root.join("client.properties"), &old).expect("a copy");
    bench.rotate();
    let plan = bench.krun("plan", &[]).expect(0);
    for part in ["(secret login) changed", "broker-1", "restart"] {
        assert!(plan.out().contains(part), "{part} in {}", plan.out());
    }
    let run = bench.krun("run", &["--json"]).expect(0);
    let changes = run.changes();
    let restarted = ("broker-1".to_owned(), "restart".to_owned());
    assert!(changes.contains(&restarted), "{changes:?}");
    assert_ne!(bench.cluster.lab.pids()["broker-1"], pid);
    bench.proven();
    let refused = bench.topics(&old);
    assert!(
        !refused.status.success(),
        "the old password is none any more"
    );
    assert_eq!(
        bench.krun("run", &["--json"]).expect(0).finished()["changed"],
        0
    );
    bench.without_value(&["history", "--json"]);
    bench.search();

    bench.without_value(&["rollback", "--yes", "--json"]);
    assert!(!root.exists());
    assert!(bench.cluster.lab.pids().is_empty());
    bench.search();
}

/// A restart that was cut off, a stop and a start; and a rollback of one run, in which what a process was told
/// comes from the state, where it is sealed: nobody gives a value any more.
#[test]
fn what_a_broker_was_told_comes_back() {
    let mut bench = Bench::new();
    bench.krun("run", &["--json"]).expect(0);

    bench.rotate();
    let mut command = bench.cluster.command("run", &["--json"]);
    command.env("KRUN_SECRET_LOGIN", bench.value());
    // It is ended, and not started yet.
    command.env("KRUN_KILL_AT", "before:4:broker-1");
    assert_eq!(bench.kept(Done::of(command)).code(), -1);
    assert!(!bench.cluster.lab.pids().contains_key("broker-1"));
    bench.krun("run", &["--json"]).expect(0);
    bench.told(bench.value());
    bench.proven();

    bench.without_value(&["stop"]);
    let mut start = bench.cluster.lab.krun(&["start"]);
    start.env("JAVA_HOME", bench.cluster.lab.path("jdk"));
    start.env("KRUN_SECRET_LOGIN", bench.value());
    bench.kept(Done::of(start)).expect(0);
    bench.told(bench.value());
    bench.proven();

    let before = bench.value().to_owned();
    bench.rotate();
    bench.krun("run", &["--json"]).expect(0);
    bench.told(bench.value());
    bench.without_value(&["rollback", "--run", "last", "--yes", "--json"]);
    bench.told(&before);
    let client = fs::read_to_string(bench.cluster.root().join("client.properties"));
    assert!(client.expect("it is there").contains(&before));
    bench.proven();
    bench.search();

    bench.without_value(&["rollback", "--yes", "--json"]);
    assert!(!bench.cluster.root().exists());
    bench.search();
}

/// A broker that was started by hand with a password in its properties.
#[test]
fn a_broker_with_a_password_is_adopted() {
    let bench = Bench::new();
    bench.krun("run", &["--json"]).expect(0);
    bench.without_value(&["stop"]);
    let _hands = Hands(&bench.cluster);
    for (launcher, config, heap) in [
        ("zookeeper-server-start.sh", "zookeeper.properties", "128m"),
        ("kafka-server-start.sh", "server.properties", "256m"),
    ] {
        by_hand(&bench.cluster, launcher, config, heap);
    }
    await_brokers(&bench.cluster, 1);
    let mut command = other(&bench.cluster, "adopt", &["--yes", "--json"]);
    command.env("KRUN_SECRET_LOGIN", bench.value());
    bench.kept(Done::of(command)).expect(0);
    bench.proven();
    let mut again = other(&bench.cluster, "run", &["--json"]);
    again.env("KRUN_SECRET_LOGIN", bench.value());
    let again = bench.kept(Done::of(again)).expect(0);
    let touched: Vec<String> = again.changes().into_iter().map(|(step, _)| step).collect();
    assert_eq!(touched, ["produce"], "who is adopted runs on");
    bench.search();
}
