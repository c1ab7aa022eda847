//! The way back for what is in a cluster: topics with their records and settings, settings of brokers,
//! consumer groups, replicas and leaders.
//!
//! What krun created goes as a whole, and what krun put into it goes along. A topic goes only if it
//! holds no more records than krun wrote. Of settings only those keys are put back that krun set, and
//! only if nobody set them since.

use krun_model::{
    Effect, History, Target, TargetState, Undo,
    configs::{ConfigChanges, ConfigsOf, differing, same_config},
    topic::{TopicRef, TopicSeen},
};

use super::{
    Net, UndoAction,
    replicas::{WayBack, way_back},
};
use crate::World;

/// The topic that a target lies in.
pub(super) fn topic_of(target: &Target) -> Option<Target> {
    let (bootstrap, name) = match target {
        Target::Records(topic) => (&topic.bootstrap, &topic.name),
        Target::Configs(configs) => match &configs.of {
            ConfigsOf::Topic(name) => (&configs.bootstrap, name),
            ConfigsOf::Broker(_) | ConfigsOf::Brokers | ConfigsOf::Clients(_) => return None,
        },
        _ => return None,
    };
    Some(Target::Topic(TopicRef {
        bootstrap: bootstrap.clone(),
        name: name.clone(),
    }))
}

