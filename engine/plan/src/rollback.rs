//! What a rollback to the baseline would take back, in which order, and what stands in its way.
//!
//! The baseline is the earliest before-image of each target over all runs. Undoing goes in the
//! reverse order of each target's first effect. What somebody else changed since krun's last effect
//! on a target is a conflict; an overlay ([`World`]) follows what earlier undos of the same plan will
//! have done, so that a new snapshot folder where the quarantined one belongs is no conflict when
//! the contents of its parent are set aside first.

use std::collections::{BTreeSet, HashMap};

use krun_model::{
    Address, Effect, History, RunId, Target, TargetState, Undo, history::EffectMemory, journal::Seq,
};

use crate::{Graph, World};

mod in_cluster;
mod part;
mod plugins;
mod replicas;

pub use part::rollback_part;

/// What is done about one target.
#[derive(Clone, Debug, PartialEq)]
pub enum UndoAction {
    /// This effect.
    Do(Effect),
    /// Nothing: it is already as it was before krun came.
    AlreadyBack,
    /// Nothing but that the journal says so.
    Forgotten,
    /// Nothing, on purpose; why.
    Kept(String),
    /// Nothing: it goes with something else that this rollback takes back; what.
    Contained(String),
    /// It can't be taken back; why.
    Irreversible(String),
    /// Nothing: what came later, and is not taken back with it, rests on it.
    Later {
        /// Runs, and their steps.
        by: Vec<(RunId, Address)>,
    },
    /// Somebody else changed it.
    Conflict {
        /// What krun left there.
        expected: String,
        /// What is there.
        found: String,
        /// What `--force` would do.
        forced: Vec<Effect>,
    },
}

/// One target of a rollback.
#[derive(Clone, Debug, PartialEq)]
pub struct UndoLine {
    /// The intents that this line takes back, all on one target.
    pub intents: Vec<Seq>,
    /// The step that acted on it first.
    pub step: Address,
    /// The target.
    pub target: Target,
    /// What is done.
    pub action: UndoAction,
    /// Whether, if the effect fails because the cluster is dying, the target goes with the data of
    /// its brokers all the same.
    pub subsumable: bool,
}

/// A whole rollback, in order.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RollbackPlan {
    /// What is done, in this order.
    pub lines: Vec<UndoLine>,
}

impl RollbackPlan {
    /// The lines that somebody else's change stands in the way of.
    pub fn conflicts(&self) -> impl Iterator<Item = &UndoLine> {
        self.lines
            .iter()
            .filter(|line| matches!(line.action, UndoAction::Conflict { .. }))
    }

    /// The lines that something later rests on, whatever is forced.
    pub fn built_on(&self) -> impl Iterator<Item = (&UndoLine, &[(RunId, Address)])> {
        self.lines.iter().filter_map(|line| match &line.action {
            UndoAction::Later { by } => Some((line, by.as_slice())),
            _ => None,
        })
    }
}

/// All effects on one target, compacted.
struct Net<'a> {
    /// The target as the first effect names it.
    target: Target,
    first: &'a EffectMemory,
    last: &'a EffectMemory,
    /// All of them, in order.
    all: Vec<&'a EffectMemory>,
    intents: Vec<Seq>,
}

impl Net<'_> {
    /// Whether a process is not the one that krun left: somebody else started it with something else.
    fn another_runs(&self, now: &krun_model::process::Running) -> bool {
        let left = match &self.last.after {
            Some(TargetState::Running(left)) => left.digest,
            _ => None,
        };
        left.is_some_and(|left| now.digest.is_some_and(|now| now != left))
    }

    /// Somebody else's change is in the way.
    fn conflict(&self, found: String, forced: Vec<Effect>) -> UndoAction {
        let expected = self.last.after.as_ref();
        UndoAction::Conflict {
            expected: expected.map_or_else(String::new, ToString::to_string),
            found,
            forced,
        }
    }
}

/// What is found, with its owner where nothing else is different.
fn differing(left: Option<&TargetState>, found: &TargetState) -> String {
    let owner = |state: &TargetState| match state {
        TargetState::File { uid, gid, .. } | TargetState::Dir { uid, gid, .. } => {
            Some((*uid, *gid))
        }
        _ => None,
    };
    match (left.and_then(owner), owner(found)) {
        (Some(was), Some((uid, gid))) if was != (uid, gid) => {
            format!(
                "{found} of owner {uid}:{gid}, which was {}:{}",
                was.0, was.1
            )
        }
        _ => found.to_string(),
    }
}

