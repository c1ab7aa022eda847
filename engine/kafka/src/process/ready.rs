//! Waiting until a process is ready, with an eye on its log.
//!
//! The wait ends as soon as the probe says yes, the process is gone, or its log says a known error
//! that is fatal. It never sleeps for luck.

use std::time::Duration;

use async_trait::async_trait;
use camino::Utf8Path;
use krun_model::{Fault, FaultCode, ProcessSpec, ReadHost};
use tokio::time::Instant;

use super::death::{self, NotReady};
use crate::diagnosis::Patterns;

/// The time between two looks.
const POLL: Duration = Duration::from_millis(20);
/// The time between two looks for the process, which takes reading `/proc`.
const POLL_PROCESS: Duration = Duration::from_millis(100);
/// How long a process that said a fatal error may take to end.
const DYING: Duration = Duration::from_secs(5);
/// How much of a log is kept in memory.
const LOG: usize = 4 * 1024 * 1024;

/// Asks whether a server serves.
#[async_trait]
pub trait ReadyProbe: Send {
    /// What a server that is ready says.
    type Ready: Send;

    /// Asks once; none while it does not serve yet. Must not take longer than some hundred
    /// milliseconds.
    async fn ask(&mut self) -> Result<Option<Self::Ready>, Fault>;

    /// What is missing, as of the last time it was asked: a fragment for the fault of a wait that
    /// took too long.
    fn missing(&self) -> String;
}

/// The size of a log now: what a process says from here on is new.
///
/// # Errors
/// What the host reports.
pub async fn log_size(host: &dyn ReadHost, log: &Utf8Path) -> Result<u64, Fault> {
    Ok(host.stat(log).await?.map_or(0, |stat| stat.size))
}

/// Waits until a process that was started is ready.
///
/// `from` is the size that the log had before the start.
///
/// # Errors
/// [`FaultCode::ProcessDied`] with the lines that matter, the cause and the cure;
/// [`FaultCode::Timeout`]; what the probe or the host reports.
pub async fn await_ready<P: ReadyProbe>(
    host: &dyn ReadHost,
    spec: &ProcessSpec,
    from: u64,
    limit: Duration,
    patterns: &Patterns,
    probe: &mut P,
) -> Result<P::Ready, NotReady> {
    let start = Instant::now();
    let mut log = Log::new(&spec.log, from);
    let mut looked = Instant::now();
    loop {
        if let Some(ready) = probe.ask().await? {
            return Ok(ready);
        }
        let fatal = log.read_on(host).await?
            && patterns
                .diagnose(&log.fresh)
                .iter()
                .any(|finding| finding.fatal);
        if fatal {
            return died_or_alive(host, spec, &mut log, patterns, probe).await;
        }
        if looked.elapsed() > POLL_PROCESS {
            looked = Instant::now();
            if host.process(&spec.id).await?.is_none() {
                log.read_on(host).await?;
                return Err(died(spec, &log, patterns));
            }
        }
        if start.elapsed() > limit {
            return Err(too_late(spec, limit, &log, patterns, &probe.missing()));
        }
        host.pause(POLL).await?;
    }
}

/// A fatal error was said: waits briefly for the end, in which the process says the rest. A server that
/// gets ready all the same is ready.
async fn died_or_alive<P: ReadyProbe>(
    host: &dyn ReadHost,
    spec: &ProcessSpec,
    log: &mut Log<'_>,
    patterns: &Patterns,
    probe: &mut P,
) -> Result<P::Ready, NotReady> {
    let start = Instant::now();
    let mut alive = true;
    while alive && start.elapsed() < DYING {
        if let Some(ready) = probe.ask().await? {
            return Ok(ready);
        }
        host.pause(POLL).await?;
        alive = host.process(&spec.id).await?.is_some();
    }
    log.read_on(host).await?;
    let mut end = died(spec, log, patterns);
    if alive {
        end.fault.what = format!("{} said an error that keeps it from serving", spec.id.step);
    }
    Err(end)
}

fn died(spec: &ProcessSpec, log: &Log<'_>, patterns: &Patterns) -> NotReady {
    let what = format!("the process of {} ended before it was ready", spec.id.step);
    death::not_ready(&what, spec.log.as_str(), &log.text, patterns)
}

fn too_late(
    spec: &ProcessSpec,
    limit: Duration,
    log: &Log<'_>,
    patterns: &Patterns,
    missing: &str,
) -> NotReady {
    let what = format!("{} was not ready in time", spec.id.step);
    let found = death::not_ready(&what, spec.log.as_str(), &log.text, patterns);
    let why = match patterns.diagnose(&log.text).first() {
        Some(finding) => format!("after {} s {missing}; {}", limit.as_secs(), finding.cause),
        None => format!("after {} s {missing}", limit.as_secs()),
    };
    let fault = Fault {
        code: FaultCode::Timeout,
        why: Some(why),
        ..found.fault
    };
    NotReady {
        fault: fault
            .hint("The process goes on: run the same command again to wait for it.")
            .hint("If the machine is just slow, give the step a larger `timeout_s`."),
        known: found.known,
    }
}

/// What a process said since it was started.
struct Log<'a> {
    path: &'a Utf8Path,
    offset: u64,
    text: String,
    /// The lines that the last reading added.
    fresh: String,
    /// Bytes after the last end of a line.
    rest: Vec<u8>,
}

impl<'a> Log<'a> {
    fn new(path: &'a Utf8Path, from: u64) -> Self {
        Self {
            path,
            offset: from,
            text: String::new(),
            fresh: String::new(),
            rest: vec![],
        }
    }

    /// Reads what is new; whether that was whole lines.
    async fn read_on(&mut self, host: &dyn ReadHost) -> Result<bool, Fault> {
        let bytes = host.read_from(self.path, self.offset, LOG as u64).await?;
        self.offset += bytes.len() as u64;
        self.rest.extend(bytes);
        let end = self.rest.iter().rposition(|byte| *byte == b'\n');
        let lines: Vec<u8> = match end {
            Some(end) => self.rest.drain(..=end).collect(),
            None => vec![],
        };
        self.fresh = String::from_utf8_lossy(&lines).into_owned();
        if self.text.len() < LOG {
            self.text.push_str(&self.fresh);
        }
        Ok(!self.fresh.is_empty())
    }
}
