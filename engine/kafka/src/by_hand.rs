//! What a person types instead of the steps of this crate: the commands of Kafka's own guides.
//!
//! `tools` owns what differs between versions of Kafka; the other modules hold one function a kind.
//! Outputs of a step are kept in variables of the shell, under the names that the model gives them.

mod data;
mod groups;
mod placement;
mod prepare;
mod servers;
mod source;
mod tools;
mod topics;

pub use data::{consume, keyed, produce};
pub use groups::groups;
pub use placement::{elect_leaders, reassign};
pub use prepare::{
    clean_logs, distribution, java, zookeeper_clean, zookeeper_distribution,
    zookeeper_snapshot_folders,
};
pub use servers::{broker, zookeeper_server};
pub use topics::{broker_settings, describe, topic, topic_absent};
