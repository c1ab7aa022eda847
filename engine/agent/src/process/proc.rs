//! Reading `/proc`: who a process is, what it was started with.
//!
//! Every process may vanish between two reads, and those of other users show little: what can't be
//! read is none, never an error.

use std::{
    fs::{self, File},
    io::{self, Read},
    sync::OnceLock,
    thread,
    time::{Duration, Instant},
};

use krun_model::process::{MARKER, MARKER_DIGEST, Running};

/// How much of a command line is shown, in characters.
const SHOWN: usize = 160;

/// How long a process may be without an environment while it executes another program or ends.
const SETTLING: Duration = Duration::from_secs(1);
/// How often an environment that seems to be whole and empty is looked at: the kernel shows it so
/// for an instant while it sets it up.
const LOOKS: u32 = 5;
/// The time between two looks.
const BETWEEN_LOOKS: Duration = Duration::from_micros(200);
/// The flag of a kernel thread in `/proc/PID/stat`.
const KERNEL_THREAD: u64 = 0x0020_0000;

/// What `/proc/PID/stat` says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stat {
    /// Whether it runs: not a zombie, not dead.
    pub alive: bool,
    /// Its parent.
    pub parent: u32,
    /// Its session: its own pid where it leads one.
    pub session: u32,
    /// Start time in clock ticks since boot.
    pub started: u64,
    /// Whether it has no memory of its own at this moment, because it is between two programs, or
    /// ending.
    unsettled: bool,
    /// Whether it is a thread of the kernel.
    kernel: bool,
}

/// All pids, ascending.
pub fn pids() -> Vec<u32> {
    let mut pids: Vec<u32> = fs::read_dir("/proc")
        .into_iter()
        .flatten()
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .collect();
    pids.sort_unstable();
    pids
}

/// What `/proc/PID/stat` says of a process.
pub fn stat(pid: u32) -> Option<Stat> {
    parse_stat(&String::from_utf8_lossy(
        &fs::read(format!("/proc/{pid}/stat")).ok()?,
    ))
}

/// The environment that a process was started with.
///
/// While a process executes another program its environment reads as empty for a moment, and so for
/// who looks just after a spawn. To take that for a process without a marker would be to start it
/// twice, so it is looked at again until it has settled.
pub fn environment(pid: u32) -> Option<Environment> {
    let deadline = Instant::now() + SETTLING;
    let mut looks = 0;
    loop {
        let bytes = read_environment(pid).ok()?;
        // One that was cut while it was read does not end as an entry does.
        if bytes.last() == Some(&0) {
            return Some(Environment(bytes));
        }
        let stat = stat(pid)?;
        looks += 1;
        let settled = if stat.unsettled {
            Instant::now() > deadline
        } else {
            looks >= LOOKS
        };
        if settled || !stat.alive || stat.kernel {
            return Some(Environment(bytes));
        }
        thread::sleep(BETWEEN_LOOKS);
    }
}

/// Reads with few and large reads: one that fits into a single read is never cut.
fn read_environment(pid: u32) -> io::Result<Vec<u8>> {
    let mut file = File::open(format!("/proc/{pid}/environ"))?;
    let mut bytes = vec![];
    let mut buffer = [0; 32 * 1024];
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok(bytes),
            n => bytes.extend_from_slice(&buffer[..n]),
        }
    }
}

/// A process that runs, foreign or not.
pub fn running(pid: u32) -> Option<(Running, Stat, Option<String>)> {
    let stat = stat(pid).filter(|stat| stat.alive)?;
    let environment = environment(pid);
    let marker = environment
        .as_ref()
        .and_then(Environment::marker)
        .map(str::to_owned);
    let digest = environment.as_ref().and_then(|env| {
        env.variable(MARKER_DIGEST)
            .and_then(|digest| digest.parse().ok())
    });
    let running = Running {
        pid,
        started: stat.started,
        boot: boot().to_owned(),
        digest,
        command: command(pid),
    };
    Some((running, stat, marker))
}

