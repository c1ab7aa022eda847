//! A lab with the shipped single-host runbook, its Java counted by a witness of its own.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, Instant},
};

use krun_tests::lab::{Done, Lab, repository};

/// How long a broker may know nothing of a topic after a controller was elected.
const TOLD: Duration = Duration::from_secs(20);

/// A lab in which the shipped runbook runs on ports of its own.
pub struct Cluster {
    pub lab: Lab,
    runbook: PathBuf,
    params: Vec<String>,
}

impl Cluster {
    /// A lab for one ZooKeeper and some brokers.
    pub fn new(brokers: usize) -> Self {
        let lab = Lab::new(brokers + 1);
        let ports = &lab.ports.list;
        let list: Vec<String> = ports[1..].iter().map(ToString::to_string).collect();
        let params = vec![
            format!("root={}", lab.path("root").display()),
            format!("zookeeper_port={}", ports[0]),
            format!("broker_ports={}", list.join(",")),
            "heap=256m".to_owned(),
            "zookeeper_heap=128m".to_owned(),
        ];
        let cluster = Self {
            runbook: repository().join("runbooks/single-host-3-broker.rhai"),
            params,
            lab,
        };
        cluster.install_witness();
        cluster
    }

    /// A lab for one ZooKeeper and one broker: one replica of everything, and so many partitions.
    pub fn of_one(partitions: u16) -> Self {
        let mut cluster = Self::new(1);
        cluster.one_replica(partitions);
        cluster
    }

    /// Lets everything have one replica, and the topic so many partitions.
    pub fn one_replica(&mut self, partitions: u16) -> &mut Self {
        self.set("replication_factor=1")
            .set(&format!("partitions={partitions}"))
            .set("transaction_replication_factor=1")
            .set("transaction_min_isr=1")
    }

    /// Sets a parameter for all later commands.
    pub fn set(&mut self, param: &str) -> &mut Self {
        let name = param.split('=').next().unwrap_or(param);
        self.params
            .retain(|old| old.split('=').next() != Some(name));
        self.params.push(param.to_owned());
        self
    }

    /// A command on the runbook, with the lab's parameters.
    pub fn command(&self, verb: &str, more: &[&str]) -> Command {
        let runbook = self.runbook.to_str().expect("UTF-8");
        let mut arguments = vec![verb, runbook];
        for param in &self.params {
            arguments.extend(["--param", param]);
        }
        arguments.extend(more);
        let mut command = self.lab.krun(&arguments);
        command.env("JAVA_HOME", self.lab.path("jdk"));
        command
    }

    /// A sweep of the runbook in scratch deployments with all of the lab's parameters but its root.
    pub fn scratch_command(&self, scratch: &str) -> Command {
        let runbook = self.runbook.to_str().expect("UTF-8");
        let mut arguments = vec!["test", runbook, "--crash-at-every-record", "--json"];
        arguments.extend(["--scratch", scratch]);
        for param in &self.params {
            if !param.starts_with("root=") {
                arguments.extend(["--param", param]);
            }
        }
        let mut command = self.lab.krun(&arguments);
        command.env("JAVA_HOME", self.lab.path("jdk"));
        command
    }

    /// Runs a command on the runbook to its end.
    pub fn on_runbook(&self, verb: &str, more: &[&str]) -> Done {
        Done::of(self.command(verb, more))
    }

    /// Runs the runbook, with events.
    pub fn run(&self) -> Done {
        self.on_runbook("run", &["--json"])
    }

    /// The folder everything is under.
    pub fn root(&self) -> PathBuf {
        self.lab.path("root")
    }

    /// The brokers as a client's bootstrap list.
    pub fn bootstrap(&self) -> String {
        let brokers: Vec<_> = self.lab.ports.list[1..]
            .iter()
            .map(|port| format!("127.0.0.1:{port}"))
            .collect();
        brokers.join(",")
    }

    /// The runbook's file.
    pub fn runbook(&self) -> &Path {
        &self.runbook
    }

    /// Uses another runbook's file from now on; the one before.
    pub fn use_runbook(&mut self, runbook: PathBuf) -> PathBuf {
        std::mem::replace(&mut self.runbook, runbook)
    }

    /// All records of the topic `test`, as kcat reads them from the beginning.
    pub fn records(&self) -> Vec<String> {
        self.records_from(&self.bootstrap())
    }

    /// The same through brokers at these ports.
    pub fn records_through(&self, ports: &[String]) -> Vec<String> {
        let brokers: Vec<_> = ports
            .iter()
            .map(|port| format!("127.0.0.1:{port}"))
            .collect();
        self.records_from(&brokers.join(","))
    }

    fn records_from(&self, brokers: &str) -> Vec<String> {
        let all = ["-C", "-t", "test", "-o", "beginning", "-e", "-q"];
        let since = Instant::now();
        loop {
            let output = Command::new("kcat")
                .args(["-b", brokers])
                .args(all)
                .output();
            let output = output.expect("kcat is installed");
            let said = String::from_utf8_lossy(&output.stderr);
            // A controller tells new brokers of its topics last. Other clients wait for that.
            let untold = said.contains("Broker: Unknown topic or partition");
            if untold && since.elapsed() < TOLD {
                continue;
            }
            assert!(output.status.success(), "{said}");
            let text = String::from_utf8_lossy(&output.stdout);
            return text.lines().map(str::to_owned).collect();
        }
    }

    /// How often Java was started with a given configuration file, as the witness saw it.
    pub fn starts(&self, config: &str) -> usize {
        let seen = fs::read_to_string(self.lab.path("starts")).unwrap_or_default();
        seen.lines().filter(|line| line.ends_with(config)).count()
    }

    /// A JAVA_HOME whose `java` notes each start of a server before it becomes the real one: the
    /// witness is the program that the operating system really executes, not krun's journal. It lets
    /// Java compile with its first compiler alone, which takes a third off what a start costs two cores.
    fn install_witness(&self) {
        let real = Command::new("sh")
            .args(["-c", "readlink -f \"$(command -v java)\""])
            .output()
            .expect("java is on the path");
        let real = String::from_utf8_lossy(&real.stdout).trim().to_owned();
        let home = Path::new(&real)
            .parent()
            .and_then(Path::parent)
            .expect("a Java home");
        let jdk = self.lab.path("jdk");
        fs::create_dir_all(jdk.join("bin")).expect("folders");
        fs::copy(home.join("release"), jdk.join("release")).expect("a release file");
        let script = format!(
            "#!/bin/sh\nfor last; do :; done\ncase $last in *.properties) echo \"$$ $last\" >> '{}' ;; esac\nexec '{real}' -XX:TieredStopAtLevel=1 \"$@\"\n",
            self.lab.path("starts").display()
        );
        let java = jdk.join("bin/java");
        fs::write(&java, script).expect("a witness");
        fs::set_permissions(&java, fs::Permissions::from_mode(0o755)).expect("mode");
    }
}

/// What kcat, a client that is not krun's, prints.
pub fn kcat(arguments: &[&str]) -> String {
    let output = Command::new("kcat")
        .args(arguments)
        .output()
        .expect("kcat is installed");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8_lossy(&output.stdout).into_owned()
}
