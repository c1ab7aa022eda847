//! A scratch machine for one test: folders, ports, the krun binary.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

use serde_json::Value;

use crate::{ports, procs};

/// The repository's folder.
pub fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("tests/ has a parent")
        .to_owned()
}

/// The krun binary of the build that these tests belong to.
pub fn krun_binary() -> PathBuf {
    let me = std::env::current_exe().expect("this test's own path");
    let binary = me
        .ancestors()
        .find(|folder| folder.join(".fingerprint").is_dir())
        .map(|profile| profile.join("krun"))
        .expect("tests run from a build folder");
    assert!(
        binary.is_file(),
        "no {}: run `cargo build -p krun-cli` first",
        binary.display()
    );
    binary
}

/// Folders and ports of one test.
pub struct Lab {
    folder: tempfile::TempDir,
    /// Ports: ZooKeeper's first, then the brokers'.
    pub ports: ports::Ports,
}

impl Drop for Lab {
    fn drop(&mut self) {
        procs::end_all(self.path("").to_str().unwrap_or("/nonexistent"));
    }
}

impl Default for Lab {
    fn default() -> Self {
        Self::new(0)
    }
}

impl Lab {
    /// A lab with some reserved ports.
    pub fn new(ports: usize) -> Self {
        let folder = tempfile::Builder::new()
            .prefix("krun-it-")
            .tempdir()
            .expect("a temporary folder");
        Self {
            folder,
            ports: ports::reserve(ports),
        }
    }

    /// A path in the lab.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes a file in the lab, with the folders above it.
    pub fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path(name);
        fs::create_dir_all(path.parent().expect("a parent")).expect("folders");
        fs::write(&path, text).expect("a file");
        path
    }

    /// The krun command with this lab's state; downloads are cached for all labs of this build.
    pub fn krun(&self, arguments: &[&str]) -> Command {
        let mut command = self.program(&krun_binary());
        command.args(arguments);
        command
    }

    /// Any program in the lab's folder, with the environment that krun has in this lab.
    pub fn program(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command
            .current_dir(self.folder.path())
            .env("KRUN_STATE", self.path("state"))
            .env(
                "XDG_CACHE_HOME",
                krun_binary().with_file_name("krun-test-cache"),
            )
            .env("XDG_CONFIG_HOME", self.path("config"))
            // Errands outlive krun, and these tests measure nothing.
            .env("KRUN_NO_ARCHIVE", "1")
            .env("LC_ALL", "C.UTF-8")
            .env_remove("NO_COLOR")
            .stdin(Stdio::null());
        command
    }

    /// Runs krun to its end.
    pub fn run(&self, arguments: &[&str]) -> Done {
        Done::of(self.krun(arguments))
    }

    /// All of the lab's processes by step, as the operating system shows them.
    pub fn pids(&self) -> std::collections::BTreeMap<String, u32> {
        procs::pids(self.folder.path().to_str().expect("UTF-8"))
    }
}

/// What a krun command printed and how it ended.
pub struct Done {
    output: Output,
    line: String,
}

impl Done {
    /// Runs a command to its end.
    pub fn of(mut command: Command) -> Self {
        let line = format!("{:?}", command.get_args().collect::<Vec<_>>());
        let output = command.output().expect("krun starts");
        Self { output, line }
    }

    /// Standard output.
    pub fn out(&self) -> String {
        String::from_utf8_lossy(&self.output.stdout).into_owned()
    }

    /// Standard error.
    pub fn err(&self) -> String {
        String::from_utf8_lossy(&self.output.stderr).into_owned()
    }

    /// The exit code.
    pub fn code(&self) -> i32 {
        self.output.status.code().unwrap_or(-1)
    }

    /// Fails unless it ended with a code; shows everything that was printed if so.
    #[track_caller]
    pub fn expect(self, code: i32) -> Self {
        assert_eq!(
            self.code(),
            code,
            "krun {}\n--- stdout\n{}\n--- stderr\n{}",
            self.line,
            self.out(),
            self.err()
        );
        self
    }

    /// Standard output as events.
    #[track_caller]
    pub fn events(&self) -> Vec<Value> {
        let parse = |line: &str| {
            serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"))
        };
        self.out().lines().map(parse).collect()
    }

    /// The last event, which ends a run.
    #[track_caller]
    pub fn finished(&self) -> Value {
        let last = self
            .events()
            .pop()
            .unwrap_or_else(|| panic!("no events\n{}", self.err()));
        assert_eq!(last["event"], "run_finished", "{last}");
        last
    }

    /// The addresses of steps that changed something, with the change.
    pub fn changes(&self) -> Vec<(String, String)> {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        self.events()
            .iter()
            .filter(|event| event["event"] == "step_finished")
            .map(|event| (text(&event["step"]), text(&event["change"])))
            .filter(|(_, change)| change != "no-op" && change != "prove")
            .collect()
    }
}
