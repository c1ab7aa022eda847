//! What a run and a rollback must come to: pure functions of the journal's records and of what is
//! there, written from the design and from nothing of the engine's.
//!
//! - After a crash every intent without an outcome is looked at: as wanted, it had happened; as
//!   before, it had not; else it is in doubt, and everything stops.
//! - A state is compared with the machine each time. An act is done once per key. A process is
//!   started again if what it was started with differs, or if krun changed a file that it reads after
//!   it was started.
//! - A rollback brings each target back to its earliest before-image. What is neither that nor what
//!   krun left is a conflict, and then nothing is touched.

use std::collections::{BTreeMap, BTreeSet};

use camino::{Utf8Path, Utf8PathBuf};
use krun_model::{
    Address, Digest, Effect, Entry, RunId, Target, TargetState,
    journal::{Outcome, Record, Seq, Verb},
};
use krun_simulate::World;

use crate::case::{Plan, Want};

/// The machine, as far as cases are about it.
#[derive(Clone, Debug, PartialEq)]
pub struct Scene {
    pub paths: BTreeMap<Utf8PathBuf, TargetState>,
    pub processes: BTreeMap<Address, Option<Digest>>,
}

impl Scene {
    pub fn of(world: &World) -> Self {
        let paths = world
            .files
            .iter()
            .filter(|(path, _)| path.starts_with("/w") && !is_temporary(path));
        let processes = world.processes.values();
        Self {
            paths: paths
                .map(|(path, _)| (path.to_owned(), world.files.state(path)))
                .collect(),
            processes: processes
                .map(|one| (one.spec.id.step.clone(), one.running.digest))
                .collect(),
        }
    }

    fn at(&self, path: &Utf8Path) -> TargetState {
        self.paths.get(path).cloned().unwrap_or(TargetState::Absent)
    }

    fn put(&mut self, path: &Utf8Path, state: TargetState) {
        match state {
            TargetState::Absent => self.paths.remove(path),
            state => self.paths.insert(path.to_owned(), state),
        };
    }

    fn below(&self, folder: &Utf8Path) -> Vec<Utf8PathBuf> {
        let inside = |path: &&Utf8PathBuf| path.starts_with(folder) && *path != folder;
        self.paths.keys().filter(inside).cloned().collect()
    }
}

/// What a krun that was killed may leave, which is no content of anything.
fn is_temporary(path: &Utf8Path) -> bool {
    let name = path.file_name().unwrap_or_default();
    name.starts_with(".krun-") && name.ends_with(".tmp")
}

/// What must come of a command.
#[derive(Clone, Debug, PartialEq)]
pub enum Must {
    /// It goes through, and the machine is like this; a run changes these steps.
    Succeed(Scene, BTreeSet<Address>),
    /// It refuses: something is in doubt.
    Doubt,
    /// It refuses: somebody else changed something.
    Conflict,
}

struct Did {
    seq: Seq,
    run: RunId,
    effect: Effect,
    before: TargetState,
    after: Option<TargetState>,
}

/// What the records say.
#[derive(Default)]
struct Told {
    verbs: BTreeMap<RunId, Verb>,
    open: Vec<Did>,
    did: Vec<Did>,
    keys: BTreeMap<Address, Option<Digest>>,
    /// Of what was open, whether it had happened.
    found: BTreeMap<Seq, bool>,
}

fn told(records: &[Record]) -> Told {
    let mut told = Told::default();
    for record in records {
        match &record.entry {
            Entry::RunStarted { verb, .. } => {
                told.verbs.insert(record.run, *verb);
            }
            Entry::Intent { effect, before, .. } => told.open.push(Did {
                seq: record.seq,
                run: record.run,
                effect: effect.clone(),
                before: before.clone(),
                after: None,
            }),
            Entry::Outcome { intent, outcome } => {
                if let Some(at) = told.open.iter().position(|one| one.seq == *intent) {
                    let did = told.open.remove(at);
                    match outcome {
                        Outcome::Done(state) | Outcome::Recovered(state) => {
                            told.happened(did, state.clone());
                        }
                        Outcome::NotDone(_) => {}
                    }
                }
            }
            Entry::Undone { intents, .. } => {
                told.did.retain(|one| !intents.contains(&one.seq));
                told.open.retain(|one| !intents.contains(&one.seq));
            }
            Entry::RolledBack => {
                told.did.clear();
                told.keys.clear();
            }
            Entry::StepDone { step, key, .. } => {
                told.keys.insert(step.clone(), *key);
            }
            _ => {}
        }
    }
    told
}

impl Told {
    fn happened(&mut self, mut did: Did, state: TargetState) {
        // What a rollback does is not itself taken back.
        if self.verbs.get(&did.run) != Some(&Verb::Rollback) {
            did.after = Some(state);
            self.did.push(did);
            self.did.sort_by_key(|one| one.seq);
        }
    }

    /// Looks at what is open. False where something is in doubt; with `force` that counts as done.
    fn settle(&mut self, scene: &Scene, force: bool) -> bool {
        for did in std::mem::take(&mut self.open) {
            let found = match did.effect.target() {
                Target::Path(path) if path.starts_with("/w") => scene.at(&path),
                Target::Process(id) => {
                    let running = scene.processes.get(&id.step).copied().flatten();
                    let happened = match &did.effect {
                        Effect::StartProcess(spec) => running == Some(spec.digest),
                        _ => running.is_none(),
                    };
                    self.found.insert(did.seq, happened);
                    if happened {
                        // Which process it is, is no concern of the model's.
                        self.happened(did, TargetState::Other);
                    }
                    continue;
                }
                // Logs lie outside of the scene, and names are set aside one by one, so that what was cut
                // off is never in doubt.
                Target::Contents(_) | Target::Path(_) => continue,
                other => panic!("no case is about {other}"),
            };
            let happened = as_wanted(&did.effect, &found);
            if !happened && found != did.before && !force {
                return false;
            }
            let counts = happened || found != did.before;
            self.found.insert(did.seq, counts);
            if counts {
                self.happened(did, found);
            }
        }
        true
    }
}

