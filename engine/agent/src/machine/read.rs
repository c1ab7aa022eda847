//! What is to be seen on this machine.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use async_trait::async_trait;
use camino::{Utf8Path, Utf8PathBuf};
use krun_model::{
    Checksum, Digest, Fault, HttpAnswer, HttpQuestion, Map, ProcessId, ReadHost, TargetState,
    checksum::Algorithm,
    host::{CommandOutput, FileStat, PortHolder},
    process::Running,
};

use super::LocalMachine;
use crate::{
    blocking::blocking,
    commands::{Invocation, cancelled, stopped},
    files::{self, SmallFile},
    http, listening, memory, open_files, packages, place, ports, programs,
};

/// The largest file whose bytes, or folder whose names, are read where the step runs. A larger one is
/// worth a thread.
const SMALL: u64 = 256 * 1024;

/// Looks at a path on a thread where blocking does no harm.
///
/// Handing work over and back takes tens of microseconds. What the kernel answers from memory in one
/// or two (metadata, a small file or folder) is therefore asked where the step runs; a plan of ten thousand steps
/// asks that ten thousand times.
async fn at<T: Send + 'static>(
    path: &Utf8Path,
    look: impl FnOnce(&Utf8Path) -> Result<T, Fault> + Send + 'static,
) -> Result<T, Fault> {
    let path = path.to_owned();
    blocking(move || look(&path)).await
}

/// Looks at a path where the step runs, unless it is a large file or folder, which is to be read.
async fn near<T: Send + 'static>(
    path: &Utf8Path,
    look: impl FnOnce(&Utf8Path) -> Result<T, Fault> + Send + 'static,
) -> Result<T, Fault> {
    match files::stat(path)? {
        Some(stat) if stat.size > SMALL => at(path, look).await,
        _ => look(path),
    }
}

#[async_trait]
impl ReadHost for LocalMachine {
    async fn stat(&self, path: &Utf8Path) -> Result<Option<FileStat>, Fault> {
        files::stat(path)
    }

    async fn read(&self, path: &Utf8Path) -> Result<Option<Vec<u8>>, Fault> {
        match files::read_up_to(path, SMALL)? {
            SmallFile::Whole(bytes) => Ok(Some(bytes)),
            SmallFile::Missing => Ok(None),
            SmallFile::Larger => at(path, files::read).await,
        }
    }

    async fn read_from(&self, path: &Utf8Path, offset: u64, max: u64) -> Result<Vec<u8>, Fault> {
        at(path, move |path| files::read_from(path, offset, max)).await
    }

    async fn list(&self, path: &Utf8Path) -> Result<Option<Vec<String>>, Fault> {
        near(path, files::list).await
    }

    async fn digest(&self, path: &Utf8Path) -> Result<Option<Digest>, Fault> {
        near(path, files::digest).await
    }

    async fn checksum(
        &self,
        path: &Utf8Path,
        algorithm: Algorithm,
    ) -> Result<Option<Checksum>, Fault> {
        at(path, move |path| files::checksum(path, algorithm)).await
    }

    async fn path_state(&self, path: &Utf8Path) -> Result<TargetState, Fault> {
        near(path, files::path_state).await
    }

    async fn process(&self, id: &ProcessId) -> Result<Option<Running>, Fault> {
        self.scanner.find(id).await
    }

    async fn port_holder(&self, port: u16) -> Result<Option<PortHolder>, Fault> {
        Ok(self.port_holders(&[port].into()).await?.remove(&port))
    }

    async fn port_holders(
        &self,
        ports: &BTreeSet<u16>,
    ) -> Result<BTreeMap<u16, PortHolder>, Fault> {
        let mut sockets: BTreeMap<u16, Vec<u64>> = BTreeMap::new();
        for (port, inode) in listening::listeners()? {
            if ports.contains(&port) {
                sockets.entry(port).or_default().push(inode);
            }
        }
        if sockets.is_empty() {
            return Ok(BTreeMap::new());
        }
        blocking(move || {
            let held = sockets.into_iter();
            Ok(held
                .map(|(port, inodes)| (port, ports::holder(&inodes)))
                .collect())
        })
        .await
    }

    async fn folder_user(&self, path: &Utf8Path) -> Result<Option<Running>, Fault> {
        at(path, open_files::folder_user).await
    }

    async fn writable(&self, path: &Utf8Path) -> Result<bool, Fault> {
        place::writable(path)
    }

    async fn free_disk(&self, path: &Utf8Path) -> Result<u64, Fault> {
        place::free_disk(path)
    }

    async fn free_memory(&self) -> Result<u64, Fault> {
        blocking(memory::free_memory).await
    }

    async fn which(&self, program: &str) -> Result<Option<Utf8PathBuf>, Fault> {
        let program = program.to_owned();
        let search = self.env("PATH").await;
        blocking(move || programs::which(&program, search.as_deref())).await
    }

    async fn ask(&self, argv: &[String], limit: Duration) -> Result<CommandOutput, Fault> {
        Invocation {
            argv,
            cwd: None,
            env: &Map::new(),
            limit,
            line: None,
            cancel: Some(self.cancel.clone()),
        }
        .run()
        .await
    }

    async fn http_get(&self, question: &HttpQuestion) -> Result<HttpAnswer, Fault> {
        let asked = question.clone();
        let answered = async {
            let _turn = self.requests.acquire().await;
            blocking(move || http::get(&asked)).await
        };
        tokio::select! {
            biased;
            () = stopped(Some(self.cancel.clone())) => Err(cancelled("a request was broken off")),
            answer = answered => answer,
        }
    }

    async fn missing_packages(&self, names: &[String]) -> Result<Vec<String>, Fault> {
        packages::missing(names).await
    }

    async fn env(&self, name: &str) -> Option<String> {
        std::env::var(name).ok()
    }

    async fn cache_place(&self) -> Utf8PathBuf {
        self.cache.clone()
    }

    async fn is_offline(&self) -> bool {
        self.offline
    }

    async fn pause(&self, time: Duration) -> Result<(), Fault> {
        tokio::select! {
            biased;
            () = stopped(Some(self.cancel.clone())) => Err(cancelled("waiting was broken off")),
            () = tokio::time::sleep(time) => Ok(()),
        }
    }
}
