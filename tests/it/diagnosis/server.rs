//! A Java program of Kafka or ZooKeeper, started without krun, and what it says.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

/// How long a program may take to say what it is waited for.
const PATIENCE: Duration = Duration::from_secs(120);

/// ZooKeeper's main class.
pub const ZOOKEEPER: &str = "org.apache.zookeeper.server.quorum.QuorumPeerMain";
/// A broker's main class.
pub const BROKER: &str = "kafka.Kafka";

/// A Java command: which Java, and what it is to run.
pub struct Java<'a> {
    /// The program.
    pub program: &'a str,
    /// Flags of the JVM's.
    pub flags: &'a [&'a str],
    /// The folder with the jars.
    pub jars: &'a Path,
    /// The folder to run in.
    pub folder: &'a Path,
}

impl Java<'_> {
    /// The command that runs a class. Log4j writes to standard output.
    pub fn command(&self, class: &str, args: &[&str]) -> Command {
        let log4j = self.folder.join("log4j.properties");
        let text = "log4j.rootLogger=INFO, out\n\
                    log4j.appender.out=org.apache.log4j.ConsoleAppender\n\
                    log4j.appender.out.layout=org.apache.log4j.PatternLayout\n\
                    log4j.appender.out.layout.ConversionPattern=[%d] %p %m (%c)%n\n";
        fs::write(&log4j, text).expect("log4j.properties");
        let mut command = Command::new(self.program);
        command
            .args(self.flags)
            .arg("-XX:TieredStopAtLevel=1")
            .arg(format!("-Dlog4j.configuration=file:{}", log4j.display()))
            .arg("-cp")
            .arg(format!("{}/*", self.jars.display()))
            .arg(class)
            .args(args)
            .current_dir(self.folder);
        command
    }
}

/// A program that runs, or ran, with its output in a file. It ends with the value.
pub struct Program {
    child: Child,
    /// The file with what it says.
    pub log: PathBuf,
}

impl Program {
    /// Starts a command.
    pub fn start(mut command: Command, log: PathBuf) -> Self {
        let file = File::create(&log).expect("a log");
        command
            .stdin(Stdio::null())
            .stdout(file.try_clone().expect("a handle"))
            .stderr(file);
        Self {
            child: command
                .spawn()
                .unwrap_or_else(|error| panic!("{command:?}: {error}")),
            log,
        }
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Waits until it has said a text.
    #[track_caller]
    pub fn until(&mut self, text: &str) -> &mut Self {
        let since = Instant::now();
        while !self.said().contains(text) {
            let ended = self.child.try_wait().expect("a child").is_some();
            assert!(
                (!ended && since.elapsed() < PATIENCE) || self.said().contains(text),
                "it never said `{text}`:\n{}",
                self.said_last()
            );
            std::thread::sleep(Duration::from_millis(20));
        }
        self
    }

    /// Waits until it has ended by itself.
    #[track_caller]
    pub fn wait(&mut self) -> &mut Self {
        let since = Instant::now();
        while self.child.try_wait().expect("a child").is_none() {
            assert!(
                since.elapsed() < PATIENCE,
                "it never ended:\n{}",
                self.said_last()
            );
            std::thread::sleep(Duration::from_millis(20));
        }
        self
    }

    /// Ends it, gracefully.
    pub fn stop(&mut self) {
        if let Some(pid) = rustix::process::Pid::from_raw(self.child.id() as i32) {
            let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
        }
        self.wait();
    }

    /// The last that it has said, without the settings that a broker lists.
    pub fn said_last(&self) -> String {
        let said = self.said();
        let lines: Vec<_> = said
            .lines()
            .filter(|line| !line.starts_with('\t'))
            .collect();
        lines[lines.len().saturating_sub(40)..].join("\n")
    }

    /// Everything that it has said.
    pub fn said(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
