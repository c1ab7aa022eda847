//! Processes as the operating system shows them: the witness that does not ask krun.

use std::{collections::BTreeMap, fs};

/// A process that carries krun's marker.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Marked {
    /// Its step's address: what follows the deployment's id in the marker.
    pub step: String,
    /// Its process id.
    pub pid: u32,
    /// Start time in clock ticks since boot.
    pub started: u64,
}

/// All live processes with krun's marker whose environment or command line names a folder; with the
/// marker of an errand too, whose step is the errand's name.
pub fn marked(folder: &str) -> Vec<Marked> {
    let mut found = vec![];
    for entry in fs::read_dir("/proc").expect("/proc").flatten() {
        let Ok(pid) = entry.file_name().to_string_lossy().parse::<u32>() else {
            continue;
        };
        let environment = fs::read(entry.path().join("environ")).unwrap_or_default();
        let command = fs::read(entry.path().join("cmdline")).unwrap_or_default();
        let environment = String::from_utf8_lossy(&environment);
        let Some(marker) = environment.split('\0').find_map(|line| {
            line.strip_prefix("KRUN_PROCESS=")
                .or(line.strip_prefix("KRUN_ERRAND="))
        }) else {
            continue;
        };
        if !environment.contains(folder) && !String::from_utf8_lossy(&command).contains(folder) {
            continue;
        }
        let stat = fs::read_to_string(entry.path().join("stat")).unwrap_or_default();
        let fields: Vec<&str> = stat
            .rsplit(')')
            .next()
            .unwrap_or("")
            .split_whitespace()
            .collect();
        if fields.first() == Some(&"Z") || fields.len() < 20 {
            continue;
        }
        let step = marker
            .split_once('/')
            .map_or(marker, |(_, step)| step)
            .to_owned();
        found.push(Marked {
            step,
            pid,
            started: fields[19].parse().unwrap_or(0),
        });
    }
    found.sort();
    found
}

/// Pids by step; fails if a step has two processes.
pub fn pids(folder: &str) -> BTreeMap<String, u32> {
    let mut pids = BTreeMap::new();
    for process in marked(folder) {
        let twin = pids.insert(process.step.clone(), process.pid);
        assert_eq!(twin, None, "{} runs twice", process.step);
    }
    pids
}

/// Sends a signal; whether there was somebody to get it.
pub fn signal(pid: u32, signal: rustix::process::Signal) -> bool {
    rustix::process::Pid::from_raw(pid as i32)
        .is_some_and(|pid| rustix::process::kill_process(pid, signal).is_ok())
}

/// Ends everything marked that names a folder, at once, and waits until it is gone.
pub fn end_all(folder: &str) {
    loop {
        let left = marked(folder);
        if left.is_empty() {
            return;
        }
        for process in &left {
            signal(process.pid, rustix::process::Signal::KILL);
        }
        std::thread::yield_now();
    }
}