fn nets(history: &History) -> Vec<Net<'_>> {
    let mut nets: Vec<Net<'_>> = vec![];
    let mut at: HashMap<Target, usize> = HashMap::new();
    let acts = history.acts();
    let mut act_at: HashMap<Seq, usize> = HashMap::new();
    let mut effects: Vec<_> = history
        .effects
        .iter()
        .chain(&history.pending)
        .filter(|effect| !matches!(effect.effect, Effect::PluginUndo { .. }))
        .collect();
    // What went on by itself after a kill ends later than what came after it.
    effects.sort_by_key(|effect| effect.seq);
    for effect in effects {
        let target = effect.effect.target();
        if let Some(act) = acts.around(effect)
            && let Some(index) = act_at.get(&act.seq)
        {
            nets[*index].intents.push(effect.seq);
            continue;
        }
        if let Effect::PluginAct(_) = effect.effect {
            at.remove(&target);
            act_at.insert(effect.seq, nets.len());
        }
        let known = at.get(&target).copied().or_else(|| {
            let same = || nets.iter().position(|net| net.target.is_same(&target));
            target.is_in_cluster().then(same).flatten()
        });
        let index = match known {
            Some(index) => {
                let net = &mut nets[index];
                net.last = effect;
                net.all.push(effect);
                net.intents.push(effect.seq);
                index
            }
            None => {
                nets.push(Net {
                    target: target.clone(),
                    first: effect,
                    last: effect,
                    all: vec![effect],
                    intents: vec![effect.seq],
                });
                nets.len() - 1
            }
        };
        at.insert(target, index);
    }
    in_cluster::contain(&mut nets);
    nets.sort_by_key(|net| std::cmp::Reverse(net.first.seq));
    nets
}

/// The targets that have to be looked at before a rollback can be planned, with the contents of
/// every folder that may be removed or that a move goes back into.
pub fn targets(history: &History) -> Vec<Target> {
    let mut targets: Vec<_> = nets(history).iter().map(|net| net.target.clone()).collect();
    for effect in &history.effects {
        match &effect.effect {
            Effect::MakeDir { path, .. } => targets.push(Target::Contents(path.clone())),
            Effect::Move { from, .. } => {
                targets.extend(
                    from.parent()
                        .map(|parent| Target::Contents(parent.to_owned())),
                );
            }
            _ => {}
        }
    }
    targets.sort();
    targets.dedup();
    targets
}

/// Plans a rollback of everything that `history` still holds, in a world as it was seen.
pub fn rollback(history: &History, mut world: World) -> RollbackPlan {
    let graph = Graph::of_history(history);
    let claims: Vec<&Address> = history
        .effects
        .iter()
        .filter(|e| matches!(e.effect, Effect::Claim { .. }))
        .map(|e| &e.step)
        .collect();
    let nets = nets(history);
    let busy = busy(&nets, &world);
    let mut acted = BTreeSet::new();
    let lines: Vec<_> = nets
        .iter()
        .map(|net| {
            let target = net.target.clone();
            let step = &net.first.step;
            let subsumable =
                target.is_in_cluster() && claims.iter().any(|claim| graph.precedes(claim, step));
            let action = if let Target::Plugin(_) = target {
                let is_newest = acted.insert(step.clone());
                plugins::act_on(net, &world.state(&target), history, is_newest)
            } else if target.is_in_cluster() {
                in_cluster::act_on(net, &nets, subsumable, history, &world)
            } else {
                act_on(net, &target, &world, &busy)
            };
            for effect in plugins::taken_along(net, &action, history) {
                world.apply(effect);
            }
            match &action {
                UndoAction::Do(effect) => world.apply(effect),
                UndoAction::Conflict { forced, .. } => {
                    forced.iter().for_each(|effect| world.apply(effect));
                }
                _ => {}
            }
            UndoLine {
                intents: net.intents.clone(),
                step: step.clone(),
                target,
                action,
                subsumable,
            }
        })
        .collect();
    let lines = adopted(history).chain(lines).collect();
    RollbackPlan { lines }
}

/// What was adopted is nobody's to end.
fn adopted(history: &History) -> impl Iterator<Item = UndoLine> {
    history.adopted.iter().map(|(step, adopted)| UndoLine {
        intents: vec![],
        step: step.clone(),
        target: Target::Process(adopted.spec.id.clone()),
        action: UndoAction::Kept(format!(
            "runs on as pid {}: krun did not start it",
            adopted.running.pid
        )),
        subsumable: false,
    })
}

