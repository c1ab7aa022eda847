//! What a rollback to the baseline would take back, in which order, and what stands in its way.
//!
//! The baseline is the earliest before-image of each target over all runs. Undoing goes in the
//! reverse order of each target's first effect. What somebody else changed since krun's last effect
//! on a target is a conflict; an overlay ([`World`]) follows what earlier undos of the same plan will
//! have done, so that a new snapshot folder where the quarantined one belongs is no conflict when
//! the contents of its parent are set aside first.

use std::collections::BTreeMap;

use krun_model::{
    Address, Effect, History, Target, TargetState, Undo, history::EffectMemory, journal::Seq,
};

mod replicas;

use crate::{Graph, World};

/// What is done about one target.
#[derive(Clone, Debug, PartialEq)]
pub enum UndoAction {
    /// This effect.
    Do(Effect),
    /// Nothing: it is already as it was before krun came.
    AlreadyBack,
    /// Nothing, on purpose; why.
    Kept(String),
    /// Nothing: it goes with something else that this rollback takes back; what.
    Contained(String),
    /// It can't be taken back; why.
    Irreversible(String),
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
}

/// All effects on one target, compacted.
struct Net<'a> {
    first: &'a EffectMemory,
    last: &'a EffectMemory,
    intents: Vec<Seq>,
}

fn nets(history: &History) -> Vec<Net<'_>> {
    let mut by_target: BTreeMap<Target, Net<'_>> = BTreeMap::new();
    for effect in history.effects.iter().chain(&history.pending) {
        by_target
            .entry(effect.effect.target())
            .and_modify(|net| {
                net.last = effect;
                net.intents.push(effect.seq);
            })
            .or_insert_with(|| Net {
                first: effect,
                last: effect,
                intents: vec![effect.seq],
            });
    }
    contain_records(&mut by_target);
    let mut nets: Vec<_> = by_target.into_values().collect();
    nets.sort_by_key(|net| std::cmp::Reverse(net.first.seq));
    nets
}

/// Records go with their topic: their intents are taken back by the topic's line, not before, so
/// that a rollback that was cut off still knows which records are krun's own.
fn contain_records(by_target: &mut BTreeMap<Target, Net<'_>>) {
    let records: Vec<_> = by_target
        .iter()
        .filter_map(|(target, net)| match target {
            Target::Records(topic) => Some((topic.clone(), net.intents.clone())),
            _ => None,
        })
        .collect();
    for (topic, intents) in records {
        let of_topic = by_target
            .iter_mut()
            .find(|(target, _)| matches!(target, Target::Topic(other) if other.name == topic.name));
        if let Some((_, net)) = of_topic {
            net.intents.extend(intents);
            if let Some(net) = by_target.get_mut(&Target::Records(topic)) {
                net.intents.clear();
            }
        }
    }
}

/// The targets that have to be looked at before a rollback can be planned, with the contents of
/// every folder that may be removed or that a move goes back into.
pub fn targets(history: &History) -> Vec<Target> {
    let mut targets: Vec<_> = nets(history)
        .iter()
        .map(|net| net.first.effect.target())
        .collect();
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
    let lines: Vec<_> = nets(history)
        .iter()
        .map(|net| {
            let target = net.first.effect.target();
            let step = &net.first.step;
            let subsumable = matches!(target, Target::Topic(_) | Target::Replicas(_))
                && claims.iter().any(|claim| graph.precedes(claim, step));
            let action = act_on(net, &target, subsumable, history, &world);
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

fn act_on(
    net: &Net<'_>,
    target: &Target,
    subsumable: bool,
    history: &History,
    world: &World,
) -> UndoAction {
    let now = world.state(target);
    let effect = match way_back(net) {
        Undo::By(effect) => effect,
        Undo::Kept if matches!(target, Target::Leaders(_)) => {
            return UndoAction::Kept("leaders move by themselves".into());
        }
        Undo::Kept => return UndoAction::Kept("stays installed".into()),
        Undo::Contained(container) => return UndoAction::Contained(container.to_string()),
        Undo::Irreversible(why) => return UndoAction::Irreversible(why),
    };
    let conflict = |found: String, forced: Vec<Effect>| UndoAction::Conflict {
        expected: net
            .last
            .after
            .as_ref()
            .map_or_else(String::new, ToString::to_string),
        found,
        forced,
    };
    match (target, &now) {
        (Target::Process(_) | Target::Topic(_), TargetState::Absent) => UndoAction::AlreadyBack,
        (Target::Process(_), _) => UndoAction::Do(effect),
        (Target::Topic(_), TargetState::Unreachable { .. }) if subsumable => {
            UndoAction::Contained("the data of its brokers, which do not answer".into())
        }
        (Target::Topic(topic), TargetState::Topic(seen)) => {
            let ours = records_written(history, topic);
            if seen.records > ours {
                let foreign = seen.records - ours;
                conflict(
                    format!("{foreign} records that krun did not write"),
                    vec![effect],
                )
            } else {
                UndoAction::Do(effect)
            }
        }
        (Target::Topic(_), other) => conflict(other.to_string(), vec![effect]),
        (Target::Contents(_), TargetState::Contents(_)) if effect.achieved(&now) => {
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
        (Target::Path(path), TargetState::Dir { .. })
            if matches!(effect, Effect::RemoveDir { .. }) =>
        {
            let foreign = world.names(path).filter(|names| !names.is_empty());
            match foreign {
                None => UndoAction::Do(effect),
                Some(names) => {
                    let few: Vec<_> = names.iter().take(5).cloned().collect();
                    let found = format!("{} that krun did not make", few.join(", "));
                    conflict(found, set_aside(path, world, effect))
                }
            }
        }
        (Target::Path(_), now) if Some(now) == net.last.after.as_ref() => UndoAction::Do(effect),
        (Target::Path(_), now) => conflict(now.to_string(), vec![effect]),
        (Target::Replicas(_), TargetState::Unreachable { .. }) if subsumable => {
            UndoAction::Contained("the data of its brokers, which do not answer".into())
        }
        (Target::Replicas(_), TargetState::Replicas(seen)) => {
            match replicas::way_back(net.first, effect, seen, history) {
                replicas::WayBack::Is(action) => action,
                replicas::WayBack::Conflict(effect) => conflict(now.to_string(), vec![effect]),
            }
        }
        (Target::Replicas(_), other) => conflict(other.to_string(), vec![effect]),
        (Target::Packages(_) | Target::Records(_) | Target::Leaders(_), _) => {
            UndoAction::Do(effect)
        }
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

fn records_written(history: &History, topic: &krun_model::topic::TopicRef) -> u64 {
    let records = history
        .effects
        .iter()
        .chain(&history.pending)
        .map(|e| match &e.effect {
            Effect::Produce {
                topic: t, records, ..
            } if t.name == topic.name => *records,
            _ => 0,
        });
    records.sum()
}
