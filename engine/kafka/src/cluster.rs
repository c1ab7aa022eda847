//! Clients: what krun asks of a cluster and does to it, by Kafka's own protocol.
//!
//! Owns every use of librdkafka, and of the plain protocol where librdkafka has no call. Nothing here
//! knows of steps or journals; decisions are pure functions of a [`ClusterView`](crate::view::ClusterView).

mod alter;
pub mod configs;
pub mod connection;
pub mod create;
pub mod effector;
pub mod elect;
pub mod gate;
pub mod groups;
pub mod isr;
mod metadata;
mod native;
pub mod network;
pub mod partitions;
pub mod placement;
pub mod produce;
pub mod quiet;
pub mod quotas;
pub mod reach;
pub mod readback;
pub mod reassign;
pub mod records;
mod shown;
mod throttle;
mod wire;
