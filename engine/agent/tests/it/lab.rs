//! A folder, a machine, and processes that end with their test.

use camino::{Utf8Path, Utf8PathBuf};
use krun_agent::LocalMachine;
use krun_model::{
    Digest, Effect, Effector, Fault, Map, ProcessId, ProcessSpec, Target, TargetState,
};
use rustix::process::{Pid, Signal, kill_process};
use tokio::sync::watch;

/// What a test works with.
pub struct Lab {
    pub machine: LocalMachine,
    pub cancel: watch::Sender<bool>,
    folder: tempfile::TempDir,
    /// Markers of processes to end, however the test ends.
    markers: Vec<String>,
}

impl Lab {
    pub fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let cache = Utf8Path::from_path(folder.path()).unwrap().join("cache");
        let (cancel, cancelled) = watch::channel(false);
        Self {
            machine: LocalMachine::new(cache, cancelled),
            cancel,
            folder,
            markers: vec![],
        }
    }

    /// A path in the test's folder.
    pub fn path(&self, name: &str) -> Utf8PathBuf {
        Utf8Path::from_path(self.folder.path()).unwrap().join(name)
    }

    /// A file in the test's folder, with folders above it.
    pub fn file(&self, name: &str, text: &str) -> Utf8PathBuf {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
        path
    }

    /// All names in a folder, krun's own included.
    pub fn names(&self, name: &str) -> Vec<String> {
        let mut names: Vec<_> = self
            .path(name)
            .read_dir_utf8()
            .unwrap()
            .map(|entry| entry.unwrap().file_name().to_owned())
            .collect();
        names.sort();
        names
    }

    pub async fn perform(&self, effect: Effect) -> Result<(), Fault> {
        self.machine.perform(&effect).await
    }

    /// Performs an effect that must then be seen as achieved.
    pub async fn achieve(&self, effect: Effect) -> TargetState {
        self.perform(effect.clone()).await.unwrap();
        let state = self.observe(effect.target()).await;
        assert!(effect.achieved(&state), "{effect:?} left {state:?}");
        state
    }

    pub async fn observe(&self, target: Target) -> TargetState {
        self.machine.observe(&target).await.unwrap()
    }

    /// A process that a shell makes of `script`.
    pub fn shell(&mut self, step: &str, script: &str) -> ProcessSpec {
        let id = ProcessId {
            deployment: format!("test-{}", self.path("").as_str().replace('/', "-")),
            step: step.parse().unwrap(),
        };
        self.markers.push(id.to_string());
        let argv = ["/bin/sh", "-c", script].map(str::to_owned).to_vec();
        ProcessSpec {
            id,
            digest: Digest::of_json(&argv),
            argv,
            env: Map::from([("PATH".to_owned(), "/usr/bin:/bin".to_owned())]),
            secret_env: Default::default(),
            cwd: self.path(""),
            log: self.path(&format!("{step}.log")),
            stop_grace_ms: 5000,
        }
    }

    /// All pids with a marker, whatever they are to each other.
    pub fn pids(&self, id: &ProcessId) -> Vec<u32> {
        marked(&id.to_string())
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        // A process that executes another program at this moment shows no marker: look again.
        let looks = if self.markers.is_empty() { 0 } else { 3 };
        for _ in 0..looks {
            for pid in self.markers.iter().flat_map(|marker| marked(marker)) {
                let pid = i32::try_from(pid).ok().and_then(Pid::from_raw);
                let _ = pid.map(|pid| kill_process(pid, Signal::KILL));
            }
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
    }
}

fn marked(marker: &str) -> Vec<u32> {
    let entry = format!("KRUN_PROCESS={marker}");
    std::fs::read_dir("/proc")
        .unwrap()
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .filter(|pid: &u32| {
            std::fs::read(format!("/proc/{pid}/environ"))
                .is_ok_and(|env| env.split(|byte| *byte == 0).any(|e| e == entry.as_bytes()))
        })
        .collect()
}
