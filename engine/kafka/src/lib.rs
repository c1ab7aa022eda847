//! Kafka and ZooKeeper: version table, distribution, step kinds, clients, health and diagnosis.
//!
//! This crate owns everything that krun knows of Kafka. What a guide says is not in it: a documented
//! step stands in a runbook, in the words of the kinds that are registered here. It never prints,
//! never reads user configuration, and changes a machine only by effects; the only one who changes a
//! cluster is the [`ClusterEffector`].

mod aside;
mod by_hand;
mod cluster;
pub mod clusters;
pub mod diagnosis;
mod distribution;
mod generation;
mod java;
mod kinds;
mod process;
mod reassign;
pub mod versions;
pub mod view;
mod waiting;
mod zookeeper;

pub use cluster::{effector::ClusterEffector, network::Network};
pub use kinds::kinds;
