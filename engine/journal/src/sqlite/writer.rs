//! The one thread that appends: handing entries to it, and its end.
//!
//! Owns the queue. Whatever waits when a commit ends goes into the next one together, so that
//! concurrent steps share one sync; [`commit`](super::commit) says what a commit is.

use std::{
    sync::mpsc::{self, Receiver, Sender},
    thread::{self, JoinHandle},
};

use camino::Utf8Path;
use krun_model::{DeploymentName, Entry, Fault, RunId};
use rusqlite::Connection;

use super::commit::Committer;
use crate::faults;

/// Where an entry came to stand.
#[derive(Clone, Copy, Debug)]
pub(super) struct Placed {
    pub(super) seq: i64,
    pub(super) at_ms: i64,
}

/// An entry that waits to be written.
pub(super) struct Append {
    pub(super) deployment: String,
    pub(super) run: i64,
    pub(super) body: String,
    pub(super) durable: bool,
    reply: Sender<Result<Placed, Fault>>,
}

/// The handle on the thread. Dropping it waits until everything that was handed over is written.
pub(super) struct Writer {
    queue: Option<Sender<Append>>,
    thread: Option<JoinHandle<()>>,
}

impl Writer {
    pub(super) fn start(connection: Connection, path: &Utf8Path) -> Result<Self, Fault> {
        let (queue, requests) = mpsc::channel();
        let mut committer = Committer::new(connection, path);
        let thread = thread::Builder::new()
            .name("krun-journal".to_owned())
            .spawn(move || serve(&mut committer, &requests))
            .map_err(|error| faults::io("could not start the journal's thread", path, &error))?;
        Ok(Self {
            queue: Some(queue),
            thread: Some(thread),
        })
    }

    /// Appends an entry and waits until it is in the log, and on the disk if it is to be durable.
    pub(super) fn append(
        &self,
        deployment: &DeploymentName,
        run: RunId,
        entry: &Entry,
        durable: bool,
    ) -> Result<Placed, Fault> {
        let ended = || Fault::internal("the journal's thread has ended");
        let run = i64::try_from(run.0).map_err(|_| Fault::internal("a run's number is too big"))?;
        let body = serde_json::to_string(entry)
            .map_err(|error| Fault::internal(format!("an entry is not JSON: {error}")))?;
        let (reply, answer) = mpsc::channel();
        let append = Append {
            deployment: deployment.as_str().to_owned(),
            run,
            body,
            durable,
            reply,
        };
        let queue = self.queue.as_ref().ok_or_else(ended)?;
        queue.send(append).map_err(|_| ended())?;
        answer.recv().map_err(|_| ended())?
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        // The thread ends once its queue does.
        self.queue = None;
        if let Some(thread) = self.thread.take() {
            // A panic there was answered to whoever waited for an entry.
            let _ = thread.join();
        }
    }
}

fn serve(committer: &mut Committer, requests: &Receiver<Append>) {
    while let Ok(first) = requests.recv() {
        let group: Vec<Append> = std::iter::once(first).chain(requests.try_iter()).collect();
        let placed = committer.write(&group);
        // Someone who no longer waits for the answer misses nothing.
        match placed {
            Ok(placed) => group.iter().zip(placed).for_each(|(append, placed)| {
                let _ = append.reply.send(Ok(placed));
            }),
            Err(fault) => group.iter().for_each(|append| {
                let _ = append.reply.send(Err(fault.clone()));
            }),
        }
    }
}