/// The environment of a process.
pub struct Environment(Vec<u8>);

impl Environment {
    /// krun's marker.
    pub fn marker(&self) -> Option<&str> {
        self.variable(MARKER)
    }

    fn variable(&self, name: &str) -> Option<&str> {
        self.0.split(|byte| *byte == 0).find_map(|entry| {
            let value = entry.strip_prefix(name.as_bytes())?.strip_prefix(b"=")?;
            std::str::from_utf8(value).ok()
        })
    }
}

/// The boot id of the machine; empty where the kernel shows none.
fn boot() -> &'static str {
    static BOOT: OnceLock<String> = OnceLock::new();
    BOOT.get_or_init(|| {
        fs::read_to_string("/proc/sys/kernel/random/boot_id")
            .map(|id| id.trim().to_owned())
            .unwrap_or_default()
    })
}

/// The command line, shortened; the name in brackets for a process that has none.
fn command(pid: u32) -> String {
    let bytes = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    if bytes.is_empty() {
        let name = fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
        return format!("[{}]", name.trim());
    }
    shorten(&bytes)
}

fn shorten(cmdline: &[u8]) -> String {
    let text = String::from_utf8_lossy(cmdline);
    let text = text.trim_end_matches('\0').replace('\0', " ");
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

fn parse_stat(text: &str) -> Option<Stat> {
    // The second field is the program's name in parentheses, which may hold anything.
    let (_, rest) = text.rsplit_once(')')?;
    let fields: Vec<&str> = rest.split_ascii_whitespace().collect();
    let flags: u64 = fields.get(6)?.parse().ok()?;
    // Where the environment ends in its memory.
    let environment_end = fields.get(48)?;
    Some(Stat {
        alive: !matches!(*fields.first()?, "Z" | "X" | "x"),
        parent: fields.get(1)?.parse().ok()?,
        session: fields.get(3)?.parse().ok()?,
        started: fields.get(19)?.parse().ok()?,
        unsettled: *environment_end == "0",
        kernel: flags & KERNEL_THREAD != 0,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stat_of_odd_names() {
        let text = "42 (a) b (c) S 7 42 41 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 9876 1 1 1 1 1 1 \
                    1 1 0 0 0 0 0 0 0 17 0 0 0 0 0 0 1 1 1 1 1 1 9 0";
        let stat = parse_stat(text).unwrap();
        assert_eq!(
            stat,
            Stat {
                alive: true,
                parent: 7,
                session: 41,
                started: 9876,
                unsettled: false,
                kernel: false,
            }
        );
        assert!(!parse_stat(&text.replace(" S ", " Z ")).unwrap().alive);
        let between_programs = text.replace(" 9 0", " 0 0");
        assert!(parse_stat(&between_programs).unwrap().unsettled);
        assert!(
            parse_stat(&text.replace("4194560", "2129984"))
                .unwrap()
                .kernel
        );
        assert_eq!(parse_stat("42 (x"), None);
    }

    #[test]
    fn variables_are_whole_entries() {
        let env = Environment(b"XKRUN_PROCESS=no\0A=KRUN_PROCESS=no\0KRUN_PROCESS=d/s\0".to_vec());
        assert_eq!(env.marker(), Some("d/s"));
        assert_eq!(Environment(b"KRUN_PROCESSES=no\0".to_vec()).marker(), None);
    }

    #[test]
    fn commands() {
        assert_eq!(shorten(b"java\0-cp\0a\0"), "java -cp a");
        assert_eq!(
            shorten("ä".repeat(500).as_bytes()).chars().count(),
            SHOWN + 1
        );
    }

    #[test]
    fn this_process() {
        let (running, stat, _) = running(std::process::id()).unwrap();
        assert!(stat.alive && !running.boot.is_empty() && !running.command.is_empty());
        assert!(pids().contains(&running.pid));
    }
}
