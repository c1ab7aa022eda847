//! What a step may see of a machine, and what it may do to it.
//!
//! [`ReadHost`] can change nothing; a check and a proof get only that. [`WriteHost`] adds one door,
//! [`WriteHost::perform`], behind which the engine takes the before-image and journals.

use std::{
    collections::{BTreeMap, BTreeSet},
    pin::Pin,
    sync::Arc,
    time::Duration,
};

use async_trait::async_trait;
use camino::{Utf8Path, Utf8PathBuf};

use crate::{
    Checksum, Digest, Effect, Effector, Fault, HttpAnswer, HttpQuestion, Map, ProcessId,
    TargetState,
    checksum::Algorithm,
    download::{Download, Downloaded, Unpack},
    kind::Progress,
    plugin::PluginAct,
    process::Running,
};

/// What a path is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileKind {
    /// A regular file.
    File,
    /// A folder.
    Dir,
    /// A symbolic link (not followed).
    Link,
    /// Anything else.
    Other,
}

/// A path's metadata; symbolic links are not followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileStat {
    /// What it is.
    pub kind: FileKind,
    /// Size in bytes.
    pub size: u64,
    /// Permission bits.
    pub mode: u32,
    /// Owner.
    pub uid: u32,
    /// Group.
    pub gid: u32,
    /// The device it lies on; a rename works within one.
    pub device: u64,
}

/// Who listens on a port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PortHolder {
    /// The process, where this user may see it.
    pub process: Option<Running>,
    /// The process's marker, where it is one of krun's.
    pub id: Option<String>,
}

/// What a command printed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommandOutput {
    /// Exit code; none when a signal ended it.
    pub code: Option<i32>,
    /// Standard output, lossily decoded, cut at 1 MiB.
    pub stdout: String,
    /// Standard error, likewise.
    pub stderr: String,
}

/// A command that fills a cache outside the deployment and that nothing waits for: it is begun when the
/// run has ended well, detached from krun. Whoever asks for it asks again next time while the cache is
/// not filled, so that it may be lost, and it must bear that another one of it runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Errand {
    /// What it is about: of one name, one is begun. Stands in its environment as [`ERRAND`].
    pub name: String,
    /// Program and arguments.
    pub argv: Vec<String>,
    /// The folder it runs in.
    pub cwd: Utf8PathBuf,
    /// The whole environment beside its marker.
    pub env: Map<String>,
}

/// The environment variable by which an errand's processes are recognised.
pub const ERRAND: &str = "KRUN_ERRAND";

/// Read-only access to a machine.
#[async_trait]
pub trait ReadHost: Send + Sync {
    /// Metadata, or none where nothing is. Does not follow a link.
    async fn stat(&self, path: &Utf8Path) -> Result<Option<FileStat>, Fault>;
    /// The bytes of a file (links followed), or none where nothing is. Refuses files above 64 MiB.
    async fn read(&self, path: &Utf8Path) -> Result<Option<Vec<u8>>, Fault>;
    /// Up to `max` bytes of a file from an offset on; empty where nothing is.
    async fn read_from(&self, path: &Utf8Path, offset: u64, max: u64) -> Result<Vec<u8>, Fault>;
    /// The names in a folder, sorted, or none where no folder is.
    async fn list(&self, path: &Utf8Path) -> Result<Option<Vec<String>>, Fault>;
    /// The digest of a file's bytes (links followed), or none where nothing is.
    async fn digest(&self, path: &Utf8Path) -> Result<Option<Digest>, Fault>;
    /// The checksum of a file's bytes (links followed), or none where nothing is.
    async fn checksum(
        &self,
        path: &Utf8Path,
        algorithm: Algorithm,
    ) -> Result<Option<Checksum>, Fault>;
    /// The state of a path as effects see it.
    async fn path_state(&self, path: &Utf8Path) -> Result<TargetState, Fault>;
    /// The process with this marker, if it runs.
    async fn process(&self, id: &ProcessId) -> Result<Option<Running>, Fault>;
    /// Who listens on a TCP port of any local address, if anybody does.
    async fn port_holder(&self, port: u16) -> Result<Option<PortHolder>, Fault>;
    /// [`ReadHost::port_holder`] for many ports; only those that somebody listens on are in it.
    async fn port_holders(
        &self,
        ports: &BTreeSet<u16>,
    ) -> Result<BTreeMap<u16, PortHolder>, Fault> {
        let mut held = BTreeMap::new();
        for &port in ports {
            if let Some(holder) = self.port_holder(port).await? {
                held.insert(port, holder);
            }
        }
        Ok(held)
    }
    /// The process that has its working files below a folder open, if any (looks at open files).
    async fn folder_user(&self, path: &Utf8Path) -> Result<Option<Running>, Fault>;
    /// Whether this user can write at a path: the path itself where it exists, else its nearest
    /// existing parent (which must be a folder). Asks the kernel; writes nothing.
    async fn writable(&self, path: &Utf8Path) -> Result<bool, Fault>;
    /// Bytes free for this user on the filesystem of a path (of its nearest existing parent).
    async fn free_disk(&self, path: &Utf8Path) -> Result<u64, Fault>;
    /// Bytes of memory that new processes can have (`MemAvailable`, or what a control group leaves).
    async fn free_memory(&self) -> Result<u64, Fault>;
    /// The absolute path of a program on the search path.
    async fn which(&self, program: &str) -> Result<Option<Utf8PathBuf>, Fault>;
    /// Runs a command that only reads (such as `java -version`), without a shell, for at most
    /// `limit`.
    async fn ask(&self, argv: &[String], limit: Duration) -> Result<CommandOutput, Fault>;
    /// Asks a web server by GET, as this machine reaches it. Ends early, with
    /// [`FaultCode::Cancelled`](crate::FaultCode), when the run is stopped.
    ///
    /// # Errors
    /// [`HttpQuestion::unanswered`] and [`HttpQuestion::too_late`] where no whole answer comes. An answer
    /// of any status is none.
    async fn http_get(&self, question: &HttpQuestion) -> Result<HttpAnswer, Fault>;
    /// Which of these operating-system packages are not installed.
    async fn missing_packages(&self, names: &[String]) -> Result<Vec<String>, Fault>;
    /// An environment variable of the host's user, such as `JAVA_HOME`.
    async fn env(&self, name: &str) -> Option<String>;
    /// Where the cache folder is, made or not; see [`WriteHost::cache`].
    async fn cache_place(&self) -> Utf8PathBuf;
    /// Whether nothing may be downloaded: what is in the cache must do.
    async fn is_offline(&self) -> bool;
    /// Waits. Ends early, with [`FaultCode::Cancelled`](crate::FaultCode), when the run is stopped.
    async fn pause(&self, time: Duration) -> Result<(), Fault>;
}

