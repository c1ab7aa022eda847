//! Processes as the operating system shows them: the witness that asks neither krun nor its journal.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    sync::atomic::{AtomicUsize, Ordering},
};

use camino::Utf8Path;
use krun_model::Map;
use rustix::process::{Pid, Signal, kill_process};

/// A process that krun started.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Seen {
    /// Its step: what follows the deployment's id in the marker.
    pub(crate) step: String,
    pid: i32,
    /// In clock ticks since boot: with the pid it is one process and no other.
    started: u64,
}

/// Looks at the processes of one scratch folder, again and again, and remembers all it saw.
pub(crate) struct Witness<'a> {
    folder: String,
    seen: BTreeSet<Seen>,
    /// All that were ever seen, by any witness of the sweep.
    total: &'a AtomicUsize,
}

impl<'a> Witness<'a> {
    pub(crate) fn new(folder: &Utf8Path, total: &'a AtomicUsize) -> Self {
        Self {
            folder: folder.to_string(),
            seen: BTreeSet::new(),
            total,
        }
    }

    /// Those that run now.
    pub(crate) fn look(&mut self) -> Vec<Seen> {
        let now = marked(&self.folder);
        self.seen.extend(now.iter().cloned());
        now
    }

    /// How many processes each step ever had.
    pub(crate) fn starts(&self) -> Map<usize> {
        count(self.seen.iter())
    }

    /// Ends all that run, until none is left, and forgets what was seen.
    pub(crate) fn end_all(&mut self) {
        loop {
            let left = marked(&self.folder);
            if left.is_empty() {
                break;
            }
            for process in &left {
                if let Some(pid) = Pid::from_raw(process.pid) {
                    // It may have ended by itself.
                    let _ = kill_process(pid, Signal::KILL);
                }
            }
            std::thread::sleep(std::time::Duration::from_millis(1));
        }
        self.total.fetch_add(self.seen.len(), Ordering::Relaxed);
        self.seen.clear();
    }
}

/// How many of some processes each step has.
pub(crate) fn count<'a>(processes: impl Iterator<Item = &'a Seen>) -> Map<usize> {
    let mut counts = BTreeMap::new();
    for process in processes {
        *counts.entry(process.step.clone()).or_default() += 1;
    }
    counts
}

/// All live processes with krun's marker whose environment, command line or working folder names a
/// folder.
fn marked(folder: &str) -> Vec<Seen> {
    let pids = fs::read_dir("/proc").into_iter().flatten().flatten();
    pids.filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .filter_map(|pid| seen(pid, folder))
        .collect()
}

fn seen(pid: i32, folder: &str) -> Option<Seen> {
    let environment = fs::read(format!("/proc/{pid}/environ")).ok()?;
    let environment = String::from_utf8_lossy(&environment);
    let marker = environment.split('\0').find_map(|line| {
        line.strip_prefix("KRUN_PROCESS=")
            .or_else(|| line.strip_prefix("KRUN_ERRAND="))
    })?;
    let below = |text: &str| {
        text.match_indices(folder).any(|(at, _)| {
            let rest = text[at + folder.len()..].chars().next();
            rest.is_none_or(|next| !next.is_alphanumeric() && next != '-' && next != '_')
        })
    };
    let named = below(&environment)
        || fs::read(format!("/proc/{pid}/cmdline"))
            .is_ok_and(|line| below(&String::from_utf8_lossy(&line)))
        || fs::read_link(format!("/proc/{pid}/cwd")).is_ok_and(|cwd| cwd.starts_with(folder));
    if !named {
        return None;
    }
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let fields: Vec<&str> = stat.rsplit(')').next()?.split_whitespace().collect();
    if matches!(fields.first(), Some(&"Z" | &"X")) {
        return None;
    }
    let step = marker.split_once('/').map_or(marker, |(_, step)| step);
    Some(Seen {
        step: step.to_owned(),
        pid,
        started: fields.get(19)?.parse().ok()?,
    })
}
