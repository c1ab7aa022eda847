//! Ending a process, so that a reused pid can never be hit.

use std::{
    io,
    os::fd::{AsFd, OwnedFd},
    time::{Duration, Instant},
};

use krun_model::{Fault, FaultCode, ProcessId, process::Running};
use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    io::Errno,
    process::{Pid, PidfdFlags, Signal},
};

use super::{Scanner, proc};
use crate::blocking::blocking;

/// How long a process may take to vanish after SIGKILL: longer only when it hangs in the kernel.
const AFTER_KILL: Duration = Duration::from_secs(15);

/// Ends a process and the children of it that outlive it: SIGTERM, a time of grace, SIGKILL. Fine
/// where it does not run. Returns when it is gone.
pub async fn stop(scanner: &Scanner, id: &ProcessId, grace: Duration) -> Result<(), Fault> {
    let deadline = Instant::now() + grace;
    while let Some(running) = scanner.find(id).await? {
        if Instant::now() > deadline + 2 * AFTER_KILL {
            return Err(hangs(id, &running)
                .because("children of it that carry its marker are started again and again"));
        }
        let id = id.clone();
        let adopted = scanner.stands_for(&id, &running);
        blocking(move || end(&id, &running, adopted, deadline)).await?;
    }
    Ok(())
}

/// Ends one process, if it is still the one that was found.
fn end(id: &ProcessId, running: &Running, adopted: bool, deadline: Instant) -> Result<(), Fault> {
    let failed = |error: io::Error| {
        let what = format!("could not end process {}", id.step);
        Fault::io(what, format!("pid {}", running.pid), &error)
    };
    let Some(process) = Handle::open(running.pid).map_err(failed)? else {
        return Ok(());
    };
    // From here on the handle means one process, whatever happens to its pid. If that is no longer
    // the one that was found, it has ended.
    let same = proc::running(running.pid).is_some_and(|(now, _, marker)| {
        // An adopted one has no marker, one of a step that was moved has the old one.
        let marked = marker.is_none_or(|marker| marker == id.to_string());
        now.started == running.started && (adopted || marked)
    });
    if !same {
        return Ok(());
    }
    if Instant::now() < deadline {
        process.signal(Signal::TERM).map_err(failed)?;
        if process.ended_by(deadline).map_err(failed)? {
            return Ok(());
        }
    }
    process.signal(Signal::KILL).map_err(failed)?;
    if process
        .ended_by(Instant::now() + AFTER_KILL)
        .map_err(failed)?
    {
        return Ok(());
    }
    Err(hangs(id, running).because("it is still there after SIGKILL"))
}

/// A hold on one process; its pid is not looked at again.
struct Handle(OwnedFd);

impl Handle {
    /// None where there is no such process.
    fn open(pid: u32) -> io::Result<Option<Self>> {
        let Some(pid) = i32::try_from(pid).ok().and_then(Pid::from_raw) else {
            return Ok(None);
        };
        match rustix::process::pidfd_open(pid, PidfdFlags::empty()) {
            Ok(fd) => Ok(Some(Self(fd))),
            Err(Errno::SRCH) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Sends a signal; fine where the process has ended.
    fn signal(&self, signal: Signal) -> io::Result<()> {
        match rustix::process::pidfd_send_signal(&self.0, signal) {
            Ok(()) | Err(Errno::SRCH) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// Waits; says whether it ended in time.
    fn ended_by(&self, deadline: Instant) -> io::Result<bool> {
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let left = Timespec::try_from(left).map_err(io::Error::other)?;
            let fd = self.0.as_fd();
            match poll(&mut [PollFd::new(&fd, PollFlags::IN)], Some(&left)) {
                Ok(0) => return Ok(false),
                Ok(_) => return Ok(true),
                Err(Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }
}

fn hangs(id: &ProcessId, running: &Running) -> Fault {
    let what = format!("could not end process {}", id.step);
    Fault::new(FaultCode::Timeout, what)
        .at(format!("pid {}", running.pid))
        .hint("See what it waits for: a filesystem or device that does not answer, most likely.")
}
