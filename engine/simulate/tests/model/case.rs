//! Random cases: a graph of steps, a machine before it, and what happens to both.

use std::collections::BTreeMap;

use camino::{Utf8Path, Utf8PathBuf};
use krun_model::{Address, Digest, Manner, Runbook, Step, TargetState, Value, runbook::Span};
use krun_simulate::{Node, Subject, World};

use crate::kinds::{GENERATION, kinds};

/// The user that simulated kruns run as.
pub const ME: (u32, u32) = (1000, 1000);

/// What a step wants.
#[derive(Clone, Debug)]
pub enum Want {
    Folder {
        path: Utf8PathBuf,
        mode: u32,
    },
    File {
        path: Utf8PathBuf,
        text: String,
        mode: u32,
    },
    Act {
        path: Utf8PathBuf,
    },
    Server {
        config: Utf8PathBuf,
    },
}

/// A step of a case.
#[derive(Clone, Debug)]
pub struct Wanted {
    pub address: Address,
    pub want: Want,
    pub after: Vec<Address>,
}

/// All steps, each after those that it comes after.
#[derive(Clone, Debug, Default)]
pub struct Plan {
    pub steps: Vec<Wanted>,
    /// The generation in which each act was done last, as far as runs succeeded.
    pub acted: BTreeMap<Address, Digest>,
}

/// What happens next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Happens {
    Run {
        kill: Option<u64>,
        error: Option<(u64, bool)>,
    },
    Rollback {
        kill: Option<u64>,
        error: Option<(u64, bool)>,
    },
    Outside,
}

pub fn happens(rng: &mut fastrand::Rng, steps: usize) -> Happens {
    let most = 14 * steps as u64 + 6;
    let kill = (rng.u8(..3) > 0).then(|| rng.u64(1..=most));
    let error =
        (kill.is_none() && rng.u8(..3) == 0).then(|| (rng.u64(1..=steps as u64), rng.bool()));
    match rng.u8(..8) {
        0..4 => Happens::Run { kill, error },
        4..6 => Happens::Rollback { kill, error },
        _ => Happens::Outside,
    }
}

const MODES: [u32; 2] = [0o755, 0o700];
const TEXTS: [&str; 3] = ["one\n", "two\n", ""];

pub fn plan(rng: &mut fastrand::Rng) -> Plan {
    let mut plan = Plan::default();
    let (mut folders, mut files) = (vec![], vec![]);
    for number in 0..rng.usize(1..=7) {
        let mut after = vec![];
        let mut into = |rng: &mut fastrand::Rng, folders: &[(Address, Utf8PathBuf)]| match folders
            .get(rng.usize(..=folders.len()))
        {
            None => Utf8PathBuf::from("/w"),
            Some((step, path)) => {
                after.push(step.clone());
                path.clone()
            }
        };
        let address: Address = format!("s{number}").parse().expect("an address");
        let mode = MODES[rng.usize(..MODES.len())];
        let want = match rng.u8(..6) {
            0 | 1 => {
                let path = into(rng, &folders).join(format!("d{number}"));
                folders.push((address.clone(), path.clone()));
                Want::Folder { path, mode }
            }
            2 | 3 => {
                let path = into(rng, &folders).join(format!("f{number}"));
                files.push((address.clone(), path.clone()));
                let text = TEXTS[rng.usize(..TEXTS.len())].to_owned();
                Want::File { path, text, mode }
            }
            4 => Want::Act {
                path: into(rng, &folders).join(format!("a{number}")),
            },
            _ => match files.get(rng.usize(..files.len().max(1))) {
                None => continue,
                Some((step, config)) => {
                    after.push(step.clone());
                    let config = config.clone();
                    Want::Server { config }
                }
            },
        };
        for other in &plan.steps {
            if rng.u8(..4) == 0 && !after.contains(&other.address) {
                after.push(other.address.clone());
            }
        }
        plan.steps.push(Wanted {
            address,
            want,
            after,
        });
    }
    plan
}

