//! What a person types instead of the steps of this crate: the commands of Kafka's own guides.
//!
//! `tools` owns what differs between versions of Kafka; `prepare`, `servers` and `data` hold one
//! function a kind. Outputs of a step are kept in variables of the shell, under the names that the
//! model gives them.

mod data;
mod prepare;
mod servers;
mod tools;

pub use data::{consume, describe, produce, topic};
pub use prepare::{clean_logs, distribution, java, zookeeper_clean, zookeeper_snapshot_folders};
pub use servers::{broker, zookeeper_server};
