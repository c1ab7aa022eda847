//! A writable host without a journal, for tests and tools: what is done through it is known to no
//! state store and taken back by no rollback. A run never uses it.

use std::time::Duration;

use async_trait::async_trait;
use camino::{Utf8Path, Utf8PathBuf};
use krun_model::{
    Checksum, Digest, Effect, Fault, HttpAnswer, HttpQuestion, Map, ProcessId, ReadHost,
    TargetState, WriteHost,
    checksum::Algorithm,
    download::{Download, Downloaded, Unpack},
    host::{CommandOutput, FileStat, Machine, PortHolder},
    kind::Progress,
    process::Running,
};

/// A machine whose effects are performed as they come.
#[derive(Clone)]
pub struct Unjournaled<'a> {
    machine: &'a dyn Machine,
    quarantine: Utf8PathBuf,
}

impl<'a> Unjournaled<'a> {
    /// A machine, and the folder in which [`WriteHost::quarantine`] gives paths.
    pub fn new(machine: &'a dyn Machine, quarantine: Utf8PathBuf) -> Self {
        Self {
            machine,
            quarantine,
        }
    }
}

#[async_trait]
impl WriteHost for Unjournaled<'_> {
    async fn perform(&self, effect: Effect) -> Result<TargetState, Fault> {
        let target = effect.target();
        let before = self.machine.observe(&target).await?;
        if effect.achieved(&before) {
            return Ok(before);
        }
        self.machine.perform(&effect).await?;
        self.machine.observe(&target).await
    }

    async fn fetch(
        &self,
        argv: &[String],
        cwd: &Utf8Path,
        env: &Map<String>,
        limit: Duration,
    ) -> Result<CommandOutput, Fault> {
        self.machine.fetch(argv, cwd, env, limit, &Silent).await
    }

    async fn download(&self, what: &Download) -> Result<Option<Downloaded>, Fault> {
        self.machine.download(what, &Silent).await
    }

    async fn unpack(&self, what: &Unpack) -> Result<(), Fault> {
        self.machine.unpack(what, &Silent).await
    }

    async fn quarantine(&self, _path: &Utf8Path, name: &str) -> Result<Utf8PathBuf, Fault> {
        Ok(self.quarantine.join(name))
    }

    async fn cache(&self) -> Result<Utf8PathBuf, Fault> {
        self.machine.cache().await
    }
}

#[async_trait]
impl ReadHost for Unjournaled<'_> {
    async fn stat(&self, path: &Utf8Path) -> Result<Option<FileStat>, Fault> {
        self.machine.stat(path).await
    }

    async fn read(&self, path: &Utf8Path) -> Result<Option<Vec<u8>>, Fault> {
        self.machine.read(path).await
    }

    async fn read_from(&self, path: &Utf8Path, offset: u64, max: u64) -> Result<Vec<u8>, Fault> {
        self.machine.read_from(path, offset, max).await
    }

    async fn list(&self, path: &Utf8Path) -> Result<Option<Vec<String>>, Fault> {
        self.machine.list(path).await
    }

    async fn digest(&self, path: &Utf8Path) -> Result<Option<Digest>, Fault> {
        self.machine.digest(path).await
    }

    async fn checksum(
        &self,
        path: &Utf8Path,
        algorithm: Algorithm,
    ) -> Result<Option<Checksum>, Fault> {
        self.machine.checksum(path, algorithm).await
    }

    async fn path_state(&self, path: &Utf8Path) -> Result<TargetState, Fault> {
        self.machine.path_state(path).await
    }

    async fn process(&self, id: &ProcessId) -> Result<Option<Running>, Fault> {
        self.machine.process(id).await
    }

    async fn port_holder(&self, port: u16) -> Result<Option<PortHolder>, Fault> {
        self.machine.port_holder(port).await
    }

    async fn folder_user(&self, path: &Utf8Path) -> Result<Option<Running>, Fault> {
        self.machine.folder_user(path).await
    }

    async fn writable(&self, path: &Utf8Path) -> Result<bool, Fault> {
        self.machine.writable(path).await
    }

    async fn free_disk(&self, path: &Utf8Path) -> Result<u64, Fault> {
        self.machine.free_disk(path).await
    }

    async fn free_memory(&self) -> Result<u64, Fault> {
        self.machine.free_memory().await
    }

    async fn which(&self, program: &str) -> Result<Option<Utf8PathBuf>, Fault> {
        self.machine.which(program).await
    }

    async fn ask(&self, argv: &[String], limit: Duration) -> Result<CommandOutput, Fault> {
        self.machine.ask(argv, limit).await
    }

    async fn http_get(&self, question: &HttpQuestion) -> Result<HttpAnswer, Fault> {
        self.machine.http_get(question).await
    }

    async fn missing_packages(&self, names: &[String]) -> Result<Vec<String>, Fault> {
        self.machine.missing_packages(names).await
    }

    async fn env(&self, name: &str) -> Option<String> {
        self.machine.env(name).await
    }

    async fn cache_place(&self) -> Utf8PathBuf {
        self.machine.cache_place().await
    }

    async fn is_offline(&self) -> bool {
        self.machine.is_offline().await
    }

    async fn pause(&self, time: Duration) -> Result<(), Fault> {
        self.machine.pause(time).await
    }
}

/// Nobody listens.
struct Silent;

impl Progress for Silent {
    fn say(&self, _text: &str) {}
}