/// The steps of which a process still runs: until it is stopped it may write into what they claimed.
fn busy(nets: &[Net<'_>], world: &World) -> BTreeSet<Address> {
    let running = |net: &&Net<'_>| matches!(world.state(&net.target), TargetState::Running(_));
    let processes = nets.iter().filter(running);
    let steps = processes.flat_map(|net| net.all.iter().map(|effect| effect.step.clone()));
    steps.collect()
}

fn act_on(net: &Net<'_>, target: &Target, world: &World, busy: &BTreeSet<Address>) -> UndoAction {
    let now = world.state(target);
    let effect = match way_back(net) {
        Undo::By(effect) => effect,
        Undo::Kept => return UndoAction::Kept("stays installed".into()),
        Undo::Contained(container) => return UndoAction::Contained(container.to_string()),
        Undo::Irreversible(why) => return UndoAction::Irreversible(why),
        Undo::Forgotten => return UndoAction::Forgotten,
    };
    let conflict = |found, forced| net.conflict(found, forced);
    match (target, &now) {
        (Target::Process(_), TargetState::Absent) => UndoAction::AlreadyBack,
        (Target::Process(_), TargetState::Running(now)) if net.another_runs(now) => conflict(
            format!(
                "{}, started with something else",
                TargetState::Running(now.clone())
            ),
            vec![effect],
        ),
        (Target::Process(_), _) => UndoAction::Do(effect),
        (Target::Contents(_), TargetState::Contents(_))
            if effect.achieved(&now) && !busy.contains(&net.first.step) =>
        {
            UndoAction::AlreadyBack
        }
        (Target::Contents(_), TargetState::Contents(_)) => UndoAction::Do(effect),
        (Target::Contents(_), _) => UndoAction::AlreadyBack,
        (
            Target::Moved { .. },
            TargetState::Moved {
                from: false,
                to: true,
            },
        ) => UndoAction::Do(effect),
        (
            Target::Moved { .. },
            TargetState::Moved {
                from: true,
                to: false,
            },
        ) => UndoAction::AlreadyBack,
        (Target::Moved { .. }, other) => conflict(other.to_string(), vec![]),
        (Target::Path(_), now) if *now == net.first.before => UndoAction::AlreadyBack,
        // It holds a secret and the key is missing: taking it back says so, and all else goes on.
        (Target::Path(_), TargetState::Unreachable { .. }) => UndoAction::Do(effect),
        (Target::Path(path), TargetState::Dir { .. })
            if matches!(effect, Effect::RemoveDir { .. }) =>
        {
            let foreign = world.names(path).filter(|names| !names.is_empty());
            match foreign {
                // Its rights or its owner were changed.
                None if net.last.after.as_ref().is_some_and(|after| *after != now) => {
                    conflict(differing(net.last.after.as_ref(), &now), vec![effect])
                }
                None => UndoAction::Do(effect),
                Some(names) => {
                    let few: Vec<_> = names.iter().take(5).cloned().collect();
                    let found = format!("{} that krun did not make", few.join(", "));
                    conflict(found, set_aside(path, world, effect))
                }
            }
        }
        (Target::Path(_), now) if Some(now) == net.last.after.as_ref() => UndoAction::Do(effect),
        (Target::Path(_), now) => conflict(differing(net.last.after.as_ref(), now), vec![effect]),
        (
            Target::Packages(_)
            | Target::Topic(_)
            | Target::Records(_)
            | Target::Configs(_)
            | Target::Group(_)
            | Target::Replicas(_)
            | Target::Leaders(_)
            | Target::Plugin(_)
            | Target::Kept { .. },
            _,
        ) => UndoAction::Do(effect),
    }
}

/// What `--force` does about a folder that holds what krun did not make: nothing a person may miss
/// is deleted, so its contents are set aside.
fn set_aside(path: &camino::Utf8Path, world: &World, remove: Effect) -> Vec<Effect> {
    let release = world.aside(path).map(|quarantine| Effect::Release {
        path: path.to_owned(),
        keep: Default::default(),
        quarantine: quarantine.to_owned(),
    });
    release.into_iter().chain([remove]).collect()
}

/// From what is there after the last effect back to what was there before the first.
fn way_back(net: &Net<'_>) -> Undo {
    match (
        net.first.effect.target(),
        &net.first.before,
        &net.last.after,
    ) {
        (Target::Path(path), TargetState::Absent, Some(TargetState::Dir { .. })) => {
            Undo::By(Effect::RemoveDir { path })
        }
        (Target::Path(path), TargetState::Absent, _) => Undo::By(Effect::RemoveFile { path }),
        // An adopted process that krun ended can't be given back; what krun started in its place is
        // krun's own to end.
        (Target::Process(_), TargetState::Running(_), _) => match &net.last.effect {
            start @ Effect::StartProcess(_) => start.undo(&TargetState::Absent),
            _ => net.first.undo.clone(),
        },
        _ => net.first.undo.clone(),
    }
}
