//! What a simulated machine has: files, processes, packages, the web pages that it reaches, and a clock. It outlives every krun.
//!
//! Owns the state and what each effect does to it, and counts what was really done: the witness that
//! nothing is done twice. Never fails by chance: that is [`crate::fate`]'s.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::ErrorKind,
    sync::{Mutex, MutexGuard, PoisonError},
};

use camino::{Utf8Path, Utf8PathBuf};
use krun_model::{
    Effect, Fault, FaultCode, ProcessId, ProcessSpec, Target, TargetState, names::numbered,
    process::Running,
};

use tokio::time::Instant;

use crate::{
    fate::Mishap,
    kafka::Servers,
    pages::Pages,
    programs,
    tree::{Node, Tree},
};

/// How long servers that came up are given to find each other, in simulated milliseconds; and how often
/// they are started.
const SETTLES_MS: u64 = 30_000;
const STARTS: u32 = 20;

/// The boot id of a simulated machine begins so.
const BOOT: &str = "simulated-boot-";

/// A machine's state.
#[derive(Clone, Debug, PartialEq)]
pub struct World {
    /// Its files.
    pub files: Tree,
    /// Its running processes.
    pub processes: BTreeMap<ProcessId, Process>,
    /// Its installed packages.
    pub packages: BTreeSet<String>,
    /// Which of its processes are servers, and what they know.
    pub(crate) servers: Servers,
    pub(crate) pages: Pages,
    /// The files that packages brought.
    pub(crate) of_packages: BTreeSet<Utf8PathBuf>,
    /// Processes that somebody else sees to.
    others: BTreeMap<ProcessId, ProcessSpec>,
    deeds: BTreeMap<Deed, u32>,
    pids: u32,
    boots: u32,
    named: u32,
    chance: fastrand::Rng,
    /// Simulated milliseconds.
    now: u64,
    /// What time passed while no krun ran.
    ahead: u64,
    /// When somebody first looked at the clock.
    since: Option<Instant>,
}

/// The world as it is now: what was due until now has happened. Only where simulated time runs.
pub fn now(world: &Mutex<World>) -> MutexGuard<'_, World> {
    let mut world = world.lock().unwrap_or_else(PoisonError::into_inner);
    let clock = Instant::now();
    let since = *world.since.get_or_insert(clock);
    let passed = u64::try_from((clock - since).as_millis()).unwrap_or(u64::MAX);
    let until = passed.saturating_add(world.ahead);
    world.pass(until);
    world
}

impl Default for World {
    fn default() -> Self {
        Self::bare()
    }
}

/// A running process.
#[derive(Clone, Debug, PartialEq)]
pub struct Process {
    /// What it was started with.
    pub spec: ProcessSpec,
    /// How the operating system shows it.
    pub running: Running,
}

