//! Resume and rollback are pure functions of the journal and of what is there: over random graphs of
//! steps, with kills and failed effects at random moments and changes from outside in between, the
//! engine does what an independent model says.
//!
//! `KRUN_MODEL_CASES` is how many cases are lived through, `KRUN_MODEL_SEED` a single one with all that
//! happens. A seed that fails is kept in `regressions` beside this file, and tried first from then on.

#![expect(
    clippy::print_stdout,
    reason = "a single seed is told to whoever asked for it"
)]

mod case;
mod kinds;
mod oracle;

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    io::Write as _,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    thread,
};

use case::{Happens, Plan, Want};
use krun_model::{
    Address, Effect, Entry, FaultCode, Journal as _, TargetState,
    event::RunStatus,
    journal::{Outcome, Record, Seq},
};
use krun_simulate::{
    Blows, Command, End, Fate, Place, Strike, Subject, World, deployment, krun, runtime,
};
use oracle::{Must, Scene};

const KEPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/model/regressions");

#[test]
fn the_engine_does_what_the_model_says() {
    if let Ok(seed) = std::env::var("KRUN_MODEL_SEED") {
        let seed = seed.parse().expect("a number");
        let lived = live(seed, true);
        println!("seed {seed}: {lived:?}");
        return lived.unwrap_or_else(|why| panic!("{why}"));
    }
    let cases = std::env::var("KRUN_MODEL_CASES").map_or(100_000, |n| n.parse().expect("a number"));
    let kept = fs::read_to_string(KEPT).unwrap_or_default();
    let lines = kept.lines().filter(|line| !line.starts_with('#'));
    let kept: Vec<u64> = lines.filter_map(|line| line.trim().parse().ok()).collect();
    let next = AtomicU64::new(0);
    let failed: Mutex<Vec<(u64, String)>> = Mutex::default();
    let threads = thread::available_parallelism().map_or(1, usize::from);
    thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let at = next.fetch_add(1, Ordering::Relaxed);
                    let none = failed
                        .lock()
                        .unwrap_or_else(PoisonError::into_inner)
                        .is_empty();
                    if at >= cases + kept.len() as u64 || !none {
                        break;
                    }
                    let seed = kept.get(at as usize).copied();
                    let seed = seed.unwrap_or_else(|| at - kept.len() as u64);
                    if let Err(why) = live(seed, false) {
                        failed
                            .lock()
                            .unwrap_or_else(PoisonError::into_inner)
                            .push((seed, why));
                    }
                }
            });
        }
    });
    let failed = failed.into_inner().unwrap_or_else(PoisonError::into_inner);
    if let Some((seed, why)) = failed.first() {
        if !kept.contains(seed) {
            let file = fs::OpenOptions::new().append(true).create(true).open(KEPT);
            writeln!(file.expect("opens"), "{seed}").expect("written");
        }
        panic!(
            "seed {seed}: {why}\nall that happens: KRUN_MODEL_SEED={seed} cargo test -p krun-simulate --test model -- --nocapture"
        );
    }
}

/// A deployment in a case.
struct Life {
    plan: Plan,
    subject: Subject,
    place: Place,
    runtime: tokio::runtime::Runtime,
    rng: fastrand::Rng,
    loud: bool,
}

fn live(seed: u64, loud: bool) -> Result<(), String> {
    fastrand::seed(seed);
    let mut rng = fastrand::Rng::with_seed(seed);
    let plan = case::plan(&mut rng);
    if plan.steps.is_empty() {
        return Ok(());
    }
    let start = case::start(&mut rng, &plan);
    let mut life = Life {
        subject: case::subject(&plan, start.clone()),
        place: Place::new(start),
        runtime: runtime().map_err(|fault| fault.to_string())?,
        plan,
        rng,
        loud,
    };
    life.say(&|| format!("{:#?}", life.plan.steps));
    for _ in 0..life.rng.usize(2..=5) {
        let happens = case::happens(&mut life.rng, life.plan.steps.len());
        life.say(&|| format!("{happens:?}"));
        match happens {
            Happens::Run { kill, error } => life.command(Command::Run, kill, error)?,
            Happens::Rollback { kill, error } => life.command(Command::Rollback, kill, error)?,
            Happens::Outside => {
                let mut world = life
                    .place
                    .world
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner);
                let what = case::outside(
                    &mut life.rng,
                    &life.plan,
                    &life.subject.start.world,
                    &mut world,
                );
                drop(world);
                life.say(&|| what.clone());
            }
        }
    }
    life.command(Command::Run, None, None)?;
    life.command(Command::Rollback, None, None)
}

impl Life {
    fn say(&self, what: &dyn Fn() -> String) {
        if self.loud {
            println!("{}", what());
        }
    }

    fn records(&self) -> Vec<Record> {
        self.place.journal.read(&deployment()).expect("in memory")
    }

    fn scene(&self) -> Scene {
        Scene::of(
            &self
                .place
                .world
                .lock()
                .unwrap_or_else(PoisonError::into_inner),
        )
    }