/// What is done between an intent and its outcome.
pub type Work<'a> = Pin<Box<dyn Future<Output = Result<(), Fault>> + Send + 'a>>;

/// A machine that a step may change; every change is journaled.
#[async_trait]
pub trait WriteHost: ReadHost {
    /// Before-image, intent, effect, outcome. Returns the state after. An effect that is already
    /// achieved is not performed and leaves no entry.
    async fn perform(&self, effect: Effect) -> Result<TargetState, Fault>;

    /// Performs [`Effect::MakeDir`] on a folder that was missing, unless one is there by now: another step that
    /// runs at the same time may have missed it too, and the folder that it made keeps its mode. A host on
    /// which nothing runs at the same time just performs.
    async fn make_missing_dir(&self, path: Utf8PathBuf, mode: u32) -> Result<TargetState, Fault> {
        self.perform(Effect::MakeDir { path, mode }).await
    }

    /// Lets a plugin that has an undo of its own apply a step: intent, `work`, outcome. `work` asks for
    /// effects by [`perform`](Self::perform). A host that journals nothing just does it.
    ///
    /// # Errors
    /// What `work` reports.
    async fn act(
        &self,
        _act: &PluginAct,
        _component: Arc<[u8]>,
        work: Work<'_>,
    ) -> Result<(), Fault> {
        work.await
    }

    /// Runs a command that fills a cache outside the deployment (a download): nothing that a rollback
    /// takes back. Its output is shown as progress.
    async fn fetch(
        &self,
        argv: &[String],
        cwd: &Utf8Path,
        env: &Map<String>,
        limit: Duration,
    ) -> Result<CommandOutput, Fault>;

    /// Gets a file over the network into the cache; see [`Download`]. None where the server says that
    /// it has no such file. A file that is there already and right is left as it is.
    ///
    /// # Errors
    /// [`FaultCode::Download`](crate::FaultCode) where it does not arrive, or is not what its checksum
    /// says, or nothing may be downloaded.
    async fn download(&self, what: &Download) -> Result<Option<Downloaded>, Fault>;

    /// Unpacks an archive into the cache; see [`Unpack`]. A folder that is there already is left as it
    /// is.
    ///
    /// # Errors
    /// [`FaultCode::Download`](crate::FaultCode) for a file that is no whole archive, holds what would
    /// land outside of the folder, or is not what its checksum says.
    async fn unpack(&self, what: &Unpack) -> Result<(), Fault>;

    /// Asks for an [`Errand`]. A host that does none forgets it.
    fn later(&self, _errand: Errand) {}

    /// A path on the same filesystem as `path`, outside of it, under which this run may set things
    /// aside; `name` keeps it apart from others of the same run.
    async fn quarantine(&self, path: &Utf8Path, name: &str) -> Result<Utf8PathBuf, Fault>;

    /// The cache folder (downloads, layouts), shared by all deployments; made if missing.
    async fn cache(&self) -> Result<Utf8PathBuf, Fault>;
}

/// A machine as a transport reaches it: everything to be seen and done there.
#[async_trait]
pub trait Machine: ReadHost + Effector {
    /// See [`WriteHost::fetch`]; each line of output is said to `progress`.
    async fn fetch(
        &self,
        argv: &[String],
        cwd: &Utf8Path,
        env: &Map<String>,
        limit: Duration,
        progress: &dyn Progress,
    ) -> Result<CommandOutput, Fault>;

    /// See [`WriteHost::download`]; how far it is is said to `progress`.
    async fn download(
        &self,
        what: &Download,
        progress: &dyn Progress,
    ) -> Result<Option<Downloaded>, Fault>;

    /// See [`WriteHost::unpack`]; what is done is said to `progress`.
    async fn unpack(&self, what: &Unpack, progress: &dyn Progress) -> Result<(), Fault>;

    /// See [`WriteHost::later`].
    fn later(&self, _errand: Errand) {}

    /// Begins the errands that were asked for, each once; what can't be begun is asked for again by a
    /// later run.
    async fn begin_errands(&self) {}

    /// A folder on the filesystem of `path` where things can be set aside: `preferred` if it lies on
    /// that filesystem, else `.krun-quarantine` in the topmost folder of it that can be written.
    /// Nothing is made.
    async fn quarantine_root(
        &self,
        path: &Utf8Path,
        preferred: &Utf8Path,
    ) -> Result<Utf8PathBuf, Fault>;

    /// See [`WriteHost::cache`].
    async fn cache(&self) -> Result<Utf8PathBuf, Fault>;

    /// From now on a process that krun did not start stands for a marker, as long as it is that very
    /// process (pid, start and boot) and no marked one is there. It is shown with `process`'s digest.
    fn adopt(&self, id: &ProcessId, process: &Running);
}
