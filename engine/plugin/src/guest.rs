//! What is linked to a guest: host functions that hand each question to the desk and wait.
//!
//! Owns the counting of questions and the log. Knows no host and no grant.

use std::time::{Duration, Instant};

use futures::future::BoxFuture;
use krun_model::Fault;
use tokio::sync::{mpsc, oneshot};
use wasmtime::component::Resource;

use crate::{
    Limits,
    bindings::krun::plugin::{
        commands, file_changes, files, host, http, kafka, kafka_changes, key_value, log, types,
        waiting,
    },
    desk::Desk,
    faults::Handed,
    limits::Taken,
};

/// What stands behind a `reader` handle: nothing; the desk knows what the call may look at.
#[derive(Debug)]
pub struct Look;

/// What stands behind a `writer` handle.
#[derive(Debug)]
pub struct Act;

/// A question with the way back for its answer.
pub(crate) struct Question {
    /// Whether it is about more than a look at a file: another guest computes until it is answered.
    pub(crate) takes_time: bool,
    pub(crate) work: Work,
}

/// Asks the desk, and sends the answer back.
type Work = Box<dyn for<'d> FnOnce(&'d Desk<'d>) -> BoxFuture<'d, ()> + Send>;

/// The state of one call.
pub(crate) struct Guest {
    questions: mpsc::UnboundedSender<Question>,
    limits: Limits,
    pub(crate) taken: Taken,
    asked: u32,
    began: Instant,
    /// How long the host worked for it.
    waited: Duration,
    logged: usize,
    /// The last lines of its log.
    pub(crate) lines: Vec<String>,
    /// What it was told that only the host says.
    pub(crate) handed: Handed,
}

/// How many lines of a log are shown with a fault.
const TAIL: usize = 20;
/// The longest line that is kept, in bytes.
const MAX_LINE: usize = 2_000;

type Answer<T> = wasmtime::Result<Result<T, types::Fault>>;

impl Guest {
    pub(crate) fn new(limits: Limits, questions: mpsc::UnboundedSender<Question>) -> Self {
        Self {
            questions,
            limits,
            taken: Taken::nothing_of(&limits),
            asked: 0,
            began: Instant::now(),
            waited: Duration::ZERO,
            logged: 0,
            lines: vec![],
            handed: Handed::default(),
        }
    }

    /// Whether it has computed for longer than it may.
    pub(crate) fn is_late(&self) -> bool {
        self.began.elapsed().saturating_sub(self.waited) > self.limits.computing
    }

    /// Asks the desk something that is answered soon.
    async fn look<T: Send + 'static>(
        &mut self,
        work: impl for<'d> FnOnce(&'d Desk<'d>) -> BoxFuture<'d, Result<T, Fault>> + Send + 'static,
    ) -> Answer<T> {
        self.send(false, work).await
    }

    /// Asks the desk something that may take its time.
    async fn ask<T: Send + 'static>(
        &mut self,
        work: impl for<'d> FnOnce(&'d Desk<'d>) -> BoxFuture<'d, Result<T, Fault>> + Send + 'static,
    ) -> Answer<T> {
        self.send(true, work).await
    }

    /// Sends a question to the desk and waits for the answer.
    async fn send<T: Send + 'static>(
        &mut self,
        takes_time: bool,
        work: impl for<'d> FnOnce(&'d Desk<'d>) -> BoxFuture<'d, Result<T, Fault>> + Send + 'static,
    ) -> Answer<T> {
        self.count()?;
        let since = Instant::now();
        let (answer, answered) = oneshot::channel();
        let sent = self.questions.send(Question {
            takes_time,
            work: Box::new(move |desk| {
                Box::pin(async move {
                    let _ = answer.send(work(desk).await);
                })
            }),
        });
        let answer = match sent {
            Ok(()) => answered.await.ok(),
            Err(_) => None,
        };
        self.waited += since.elapsed();
        match answer {
            Some(Ok(value)) => Ok(Ok(value)),
            Some(Err(fault)) => Ok(Err(self.handed.over(fault))),
            None => wasmtime::bail!("it asks for something where nothing can be asked for"),
        }
    }

    /// The name of the machine that the call was given: what its grants are compared with.
    async fn machine(&mut self) -> wasmtime::Result<String> {
        let name = self.look(|desk| Box::pin(async { Ok(desk.machine.as_str().to_owned()) }));
        name.await?
            .map_err(|_| wasmtime::format_err!("its machine has no name"))
    }

    fn count(&mut self) -> wasmtime::Result<()> {
        self.asked += 1;
        if self.asked > self.limits.questions {
            wasmtime::bail!(
                "it asks for more than {} things in one call",
                self.limits.questions
            );
        }
        Ok(())
    }

    fn say(&mut self, text: &str, is_kept: bool) -> wasmtime::Result<()> {
        self.count()?;
        self.logged += text.len();
        if self.logged > self.limits.log {
            wasmtime::bail!("it logs more than {} bytes in one call", self.limits.log);
        }
        let mut line: String = text
            .chars()
            .map(|c| if c.is_control() { ' ' } else { c })
            .collect();
        if line.len() > MAX_LINE {
            line.truncate(line.floor_char_boundary(MAX_LINE));
        }
        if is_kept {
            if self.lines.len() == TAIL {
                self.lines.remove(0);
            }
            self.lines.push(line.clone());
        }
        let _ = self.questions.send(Question {
            takes_time: false,
            work: Box::new(move |desk| {
                Box::pin(async move {
                    desk.progress.say(&line);
                })
            }),
        });
        Ok(())
    }
}

