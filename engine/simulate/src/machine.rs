//! The simulated machine as the engine reaches it: the world, through one krun's fate.
//!
//! Owns the moments at effects, and what is left of one that is cut off. What it does not simulate
//! (downloads, archives) it refuses by name. What is in a cluster is `kafka`'s, what programs do `programs`'.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use camino::{Utf8Path, Utf8PathBuf};
use krun_model::{
    Checksum, Digest, Effect, Effector, Fault, FaultCode, HttpAnswer, HttpQuestion, Map, ProcessId,
    ReadHost, Target, TargetState,
    checksum::Algorithm,
    download::{Download, Downloaded, Unpack},
    host::{CommandOutput, Errand, FileKind, FileStat, Machine, PortHolder},
    kind::Progress,
    process::Running,
};
use tokio::sync::watch;

use crate::{
    fate::{Fate, Luck, Mishap, Now},
    kafka::SimClusters,
    pages::{ASKING, Reply},
    tree::Node,
    world::{self, World, verb},
};

/// How every random id of a simulated machine begins.
pub const UUID: &str = "simulated-uuid-";
/// Room and memory are never scarce.
const PLENTY: u64 = 1 << 50;

/// The machine of one krun.
pub struct SimMachine {
    pub(crate) world: Arc<Mutex<World>>,
    pub(crate) fate: Arc<Fate>,
    pub(crate) clusters: SimClusters,
    pub(crate) errands: Mutex<Vec<Errand>>,
    stop: watch::Receiver<bool>,
}

impl SimMachine {
    /// The world, as a krun with this fate reaches it.
    pub fn new(world: Arc<Mutex<World>>, fate: Arc<Fate>) -> Self {
        let stop = fate.told_to_stop();
        Self {
            clusters: SimClusters::new(world.clone(), fate.clone()),
            errands: Mutex::default(),
            world,
            fate,
            stop,
        }
    }

    async fn see(&self) -> MutexGuard<'_, World> {
        self.fate.look().await;
        self.world()
    }

    pub(crate) fn world(&self) -> MutexGuard<'_, World> {
        world::now(&self.world)
    }

    /// One more moment; ends never if it is the krun's last.
    pub(crate) async fn moment(&self, name: &'static str, effect: &Effect) {
        let at = || format!("{name} {} of {}", verb(effect), effect.target());
        match self.fate.moment((name, verb(effect)), at) {
            Now::GoesOn => {}
            Now::Befalls(mishap) => self.befalls(mishap),
            Now::Dead => std::future::pending().await,
        }
    }

    /// Something befalls the machine.
    pub(crate) fn befalls(&self, mishap: Mishap) {
        let said = self.world().befalls(mishap);
        self.fate.say_all(said);
    }

    /// What a krun that is killed just now leaves of an effect.
    fn cut_off(&self, effect: &Effect) {
        match effect {
            Effect::WriteFile { path, .. } => {
                let number = self.fate.pick(1 << 16) as u64;
                self.world().files.begin_write(path, number);
            }
            Effect::Release { .. } => {
                let names = self.fate.pick(4);
                // What can't be moved would have failed later.
                let _ = self.world().perform(effect, Some(names));
            }
            _ => self.request_cut_off(effect),
        }
    }
}

fn refused(what: &str) -> Fault {
    Fault::new(FaultCode::Prerequisite, what.to_owned())
        .because("a simulated machine has no network and runs no programs")
}

fn unlucky(effect: &Effect) -> Fault {
    Fault::new(FaultCode::Io, format!("could not {}", verb(effect)))
        .at(effect.target())
        .because("simulated: input/output error")
}

#[async_trait]
impl Effector for SimMachine {
    async fn observe(&self, target: &Target) -> Result<TargetState, Fault> {
        if target.is_in_cluster() {
            return self.look_at_cluster(target).await;
        }
        self.see().await.state(target)
    }

    async fn tidy(&self, target: &Target) -> Result<(), Fault> {
        if let Target::Path(path) = target
            && let Some(folder) = path.parent()
        {
            self.see().await.files.tidy(folder);
        }
        Ok(())
    }

