//! Finding marked processes: one pass over `/proc`, shared by those who ask at the same time.

use std::{
    collections::{HashMap, HashSet},
    sync::{
        Arc, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use krun_model::{Fault, ProcessId, process::Running};
use tokio::sync::Mutex;

use super::proc;
use crate::blocking::blocking;

/// A process that carries a marker.
#[derive(Clone, Debug)]
struct Marked {
    marker: String,
    running: Running,
    parent: u32,
    session: u32,
}

/// Looks for marked processes.
///
/// Passes are numbered when they begin. Who asks is served by a pass that began after the question,
/// so that an answer is never older than the question, but may be the answer to many.
#[derive(Debug, Default)]
pub struct Scanner {
    begun: AtomicU64,
    /// Processes that don't carry the marker that they stand for, by it.
    adopted: std::sync::Mutex<HashMap<String, Running>>,
    last: Mutex<(u64, Arc<Vec<Marked>>)>,
}

impl Scanner {
    /// The process with this marker, if it runs.
    pub async fn find(&self, id: &ProcessId) -> Result<Option<Running>, Fault> {
        let marker = id.to_string();
        let marked = self.marked().await?;
        let others = self.standing_for_others(&marker);
        let own = marked
            .iter()
            .filter(|one| !others.contains(&same(&one.running)));
        if let Some(marked) = pick(own, &marker) {
            return Ok(Some(marked.running.clone()));
        }
        let Some(adopted) = self.adopted().get(&marker).cloned() else {
            return Ok(None);
        };
        blocking(move || Ok(still(adopted))).await
    }

    /// Whether a process stands for a marker that it need not carry itself.
    pub fn stands_for(&self, id: &ProcessId, process: &Running) -> bool {
        let adopted = self.adopted();
        let adopted = adopted.get(&id.to_string());
        adopted.is_some_and(|adopted| same(adopted) == same(process))
    }

    /// The processes that stand for other markers than one, whatever they carry: a step that was moved
    /// leaves its old address to whoever is there now.
    fn standing_for_others(&self, marker: &str) -> HashSet<(u32, u64)> {
        let adopted = self.adopted();
        let others = adopted.iter().filter(|(other, _)| *other != marker);
        others.map(|(_, running)| same(running)).collect()
    }

    /// Lets a process that does not carry a marker stand for it: one that krun did not start, or that
    /// carries the marker of an address that its step had before.
    pub fn adopt(&self, id: &ProcessId, process: &Running) {
        self.adopted().insert(id.to_string(), process.clone());
    }

    fn adopted(&self) -> MutexGuard<'_, HashMap<String, Running>> {
        self.adopted.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn marked(&self) -> Result<Arc<Vec<Marked>>, Fault> {
        let begun = self.begun.load(Ordering::SeqCst);
        let mut last = self.last.lock().await;
        if last.0 > begun {
            return Ok(last.1.clone());
        }
        let number = self.begun.fetch_add(1, Ordering::SeqCst) + 1;
        let marked = Arc::new(blocking(|| Ok(pass())).await?);
        *last = (number, marked.clone());
        Ok(marked)
    }
}

/// What tells a process from all others of this boot.
fn same(running: &Running) -> (u32, u64) {
    (running.pid, running.started)
}

/// The process, if it is still that very one.
fn still(adopted: Running) -> Option<Running> {
    let (now, _, _) = proc::running(adopted.pid)?;
    (now.started == adopted.started && now.boot == adopted.boot).then_some(Running {
        digest: adopted.digest,
        ..now
    })
}

/// One pass over all processes.
fn pass() -> Vec<Marked> {
    proc::pids()
        .into_iter()
        .filter(|pid| proc::environment(*pid).is_some_and(|env| env.marker().is_some()))
        .filter_map(|pid| {
            let (running, stat, marker) = proc::running(pid)?;
            Some(Marked {
                marker: marker?,
                running,
                parent: stat.parent,
                session: stat.session,
            })
        })
        .collect()
}

/// The process that a marker stands for: not a child of another that carries it. Of several, which
/// there are when children outlived it, the one that leads a session, else the oldest.
fn pick<'a>(all: impl IntoIterator<Item = &'a Marked>, marker: &str) -> Option<&'a Marked> {
    let same: Vec<_> = all.into_iter().filter(|one| one.marker == marker).collect();
    same.iter()
        .filter(|one| same.iter().all(|other| other.running.pid != one.parent))
        .min_by_key(|one| {
            let follows = one.session != one.running.pid;
            (follows, one.running.started, one.running.pid)
        })
        .copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn marked(pid: u32, parent: u32, session: u32, marker: &str) -> Marked {
        Marked {
            marker: marker.to_owned(),
            running: Running {
                pid,
                started: u64::from(pid),
                boot: String::new(),
                digest: None,
                command: String::new(),
            },
            parent,
            session,
        }
    }

    #[test]
    fn picks() {
        let all = [
            marked(9, 20, 20, "d/a"),
            marked(20, 1, 20, "d/a"),
            marked(21, 1, 7, "d/b"),
            marked(30, 1, 30, "d/c-2"),
            marked(40, 1, 8, "d/e"),
            marked(41, 1, 8, "d/e"),
        ];
        let check = |marker, expected: Option<u32>| {
            assert_eq!(pick(&all, marker).map(|one| one.running.pid), expected);
        };
        check("d/a", Some(20));
        check("d/b", Some(21));
        check("d/c", None);
        check("d/e", Some(40));
    }
}
