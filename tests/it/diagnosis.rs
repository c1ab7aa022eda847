//! Every error of one host that krun knows is provoked on the real software, and answered with its
//! cause and cure.

mod around_a_broker;
mod clients;
mod jars;
mod java;
mod kraft;
mod older_brokers;
mod resources;
mod server;
mod zookeeper;

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use krun_tests::lab::{Lab, repository};

use self::server::{BROKER, Java, Program, ZOOKEEPER};

/// A scratch folder with ports, and the jars of one version.
struct Bench {
    lab: Lab,
    jars: PathBuf,
}

impl Bench {
    fn new(jars: (&str, &[&str]), ports: usize) -> Self {
        Self {
            lab: Lab::new(ports),
            jars: jars::of(jars),
        }
    }

    fn port(&self, at: usize) -> u16 {
        self.lab.ports.list[at]
    }

    fn path(&self, name: &str) -> PathBuf {
        self.lab.path(name)
    }

    fn file(&self, name: &str, text: &str) -> String {
        self.lab.write(name, text).display().to_string()
    }

    /// Starts a Java class; what it says goes into a file of that name.
    fn start(&self, name: &str, class: &str, args: &[&str]) -> Program {
        self.start_with(name, &["-Xmx256m"], class, args)
    }

    /// [`Bench::start`], with flags of the JVM's.
    fn start_with(&self, name: &str, flags: &[&str], class: &str, args: &[&str]) -> Program {
        let command = self.java("java", flags, class, args);
        Program::start(command, self.path(&format!("{name}.out")))
    }

    /// A command that runs a class of the jars.
    fn java(&self, program: &str, flags: &[&str], class: &str, args: &[&str]) -> Command {
        Java {
            program,
            flags,
            jars: &self.jars,
            folder: &self.path(""),
        }
        .command(class, args)
    }

    /// Starts a program behind a line of shell that takes something away from it first, in a
    /// namespace of mounts of its own.
    fn start_after(&self, name: &str, before: &str, program: &Command) -> Program {
        let mut shell = Command::new("unshare");
        shell
            .args(["--mount", "--map-root-user", "sh", "-c"])
            .arg(format!("{before}; exec \"$@\""))
            .arg("sh")
            .arg(program.get_program())
            .args(program.get_args())
            .current_dir(self.path(""));
        Program::start(shell, self.path(&format!("{name}.out")))
    }

    /// Starts a program as a user who may only read a folder: root may write everything.
    fn start_as_nobody(&self, name: &str, program: &Command, folder: &str) -> Program {
        use std::os::unix::fs::PermissionsExt as _;
        let allow = |path: &str, mode| {
            fs::set_permissions(self.path(path), fs::Permissions::from_mode(mode)).expect("mode");
        };
        allow("", 0o755);
        allow(folder, 0o555);
        let user = ["--reuid=65534", "--regid=65534", "--clear-groups", "--"];
        let mut command = Command::new("setpriv");
        if rustix::process::geteuid().is_root() {
            command.args(user);
        }
        command
            .arg(program.get_program())
            .args(program.get_args())
            .current_dir(self.path(""));
        Program::start(command, self.path(&format!("{name}.out")))
    }

    /// A standalone ZooKeeper on the first port that answers.
    fn zookeeper(&self) -> Program {
        let config = self.zookeeper_config("zk", "");
        let mut program = self.start("zk", ZOOKEEPER, &[&config]);
        program.until("binding to port");
        program
    }

    /// A configuration file of ZooKeeper on the first port.
    fn zookeeper_config(&self, name: &str, more: &str) -> String {
        let text = format!(
            "dataDir={}\nclientPort={}\nclientPortAddress=127.0.0.1\nadmin.enableServer=false\n{more}\n",
            self.path(name).display(),
            self.port(0),
        );
        self.file(&format!("{name}.properties"), &text)
    }

    /// A configuration file of a broker of the ZooKeeper on the first port. Later lines win.
    fn broker_config(&self, id: u32, port: u16, more: &str) -> String {
        let text = format!(
            "broker.id={id}\nlisteners=PLAINTEXT://127.0.0.1:{port}\nlog.dirs={}\n\
             zookeeper.connect=127.0.0.1:{}\noffsets.topic.replication.factor=1\n\
             transaction.state.log.replication.factor=1\nlog.index.size.max.bytes=1024\n{more}\n",
            self.path(&format!("broker-{id}")).display(),
            self.port(0),
        );
        self.file(&format!("broker-{id}-{port}.properties"), &text)
    }

    /// Starts a broker.
    fn broker(&self, name: &str, config: &str) -> Program {
        self.start(name, BROKER, &[config])
    }

    /// krun's answer to a log names a known error, and gives cause and cure.
    #[track_caller]
    fn answers(&self, log: &Path, id: &str) {
        let log = log.to_str().expect("UTF-8");
        let done = self
            .lab
            .run(&["--json", "diagnose", "--log", log])
            .expect(0);
        let logs: serde_json::Value = serde_json::from_str(&done.out()).expect("JSON");
        let found = logs[0]["findings"].as_array().expect("findings");
        let Some(found) = found.iter().find(|found| found["id"] == id) else {
            let said = fs::read_to_string(log).unwrap_or_default();
            let lines: Vec<_> = said
                .lines()
                .filter(|line| !line.starts_with('\t'))
                .collect();
            let last = lines[lines.len().saturating_sub(40)..].join("\n");
            panic!("{id} is not among {found:#?}\n{last}");
        };
        let text = self.lab.run(&["diagnose", "--log", log]).expect(0).out();
        for part in ["cause", "cure"] {
            let said = found[part].as_str().expect("a text");
            let first = said
                .split_whitespace()
                .take(3)
                .collect::<Vec<_>>()
                .join(" ");
            assert!(text.contains(&first), "{part} of {id} in\n{text}");
        }
    }
}

/// What no test here provokes, and why.
const ELSEWHERE: &[(&str, &str)] = &[
    (
        "confluent-controller-listeners",
        "said by Confluent's image",
    ),
    ("wurstmeister-listeners", "said by wurstmeister's image"),
    (
        "zookeeper-not-serving",
        "said by the script zkServer.sh of ZooKeeper's archive, which no registry has",
    ),
];

#[test]
fn every_known_error_is_provoked() {
    let folder = repository().join("tests/it/diagnosis");
    let tests: String = fs::read_dir(folder)
        .expect("tests")
        .flatten()
        .map(|entry| fs::read_to_string(entry.path()).expect("a test"))
        .collect();
    let patterns = repository().join("engine/kafka/src/diagnosis/patterns.yaml");
    let patterns = fs::read_to_string(patterns).expect("patterns");
    let ids = patterns
        .lines()
        .filter_map(|line| line.strip_prefix("- id: "));
    let missing: Vec<_> = ids
        .filter(|id| !tests.contains(&format!("\"{id}\"")))
        .filter(|id| ELSEWHERE.iter().all(|(elsewhere, _)| elsewhere != id))
        .collect();
    assert!(missing.is_empty(), "no test provokes {missing:?}");
}
