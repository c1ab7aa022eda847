//! A scratch deployment: its folder, its krun processes, their end.

use std::{
    fs, io,
    process::{Command, ExitStatus, Stdio},
    sync::atomic::{AtomicBool, Ordering},
    time::{Duration, Instant},
};

use camino::Utf8PathBuf;
use krun_model::{DeploymentName, Fault, FaultCode, Journal as _, KillPoint, journal::Record};
use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    process::{Pid, PidfdFlags, pidfd_open},
};
use serde_json::Value;

use crate::{Sweep, points, witness::Witness};

/// How often processes are looked at while a krun runs.
const LOOKS: Timespec = Timespec {
    tv_sec: 0,
    tv_nsec: 100_000_000,
};

/// How the folder of a deployment that is kept begins.
const KEPT: &str = "kept-";

/// Whether a folder beside the scratch deployments is one that was kept for a look.
pub fn is_kept(name: &str) -> bool {
    name.starts_with(KEPT)
}

/// What every scratch deployment of a sweep has in common.
#[derive(Clone, Debug)]
pub struct Spec {
    /// The krun to run.
    pub krun: Utf8PathBuf,
    /// The runbook.
    pub runbook: Utf8PathBuf,
    /// The deployment's name.
    pub deployment: DeploymentName,
    /// Options that every krun gets.
    pub options: Vec<String>,
    /// Options that every krun gets that reads the runbook.
    pub runbook_options: Vec<String>,
    /// The variable by which krun is told where to end.
    pub kill_variable: &'static str,
    /// The variable by which krun is told which folder no effect may leave.
    pub fence_variable: &'static str,
    /// Whether none may leave the scratch deployment's.
    pub fenced: bool,
    /// What the folder holds at first, if anything.
    pub start_from: Option<Utf8PathBuf>,
    /// Parameters of a second run: given, that is the one that is killed.
    pub then: Option<Vec<String>>,
    /// How long one krun may take.
    pub limit: Duration,
}

/// Where one scratch deployment lies, and its own parameters.
#[derive(Clone, Debug)]
pub struct Place {
    /// Its folder: `world` with what the runbook makes, `state`, and the output of krun.
    pub folder: Utf8PathBuf,
    /// `NAME=VALUE`, each.
    pub params: Vec<String>,
}

/// How a krun ended.
pub(crate) enum Ended {
    Killed,
    Code(i32),
}

pub(crate) struct Scratch<'a> {
    pub(crate) spec: &'a Spec,
    pub(crate) place: &'a Place,
    pub(crate) witness: Witness<'a>,
    stop: &'a AtomicBool,
}

impl Drop for Scratch<'_> {
    fn drop(&mut self) {
        self.witness.end_all();
    }
}

impl<'a> Scratch<'a> {
    pub(crate) fn new(sweep: &'a Sweep<'_>, place: &'a Place) -> Self {
        Self {
            spec: &sweep.spec,
            place,
            witness: Witness::new(&place.folder, &sweep.starts),
            stop: sweep.stop,
        }
    }

    pub(crate) fn world(&self) -> Utf8PathBuf {
        self.place.folder.join("world")
    }

    fn state(&self) -> Utf8PathBuf {
        self.place.folder.join("state")
    }

