//! A real broker with a listener that asks for a password: one that is a secret, in its properties file
//! and in that of a client. Kafka's own tool says whether it holds.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use krun_tests::{
    lab::Done,
    ports::{self, Ports},
};

use super::planted::{mode, search_files};
use crate::cluster::Cluster;

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
    runs: usize,
}

impl Bench {
    fn rotate(&mut self) {
        let random = fs::read_to_string("/proc/sys/kernel/random/uuid").expect("randomness");
        let random = random.trim().replace('-', "");
        self.values
            .push(format!("{}!=%/+~.:,{}", &random[..16], &random[16..]));
    }

    fn value(&self) -> &str {
        self.values.last().expect("a value")
    }

    fn krun(&mut self, verb: &str, more: &[&str]) -> Done {
        let mut command = self.cluster.command(verb, more);
        command.env("KRUN_SECRET_LOGIN", self.value());
        self.kept(Done::of(command))
    }

    fn kept(&mut self, done: Done) -> Done {
        self.runs += 1;
        let lab = &self.cluster.lab;
        lab.write(&format!("seen/{}.out", self.runs), &done.out());
        lab.write(&format!("seen/{}.err", self.runs), &done.err());
        done
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
    let mut cluster = Cluster::of_one(1);
    let sasl = ports::reserve(1);
    with_sasl(&mut cluster, sasl.list[0]);
    let mut bench = Bench {
        cluster,
        sasl,
        values: vec![],
        runs: 0,
    };
    bench.rotate();
    bench.krun("run", &["--json"]).expect(0);
    bench.proven();
    let root = bench.cluster.root();
    for file in ["kafka/config/server.properties", "client.properties"] {
        assert_eq!(mode(&root.join(file)), 0o600, "{file}");
    }
    let pid = bench.cluster.lab.pids()["broker-1"];
    let environment = fs::read(format!("/proc/{pid}/environ")).expect("an environment");
    let wanted = format!("\0ALICE=alice:{}\0", bench.value());
    assert!(String::from_utf8_lossy(&environment).contains(&wanted));
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
    let status = Done::of(bench.cluster.lab.krun(&["history", "--json"]));
    bench.kept(status).expect(0);
    bench.search();

    let back = Done::of(bench.cluster.lab.krun(&["rollback", "--yes", "--json"]));
    bench.kept(back).expect(0);
    assert!(!root.exists());
    assert!(bench.cluster.lab.pids().is_empty());
    bench.search();
}
