//! The step kinds: one file each, registered here in alphabetical order.

mod args;
mod broker;
mod broker_settings;
mod clean_logs;
mod consume;
mod describe;
mod distribution;
mod elect_leaders;
mod groups;
mod java;
mod keyed;
mod produce;
mod reassign;
mod settings;
mod topic;
mod topic_absent;
mod zookeeper_clean;
mod zookeeper_distribution;
mod zookeeper_server;
mod zookeeper_snapshot_folders;

use std::sync::Arc;

use krun_model::Kind;

use crate::{clusters::Clusters, diagnosis::Patterns};

/// All kinds of this crate. The patterns say what a dying server's log means; clusters are looked at
/// through `clusters`.
pub fn kinds(patterns: Arc<Patterns>, clusters: Arc<dyn Clusters>) -> Vec<Kind> {
    let at = || clusters.clone();
    vec![
        Kind::State(Arc::new(broker::Broker::new(patterns.clone(), at()))),
        Kind::State(Arc::new(broker_settings::BrokerSettings(at()))),
        Kind::State(Arc::new(clean_logs::CleanLogs)),
        Kind::Proof(Arc::new(consume::Consume(at()))),
        Kind::Proof(Arc::new(describe::Describe(at()))),
        Kind::State(Arc::new(distribution::Distribution)),
        Kind::State(Arc::new(elect_leaders::ElectLeaders(at()))),
        Kind::Once(Arc::new(groups::Groups(at()))),
        Kind::State(Arc::new(java::JavaKind)),
        Kind::Proof(Arc::new(keyed::Keyed(at()))),
        Kind::Once(Arc::new(produce::Produce)),
        Kind::State(Arc::new(reassign::Reassign(at()))),
        Kind::State(Arc::new(topic::Topic(at()))),
        Kind::State(Arc::new(topic_absent::TopicAbsent(at()))),
        Kind::State(Arc::new(zookeeper_clean::Clean)),
        Kind::State(Arc::new(zookeeper_distribution::Distribution)),
        Kind::State(Arc::new(zookeeper_server::Server::new(patterns, at()))),
        Kind::State(Arc::new(zookeeper_snapshot_folders::SnapshotFolders)),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_is_documented() {
        let kinds = kinds(Arc::new(Patterns::builtin()), Arc::new(crate::Network));
        let names: Vec<_> = kinds.iter().map(|kind| kind.spec().name).collect();
        let mut sorted = names.clone();
        sorted.sort_unstable();
        assert_eq!(names, sorted);
        for kind in &kinds {
            let spec = kind.spec();
            assert!(spec.doc.ends_with('.'), "{}", spec.name);
            for arg in spec.args {
                assert!(arg.doc.ends_with('.'), "{} {}", spec.name, arg.name);
            }
        }
    }
}
