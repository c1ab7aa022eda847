//! The same engine over a machine in memory, with simulated time, under faults from a seed.
//!
//! This crate owns the simulated machine (files, processes, packages), a small Kafka on it, the web pages that it
//! reaches, a journal in memory, and schedules: a seed decides how ready steps come in between each other, where krun
//! is killed, which effects fail, when processes die and servers are away, what is lost when the power fails and what somebody else changes
//! between kruns. Afterwards the deployment must be as after an undisturbed run, nothing done twice,
//! and after a rollback the machine as it was before. A schedule has one thread and no clock but its
//! own, so that its seed is all that is needed to live through it again.
//!
//! It never touches the machine that it runs on, never decides what a run does (that is the engine's)
//! and never prints. Kinds that reach the world by other ways than [`Machine`](krun_model::host::Machine)
//! and [`Clusters`](krun_kafka::clusters::Clusters) are refused by name, never pretended.

mod calm;
mod ends;
mod fate;
mod faults;
mod guests;
mod journal;
mod kafka;
mod krun;
mod machine;
mod pages;
mod programs;
mod refusal;
mod same;
mod schedule;
mod soak;
mod tree;
mod watched;
mod world;

pub use fate::{Blows, Fate, Strike};
pub use faults::Faults;
pub use guests::Guests;
pub use journal::MemoryJournal;
pub use kafka::{Holds, SimClusters};
pub use krun::{
    Command, End, MakeKinds, MakePlugins, Place, Start, Subject, deployment, krun, runtime,
};
pub use pages::Page;
pub use refusal::refuse;
pub use schedule::Broken;
pub use soak::{Failure, Soak, Soaked};
pub use tree::{Node, Tree};
pub use world::{Process, World};

/// Where simulated kruns set things aside.
const QUARANTINE: &str = "/simulated/state/quarantine";
/// Where they cache.
const CACHE: &str = "/simulated/cache";
