//! The lock of a deployment: one run at a time.
//!
//! Owns `locks/NAME.lock`. The lock is flock(2) on that file, so the kernel releases it when krun
//! ends in whatever way, and a dead holder never needs a manual unlock. What stands in the file is
//! for people; it decides nothing. Lock files are never deleted: two kruns could otherwise lock two
//! files of one name.
//!
//! On purpose the lock belongs to the open file and not to the process: a child that krun has
//! forked holds it too, until its exec closes the file (`O_CLOEXEC`). So when krun is killed while
//! it starts a process, nobody else can take the lock before that process carries its marker and
//! can be recognised. For the same reason a [`Lock`] is released by closing the file, never by
//! `LOCK_UN`, which would take the lock from the child as well.

use std::{
    fmt,
    fs::{self, File, OpenOptions},
    io::{self, Seek, Write},
    os::unix::fs::OpenOptionsExt,
    thread,
    time::Duration,
};

use camino::{Utf8Path, Utf8PathBuf};
use krun_model::{DeploymentName, Fault, FaultCode};
use rustix::{
    fs::{FlockOperation, flock},
    io::Errno,
};
use serde::{Deserialize, Serialize};

use crate::{faults, folders};

/// How often and how long apart a lock is asked for before it counts as taken. Whoever asks for the
/// holder has it for an instant; so has a child between fork and exec.
const TRIES: u32 = 15;
const PAUSE: Duration = Duration::from_millis(10);

/// Who holds a deployment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LockHolder {
    /// Process id of krun; 0 when the holder could not be read.
    pub pid: u32,
    /// User name or number.
    pub user: String,
    /// Host name.
    pub host: String,
    /// Since when, in milliseconds since 1970 (UTC).
    pub since_ms: i64,
    /// The command line.
    pub command: String,
}

impl fmt::Display for LockHolder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            pid,
            user,
            host,
            command,
            ..
        } = self;
        if *pid == 0 {
            return f.write_str("another process that has not said who it is");
        }
        write!(f, "{user} on {host} (pid {pid}, `{command}`)")?;
        match jiff::Timestamp::from_second(self.since_ms.div_euclid(1000)) {
            Ok(since) => write!(f, " since {since}"),
            Err(_) => Ok(()),
        }
    }
}

/// A deployment that is held; dropping it releases it.
#[derive(Debug)]
#[must_use = "the deployment is released when this is dropped"]
pub struct Lock {
    file: File,
}

impl Lock {
    /// Takes the lock of a deployment.
    pub(crate) fn take(
        folder: &Utf8Path,
        deployment: &DeploymentName,
        holder: &LockHolder,
    ) -> Result<Self, Fault> {
        let path = path(folder, deployment);
        let failed = |error: io::Error| {
            let what = format!("could not lock deployment `{deployment}`");
            faults::io(&what, &path, &error)
        };
        folders::make(folder).map_err(failed)?;
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(&path)
            .map_err(failed)?;
        if !try_lock(&file).map_err(failed)? {
            return Err(locked(deployment, &read(&path)));
        }
        // From here on a failure drops the file, and with it the lock.
        let mut lock = Self { file };
        lock.write(holder).map_err(failed)?;
        Ok(lock)
    }

    fn write(&mut self, holder: &LockHolder) -> io::Result<()> {
        let text = serde_json::to_vec(holder)?;
        self.file.set_len(0)?;
        self.file.rewind()?;
        self.file.write_all(&text)
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // The name in the file means nothing without the lock; to leave it there does no harm.
        let _ = self.file.set_len(0);
    }
}

/// Who holds a deployment now. Takes a shared lock for an instant, which [`Lock::take`] waits out.
pub(crate) fn holder(
    folder: &Utf8Path,
    deployment: &DeploymentName,
) -> Result<Option<LockHolder>, Fault> {
    let path = path(folder, deployment);
    let failed = |error: io::Error| {
        let what = format!("could not see who holds deployment `{deployment}`");
        faults::io(&what, &path, &error)
    };
    let file = match File::open(&path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed(error)),
    };
    match flock(&file, FlockOperation::NonBlockingLockShared) {
        Ok(()) => Ok(None),
        Err(Errno::WOULDBLOCK) => Ok(Some(read(&path))),
        Err(error) => Err(failed(error.into())),
    }
}

fn path(folder: &Utf8Path, deployment: &DeploymentName) -> Utf8PathBuf {
    folder.join(format!("{deployment}.lock"))
}

fn try_lock(file: &File) -> io::Result<bool> {
    for _ in 0..TRIES {
        match flock(file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => return Ok(true),
            Err(Errno::WOULDBLOCK) => thread::sleep(PAUSE),
            Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(false)
}

/// What a lock file says. A holder that has just taken the lock may not have written it yet, or not
/// all of it.
fn read(path: &Utf8Path) -> LockHolder {
    for _ in 0..TRIES {
        let text = fs::read(path).unwrap_or_default();
        if let Ok(holder) = serde_json::from_slice(&text) {
            return holder;
        }
        thread::sleep(PAUSE);
    }
    LockHolder {
        pid: 0,
        user: String::new(),
        host: String::new(),
        since_ms: 0,
        command: String::new(),
    }
}

fn locked(deployment: &DeploymentName, holder: &LockHolder) -> Fault {
    Fault::new(
        FaultCode::Locked,
        format!("deployment `{deployment}` is in use"),
    )
    .because(format_args!("it is held by {holder}"))
    .hint("Wait until that has ended; `krun status` shows how far it is.")
}