fn as_wanted(effect: &Effect, found: &TargetState) -> bool {
    match (effect, found) {
        (
            Effect::WriteFile { content, mode, .. },
            TargetState::File {
                digest, mode: m, ..
            },
        ) => content.digest == *digest && mode == m,
        (Effect::MakeDir { mode, .. }, TargetState::Dir { mode: m, .. }) => mode == m,
        (Effect::RemoveFile { .. } | Effect::RemoveDir { .. }, TargetState::Absent) => true,
        _ => false,
    }
}

fn file(digest: Digest, mode: u32) -> TargetState {
    let (uid, gid) = crate::case::ME;
    TargetState::File {
        digest,
        mode,
        uid,
        gid,
    }
}

/// Of the intents that were left open, whether each had happened; what is in doubt counts as done, which
/// is what `--force` says.
pub fn had_happened(records: &[Record], scene: &Scene) -> BTreeMap<Seq, bool> {
    let mut told = told(records);
    told.settle(scene, true);
    told.found
}

/// What a run must come to.
pub fn run(plan: &Plan, records: &[Record], scene: &Scene, force: bool) -> Must {
    let mut told = told(records);
    if !told.settle(scene, force) {
        return Must::Doubt;
    }
    let mut scene = scene.clone();
    let mut changed = BTreeSet::new();
    let mut rewritten: BTreeSet<Utf8PathBuf> = BTreeSet::new();
    for step in &plan.steps {
        let changes = match &step.want {
            Want::Folder { path, mode } => {
                let (uid, gid) = crate::case::ME;
                let wanted = TargetState::Dir {
                    mode: *mode,
                    uid,
                    gid,
                };
                let differs = scene.at(path) != wanted;
                scene.put(path, wanted);
                differs
            }
            Want::File { path, text, mode } => {
                let wanted = file(Digest::of(text), *mode);
                let differs = scene.at(path) != wanted;
                scene.put(path, wanted);
                if differs {
                    rewritten.insert(path.clone());
                }
                differs
            }
            Want::Act { path } => {
                let TargetState::File { digest, .. } = scene.at(crate::kinds::GENERATION.into())
                else {
                    panic!("the generation is always there");
                };
                // The key is made of inputs, which never change here, and of the incarnation. The
                // generations only grow, so the last key tells.
                let done = told.keys.contains_key(&step.address)
                    && plan.acted.get(&step.address) == Some(&digest);
                if !done {
                    scene.put(path, file(digest, 0o644));
                }
                !done
            }
            Want::Server { config } => {
                let TargetState::File { digest, .. } = scene.at(config) else {
                    panic!("a configuration comes before its server");
                };
                let running = scene.processes.get(&step.address).copied().flatten();
                let last = |about: &dyn Fn(&Effect) -> bool| {
                    let mut all = told.did.iter().rev();
                    all.find(|one| about(&one.effect)).map(|one| one.seq)
                };
                let started = last(
                    &|effect| matches!(effect, Effect::StartProcess(spec) if spec.id.step == step.address),
                );
                let written = last(
                    &|effect| matches!(effect, Effect::WriteFile { path, .. } if path == config),
                );
                let stale = rewritten.contains(config) || written > started;
                let differs = running != Some(digest) || stale;
                scene.processes.insert(step.address.clone(), Some(digest));
                differs
            }
        };
        if changes {
            changed.insert(step.address.clone());
        }
    }
    Must::Succeed(scene, changed)
}

/// What a rollback must come to.
pub fn rollback(records: &[Record], scene: &Scene, force: bool) -> Must {
    let mut told = told(records);
    if !told.settle(scene, force) {
        return Must::Doubt;
    }
    let mut targets: Vec<(Target, TargetState, TargetState)> = vec![];
    for did in &told.did {
        let (target, after) = (did.effect.target(), did.after.clone());
        let after = after.unwrap_or(TargetState::Absent);
        match targets.iter_mut().find(|(other, ..)| *other == target) {
            Some((.., last)) => *last = after,
            None => targets.push((target, did.before.clone(), after)),
        }
    }
    let mut scene = scene.clone();
    for (target, before, after) in targets.into_iter().rev() {
        match target {
            Target::Process(id) => {
                scene.processes.remove(&id.step);
            }
            Target::Path(path) => {
                let now = scene.at(&path);
                let foreign = scene.below(&path);
                let made_folder =
                    matches!(after, TargetState::Dir { .. }) && before == TargetState::Absent;
                let conflict = if now == before {
                    false
                } else if made_folder {
                    // What is in it must be krun's, and nobody may have changed its rights.
                    !foreign.is_empty() || now != after
                } else {
                    now != after
                };
                if conflict && !force {
                    return Must::Conflict;
                }
                if now != before {
                    if made_folder {
                        for path in foreign {
                            scene.put(&path, TargetState::Absent);
                        }
                    }
                    scene.put(&path, before);
                }
            }
            Target::Contents(_) => {}
            other => panic!("no case is about {other}"),
        }
    }
    Must::Succeed(scene, BTreeSet::new())
}