    /// A command; if nothing befalls it, what comes of it is what the model says, and where it refuses
    /// it is forced.
    fn command(
        &mut self,
        command: Command,
        kill: Option<u64>,
        error: Option<(u64, bool)>,
    ) -> Result<(), String> {
        for force in [false, true] {
            let (records, scene) = (self.records(), self.scene());
            let must = match command {
                Command::Run => oracle::run(&self.plan, &records, &scene, force),
                Command::Rollback => oracle::rollback(&records, &scene, force),
            };
            let blows = Blows {
                kill: kill.map(Strike::Nth),
                error: error.map(|(nth, acts)| (Strike::Nth(nth), acts)),
                delay: self.rng.bool(),
                ..Blows::default()
            };
            let fate = Arc::new(Fate::new(
                self.rng.u64(..),
                blows,
                self.loud.then_some(&records),
            ));
            let end = krun(
                &self.runtime,
                &self.subject,
                &self.place,
                &fate,
                command,
                force,
            );
            self.say(&|| {
                format!(
                    "{command:?} force={force} must {must:?}\n{}\n{end:?}",
                    fate.lines().join("\n")
                )
            });
            let new = &self.records()[records.len()..];
            if command == Command::Run {
                one_restart_at_a_time(new)?;
            }
            self.remember(new);
            if fate.struck() {
                return self.is_of_one_piece(&scene, &must);
            }
            match (&must, &end) {
                (Must::Succeed(wanted, changed), End::Ended(ended))
                    if ended.status == RunStatus::Succeeded =>
                {
                    settled_right(&oracle::had_happened(&records, &scene), new)?;
                    let found = self.scene();
                    if found != *wanted {
                        return Err(format!(
                            "the machine is {found:#?}\nand must be {wanted:#?}"
                        ));
                    }
                    let did = changes(new);
                    if command == Command::Run && did != *changed {
                        return Err(format!("{did:?} changed something, {changed:?} had to"));
                    }
                    return Ok(());
                }
                (Must::Doubt, End::Refused(fault))
                    if fault.code == FaultCode::InDoubt && !force => {}
                (Must::Conflict, End::Ended(ended))
                    if ended.status == RunStatus::Conflict && !force => {}
                (must, end) => {
                    return Err(format!(
                        "{command:?} force={force} ended {end:?}, and must {must:?}"
                    ));
                }
            }
            if self.scene() != scene {
                return Err(format!("{command:?} refuses and changes something"));
            }
        }
        Err(format!("{command:?} refuses although it is forced"))
    }

    /// In which generation acts were done.
    fn remember(&mut self, new: &[Record]) {
        for record in new {
            match &record.entry {
                Entry::StepDone { step, .. } => {
                    let world = self
                        .place
                        .world
                        .lock()
                        .unwrap_or_else(PoisonError::into_inner);
                    if let TargetState::File { digest, .. } =
                        world.files.state(kinds::GENERATION.into())
                    {
                        self.plan.acted.insert(step.clone(), digest);
                    }
                }
                Entry::RolledBack => self.plan.acted.clear(),
                _ => {}
            }
        }
    }

    /// After a command that was cut off each file is as it was or as it is to be, and nothing else.
    fn is_of_one_piece(&self, before: &Scene, must: &Must) -> Result<(), String> {
        let Must::Succeed(after, _) = must else {
            return Ok(());
        };
        let found = self.scene();
        for step in &self.plan.steps {
            let (Want::File { path, .. } | Want::Act { path }) = &step.want else {
                continue;
            };
            let at = |scene: &Scene| scene.paths.get(path).cloned();
            if at(&found) != at(before) && at(&found) != at(after) {
                return Err(format!(
                    "{path} is {:?}: neither as before nor as after",
                    at(&found)
                ));
            }
        }
        Ok(())
    }
}

/// What the journal says now of intents that were open is what the model says of them.
fn settled_right(wanted: &BTreeMap<Seq, bool>, new: &[Record]) -> Result<(), String> {
    let said = |record: &Record| match &record.entry {
        Entry::Outcome { intent, outcome } => {
            Some((*intent, !matches!(outcome, Outcome::NotDone(_))))
        }
        _ => None,
    };
    let said: BTreeMap<Seq, bool> = new.iter().filter_map(said).collect();
    for (seq, happened) in wanted {
        if said.get(seq) != Some(happened) {
            return Err(format!(
                "whether effect {} had happened: {:?} is said, {happened} is right",
                seq.0,
                said.get(seq)
            ));
        }
    }
    Ok(())
}

/// The steps that changed something, as their journal says.
fn changes(new: &[Record]) -> BTreeSet<Address> {
    let done = new.iter().filter_map(|record| match &record.entry {
        Entry::StepDone { step, change, .. } if change.is_change() => Some(step.clone()),
        _ => None,
    });
    done.collect()
}

/// From the stop of a server in a group to its start no other one is stopped.
fn one_restart_at_a_time(new: &[Record]) -> Result<(), String> {
    let mut down: BTreeSet<Address> = BTreeSet::new();
    let mut open = BTreeMap::new();
    for record in new {
        match &record.entry {
            Entry::Intent { effect, .. } => {
                open.insert(record.seq, effect.clone());
                if let Effect::StopProcess { id, .. } = effect {
                    down.insert(id.step.clone());
                    if down.len() > 1 {
                        return Err(format!("{down:?} are down at the same time"));
                    }
                }
            }
            Entry::Outcome {
                intent,
                outcome: Outcome::Done(_) | Outcome::Recovered(_),
            } => {
                if let Some(Effect::StartProcess(spec)) = open.get(intent) {
                    down.remove(&spec.id.step);
                }
            }
            _ => {}
        }
    }
    Ok(())
}

/// The machine that cases begin with has what the model looks at.
#[test]
fn a_scene_leaves_out_what_is_temporary() {
    let mut world = World::new();
    world
        .files
        .plant("/w".into(), krun_simulate::Node::dir(0o755));
    let before = Scene::of(&world);
    world.files.begin_write("/w/f".into(), 1);
    assert_eq!(Scene::of(&world), before);
}