/// A machine on which some of it is there already, as wanted or otherwise.
pub fn start(rng: &mut fastrand::Rng, plan: &Plan) -> World {
    let mut world = World::new();
    world.files.plant("/w".into(), Node::dir(0o755));
    world.files.plant("/log".into(), Node::dir(0o755));
    world
        .files
        .plant(GENERATION.into(), Node::file(*b"1", 0o644));
    for step in &plan.steps {
        let parent_is_there = |path: &Utf8Path| {
            let parent = path.parent().unwrap_or(path);
            world.files.get(parent).is_some()
        };
        match &step.want {
            Want::Folder { path, .. } if rng.u8(..4) == 0 && parent_is_there(path) => {
                world.files.plant(path, Node::dir(MODES[rng.usize(..2)]));
            }
            Want::File { path, .. } | Want::Act { path }
                if rng.u8(..4) == 0 && parent_is_there(path) =>
            {
                let text = TEXTS[rng.usize(..3)].as_bytes();
                world
                    .files
                    .plant(path, Node::file(text, MODES[rng.usize(..2)]));
            }
            _ => {}
        }
    }
    world
}

/// Somebody else changes something; what.
pub fn outside(rng: &mut fastrand::Rng, plan: &Plan, start: &World, world: &mut World) -> String {
    if rng.u8(..6) == 0 {
        let text = world.files.bytes(GENERATION.into()).ok().flatten();
        let next = [&*text.unwrap_or_default(), b"+"].concat();
        let written = world
            .files
            .write(GENERATION.into(), next.into(), 0o644, None);
        return format!("a new generation: {written:?}");
    }
    let step = &plan.steps[rng.usize(..plan.steps.len())];
    match &step.want {
        Want::Server { .. } => {
            let died = world.one_dies(rng.usize(..8));
            format!("a process dies: {died:?}")
        }
        Want::Folder { path, .. } => {
            // A folder that was there before krun stays: what was in it could not come back.
            let ours = start.files.get(path).is_none();
            match (rng.u8(..3), world.files.state(path)) {
                (_, TargetState::Absent) => "nothing".into(),
                (0, _) if ours => {
                    world.files.take(path);
                    format!("{path} is deleted")
                }
                (1, _) => {
                    let mode = rng.choice([0o755, 0o700, 0o711]).unwrap_or_default();
                    let made = world.files.make_dir(path, mode);
                    format!("{path} gets the mode {mode:o}: {made:?}")
                }
                _ => {
                    world
                        .files
                        .plant(&path.join("foreign"), Node::file(*b"x", 0o644));
                    format!("a file is put into {path}")
                }
            }
        }
        Want::File { path, .. } | Want::Act { path } => {
            let Some(Node::File { bytes, mode, .. }) = world.files.get(path).cloned() else {
                return "nothing".into();
            };
            match rng.u8(..3) {
                0 => world.files.take(path),
                1 => drop(world.files.write(path, bytes, mode ^ 0o022, None)),
                _ => drop(world.files.write(path, (*b"foreign").into(), mode, None)),
            }
            format!("{path} is changed to {}", world.files.state(path))
        }
    }
}

pub fn subject(plan: &Plan, start: World) -> Subject {
    let steps = plan.steps.iter().map(|step| {
        let text = |text: &str| Value::Str(text.to_owned());
        let octal = |mode: u32| Value::Str(format!("{mode:04o}"));
        let (kind, args): (_, Vec<(&str, Value)>) = match &step.want {
            Want::Folder { path, mode } => (
                "directory",
                vec![("path", text(path.as_str())), ("mode", octal(*mode))],
            ),
            Want::File {
                path,
                text: content,
                mode,
            } => (
                "file",
                vec![
                    ("path", text(path.as_str())),
                    ("content", text(content)),
                    ("mode", octal(*mode)),
                ],
            ),
            Want::Act { path } => ("act", vec![("path", text(path.as_str()))]),
            Want::Server { config } => ("server", vec![("config", text(config.as_str()))]),
        };
        Step {
            address: step.address.clone(),
            kind: kind.to_owned(),
            args: args.into_iter().map(|(k, v)| (k.to_owned(), v)).collect(),
            after: step.after.clone(),
            manner: Manner::default(),
            doc: String::new(),
            phase: None,
            span: Span {
                file: "r".into(),
                line: 1,
                column: 1,
            },
        }
    });
    let runbook = Runbook {
        name: "r".into(),
        version: "1".into(),
        steps: steps.collect(),
        ..Runbook::default()
    };
    Subject::alone(runbook, |_| kinds(), start)
}