impl types::Host for Guest {}
impl host::Host for Guest {}

impl host::HostReader for Guest {
    async fn machine(&mut self, _: Resource<Look>) -> wasmtime::Result<String> {
        self.machine().await
    }

    async fn drop(&mut self, _: Resource<Look>) -> wasmtime::Result<()> {
        Ok(())
    }
}

impl host::HostWriter for Guest {
    async fn machine(&mut self, _: Resource<Act>) -> wasmtime::Result<String> {
        self.machine().await
    }

    async fn drop(&mut self, _: Resource<Act>) -> wasmtime::Result<()> {
        Ok(())
    }
}

impl log::Host for Guest {
    fn write(&mut self, level: log::Level, text: String) -> wasmtime::Result<()> {
        match level {
            log::Level::Info => self.say(&text, true),
            log::Level::Warning => self.say(&format!("warning: {text}"), true),
        }
    }

    fn progress(&mut self, text: String) -> wasmtime::Result<()> {
        self.say(&text, false)
    }
}

impl waiting::Host for Guest {
    async fn pause(&mut self, _: Resource<Look>, milliseconds: u32) -> Answer<()> {
        self.ask(move |desk| Box::pin(desk.pause(milliseconds)))
            .await
    }

    async fn stopped(&mut self, _: Resource<Look>) -> Answer<bool> {
        let stopped = self.look(|desk| Box::pin(desk.stopped())).await?;
        if let Ok(true) = stopped {
            self.handed.stop();
        }
        Ok(stopped)
    }
}

impl key_value::Host for Guest {
    async fn get(&mut self, _: Resource<Look>, key: String) -> Answer<Option<String>> {
        self.look(|desk| Box::pin(async move { desk.kept(&key) }))
            .await
    }

    async fn keys(&mut self, _: Resource<Look>) -> Answer<Vec<String>> {
        self.look(|desk| Box::pin(async move { Ok(desk.kept_keys()) }))
            .await
    }

    async fn set(&mut self, _: Resource<Act>, key: String, value: Option<String>) -> Answer<()> {
        self.ask(|desk| Box::pin(desk.keep(key, value))).await
    }
}

impl files::Host for Guest {
    async fn stat(&mut self, _: Resource<Look>, path: String) -> Answer<Option<files::Entry>> {
        self.look(|desk| Box::pin(desk.stat(path))).await
    }

    async fn read(&mut self, _: Resource<Look>, path: String) -> Answer<Option<Vec<u8>>> {
        self.look(|desk| Box::pin(desk.read(path))).await
    }

    async fn names(&mut self, _: Resource<Look>, path: String) -> Answer<Option<Vec<String>>> {
        self.look(|desk| Box::pin(desk.names(path))).await
    }
}

