//! A writable host for tests: files and processes of this machine, topics of real clusters, no journal.

use std::time::Duration;

use async_trait::async_trait;
use camino::{Utf8Path, Utf8PathBuf};
use krun_agent::{LocalMachine, unjournaled::Unjournaled};
use krun_kafka::ClusterEffector;
use krun_model::{
    Checksum, Digest, Effect, Effector as _, Fault, HttpAnswer, HttpQuestion, Map, ProcessId,
    ReadHost, TargetState, WriteHost,
    checksum::Algorithm,
    download::{Download, Downloaded, Unpack},
    host::{CommandOutput, FileStat, PortHolder},
    process::Running,
};

/// Sends effects on topics, replicas and leaders to the cluster and all others to the machine.
pub struct TestHost<'a>(pub Unjournaled<'a>);

impl<'a> TestHost<'a> {
    pub fn new(machine: &'a LocalMachine, quarantine: Utf8PathBuf) -> Self {
        Self(Unjournaled::new(machine, quarantine))
    }
}

#[async_trait]
impl WriteHost for TestHost<'_> {
    async fn perform(&self, effect: Effect) -> Result<TargetState, Fault> {
        let target = effect.target();
        if !target.is_in_cluster() {
            return self.0.perform(effect).await;
        }
        let cluster = ClusterEffector::new();
        let before = cluster.observe(&target).await?;
        if effect.achieved(&before) {
            return Ok(before);
        }
        cluster.perform(&effect).await?;
        cluster.observe(&target).await
    }

    async fn fetch(
        &self,
        argv: &[String],
        cwd: &Utf8Path,
        env: &Map<String>,
        limit: Duration,
    ) -> Result<CommandOutput, Fault> {
        self.0.fetch(argv, cwd, env, limit).await
    }

    async fn download(&self, what: &Download) -> Result<Option<Downloaded>, Fault> {
        self.0.download(what).await
    }

    async fn unpack(&self, what: &Unpack) -> Result<(), Fault> {
        self.0.unpack(what).await
    }

    async fn quarantine(&self, path: &Utf8Path, name: &str) -> Result<Utf8PathBuf, Fault> {
        self.0.quarantine(path, name).await
    }

    async fn cache(&self) -> Result<Utf8PathBuf, Fault> {
        self.0.cache().await
    }
}

#[async_trait]
impl ReadHost for TestHost<'_> {
    async fn stat(&self, path: &Utf8Path) -> Result<Option<FileStat>, Fault> {
        self.0.stat(path).await
    }

    async fn read(&self, path: &Utf8Path) -> Result<Option<Vec<u8>>, Fault> {
        self.0.read(path).await
    }

    async fn read_from(&self, path: &Utf8Path, offset: u64, max: u64) -> Result<Vec<u8>, Fault> {
        self.0.read_from(path, offset, max).await
    }

    async fn list(&self, path: &Utf8Path) -> Result<Option<Vec<String>>, Fault> {
        self.0.list(path).await
    }

    async fn digest(&self, path: &Utf8Path) -> Result<Option<Digest>, Fault> {
        self.0.digest(path).await
    }

    async fn checksum(
        &self,
        path: &Utf8Path,
        algorithm: Algorithm,
    ) -> Result<Option<Checksum>, Fault> {
        self.0.checksum(path, algorithm).await
    }

    async fn path_state(&self, path: &Utf8Path) -> Result<TargetState, Fault> {
        self.0.path_state(path).await
    }

    async fn process(&self, id: &ProcessId) -> Result<Option<Running>, Fault> {
        self.0.process(id).await
    }

    async fn port_holder(&self, port: u16) -> Result<Option<PortHolder>, Fault> {
        self.0.port_holder(port).await
    }

    async fn folder_user(&self, path: &Utf8Path) -> Result<Option<Running>, Fault> {
        self.0.folder_user(path).await
    }

    async fn writable(&self, path: &Utf8Path) -> Result<bool, Fault> {
        self.0.writable(path).await
    }

    async fn free_disk(&self, path: &Utf8Path) -> Result<u64, Fault> {
        self.0.free_disk(path).await
    }

    async fn free_memory(&self) -> Result<u64, Fault> {
        self.0.free_memory().await
    }

    async fn which(&self, program: &str) -> Result<Option<Utf8PathBuf>, Fault> {
        self.0.which(program).await
    }

    async fn ask(&self, argv: &[String], limit: Duration) -> Result<CommandOutput, Fault> {
        self.0.ask(argv, limit).await
    }

    async fn http_get(&self, question: &HttpQuestion) -> Result<HttpAnswer, Fault> {
        self.0.http_get(question).await
    }

    async fn missing_packages(&self, names: &[String]) -> Result<Vec<String>, Fault> {
        self.0.missing_packages(names).await
    }

    async fn env(&self, name: &str) -> Option<String> {
        self.0.env(name).await
    }

    async fn cache_place(&self) -> Utf8PathBuf {
        self.0.cache_place().await
    }

    async fn is_offline(&self) -> bool {
        self.0.is_offline().await
    }

    async fn pause(&self, time: Duration) -> Result<(), Fault> {
        self.0.pause(time).await
    }
}