    async fn perform(&self, effect: &Effect) -> Result<(), Fault> {
        self.fate.work().await;
        let luck = self.fate.luck(verb(effect));
        if luck == Luck::Fails {
            self.fate
                .say(|| format!("fails: {} {}", verb(effect), effect.target()));
            return Err(unlucky(effect));
        }
        if !self.fate.is_alive() {
            return std::future::pending().await;
        }
        let at = || format!("within {} {}", verb(effect), effect.target());
        match self.fate.moment(("within", verb(effect)), at) {
            Now::Dead => {
                self.cut_off(effect);
                return std::future::pending().await;
            }
            Now::Befalls(mishap) => self.befalls(mishap),
            Now::GoesOn => {}
        }
        let done = match effect {
            _ if effect.target().is_in_cluster() => self.change_cluster(effect).await,
            Effect::StopProcess { id, grace_ms } => {
                if !self.world().ends_when_told(id) {
                    tokio::time::sleep(Duration::from_millis(*grace_ms)).await;
                }
                self.world().perform(effect, None)
            }
            _ => self.world().perform(effect, None),
        };
        self.moment("acted", effect).await;
        self.fate.work().await;
        match luck {
            Luck::FailsLate => {
                self.fate
                    .say(|| format!("fails late: {} {}", verb(effect), effect.target()));
                Err(unlucky(effect))
            }
            _ => done,
        }
    }
}

#[async_trait]
impl ReadHost for SimMachine {
    async fn stat(&self, path: &Utf8Path) -> Result<Option<FileStat>, Fault> {
        Ok(self.see().await.files.get(path).map(|node| {
            let (kind, size, mode, (uid, gid)) = match node {
                Node::File {
                    bytes, mode, owner, ..
                } => (FileKind::File, bytes.len() as u64, *mode, *owner),
                Node::Dir { mode, owner } => (FileKind::Dir, 0, *mode, *owner),
                Node::Link { to } => (FileKind::Link, to.len() as u64, 0o777, (0, 0)),
            };
            FileStat {
                kind,
                size,
                mode,
                uid,
                gid,
                device: 1,
            }
        }))
    }

    async fn read(&self, path: &Utf8Path) -> Result<Option<Vec<u8>>, Fault> {
        if path == "/proc/sys/kernel/random/uuid" {
            let number = self.fate.pick(1 << 30);
            return Ok(Some(format!("{UUID}{number}\n").into_bytes()));
        }
        Ok(self.see().await.files.bytes(path)?.map(|all| all.to_vec()))
    }

    async fn read_from(&self, path: &Utf8Path, offset: u64, max: u64) -> Result<Vec<u8>, Fault> {
        let bytes = self.see().await.files.bytes(path)?.unwrap_or_default();
        let from = usize::try_from(offset)
            .unwrap_or(usize::MAX)
            .min(bytes.len());
        let most = usize::try_from(max).unwrap_or(usize::MAX);
        Ok(bytes[from..].iter().take(most).copied().collect())
    }

    async fn list(&self, path: &Utf8Path) -> Result<Option<Vec<String>>, Fault> {
        let world = self.see().await;
        match (world.files.names(path), world.files.follow(path)) {
            (None, Some(Node::Dir { .. })) => Ok(Some(vec![])),
            (names, _) => Ok(names),
        }
    }

    async fn digest(&self, path: &Utf8Path) -> Result<Option<Digest>, Fault> {
        Ok(self.see().await.files.bytes(path)?.map(Digest::of))
    }

    async fn checksum(
        &self,
        path: &Utf8Path,
        algorithm: Algorithm,
    ) -> Result<Option<Checksum>, Fault> {
        let Some(bytes) = self.see().await.files.bytes(path)? else {
            return Ok(None);
        };
        Checksum::of_reader(algorithm, &*bytes)
            .map(Some)
            .map_err(|error| Fault::io("could not read a file", path, &error))
    }

    async fn path_state(&self, path: &Utf8Path) -> Result<TargetState, Fault> {
        Ok(self.see().await.files.state(path))
    }

    async fn process(&self, id: &ProcessId) -> Result<Option<Running>, Fault> {
        let world = self.see().await;
        Ok(world
            .processes
            .get(id)
            .map(|process| process.running.clone()))
    }

    async fn port_holder(&self, port: u16) -> Result<Option<PortHolder>, Fault> {
        let world = self.see().await;
        Ok(world.servers.listening(port).map(|id| PortHolder {
            process: world.processes.get(id).map(|one| one.running.clone()),
            id: Some(id.to_string()),
        }))
    }

