//! A folder, ports and processes that a test has for itself; all processes end with it.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    net::TcpListener,
    process::Command,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use camino::{Utf8Path, Utf8PathBuf};
use krun_agent::LocalMachine;
use krun_kafka::diagnosis::Patterns;
use krun_model::{
    Address, Digest, Fault, Kind, Outputs, RunId,
    history::StepMemory,
    kind::{ApplyCx, Check, CheckCx, Kinds, Progress, StepRef},
};
use serde_json::Value;
use tokio::sync::watch;

use super::host::TestHost;

/// Says nothing to nobody.
struct Quiet;

impl Progress for Quiet {
    fn say(&self, _text: &str) {}
}

/// What a step's check or apply came to.
#[derive(Debug)]
pub struct Done {
    pub changed: bool,
    pub outputs: Outputs,
}

pub struct Lab {
    folder: tempfile::TempDir,
    pub machine: LocalMachine,
    kinds: Kinds,
    deployment: String,
    deployments: Vec<String>,
    memory: Mutex<BTreeMap<Address, StepMemory>>,
    ports: Mutex<BTreeSet<u16>>,
    _cancel: watch::Sender<bool>,
}

impl Lab {
    pub fn new() -> Self {
        Self::with_cache(&Utf8Path::new(env!("CARGO_TARGET_TMPDIR")).join("krun-cache"))
    }

