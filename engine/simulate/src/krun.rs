//! One simulated krun: a command on a deployment, from its start to its end or its death.
//!
//! Owns how the engine is put together over a simulated machine. Decides nothing of what befalls it.

use std::{
    panic::AssertUnwindSafe,
    sync::{Arc, Mutex},
    time::Duration,
};

use camino::Utf8PathBuf;
use krun_kafka::clusters::Clusters;
use krun_model::{
    Choice, DeploymentName, Effector, Event, Fault, Map, Reporter, Runbook,
    host::Machine,
    journal::{Verb, Who},
    kind::Kinds,
    plugin::{NoPlugins, Plugins},
};
use krun_run::{Ended, Ledger, RollbackOptions, RunOptions, RunRequest, Session};
use krun_secrets::Vault;
use tokio::runtime::{Builder, Runtime};

use crate::{
    fate::Fate, guests, journal::MemoryJournal, kafka::SimClusters, machine::SimMachine,
    watched::Watched, world::World,
};

/// After so much simulated time a krun hangs.
const FOREVER: Duration = Duration::from_secs(7 * 24 * 3600);

/// Makes kinds for clusters: one krun's.
pub type MakeKinds = Arc<dyn Fn(Arc<dyn Clusters>) -> Kinds + Send + Sync>;

/// Makes what asks plugins about what they did, likewise.
pub type MakePlugins = Arc<dyn Fn(Arc<dyn Clusters>) -> Arc<dyn Plugins> + Send + Sync>;

/// Where every schedule begins.
#[derive(Clone)]
pub struct Start {
    /// The machine.
    pub world: World,
    /// Folders of which the contents belong to processes that are there before.
    pub theirs: Vec<Utf8PathBuf>,
}

impl Start {
    /// The machine as an undisturbed run of a runbook leaves it, which is somebody else's from then on: what
    /// dies of it is started again, and it is never krun's to take back.
    ///
    /// # Errors
    /// The run does not succeed.
    pub fn after(subject: &Subject) -> Result<Self, Fault> {
        crate::calm::settled(subject)
    }
}

/// What a simulated deployment is made of, the same in every schedule.
#[derive(Clone)]
pub struct Subject {
    /// The runbook, evaluated.
    pub runbook: Runbook,
    /// Makes all kinds, which look at clusters through what they are handed.
    pub kinds: MakeKinds,
    /// Makes what asks plugins about what they did, which look through the same.
    pub plugins: MakePlugins,
    /// Where it begins.
    pub start: Start,
}

impl Subject {
    /// A runbook that uses no plugins, on a machine on which nothing runs.
    pub fn alone(
        runbook: Runbook,
        kinds: impl Fn(Arc<dyn Clusters>) -> Kinds + Send + Sync + 'static,
        world: World,
    ) -> Self {
        Self {
            runbook,
            kinds: Arc::new(kinds),
            plugins: Arc::new(|_| Arc::new(NoPlugins)),
            start: Start {
                world,
                theirs: vec![],
            },
        }
    }
}

/// Which command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Command {
    /// `krun RUNBOOK`.
    Run,
    /// `krun rollback`.
    Rollback,
}

/// How a krun ended.
#[derive(Debug)]
pub enum End {
    /// By a fate.
    Killed,
    /// By itself.
    Ended(Ended),
    /// It did not begin.
    Refused(Fault),
    /// Not at all: everything waits for something else.
    Hangs,
    /// By a defect.
    Panicked(String),
}

/// What stays when a krun is gone.
#[derive(Clone)]
pub struct Place {
    /// The machine.
    pub world: Arc<Mutex<World>>,
    /// The deployment's journal.
    pub journal: Arc<MemoryJournal>,
    /// The deployment's id.
    pub id: &'static str,
}

impl Place {
    /// A machine on which nothing ran yet.
    pub fn new(start: World) -> Self {
        Self {
            world: Arc::new(Mutex::new(start)),
            journal: Arc::default(),
            id: "simulated-id",
        }
    }
}

/// The name of every simulated deployment.
pub fn deployment() -> DeploymentName {
    match "simulated".parse() {
        Ok(name) => name,
        Err(_) => unreachable!("a name without anything special in it"),
    }
}

/// A runtime with a clock of its own, on this thread alone.
///
/// # Errors
/// The operating system gives no timers.
pub fn runtime() -> Result<Runtime, Fault> {
    Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .map_err(|error| Fault::internal(format!("no runtime: {error}")))
}

/// Runs one krun.
pub fn krun(
    runtime: &Runtime,
    subject: &Subject,
    place: &Place,
    fate: &Arc<Fate>,
    command: Command,
    force: bool,
) -> End {
    let work = async {
        let lived = krun_run::report(Box::new(Nobody), async |events| {
            let journal = Watched {
                journal: place.journal.clone(),
                fate: fate.clone(),
                world: place.world.clone(),
            };
            let machine = Arc::new(SimMachine::new(place.world.clone(), fate.clone()));
            let clusters: Arc<dyn Clusters> =
                Arc::new(SimClusters::new(place.world.clone(), fate.clone()));
            let id = place.id.to_owned();
            let session = Session {
                ledger: Arc::new(Ledger::open(Arc::new(journal), deployment(), id)?),
                machine: machine.clone() as Arc<dyn Machine>,
                plugins: guests::simulated((subject.plugins)(clusters.clone())),
                cluster: machine as Arc<dyn Effector>,
                events,
                who: who(),
                quarantine: crate::QUARANTINE.into(),
                cancel: fate.told_to_stop(),
                vault: Arc::new(Vault::simulated()),
                fence: None,
            };
            session.know_adopted();
            session.know_secrets();
            match command {
                Command::Run => {
                    let kinds = (subject.kinds)(clusters);
                    krun_run::run(&session, request(subject, kinds, force)).await
                }
                Command::Rollback => {
                    let options = RollbackOptions { part: None, force };
                    krun_run::rollback(&session, options).await
                }
            }
        });
        tokio::select! {
            biased;
            () = fate.killed() => End::Killed,
            ended = tokio::time::timeout(FOREVER, lived) => match ended {
                Err(_) => End::Hangs,
                Ok(Ok(ended)) => End::Ended(ended),
                Ok(Err(fault)) => End::Refused(fault),
            },
        }
    };
    let end = std::panic::catch_unwind(AssertUnwindSafe(|| runtime.block_on(work)));
    match end {
        // What it still said after its death nobody heard.
        _ if !fate.is_alive() => End::Killed,
        Ok(end) => end,
        Err(panic) => End::Panicked(
            panic
                .downcast_ref::<String>()
                .cloned()
                .or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()))
                .unwrap_or_default(),
        ),
    }
}

fn request(subject: &Subject, kinds: Kinds, force: bool) -> RunRequest {
    RunRequest {
        runbook: subject.runbook.clone(),
        before: None,
        kinds,
        path: "simulated.rhai".to_owned(),
        given: Map::new(),
        verb: Verb::Run,
        options: RunOptions {
            force,
            agreed: true,
            ..RunOptions::default()
        },
        choice: Choice::default(),
        on_failure: None,
        approve: Box::new(|_| Ok(())),
    }
}

fn who() -> Who {
    Who {
        user: "simulated".into(),
        host: "simulated".into(),
        pid: 1,
        krun: "0".into(),
    }
}

struct Nobody;

impl Reporter for Nobody {
    fn event(&mut self, _event: &Event) {}
}
