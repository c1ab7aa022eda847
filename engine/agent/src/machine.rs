//! The machine that this process runs on.

mod effects;
mod read;

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use camino::{Utf8Path, Utf8PathBuf};
use krun_model::{
    Fault, Map, ProcessId,
    download::{Download, Downloaded, Unpack},
    host::{CommandOutput, Errand, Machine},
    kind::Progress,
    process::Running,
};
use tokio::sync::{Mutex, Semaphore, watch};

use crate::{
    blocking::{blocking, saying},
    commands::Invocation,
    download,
    errands::Errands,
    process::Scanner,
    quarantine,
    stop::Stop,
    unpack,
};

/// The machine that this process runs on.
///
/// Clones share what they know. It needs a tokio runtime with I/O and time.
#[derive(Clone, Debug)]
pub struct LocalMachine {
    cache: Utf8PathBuf,
    offline: bool,
    cancel: watch::Receiver<bool>,
    scanner: Arc<Scanner>,
    /// Held from looking for a process until it is started, so that no two are.
    starting: Arc<Mutex<()>>,
    errands: Arc<Errands>,
    /// How many requests can be under way: each has a thread, with buffers of its own.
    requests: Arc<Semaphore>,
}

/// How many requests are under way at most.
const REQUESTS: usize = 64;

impl LocalMachine {
    /// This machine, with a folder for downloads, which is made when it is first asked for. When
    /// `cancel` becomes true, waiting and commands that change nothing end early; effects do not.
    pub fn new(cache: Utf8PathBuf, cancel: watch::Receiver<bool>) -> Self {
        Self {
            cache,
            offline: false,
            cancel,
            scanner: Arc::default(),
            starting: Arc::default(),
            errands: Arc::default(),
            requests: Arc::new(Semaphore::new(REQUESTS)),
        }
    }

    /// The same machine, on which nothing is downloaded if `offline` says so.
    #[must_use]
    pub fn offline(self, offline: bool) -> Self {
        Self { offline, ..self }
    }
}

#[async_trait]
impl Machine for LocalMachine {
    async fn fetch(
        &self,
        argv: &[String],
        cwd: &Utf8Path,
        env: &Map<String>,
        limit: Duration,
        progress: &dyn Progress,
    ) -> Result<CommandOutput, Fault> {
        let line = |text: &str| progress.say(text);
        Invocation {
            argv,
            cwd: Some(cwd),
            env,
            limit,
            line: Some(&line),
            cancel: Some(self.cancel.clone()),
        }
        .run()
        .await
    }

    async fn download(
        &self,
        what: &Download,
        progress: &dyn Progress,
    ) -> Result<Option<Downloaded>, Fault> {
        let (what, offline) = (what.clone(), self.offline);
        let stop = Stop(self.cancel.clone());
        saying(progress, move |say| {
            download::download(&what, offline, &stop, say)
        })
        .await
    }

    async fn unpack(&self, what: &Unpack, progress: &dyn Progress) -> Result<(), Fault> {
        let what = what.clone();
        let stop = Stop(self.cancel.clone());
        saying(progress, move |say| unpack::unpack(&what, &stop, say)).await
    }

    fn later(&self, errand: Errand) {
        self.errands.ask(errand);
    }

    async fn begin_errands(&self) {
        self.errands.begin();
    }

    async fn quarantine_root(
        &self,
        path: &Utf8Path,
        preferred: &Utf8Path,
    ) -> Result<Utf8PathBuf, Fault> {
        let (path, preferred) = (path.to_owned(), preferred.to_owned());
        blocking(move || quarantine::quarantine_root(&path, &preferred)).await
    }

    async fn cache(&self) -> Result<Utf8PathBuf, Fault> {
        let cache = self.cache.clone();
        blocking(move || {
            std::fs::create_dir_all(&cache)
                .map_err(|error| Fault::io("could not make the cache folder", &cache, &error))?;
            Ok(cache)
        })
        .await
    }

    fn adopt(&self, id: &ProcessId, process: &Running) {
        self.scanner.adopt(id, process);
    }
}