/// Something that was really done: the act, and what it was done to.
pub type Deed = (&'static str, Target);

impl World {
    /// A machine as it is before anything runs: the usual folders, and a package manager.
    pub fn new() -> Self {
        let mut world = Self::bare();
        for folder in [
            "/etc",
            "/home",
            "/opt",
            "/root",
            "/srv",
            "/tmp",
            "/var/lib/dpkg",
        ] {
            world.files.plant(folder.into(), Node::dir(0o755));
        }
        let program = || Node::file(*b"#!", 0o755);
        world.files.plant("/usr/bin/apt-get".into(), program());
        programs::plant_java(&mut world);
        world
    }

    fn bare() -> Self {
        Self {
            files: Tree::default(),
            processes: BTreeMap::new(),
            packages: BTreeSet::new(),
            servers: Servers::default(),
            pages: Pages::default(),
            of_packages: BTreeSet::new(),
            others: BTreeMap::new(),
            deeds: BTreeMap::new(),
            pids: 0,
            boots: 0,
            named: 0,
            chance: fastrand::Rng::with_seed(0),
            now: 0,
            ahead: 0,
            since: None,
        }
    }

    /// The same machine with chances of a seed.
    #[must_use]
    pub fn with_chance(mut self, seed: u64) -> Self {
        self.chance = fastrand::Rng::with_seed(seed);
        self
    }

    /// The time, in simulated milliseconds.
    pub(crate) fn now(&self) -> u64 {
        self.now
    }

    pub(crate) fn set_now(&mut self, now: u64) {
        self.now = now;
    }

    /// Time passes while no krun runs.
    pub fn wait(&mut self, time_ms: u64) {
        self.ahead += time_ms;
    }

    /// A number of the seed's, from the first and below the second.
    pub(crate) fn draw(&mut self, (from, to): (u64, u64)) -> u64 {
        self.chance.u64(from..to.max(from + 1))
    }

    /// A name that nothing had before.
    pub(crate) fn name(&mut self, what: &str) -> String {
        self.named += 1;
        format!("simulated-{what}-{}", self.named)
    }

    /// How often each thing was really done.
    pub fn deeds(&self) -> &BTreeMap<Deed, u32> {
        &self.deeds
    }

    /// Counts from now on.
    pub fn forget_deeds(&mut self) {
        self.deeds.clear();
    }

    pub(crate) fn did(&mut self, act: &'static str, target: Target) {
        *self.deeds.entry((act, target)).or_default() += 1;
    }

    /// The state of a thing of the machine.
    ///
    /// # Errors
    /// As the agent: a folder is expected where something else is.
    pub fn state(&self, target: &Target) -> Result<TargetState, Fault> {
        Ok(match target {
            Target::Path(path) => self.files.state(path),
            Target::Contents(path) => match self.files.names(path) {
                Some(names) => TargetState::Contents(names.into_iter().collect()),
                None if self.files.get(path).is_none() => TargetState::Absent,
                None => {
                    return Err(Fault::new(FaultCode::Conflict, "a folder is expected here")
                        .at(path)
                        .because("something else is there"));
                }
            },
            Target::Moved { from, to } => TargetState::Moved {
                from: self.files.get(from).is_some(),
                to: self.files.get(to).is_some(),
            },
            Target::Process(id) => match self.processes.get(id) {
                Some(process) => TargetState::Running(process.running.clone()),
                None => TargetState::Absent,
            },
            Target::Packages(names) => match names.iter().all(|one| self.packages.contains(one)) {
                true => TargetState::Installed,
                false => TargetState::Absent,
            },
            other => return Err(not_of_a_machine(other)),
        })
    }

    /// Brings an effect about. With `names`, a release moves only so many.
    ///
    /// # Errors
    /// As the agent.
    pub fn perform(&mut self, effect: &Effect, names: Option<usize>) -> Result<(), Fault> {
        let target = effect.target();
        let before = self.state(&target)?;
        match effect {
            Effect::WriteFile {
                path,
                content,
                mode,
                owner,
            } => {
                let bytes = content.loaded(path)?.clone();
                self.files.write(path, bytes, *mode, *owner)?;
            }
            Effect::RemoveFile { path } => self.files.remove_file(path)?,
            Effect::MakeDir { path, mode } => self.files.make_dir(path, *mode)?,
            Effect::RemoveDir { path } => self.files.remove_dir(path)?,
            Effect::Link { path, to } => self.files.link(path, to)?,
            Effect::Move { from, to } => self.files.rename(from, to)?,
            Effect::Claim { .. } => {}
            Effect::Release {
                path,
                keep,
                quarantine,
            } => {
                let all = self.files.names(path).unwrap_or_default();
                let go = all.iter().filter(|name| !keep.contains(*name));
                for name in go.take(names.unwrap_or(usize::MAX)) {
                    let mut places = numbered(name).map(|name| quarantine.join(name));
                    let free = places.find(|place| self.files.get(place).is_none());
                    let place = free.unwrap_or_default();
                    self.files.rename(&path.join(name), &place)?;
                    self.did("set aside", Target::Path(path.join(name)));
                }
                return Ok(());
            }
            Effect::StartProcess(spec) => self.start(spec)?,
            Effect::StopProcess { id, .. } => {
                self.processes.remove(id);
                let clean = self.ends_when_told(id);
                self.process_is_gone(id, clean);
            }
            Effect::InstallPackages { names } => {
                for name in names {
                    self.install(name);
                }
            }
            other => return Err(not_of_a_machine(&other.target())),
        }
        if self.state(&target)? != before {
            let done_to = match target {
                // Where it was put is named after the run.
                Target::Moved { from, .. } => Target::Path(from),
                other => other,
            };
            self.did(verb(effect), done_to);
        }
        Ok(())
    }

    fn start(&mut self, spec: &ProcessSpec) -> Result<(), Fault> {
        let what = format!("could not start process {}", spec.id.step);
        match self.processes.get(&spec.id) {
            Some(process) if process.running.digest == Some(spec.digest) => return Ok(()),
            Some(_) => {
                return Err(Fault::new(FaultCode::Conflict, what)
                    .because("it runs already, with something else"));
            }
            None => {}
        }
        if !matches!(self.files.follow(&spec.cwd), Some(Node::Dir { .. })) {
            return Err(Fault::new(FaultCode::Conflict, what)
                .at(&spec.cwd)
                .because("the folder that it is to run in does not exist"));
        }
        self.log(&spec.log, "started\n")
            .map_err(|_| Fault::io(what, &spec.log, &ErrorKind::NotFound.into()))?;
        self.pids += 1;
        let running = Running {
            pid: 1000 + self.pids,
            started: self.pids.into(),
            boot: format!("{BOOT}{}", self.boots),
            digest: Some(spec.digest),
            command: spec.argv.join(" "),
        };
        let process = Process {
            spec: spec.clone(),
            running,
        };
        self.processes.insert(spec.id.clone(), process);
        self.process_began(&spec.id);
        Ok(())
    }

    /// The machine some time later, its processes now somebody else's, and nothing done to it yet.
    #[must_use]
    pub fn handed_over(mut self) -> Self {
        self.pass(self.now + SETTLES_MS);
        let specs = self.processes.iter();
        self.others = specs
            .map(|(id, one)| (id.clone(), one.spec.clone()))
            .collect();
        self.forget_deeds();
        // The next krun has a clock of its own.
        self.ahead = self.now;
        self.since = None;
        self
    }

    /// Somebody else's processes.
    pub fn others(&self) -> impl Iterator<Item = &ProcessId> {
        self.others.keys()
    }

    /// Whoever sees to the other processes starts those that are gone, until all serve. Whether any was.
    ///
    /// # Errors
    /// What keeps one from coming up.
    pub fn others_come_up(&mut self) -> Result<bool, Fault> {
        let mut gone = false;
        for _ in 0..STARTS {
            let missing: Vec<_> = self
                .others
                .iter()
                .filter(|(id, _)| !self.processes.contains_key(*id))
                .map(|(_, spec)| spec.clone())
                .collect();
            if missing.is_empty() && self.others.keys().all(|id| self.servers.is_ready(id)) {
                break;
            }
            gone = true;
            for spec in missing {
                self.start(&spec)?;
            }
            self.ahead += SETTLES_MS;
            self.pass(self.now + SETTLES_MS);
        }
        Ok(gone)
    }

    /// A process writes to its log.
    pub fn log(&mut self, path: &Utf8Path, text: &str) -> Result<(), Fault> {
        let mut bytes = self.files.bytes(path)?.unwrap_or_default().to_vec();
        bytes.extend(text.as_bytes());
        self.files.write(path, bytes.into(), 0o644, None)
    }

    /// Something befalls the machine; what, if there was anything for it to befall.
    pub(crate) fn befalls(&mut self, mishap: Mishap) -> Option<String> {
        match mishap {
            Mishap::ProcessDies(number) => {
                let id = self.one_dies(number)?;
                Some(format!("process {} dies", id.step))
            }
            Mishap::ServerGoes(number) => self.a_server_goes(number),
        }
    }

    /// A process ends by itself; the number says which. Its step, if there was any.
    pub fn one_dies(&mut self, number: usize) -> Option<ProcessId> {
        let all: Vec<_> = self.processes.keys().cloned().collect();
        let id = all.get(number.checked_rem(all.len())?)?.clone();
        self.processes.remove(&id);
        self.process_is_gone(&id, false);
        Some(id)
    }

    /// The power fails, and comes back.
    pub fn reboot(&mut self) {
        self.processes.clear();
        self.servers = Servers::default();
        self.boots += 1;
    }
}

/// What an effect does, as a verb.
pub fn verb(effect: &Effect) -> &'static str {
    match effect {
        Effect::WriteFile { .. } => "write",
        Effect::RemoveFile { .. } | Effect::RemoveDir { .. } => "remove",
        Effect::MakeDir { .. } => "make",
        Effect::Link { .. } => "link",
        Effect::Move { .. } => "move",
        Effect::Claim { .. } => "claim",
        Effect::Release { .. } => "set aside",
        Effect::StartProcess(_) => "start",
        Effect::StopProcess { .. } => "stop",
        Effect::InstallPackages { .. } => "install",
        Effect::CreateTopic { .. } => "create",
        Effect::DeleteTopic { .. } | Effect::DeleteGroup { .. } => "delete",
        Effect::Produce { .. } => "produce",
        Effect::AddPartitions { .. } => "add partitions to",
        Effect::AlterConfigs { .. } => "alter",
        Effect::CommitOffsets { .. } => "commit",
        Effect::Reassign { .. } => "reassign",
        Effect::ElectLeaders { .. } => "elect",
        Effect::PluginAct(_) => "let act",
        Effect::PluginUndo { .. } => "let undo",
        Effect::Keep { .. } => "keep",
    }
}

fn not_of_a_machine(target: &Target) -> Fault {
    Fault::internal(format!("{target} is not a thing of a machine"))
}