/// The topic that a target lies in, if krun created it: then they go together.
fn container(target: &Target, nets: &[Net<'_>]) -> Option<usize> {
    let topic = topic_of(target)?;
    nets.iter().position(|net| {
        net.target.is_same(&topic) && matches!(net.first.effect, Effect::CreateTopic { .. })
    })
}

/// Records and settings go with a topic that krun created: their intents are taken back by the topic's
/// line, not before, so that a rollback that was cut off still knows which records are krun's own.
pub(super) fn contain(nets: &mut [Net<'_>]) {
    for at in 0..nets.len() {
        if let Some(topic) = container(&nets[at].target, nets) {
            let intents = std::mem::take(&mut nets[at].intents);
            nets[topic].intents.extend(intents);
        }
    }
}

/// What is done about one of them.
pub(super) fn act_on(
    net: &Net<'_>,
    nets: &[Net<'_>],
    subsumable: bool,
    history: &History,
    world: &World,
) -> UndoAction {
    let now = world.state(&net.target);
    if let Some(topic) = container(&net.target, nets) {
        // Settings that somebody else made would be lost with the topic.
        return match (&net.target, &now) {
            (Target::Configs(_), TargetState::Configs(_)) => match settings(net, &now) {
                UndoAction::Conflict {
                    expected, found, ..
                } => UndoAction::Conflict {
                    expected,
                    found,
                    forced: vec![],
                },
                _ => UndoAction::Contained(nets[topic].target.to_string()),
            },
            _ => UndoAction::Contained(nets[topic].target.to_string()),
        };
    }
    if subsumable && matches!(now, TargetState::Unreachable { .. }) {
        return UndoAction::Contained("the data of its brokers, which do not answer".into());
    }
    match (&net.target, &net.first.undo) {
        (Target::Configs(_), Undo::By(_)) => settings(net, &now),
        (Target::Replicas(_), Undo::By(effect)) => replicas(net, effect, &now, history),
        (Target::Leaders(_), Undo::Kept) => UndoAction::Kept("leaders move by themselves".into()),
        (_, Undo::By(effect)) => match (&net.target, &now) {
            (_, TargetState::Absent) => UndoAction::AlreadyBack,
            (Target::Topic(_), TargetState::Topic(seen)) if partitions_added(net, seen) > 0 => {
                let more = partitions_added(net, seen);
                net.conflict(
                    format!("{more} partitions that krun did not add"),
                    vec![effect.clone()],
                )
            }
            (Target::Topic(topic), TargetState::Topic(seen)) => {
                match seen.records.saturating_sub(records_written(history, topic)) {
                    0 => UndoAction::Do(effect.clone()),
                    foreign => net.conflict(
                        format!("{foreign} records that krun did not write"),
                        vec![effect.clone()],
                    ),
                }
            }
            (Target::Group(_), TargetState::Committed(_)) => UndoAction::Do(effect.clone()),
            (_, other) => net.conflict(other.to_string(), vec![effect.clone()]),
        },
        (_, Undo::Forgotten) => UndoAction::Forgotten,
        (_, Undo::Kept) => UndoAction::Kept("stays".into()),
        (_, Undo::Contained(container)) => UndoAction::Irreversible(format!(
            "{container} stays, and records can't be taken out of it"
        )),
        (_, Undo::Irreversible(why)) => UndoAction::Irreversible(why.clone()),
    }
}

/// How many partitions a topic has more than krun left it with.
fn partitions_added(net: &Net<'_>, seen: &TopicSeen) -> u32 {
    let left = net.all.iter().rev().find_map(|effect| match &effect.after {
        Some(TargetState::Topic(left)) => Some(left.partitions),
        _ => None,
    });
    left.map_or(0, |left| seen.partitions.saturating_sub(left))
}

/// Moves replicas back to where they were before krun moved them first.
fn replicas(net: &Net<'_>, back: &Effect, now: &TargetState, history: &History) -> UndoAction {
    let TargetState::Replicas(seen) = now else {
        return net.conflict(now.to_string(), vec![back.clone()]);
    };
    match way_back(net.first, back.clone(), seen, history) {
        WayBack::Is(action) => action,
        WayBack::Conflict(effect) => net.conflict(now.to_string(), vec![effect]),
    }
}

/// Puts back the keys that krun set, each to what it was before krun set it first.
fn settings(net: &Net<'_>, now: &TargetState) -> UndoAction {
    let now = match now {
        TargetState::Configs(now) => now,
        // A topic that is gone has no settings to put back.
        TargetState::Absent => return UndoAction::AlreadyBack,
        other => return net.conflict(other.to_string(), vec![]),
    };
    let (mut back, mut left) = (ConfigChanges::new(), ConfigChanges::new());
    for memory in &net.all {
        let (Effect::AlterConfigs { changes, .. }, TargetState::Configs(before)) =
            (&memory.effect, &memory.before)
        else {
            continue;
        };
        for (key, value) in changes {
            back.entry(key.clone())
                .or_insert_with(|| before.get(key).cloned());
            left.insert(key.clone(), value.clone());
        }
    }
    let to_do: ConfigChanges = differing(&back, now)
        .into_iter()
        .map(|key| (key.to_owned(), back[key].clone()))
        .collect();
    if to_do.is_empty() {
        return UndoAction::AlreadyBack;
    }
    let foreign: Vec<_> = to_do
        .keys()
        .filter(|key| !is(&left[*key], now.get(*key)) && net.last.after.is_some())
        .collect();
    let effect = match &net.target {
        Target::Configs(configs) => Effect::AlterConfigs {
            configs: configs.clone(),
            changes: to_do.clone(),
        },
        _ => return UndoAction::AlreadyBack,
    };
    if foreign.is_empty() {
        return UndoAction::Do(effect);
    }
    let words = |of: &dyn Fn(&str) -> Option<String>| {
        let lines: Vec<_> = foreign
            .iter()
            .map(|key| match of(key) {
                Some(value) => format!("{key}={value}"),
                None => format!("{key} as by default"),
            })
            .collect();
        lines.join(", ")
    };
    UndoAction::Conflict {
        expected: words(&|key| left[key].clone()),
        found: words(&|key| now.get(key).cloned()),
        forced: vec![effect],
    }
}

fn is(wanted: &Option<String>, there: Option<&String>) -> bool {
    match (wanted, there) {
        (Some(wanted), Some(there)) => same_config(wanted, there),
        (wanted, there) => wanted.is_none() && there.is_none(),
    }
}

/// How many records krun wrote into a topic since it created it last, in whatever way it reached it.
fn records_written(history: &History, topic: &TopicRef) -> u64 {
    let records = Target::Records(topic.clone());
    let topic = Target::Topic(topic.clone());
    let effects = history.effects.iter().chain(&history.pending);
    effects.fold(0, |written, memory| {
        let target = memory.effect.target();
        match &memory.effect {
            Effect::CreateTopic { .. } if target.is_same(&topic) => 0,
            Effect::Produce { records: more, .. } if target.is_same(&records) => written + more,
            _ => written,
        }
    })
}

#[cfg(test)]
mod tests;