impl file_changes::Host for Guest {
    async fn write(
        &mut self,
        _: Resource<Act>,
        path: String,
        content: Vec<u8>,
        mode: u32,
    ) -> Answer<()> {
        self.ask(move |desk| Box::pin(desk.write(path, content, mode)))
            .await
    }

    async fn remove(&mut self, _: Resource<Act>, path: String) -> Answer<()> {
        self.ask(|desk| Box::pin(desk.remove(path))).await
    }

    async fn make_folder(&mut self, _: Resource<Act>, path: String, mode: u32) -> Answer<()> {
        self.ask(move |desk| Box::pin(desk.make_folder(path, mode)))
            .await
    }

    async fn link(&mut self, _: Resource<Act>, path: String, to: String) -> Answer<()> {
        self.ask(|desk| Box::pin(desk.link(path, to))).await
    }
}

impl commands::Host for Guest {
    async fn ask(
        &mut self,
        _: Resource<Look>,
        argv: Vec<String>,
        limit: u32,
    ) -> Answer<commands::Output> {
        Self::ask(self, move |desk| Box::pin(desk.command(argv, limit))).await
    }
}

impl http::Host for Guest {
    async fn get(
        &mut self,
        _: Resource<Look>,
        url: String,
        headers: Vec<(String, String)>,
        limit: u32,
    ) -> Answer<http::Response> {
        self.ask(move |desk| Box::pin(desk.get(url, headers, limit)))
            .await
    }
}

impl kafka::Host for Guest {
    async fn look(&mut self, _: Resource<Look>, bootstrap: Vec<String>) -> Answer<kafka::Cluster> {
        self.ask(|desk| Box::pin(desk.cluster(bootstrap))).await
    }

    async fn settings(
        &mut self,
        _: Resource<Look>,
        bootstrap: Vec<String>,
        of: kafka::SettingsOf,
    ) -> Answer<Option<Vec<kafka::Setting>>> {
        self.ask(|desk| Box::pin(desk.settings(bootstrap, of)))
            .await
    }

    async fn quotas(
        &mut self,
        _: Resource<Look>,
        bootstrap: Vec<String>,
        of: types::QuotaOf,
    ) -> Answer<Vec<(String, f64)>> {
        self.ask(|desk| Box::pin(desk.quotas(bootstrap, of))).await
    }

    async fn groups(
        &mut self,
        _: Resource<Look>,
        bootstrap: Vec<String>,
    ) -> Answer<Vec<kafka::Group>> {
        self.ask(|desk| Box::pin(desk.groups(bootstrap))).await
    }
}

impl kafka_changes::Host for Guest {
    async fn create_topic(
        &mut self,
        _: Resource<Act>,
        bootstrap: Vec<String>,
        name: String,
        partitions: u32,
        replication_factor: u32,
        settings: Vec<(String, String)>,
    ) -> Answer<()> {
        let shape = (partitions, replication_factor);
        self.ask(move |desk| Box::pin(desk.create_topic(bootstrap, name, shape, settings)))
            .await
    }

    async fn alter_settings(
        &mut self,
        _: Resource<Act>,
        bootstrap: Vec<String>,
        of: kafka::SettingsOf,
        changes: Vec<(String, Option<String>)>,
    ) -> Answer<()> {
        self.ask(|desk| Box::pin(desk.alter_settings(bootstrap, of, changes)))
            .await
    }

    async fn alter_quotas(
        &mut self,
        _: Resource<Act>,
        bootstrap: Vec<String>,
        of: types::QuotaOf,
        changes: Vec<(String, Option<f64>)>,
    ) -> Answer<()> {
        self.ask(|desk| Box::pin(desk.alter_quotas(bootstrap, of, changes)))
            .await
    }

    async fn add_partitions(
        &mut self,
        _: Resource<Act>,
        bootstrap: Vec<String>,
        name: String,
        total: u32,
    ) -> Answer<()> {
        self.ask(move |desk| Box::pin(desk.add_partitions(bootstrap, name, total)))
            .await
    }
}
