//! Finding marked processes: one pass over `/proc`, shared by those who ask at the same time.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
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
    last: Mutex<(u64, Arc<Vec<Marked>>)>,
}

impl Scanner {
    /// The process with this marker, if it runs.
    pub async fn find(&self, id: &ProcessId) -> Result<Option<Running>, Fault> {
        Ok(pick(&self.marked().await?, &id.to_string()).map(|marked| marked.running.clone()))
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
fn pick<'a>(all: &'a [Marked], marker: &str) -> Option<&'a Marked> {
    let same: Vec<_> = all.iter().filter(|one| one.marker == marker).collect();
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
