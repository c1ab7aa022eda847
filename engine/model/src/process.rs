//! Processes that krun starts and recognises again.

use std::fmt;

use camino::Utf8PathBuf;
use serde::{Deserialize, Serialize};

use crate::{Address, Content, Digest, Map};

/// The environment variable by which a process is recognised: it holds a [`ProcessId`].
pub const MARKER: &str = "KRUN_PROCESS";
/// The environment variable that holds the [`ProcessSpec::digest`] a process was started with.
pub const MARKER_DIGEST: &str = "KRUN_DIGEST";

/// Who a process is: the deployment's random id and the step that started it.
///
/// It stands in the process's environment, so the operating system itself answers whether the
/// process is there, even when krun was killed before it could write down the pid.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ProcessId {
    /// The deployment's random id.
    pub deployment: String,
    /// The step that starts it.
    pub step: Address,
}

impl fmt::Display for ProcessId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.deployment, self.step)
    }
}

/// What is to be started: detached from krun, in a session of its own, its output in a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProcessSpec {
    /// Who it is.
    pub id: ProcessId,
    /// Program (an absolute path) and arguments.
    pub argv: Vec<String>,
    /// The whole environment, beside the two markers; nothing is inherited.
    pub env: Map<String>,
    /// What more is in the environment, of which each holds a secret.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub secret_env: Map<Content>,
    /// The folder it runs in.
    pub cwd: Utf8PathBuf,
    /// Where standard output and error are appended.
    pub log: Utf8PathBuf,
    /// Digest of what it is started with: arguments, environment, jars, effective configuration.
    /// Another digest wanted is drift, and a restart.
    pub digest: Digest,
    /// How long it may take to end after SIGTERM before SIGKILL, in milliseconds.
    pub stop_grace_ms: u64,
}

/// A process as the operating system shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Running {
    /// Process id; meaningful only together with `started` and `boot`.
    pub pid: u32,
    /// Start time in clock ticks since boot (`/proc/PID/stat`, field 22).
    pub started: u64,
    /// The boot id of the machine.
    pub boot: String,
    /// The digest it was started with, as its environment says; none for a foreign process.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<Digest>,
    /// Command line, shortened for people.
    #[serde(default)]
    pub command: String,
}
