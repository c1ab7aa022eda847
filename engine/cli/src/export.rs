//! Data of the engine as the report crate shows it.

use krun_kafka::view::{ClusterView, GroupView, PartitionView};
use krun_plan::{RollbackPlan, UndoAction};
use krun_report::{
    ClusterBroker, ClusterGroup, ClusterPartition, ClusterTable, ClusterTopic, GroupPlace,
    RollbackLine,
};

/// A rollback plan's lines, in order.
pub fn rollback_lines(plan: &RollbackPlan) -> Vec<RollbackLine> {
    plan.lines
        .iter()
        .map(|line| {
            let (how, note) = match &line.action {
                UndoAction::Do(effect) => (krun_run::undo_words(effect).to_owned(), None),
                UndoAction::Forgotten => ("forgotten".to_owned(), None),
                UndoAction::AlreadyBack => ("already as before".to_owned(), None),
                UndoAction::Kept(why) => (why.clone(), None),
                UndoAction::Contained(what) => (format!("goes with {what}"), None),
                UndoAction::Irreversible(why) => ("stays".to_owned(), Some(why.clone())),
                UndoAction::Later { by } => (
                    "stays: a later run rests on it".to_owned(),
                    Some(krun_run::by_words(by)),
                ),
                UndoAction::Conflict {
                    expected, found, ..
                } => (
                    "conflict: only with --force".to_owned(),
                    Some(format!("krun left {expected}, found {found}")),
                ),
            };
            RollbackLine {
                step: line.step.to_string(),
                target: line.target.to_string(),
                how,
                note,
            }
        })
        .collect()
}

fn count(view: &ClusterView, is: impl Fn(&PartitionView) -> bool) -> usize {
    view.partitions().filter(|(_, one)| is(one)).count()
}

/// A cluster as a table.
pub fn cluster_table(view: &ClusterView, groups: Vec<GroupView>) -> ClusterTable {
    ClusterTable {
        cluster_id: view.cluster_id.clone(),
        brokers: view
            .brokers
            .iter()
            .map(|broker| ClusterBroker {
                id: broker.id,
                host: broker.host.clone(),
                port: broker.port,
                controller: view.controller == Some(broker.id),
                replicas: count(view, |partition| partition.replicas.contains(&broker.id)),
                leads: count(view, |partition| partition.leader == Some(broker.id)),
            })
            .collect(),
        topics: view
            .topics
            .iter()
            .map(|(name, partitions)| ClusterTopic {
                name: name.clone(),
                partitions: partitions
                    .iter()
                    .map(|partition| ClusterPartition {
                        id: partition.id,
                        leader: partition.leader,
                        replicas: partition.replicas.clone(),
                        isr: partition.isr.clone(),
                        start: partition.start,
                        end: partition.end,
                    })
                    .collect(),
            })
            .collect(),
        groups: groups
            .into_iter()
            .map(|group| ClusterGroup {
                id: group.id,
                state: group.state,
                members: group.members,
                places: group
                    .lags
                    .into_iter()
                    .map(|place| GroupPlace {
                        lag: place.records(),
                        topic: place.topic,
                        partition: place.partition,
                        committed: place.committed,
                        end: place.end,
                    })
                    .collect(),
            })
            .collect(),
    }
}