    /// A lab with a cache of its own, empty or not.
    pub fn with_cache(cache: &Utf8Path) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (sender, cancel) = watch::channel(false);
        let mut lab = Self {
            folder,
            machine: LocalMachine::new(cache.to_owned(), cancel),
            kinds: Kinds::new(krun_kafka::kinds(
                Arc::new(Patterns::builtin()),
                Arc::new(krun_kafka::Network),
            )),
            deployment: String::new(),
            deployments: vec![],
            memory: Mutex::default(),
            ports: Mutex::default(),
            _cancel: sender,
        };
        lab.new_deployment();
        lab
    }

    /// From now on steps belong to another deployment, which knows nothing of the ones before.
    pub fn new_deployment(&mut self) {
        let uuid = fs::read_to_string("/proc/sys/kernel/random/uuid").unwrap();
        self.deployment = uuid.trim().to_owned();
        self.deployments.push(self.deployment.clone());
        self.memory.lock().unwrap().clear();
    }

    pub fn path(&self, name: &str) -> String {
        let path = Utf8Path::from_path(self.folder.path()).unwrap().join(name);
        path.into_string()
    }

    /// A port that nobody holds, outside of the range from which the kernel gives ports by itself.
    pub fn port(&self) -> u16 {
        let mut taken = self.ports.lock().unwrap();
        loop {
            let bytes = Digest::of(format!("{}{}", self.deployment, taken.len())).to_string();
            let random = u16::from_str_radix(&bytes[..4], 16).unwrap();
            let port = 20_000 + random % 12_000;
            let free = TcpListener::bind(("0.0.0.0", port)).is_ok();
            if taken.insert(port) && free {
                return port;
            }
            // Another length, so another digest.
            let filler = u16::try_from(taken.len()).unwrap();
            taken.insert(filler);
        }
    }

    fn quarantine(&self) -> Utf8PathBuf {
        format!("{}/{}", self.path("quarantine"), self.deployment).into()
    }

    pub fn quarantined(&self) -> Vec<String> {
        let output = Command::new("find")
            .args([
                self.path("quarantine").as_str(),
                "-mindepth",
                "3",
                "-maxdepth",
                "3",
                "-printf",
                "%P\n",
            ])
            .output()
            .unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        let mut names: Vec<_> = text
            .lines()
            .filter_map(|line| Some(line.split_once('/')?.1.to_owned()))
            .collect();
        names.sort();
        names
    }

    /// What a step's check says.
    pub async fn check(&self, kind: &str, address: &str, args: &Value) -> Result<Check, Fault> {
        let Some(Kind::State(state)) = self.kinds.get(kind) else {
            panic!("{kind} is no state kind");
        };
        let address: Address = address.parse().unwrap();
        let memory = self.memory.lock().unwrap().get(&address).cloned();
        let host = TestHost::new(&self.machine, self.quarantine());
        let cx = CheckCx {
            step: self.step(&address, args, memory.as_ref()),
            host: &host,
            progress: &Quiet,
        };
        state.check(&cx).await
    }

    fn step<'a>(
        &'a self,
        address: &'a Address,
        args: &'a Value,
        memory: Option<&'a StepMemory>,
    ) -> StepRef<'a> {
        StepRef {
            address,
            deployment: &self.deployment,
            args,
            memory,
            same_process: memory.is_some(),
            unfinished: &[],
            kept: &NOTHING,
            secrets: &krun_model::secret::NoSecrets,
        }
    }

    /// Does a step as a run does: a state is checked, applied if it differs, and checked again.
    pub async fn run(&self, kind: &str, at: &str, args: Value) -> Result<Done, Fault> {
        let start = Instant::now();
        let address: Address = at.parse().unwrap();
        let memory = self.memory.lock().unwrap().get(&address).cloned();
        let host = TestHost::new(&self.machine, self.quarantine());
        let step = self.step(&address, &args, memory.as_ref());
        let check = CheckCx {
            step,
            host: &host,
            progress: &Quiet,
        };
        let apply = |change| ApplyCx {
            step,
            host: &host,
            change,
            progress: &Quiet,
        };
        let kind = self
            .kinds
            .get(kind)
            .unwrap_or_else(|| panic!("no kind {kind}"));
        let declared: Vec<_> = kind.spec().outputs.iter().map(|o| o.name).collect();
        let (changed, outputs) = match kind {
            Kind::State(kind) => match kind.check(&check).await? {
                Check::Satisfied(outputs) => (false, outputs),
                Check::Unknown { why, .. } => panic!("{at} is unknown: {why}"),
                Check::Drift { change, .. } => {
                    let outputs = kind.apply(&apply(change)).await?;
                    self.remember(&address, &outputs);
                    let again = self.check(kind.spec().name, at, &args).await?;
                    assert_eq!(again, Check::Satisfied(outputs.clone()), "{at}");
                    (true, outputs)
                }
            },
            Kind::Once(kind) => {
                assert!(kind.incarnation(&check).await?.is_some());
                (true, kind.apply(&apply(krun_model::Change::Act)).await?)
            }
            Kind::Proof(kind) => (false, kind.prove(&check).await?),
        };
        let names: Vec<_> = outputs.keys().map(String::as_str).collect();
        assert_eq!(names, declared, "{at} has other outputs than its kind says");
        self.remember(&address, &outputs);
        let what = if changed { "changed" } else { "as wanted" };
        println!("{at}: {what} in {:?}", start.elapsed());
        Ok(Done { changed, outputs })
    }

    fn remember(&self, address: &Address, outputs: &Outputs) {
        let memory = StepMemory {
            kind: String::new(),
            run: RunId(1),
            seq: krun_model::journal::Seq(1),
            inputs: Digest::of(""),
            key: None,
            outputs: outputs.clone(),
        };
        self.memory.lock().unwrap().insert(address.clone(), memory);
    }

    /// Starts a process that ends with the lab.
    pub fn spawn(&self, step: &str, command: &mut Command) {
        let marker = format!("{}/{step}", self.deployment);
        let mut child = command.env("KRUN_PROCESS", marker).spawn().unwrap();
        std::thread::spawn(move || child.wait());
    }

    /// Pids of the processes of some step, or of all steps of all deployments of this lab.
    pub fn pids(&self, step: Option<&str>) -> Vec<String> {
        let markers: Vec<_> = self
            .deployments
            .iter()
            .map(|deployment| match step {
                Some(step) => format!("KRUN_PROCESS={deployment}/{step}\0"),
                None => format!("KRUN_PROCESS={deployment}/"),
            })
            .collect();
        let processes = fs::read_dir("/proc").unwrap().flatten();
        processes
            .filter(|process| {
                let environ = fs::read(process.path().join("environ")).unwrap_or_default();
                let environ = String::from_utf8_lossy(&environ) + "\0";
                markers
                    .iter()
                    .any(|marker| environ.contains(marker.as_str()))
            })
            .filter_map(|process| process.file_name().into_string().ok())
            .filter(|name| name.bytes().all(|b| b.is_ascii_digit()))
            .collect()
    }

    /// Kills processes and waits until they are gone, with all that they held.
    pub fn kill(&self, step: Option<&str>) {
        let mut killed = BTreeSet::new();
        loop {
            let pids = self.pids(step);
            if !pids.is_empty() {
                let _gone_already = Command::new("kill").arg("-9").args(&pids).output();
                killed.extend(pids.iter().cloned());
            }
            if pids.is_empty() && killed.iter().all(|pid| is_gone(pid)) {
                return;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

/// Whether a process has closed its files: none of its threads is left, or only its exit status is.
/// The first thread may be a zombie while others still hold everything open.
fn is_gone(pid: &str) -> bool {
    let threads = fs::read_dir(format!("/proc/{pid}/task"));
    threads.into_iter().flatten().flatten().all(|thread| {
        let stat = fs::read_to_string(thread.path().join("stat")).unwrap_or_default();
        stat.rsplit_once(") ")
            .is_none_or(|(_, rest)| rest.starts_with('Z'))
    })
}

impl Drop for Lab {
    fn drop(&mut self) {
        self.kill(None);
    }
}

/// What plugins keep for a step of a built-in kind.
static NOTHING: krun_model::plugin::KeptBy = krun_model::plugin::KeptBy::new();
