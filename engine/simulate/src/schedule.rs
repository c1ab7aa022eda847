//! One schedule: what befalls a deployment from its first krun to its rollback, from a seed.
//!
//! Owns the order of kruns and what happens between them, and compares with the calm life: the same
//! final state, nothing done twice, after a rollback the machine as it was, no intent left open.

use std::{
    collections::BTreeSet,
    ops::Range,
    sync::{Arc, MutexGuard, PoisonError},
};

use camino::{Utf8Path, Utf8PathBuf};
use krun_model::{Fault, History, Journal as _, event::RunStatus};
use tokio::runtime::Runtime;

use crate::{
    calm::Calm,
    ends::{conflicts, may_be_forced, succeeded, words},
    fate::{Blows, Fate},
    faults::Faults,
    krun::{Command, End, Place, Subject, deployment, krun, runtime},
    pages::ASKING,
    same::{same_clusters, same_files},
    tree::Node,
    world::World,
};

/// How many kruns of one command may be struck.
const MOST_STRUCK: usize = 3;
/// How long nobody is there between two kruns, in simulated milliseconds.
const SHORT_MS: Range<u64> = 50..500;
const LONG_MS: Range<u64> = 1_000..40_000;
/// How often a krun that nothing befalls may be repeated until the deployment is as wanted: after a
/// change from outside, one finds it and the next goes on over it.
const CALM: usize = 3;

/// Why a schedule broke a promise.
#[derive(Clone, Debug, PartialEq)]
pub struct Broken {
    /// Which promise.
    pub what: String,
    /// What led there, if it was to be written down.
    pub said: Vec<String>,
}

/// A schedule under way.
pub(crate) struct Schedule<'a> {
    subject: &'a Subject,
    calm: &'a Calm,
    faults: Faults,
    rng: fastrand::Rng,
    runtime: Runtime,
    place: Place,
    said: Option<Vec<String>>,
    /// What somebody else changed.
    touched: BTreeSet<Utf8PathBuf>,
    /// Whether somebody else changed something in a cluster.
    meddled: bool,
    /// Whether a process died, so that it was started again.
    died: bool,
}

/// Lives through the schedule of a seed. With `say`, what happens is written down.
///
/// # Errors
/// The promise that did not hold.
pub(crate) fn live(
    subject: &Subject,
    calm: &Calm,
    faults: Faults,
    seed: u64,
    say: bool,
) -> Result<Vec<String>, Broken> {
    // What is drawn by chance within the engine, such as the jitter of a wait.
    fastrand::seed(seed);
    let broken = |fault: Fault| Broken {
        what: fault.to_string(),
        said: vec![],
    };
    let mut schedule = Schedule {
        subject,
        calm,
        faults,
        rng: fastrand::Rng::with_seed(seed),
        runtime: runtime().map_err(broken)?,
        place: Place::new(subject.start.world.clone().with_chance(seed)),
        said: say.then(Vec::new),
        touched: BTreeSet::new(),
        meddled: false,
        died: false,
    };
    match schedule.live() {
        Ok(()) => Ok(schedule.said.unwrap_or_default()),
        Err(what) => Err(Broken {
            what,
            said: schedule.said.unwrap_or_default(),
        }),
    }
}

/// How a command came to its end.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Came {
    /// Everything is as wanted.
    Through,
    /// It was given up on the way.
    Away,
}

