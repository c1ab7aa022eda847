//! What a person types: the launchers of `bin/`, with a lab's marker so that the lab ends what they
//! leave running.

use std::{
    io::Write as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use krun_tests::{
    lab::Lab,
    procs::{marked, signal},
};

/// The launchers of a folder.
pub struct Hand<'a> {
    lab: &'a Lab,
    bin: PathBuf,
}

/// What a launcher said, and its exit code.
pub struct Said {
    /// Standard output.
    pub out: String,
    /// Standard error.
    pub err: String,
    /// The exit code.
    pub code: i32,
}

impl<'a> Hand<'a> {
    /// The launchers in a folder of a lab.
    pub fn of(lab: &'a Lab, bin: PathBuf) -> Self {
        Self { lab, bin }
    }

    fn command(&self, name: &str, arguments: &[&str]) -> Command {
        let mut command = Command::new("timeout");
        command
            .arg("120")
            .arg(self.bin.join(name))
            .args(arguments)
            .current_dir(self.lab.path(""))
            .env("KRUN_PROCESS", format!("by-hand/{name}"))
            .env("LOG_DIR", self.lab.path("by-hand"))
            .env("ZOO_LOG_DIR", self.lab.path("by-hand"))
            .env_remove("JAVA_HOME");
        command
    }

    /// Runs a launcher to its end, with what is typed into it.
    pub fn typed(&self, name: &str, arguments: &[&str], input: &str) -> Said {
        let mut child = self
            .command(name, arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("a launcher");
        let mut stdin = child.stdin.take().expect("a pipe");
        // A tool that does not read ends with its pipe closed.
        let _ = stdin.write_all(input.as_bytes());
        drop(stdin);
        let output = child.wait_with_output().expect("a launcher");
        Said {
            out: String::from_utf8_lossy(&output.stdout).into_owned(),
            err: String::from_utf8_lossy(&output.stderr).into_owned(),
            code: output.status.code().unwrap_or(-1),
        }
    }

    /// Runs a launcher that must succeed; what it printed.
    #[track_caller]
    pub fn run(&self, name: &str, arguments: &[&str]) -> String {
        let said = self.typed(name, arguments, "");
        assert_eq!(
            said.code, 0,
            "{name} {arguments:?}\n{}\n{}",
            said.out, said.err
        );
        said.out
    }

    /// Runs a launcher in the background until it is ended with the lab.
    pub fn background(&self, name: &str, arguments: &[&str]) {
        let mut command = self.command(name, arguments);
        command.env("KAFKA_HEAP_OPTS", "-Xmx192m -Xms192m");
        let status = command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status();
        assert!(status.expect("a launcher").success(), "{name}");
    }

    /// Ends what a launcher left running as an administrator does, and waits until it is gone: a server
    /// that is killed leaves its session behind, for which the next one would wait.
    pub fn end(&self, launcher: &str) {
        let folder = self.lab.path("");
        let folder = folder.to_str().expect("UTF-8");
        let start = Instant::now();
        let mut told = vec![];
        loop {
            let mut left = marked(folder);
            left.retain(|process| process.step.starts_with(launcher));
            if left.is_empty() {
                return;
            }
            for process in left {
                if !told.contains(&process.pid) {
                    signal(process.pid, rustix::process::Signal::TERM);
                    told.push(process.pid);
                }
            }
            assert!(
                start.elapsed() < Duration::from_secs(90),
                "{launcher} goes on"
            );
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// The names in the folder.
    pub fn names(&self) -> Vec<String> {
        let mut names: Vec<_> = std::fs::read_dir(&self.bin)
            .expect("bin")
            .map(|entry| {
                entry
                    .expect("a name")
                    .file_name()
                    .to_string_lossy()
                    .into_owned()
            })
            .collect();
        names.sort();
        names
    }
}

/// Whether a client that is not krun's sees so many brokers before the time is over.
pub fn brokers_appear(bootstrap: &str, count: usize, log: &Path) {
    let start = Instant::now();
    loop {
        let output = Command::new("kcat")
            .args(["-b", bootstrap, "-L", "-m", "2"])
            .output()
            .expect("kcat is installed");
        let text = String::from_utf8_lossy(&output.stdout);
        if text.contains(&format!(" {count} brokers:")) {
            return;
        }
        assert!(
            start.elapsed() < Duration::from_secs(90),
            "{text}\n{}",
            std::fs::read_to_string(log).unwrap_or_default()
        );
        std::thread::sleep(Duration::from_millis(50));
    }
}
