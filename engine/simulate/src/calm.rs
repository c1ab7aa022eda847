//! The life that nothing befalls: what every schedule is compared with.

use camino::{Utf8Path, Utf8PathBuf};
use krun_model::{Effect, Fault, FaultCode, History, Journal as _, event::RunStatus};
use std::{
    collections::BTreeMap,
    sync::{Arc, PoisonError},
};
use tokio::runtime::Runtime;

use crate::{
    ends::words,
    fate::{Blows, Counted, Fate},
    krun::{Command, End, Place, Start, Subject, deployment, krun, runtime},
    tree::Node,
    world::World,
};

/// What an undisturbed run and an undisturbed rollback come to.
pub struct Calm {
    /// The machine after the run.
    pub done: World,
    /// The paths that the run wrote, which somebody else may change, by the folder that they are in.
    pub written: Vec<Vec<Utf8PathBuf>>,
    /// Folders of which the contents belong to processes, and their logs.
    theirs: Vec<Utf8PathBuf>,
    run: (Counted, Counted),
    rollback: (Counted, Counted),
}

impl Calm {
    /// How many moments and effects a command has.
    pub fn size(&self, command: Command) -> &(Counted, Counted) {
        match command {
            Command::Run => &self.run,
            Command::Rollback => &self.rollback,
        }
    }

    /// Whether what is at a path is written by a process, as it pleases.
    pub fn belongs_to_process(&self, path: &Utf8Path) -> bool {
        self.theirs.iter().any(|one| path.starts_with(one))
    }

    /// Lives it.
    ///
    /// # Errors
    /// The runbook does not succeed even if nothing befalls it.
    pub fn live(subject: &Subject) -> Result<Self, Fault> {
        let place = Place::new(subject.start.world.clone());
        let life = Life::new(subject, &place)?;
        let run = life.command(Command::Run)?;
        let done = life.world();
        let (theirs, written) = life.left(&done)?;
        let rollback = life.command(Command::Rollback)?;
        Ok(Self {
            done,
            written,
            theirs,
            run,
            rollback,
        })
    }
}

/// A machine after an undisturbed run, handed over to somebody else.
pub fn settled(subject: &Subject) -> Result<Start, Fault> {
    let place = Place {
        id: "simulated-before",
        ..Place::new(subject.start.world.clone())
    };
    let life = Life::new(subject, &place)?;
    life.command(Command::Run)?;
    let world = life.world();
    let (theirs, _) = life.left(&world)?;
    Ok(Start {
        world: world.handed_over(),
        theirs,
    })
}

/// An undisturbed life under way.
struct Life<'a> {
    subject: &'a Subject,
    place: &'a Place,
    runtime: Runtime,
}

impl<'a> Life<'a> {
    fn new(subject: &'a Subject, place: &'a Place) -> Result<Self, Fault> {
        fastrand::seed(0);
        Ok(Self {
            subject,
            place,
            runtime: runtime()?,
        })
    }

    fn command(&self, command: Command) -> Result<(Counted, Counted), Fault> {
        let fate = Arc::new(Fate::new(0, Blows::default(), None));
        match krun(
            &self.runtime,
            self.subject,
            self.place,
            &fate,
            command,
            false,
        ) {
            End::Ended(ended) if ended.status == RunStatus::Succeeded => Ok(fate.counted()),
            end => Err(failed(command, end, &self.world())),
        }
    }

    fn world(&self) -> World {
        let world = self.place.world.lock();
        world.unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The places whose contents belong to processes, those of before too; and the paths that the run
    /// wrote, by their folders.
    fn left(&self, done: &World) -> Result<(Vec<Utf8PathBuf>, Vec<Vec<Utf8PathBuf>>), Fault> {
        let history = History::fold(&self.place.journal.read(&deployment())?);
        let mut theirs = self.subject.start.theirs.clone();
        let mut written = vec![];
        for effect in history.effects.iter().map(|memory| &memory.effect) {
            match effect {
                Effect::Claim { path, .. } => theirs.push(path.clone()),
                Effect::StartProcess(spec) => theirs.push(spec.log.clone()),
                other => written.extend(other.occupies().map(Utf8Path::to_owned)),
            }
        }
        let before = &self.subject.start.world.files;
        written.retain(|path| {
            let is_file = matches!(done.files.get(path), Some(Node::File { .. }));
            is_file || before.get(path).is_none()
        });
        written.retain(|path| !path.starts_with(crate::QUARANTINE));
        written.sort();
        written.dedup();
        let mut folders: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for path in written {
            let folder = path.parent().map(Utf8Path::to_owned);
            folders.entry(folder).or_default().push(path);
        }
        Ok((theirs, folders.into_values().collect()))
    }
}

/// Pages that are named to whoever did not name them, at most.
const MOST_PAGES: usize = 5;

fn failed(command: Command, end: End, world: &World) -> Fault {
    let what = "the runbook does not succeed on a simulated machine, even undisturbed";
    let fault = match &end {
        End::Ended(ended) => ended.faults.first().map(|(_, fault)| fault.clone()),
        End::Refused(fault) => Some(fault.clone()),
        _ => None,
    };
    let words = format!("{command:?}: {}", words(&end));
    let code = fault.map_or(FaultCode::Internal, |fault| fault.code);
    let failed = Fault::new(code, what).because(words);
    let missed = world.missed_pages().take(MOST_PAGES);
    missed.fold(failed, |failed, url| {
        failed.hint(format!(
            "Nothing answers at {url}: say what does with `--answers '{url}=STATUS:TEXT'`."
        ))
    })
}