impl Schedule<'_> {
    fn live(&mut self) -> Result<(), String> {
        let gives_up = self.rng.u8(..3) == 0;
        if self.bring_about(Command::Run, gives_up)? == Came::Through {
            self.is_as_in_calm()?;
            self.changes_nothing_more()?;
        }
        if self.rng.u8(..4) == 0 && self.between() {
            self.say("somebody was here before the rollback");
        }
        self.bring_about(Command::Rollback, false)?;
        self.is_as_before()?;
        if !self.is_touched() && self.rng.u8(..4) == 0 {
            self.died = false;
            self.world().forget_deeds();
            if self.bring_about(Command::Run, false)? == Came::Through {
                self.is_as_in_calm()?;
            }
        }
        Ok(())
    }

    /// Whether somebody else changed anything.
    fn is_touched(&self) -> bool {
        self.meddled || !self.touched.is_empty()
    }

    fn world(&self) -> MutexGuard<'_, World> {
        self.place
            .world
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn say(&mut self, line: &str) {
        if let Some(said) = &mut self.said {
            said.push(line.to_owned());
        }
    }

    /// Runs a command, struck a few times, until it is through.
    fn bring_about(&mut self, command: Command, gives_up: bool) -> Result<Came, String> {
        let strikes = self.rng.usize(1..=MOST_STRUCK);
        for _ in 0..strikes {
            let blows = self.blows(command);
            let (end, struck) = self.krun(command, blows, false)?;
            if let End::Ended(ended) = &end
                && ended.status == RunStatus::Succeeded
                && !struck
            {
                return Ok(Came::Through);
            }
            if gives_up && struck {
                return Ok(Came::Away);
            }
            self.between();
        }
        let mut force = false;
        for _ in 0..CALM {
            let (end, _) = self.krun(command, Blows::default(), force)?;
            match end {
                End::Ended(ended) if ended.status == RunStatus::Succeeded => {
                    return Ok(Came::Through);
                }
                end if self.is_touched() && !force && may_be_forced(&end) => {
                    self.say("again, with --force");
                    force = true;
                }
                // Somebody's change that krun may not go over, such as a marker that is gone from a
                // folder in use: a person decides, here to take everything back.
                end if self.is_touched() && command == Command::Run && conflicts(&end) => {
                    self.say("a person gives up");
                    return Ok(Came::Away);
                }
                end => {
                    return Err(format!(
                        "with nothing in its way {command:?} ends so: {}",
                        words(&end)
                    ));
                }
            }
        }
        Err(format!("{command:?} does not come to an end"))
    }

    /// What is to befall the next krun.
    fn blows(&mut self, command: Command) -> Blows {
        let (moments, effects) = self.calm.size(command);
        let (rng, faults) = (&mut self.rng, self.faults);
        let mut blows = Blows {
            delay: faults.delay && rng.bool(),
            ..Blows::default()
        };
        let kinds: Vec<u8> = [
            (faults.kill || faults.power).then_some(0),
            faults.error.then_some(1),
            faults.death.then_some(2),
            faults.stop.then_some(3),
            (faults.outage && moments.classes.contains_key(&ASKING)).then_some(4),
        ]
        .into_iter()
        .flatten()
        .collect();
        match kinds.get(rng.usize(..kinds.len().max(1))) {
            Some(0) => blows.kill = Some(moments.pick(rng)),
            Some(1) => blows.error = Some((effects.pick(rng), rng.bool())),
            Some(2) => blows.death = Some(moments.pick(rng)),
            Some(3) => blows.stop = Some(moments.pick(rng)),
            Some(4) => blows.outage = Some(moments.pick(rng)),
            _ => {}
        }
        blows
    }

    /// One krun, with what befalls it; whether anything did.
    fn krun(&mut self, command: Command, blows: Blows, force: bool) -> Result<(End, bool), String> {
        let known = match &self.said {
            Some(_) => self.place.journal.read(&deployment()).ok(),
            None => None,
        };
        self.others_come_up()?;
        if blows == Blows::default() && self.world().servers_come_back() {
            self.say("every server of web pages is back");
        }
        let seed = self.rng.u64(..);
        let fate = Arc::new(Fate::new(seed, blows, known.as_deref()));
        self.say(match command {
            Command::Run => "krun RUNBOOK",
            Command::Rollback => "krun rollback",
        });
        let end = krun(
            &self.runtime,
            self.subject,
            &self.place,
            &fate,
            command,
            force,
        );
        if let Some(said) = &mut self.said {
            said.extend(fate.lines().into_iter().map(|line| format!("  {line}")));
            said.push(format!("  {}", words(&end)));
        }
        self.died |= blows.death.is_some() && fate.struck();
        match &end {
            End::Hangs => return Err(format!("{command:?} hangs")),
            End::Panicked(why) => return Err(format!("{command:?} panics: {why}")),
            End::Killed => {
                let rng = &mut self.rng;
                let both = self.faults.power && self.faults.kill;
                if self.faults.power && (!both || rng.u8(..3) == 0) {
                    self.lose_power();
                }
            }
            End::Ended(_) | End::Refused(_) => {}
        }
        Ok((end, fate.struck()))
    }

    /// Whoever sees to the processes that were there before starts those that died.
    fn others_come_up(&mut self) -> Result<(), String> {
        let come = self.world().others_come_up();
        if come.map_err(|fault| format!("somebody else's process does not come up: {fault}"))? {
            self.say("what was there before is started again");
        }
        Ok(())
    }

    fn lose_power(&mut self) {
        let at_risk = self.place.journal.at_risk(&deployment());
        let lost = self.rng.usize(..=at_risk);
        self.place.journal.lose(&deployment(), lost);
        let any = !self.world().processes.is_empty();
        self.died |= any;
        self.world().reboot();
        self.say(&format!(
            "the power fails: {lost} entries of {at_risk} that were not durable are lost"
        ));
    }

    /// Time passes, and somebody else changes something, perhaps.
    fn between(&mut self) -> bool {
        let long = self.rng.u8(..4) == 0;
        let pause = self.rng.u64(if long { LONG_MS } else { SHORT_MS });
        self.world().wait(pause);
        if !self.faults.outside || self.rng.bool() {
            return false;
        }
        if self.calm.written.is_empty() || self.rng.u8(..4) == 0 {
            let how = self.rng.u8(..3);
            let changed = self.world().somebody_changes_a_cluster(how);
            if let Some(said) = changed {
                self.say(&format!("somebody {said}"));
                self.meddled = true;
                return true;
            }
        }
        let Some(folder) = self.rng.choice(&self.calm.written) else {
            return false;
        };
        let path = folder[self.rng.usize(..folder.len())].clone();
        let ours = self.subject.start.world.files.get(&path).is_none();
        // A file that was there before krun is what the runbook rests on: without it nothing goes on.
        let how = self.rng.u8(..if ours { 3 } else { 2 });
        let said = change(&mut self.world(), &path, how);
        if let Some(said) = said {
            self.say(&format!("somebody {said} {path}"));
            self.touched.insert(path);
            return true;
        }
        false
    }

    fn history(&self) -> Result<History, String> {
        let records = self.place.journal.read(&deployment());
        Ok(History::fold(&records.map_err(|fault| fault.to_string())?))
    }

    fn no_intent_is_open(&self) -> Result<(), String> {
        match self.history()?.pending.first() {
            None => Ok(()),
            Some(open) => Err(format!(
                "an intent is left open: {} on {}",
                open.seq.0,
                open.effect.target()
            )),
        }
    }

    /// After a run: the same state as after an undisturbed one, and nothing done twice.
    fn is_as_in_calm(&self) -> Result<(), String> {
        self.no_intent_is_open()?;
        let world = self.world();
        if !self.is_touched() {
            same_files(&self.calm.done.files, &world.files, |path| {
                self.calm.belongs_to_process(path)
            })?;
        }
        let digests = |world: &World| -> Vec<_> {
            let all = world.processes.values();
            all.map(|one| (one.spec.id.clone(), one.running.digest))
                .collect()
        };
        // One that died last is started by the next run.
        if !self.died && digests(&world) != digests(&self.calm.done) {
            return Err("other processes run than after an undisturbed run".to_owned());
        }
        if world.packages != self.calm.done.packages {
            return Err("other packages are installed".to_owned());
        }
        if self.is_touched() || self.died {
            return Ok(());
        }
        same_clusters(&self.calm.done, &world, |_| true)?;
        for (deed, times) in world.deeds() {
            let calm = self
                .calm
                .done
                .deeds()
                .get(deed)
                .copied()
                .unwrap_or_default();
            if *times > calm {
                let (act, target) = deed;
                return Err(format!(
                    "done {times} times instead of {calm}: {act} {target}"
                ));
            }
        }
        Ok(())
    }

    /// One more run finds everything as wanted.
    fn changes_nothing_more(&mut self) -> Result<(), String> {
        if self.died {
            let (end, _) = self.krun(Command::Run, Blows::default(), false)?;
            if !succeeded(&end) {
                return Err(format!(
                    "a run after a process died ends so: {}",
                    words(&end)
                ));
            }
            self.died = false;
            self.is_as_in_calm_but_for_deeds()?;
        }
        let before = self.world().deeds().clone();
        let (end, _) = self.krun(Command::Run, Blows::default(), false)?;
        if !succeeded(&end) {
            return Err(format!("a run with nothing to do ends so: {}", words(&end)));
        }
        if *self.world().deeds() != before {
            return Err("a run after a run that succeeded changes something".to_owned());
        }
        Ok(())
    }

    fn is_as_in_calm_but_for_deeds(&mut self) -> Result<(), String> {
        self.world().forget_deeds();
        self.is_as_in_calm()
    }

    /// After a rollback: the machine as it was, and a journal with nothing to take back.
    fn is_as_before(&mut self) -> Result<(), String> {
        self.others_come_up()?;
        self.no_intent_is_open()?;
        if !self.history()?.is_baseline() {
            return Err("after the rollback there is still something to take back".to_owned());
        }
        let world = self.world();
        let start = &self.subject.start;
        let mut ours = world.processes.keys();
        if let Some(id) = ours.find(|id| !start.world.processes.contains_key(*id)) {
            return Err(format!("after the rollback {} still runs", id.step));
        }
        if !self.meddled {
            // What brokers make for themselves stays.
            same_clusters(&start.world, &world, |topic| !topic.starts_with("__"))?;
        }
        let touched = |path: &Utf8Path| {
            self.touched
                .iter()
                .any(|one| path.starts_with(one) || one.starts_with(path))
                || world.of_packages.contains(path)
                || start.theirs.iter().any(|one| path.starts_with(one))
        };
        same_files(&start.world.files, &world.files, touched)
    }
}

/// Somebody else's change of a path; what it was.
fn change(world: &mut World, path: &Utf8Path, how: u8) -> Option<&'static str> {
    match (how, world.files.get(path).cloned()?) {
        (0, Node::File { bytes, mode, .. }) => {
            let more = [&*bytes, b"# somebody\n"].concat();
            world.files.write(path, more.into(), mode, None).ok()?;
            Some("appends to")
        }
        (1, Node::File { bytes, mode, .. }) => {
            let owner = None;
            world.files.write(path, bytes, mode ^ 0o111, owner).ok()?;
            Some("changes the mode of")
        }
        (_, Node::File { .. } | Node::Link { .. }) => {
            world.files.take(path);
            Some("deletes")
        }
        (_, Node::Dir { .. }) => {
            world
                .files
                .plant(&path.join("somebodys"), Node::file(*b"mine", 0o644));
            Some("puts a file into")
        }
    }
}