    /// Ends what runs and makes the folder as it is at first.
    pub(crate) fn reset(&mut self) -> Result<(), Fault> {
        self.witness.end_all();
        let folder = &self.place.folder;
        let failed =
            |error: io::Error| Fault::io("could not make a scratch folder", folder, &error);
        for old in [self.world(), self.state()] {
            match fs::remove_dir_all(&old) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed(error)),
                _ => {}
            }
        }
        fs::create_dir_all(self.world()).map_err(failed)?;
        if let Some(from) = &self.spec.start_from {
            // It keeps modes, owners, times and links, which is all that matters here.
            let copied = Command::new("cp")
                .args(["-a", &format!("{from}/."), self.world().as_str()])
                .status()
                .map_err(failed)?;
            if !copied.success() {
                return Err(Fault::new(
                    FaultCode::Io,
                    "could not copy what the scratch folder holds at first",
                )
                .at(from));
            }
        }
        Ok(())
    }

    /// Keeps the deployment as it is, for a look; nothing of it runs any more.
    pub(crate) fn keep(&mut self, name: &str) -> io::Result<Utf8PathBuf> {
        self.witness.end_all();
        let to = self.place.folder.with_file_name(format!("{KEPT}{name}"));
        fs::create_dir_all(&to)?;
        for part in ["world", "state", "out", "err"] {
            let _ = fs::rename(self.place.folder.join(part), to.join(part));
        }
        Ok(to)
    }

    /// `krun run`, with the parameters of the second run if `then`.
    pub(crate) fn run(&mut self, then: bool, kill: Option<&KillPoint>) -> Result<Ended, Fault> {
        let words = self.on_runbook("run", then, &["--yes"]);
        self.krun(&words, kill)
    }

    /// The exit code of `krun plan --detailed-exitcode`: whether something is left to do.
    pub(crate) fn plan(&mut self, then: bool) -> Result<Ended, Fault> {
        let words = self.on_runbook("plan", then, &["--detailed-exitcode"]);
        self.krun(&words, None)
    }

    /// `krun rollback`.
    pub(crate) fn rollback(&mut self, kill: Option<&KillPoint>) -> Result<Ended, Fault> {
        let name = self.spec.deployment.to_string();
        let words = ["rollback", "--as", &name, "--yes"].map(str::to_owned);
        self.krun(&words, kill)
    }

    fn on_runbook(&self, verb: &str, then: bool, more: &[&str]) -> Vec<String> {
        let mut words = vec![verb.to_owned(), self.spec.runbook.to_string()];
        words.extend(["--as".to_owned(), self.spec.deployment.to_string()]);
        words.extend(self.spec.runbook_options.iter().cloned());
        let second = self.spec.then.iter().filter(|_| then).flatten();
        for param in self.place.params.iter().chain(second) {
            words.extend(["--param".to_owned(), param.clone()]);
        }
        words.extend(more.iter().map(|word| (*word).to_owned()));
        words
    }

    fn krun(&mut self, words: &[String], kill: Option<&KillPoint>) -> Result<Ended, Fault> {
        let folder = &self.place.folder;
        let failed = |error: io::Error| Fault::io("could not run krun", &self.spec.krun, &error);
        let output = |name| fs::File::create(folder.join(name)).map(Stdio::from);
        let mut command = Command::new(&self.spec.krun);
        command
            .args(words)
            .arg("--json")
            .args(&self.spec.options)
            .env("KRUN_STATE", self.state())
            // Errands outlive krun; here they would only be in the way.
            .env("KRUN_NO_TRAINING", "1")
            .env_remove(self.spec.kill_variable)
            .env_remove(self.spec.fence_variable)
            .stdin(Stdio::null())
            .stdout(output("out").map_err(failed)?)
            .stderr(output("err").map_err(failed)?);
        if self.spec.fenced {
            command.env(self.spec.fence_variable, folder);
        }
        if let Some(kill) = kill {
            let kill = points::point_in(&self.world(), kill);
            command.env(self.spec.kill_variable, kill.to_string());
        }
        let mut child = command.spawn().map_err(failed)?;
        let pid = Pid::from_child(&child);
        let end = pidfd_open(pid, PidfdFlags::empty()).map_err(|error| failed(error.into()))?;
        let since = Instant::now();
        loop {
            if let Some(status) = child.try_wait().map_err(failed)? {
                self.witness.look();
                return Ok(ended(status));
            }
            if self.stop.load(Ordering::Relaxed) || since.elapsed() > self.spec.limit {
                child.kill().map_err(failed)?;
                child.wait().map_err(failed)?;
                return Err(if self.stop.load(Ordering::Relaxed) {
                    Fault::new(FaultCode::Cancelled, "the sweep was stopped")
                } else {
                    let limit = self.spec.limit.as_secs();
                    Fault::new(
                        FaultCode::Timeout,
                        format!("krun did not end within {limit} s"),
                    )
                    .at(words.join(" "))
                });
            }
            self.witness.look();
            // Until it ends, or it is time for a look.
            let _ = poll(&mut [PollFd::new(&end, PollFlags::IN)], Some(&LOOKS));
        }
    }

    /// What krun complained of, the end of it: faults among its events, and standard error.
    pub(crate) fn said(&self) -> String {
        let read = |name| fs::read_to_string(self.place.folder.join(name)).unwrap_or_default();
        let (errors, events) = (read("err"), read("out"));
        let errors = errors.lines().filter(|line| !line.trim().is_empty());
        let lines: Vec<String> = faults(&events).chain(errors.map(str::to_owned)).collect();
        lines[lines.len().saturating_sub(6)..].join(" / ")
    }

    /// The journal as it is now.
    pub(crate) fn journal(&self) -> Result<Vec<Record>, Fault> {
        match krun_journal::Store::open_read(&self.state())? {
            Some(store) => store.read(&self.spec.deployment),
            None => Ok(vec![]),
        }
    }
}

fn ended(status: ExitStatus) -> Ended {
    use std::os::unix::process::ExitStatusExt as _;
    match (status.signal(), status.code()) {
        (Some(9), _) => Ended::Killed,
        (Some(other), _) => Ended::Code(128 + other),
        (None, code) => Ended::Code(code.unwrap_or(-1)),
    }
}

/// The faults among a krun's events, and of each the step that failed.
fn faults(events: &str) -> impl Iterator<Item = String> {
    events.lines().filter_map(|line| {
        let event: Value = serde_json::from_str(line).ok()?;
        let fault: Fault = serde_json::from_value(event.get("fault")?.clone()).ok()?;
        let step = event.get("step").and_then(Value::as_str);
        Some(match step {
            Some(step) => format!("{step}: {fault}"),
            None => fault.to_string(),
        })
    })
}