    async fn folder_user(&self, path: &Utf8Path) -> Result<Option<Running>, Fault> {
        let world = self.see().await;
        let user = world.servers.using(path);
        Ok(user.and_then(|id| Some(world.processes.get(id)?.running.clone())))
    }

    async fn writable(&self, path: &Utf8Path) -> Result<bool, Fault> {
        let world = self.see().await;
        let near = path
            .ancestors()
            .find(|path| world.files.follow(path).is_some());
        let is_dir = |path| matches!(world.files.follow(path), Some(Node::Dir { .. }));
        Ok(near.is_some_and(|near| near == path || is_dir(near)))
    }

    async fn free_disk(&self, _path: &Utf8Path) -> Result<u64, Fault> {
        Ok(PLENTY)
    }

    async fn free_memory(&self) -> Result<u64, Fault> {
        Ok(PLENTY)
    }

    async fn which(&self, program: &str) -> Result<Option<Utf8PathBuf>, Fault> {
        let path = Utf8Path::new("/usr/bin").join(program);
        Ok(self.see().await.files.follow(&path).map(|_| path))
    }

    async fn ask(&self, argv: &[String], _limit: Duration) -> Result<CommandOutput, Fault> {
        self.answers(argv)
            .await
            .ok_or_else(|| refused("a command can't be run").evidence([argv.join(" ")]))
    }

    async fn http_get(&self, question: &HttpQuestion) -> Result<HttpAnswer, Fault> {
        self.fate.look().await;
        let at = || format!("asking for {}", question.url);
        match self.fate.moment(ASKING, at) {
            Now::GoesOn => {}
            Now::Befalls(mishap) => self.befalls(mishap),
            Now::Dead => return std::future::pending().await,
        }
        self.fate.work().await;
        let reply = self.world().reply(question);
        self.fate.say(|| format!("{}: {reply}", question.url));
        match reply {
            Reply::Comes(answer) => Ok(answer),
            Reply::Fails(fault) => Err(fault),
            Reply::NeverComes(fault) => {
                self.pause(question.limit).await?;
                Err(fault)
            }
        }
    }

    async fn missing_packages(&self, names: &[String]) -> Result<Vec<String>, Fault> {
        let world = self.see().await;
        let missing = names.iter().filter(|name| !world.packages.contains(*name));
        Ok(missing.cloned().collect())
    }

    async fn env(&self, _name: &str) -> Option<String> {
        None
    }

    async fn cache_place(&self) -> Utf8PathBuf {
        crate::CACHE.into()
    }

    async fn is_offline(&self) -> bool {
        false
    }

    async fn pause(&self, time: Duration) -> Result<(), Fault> {
        self.fate.look().await;
        let mut stop = self.stop.clone();
        tokio::select! {
            biased;
            Ok(_) = stop.wait_for(|stop| *stop) => {
                Err(Fault::new(FaultCode::Cancelled, "waiting was broken off"))
            }
            () = tokio::time::sleep(time) => Ok(()),
        }
    }
}

#[async_trait]
impl Machine for SimMachine {
    async fn fetch(
        &self,
        argv: &[String],
        _cwd: &Utf8Path,
        _env: &Map<String>,
        _limit: Duration,
        _progress: &dyn Progress,
    ) -> Result<CommandOutput, Fault> {
        self.fills_a_cache(argv)
            .await
            .ok_or_else(|| refused("a command can't be run").evidence([argv.join(" ")]))
    }

    fn later(&self, errand: Errand) {
        let mut errands = self.errands.lock().unwrap_or_else(PoisonError::into_inner);
        errands.push(errand);
    }

    async fn begin_errands(&self) {
        self.do_errands().await;
    }

    async fn download(
        &self,
        what: &Download,
        _progress: &dyn Progress,
    ) -> Result<Option<Downloaded>, Fault> {
        Err(refused("nothing can be downloaded").at(&what.url))
    }

    async fn unpack(&self, what: &Unpack, _progress: &dyn Progress) -> Result<(), Fault> {
        Err(refused("no archive can be unpacked").at(&what.archive))
    }

    async fn quarantine_root(
        &self,
        _path: &Utf8Path,
        preferred: &Utf8Path,
    ) -> Result<Utf8PathBuf, Fault> {
        Ok(preferred.to_owned())
    }

    async fn cache(&self) -> Result<Utf8PathBuf, Fault> {
        Ok(crate::CACHE.into())
    }

    fn adopt(&self, _id: &ProcessId, _process: &Running) {}
}
