//! What topics may be called and how they must be made, as two proofs: of one topic before it is
//! created, and of all topics of a cluster.
//!
//! The rules are pure functions (`rules`); the kinds only gather what they need. Changes nothing.

mod check_cluster;
mod check_topic;
mod rules;

pub use check_cluster::CheckCluster;
pub use check_topic::CheckTopic;

krun_plugin_sdk::plugin! {
    name: "topic-policy",
    doc: "What topics may be called and how they must be made: names, replicas, partitions.",
    kinds: [CheckCluster, CheckTopic],
    wants: [
        "kafka:HOST:PORT" => "the topics, the brokers and their min.insync.replicas are looked at",
    ],
}
