//! Server processes: what they are started with, and when they are ready.
//!
//! Owns what ZooKeeper and brokers have in common as Java processes. It decides and waits; starting
//! and stopping are effects, which the kinds perform.

pub mod archive;
mod config;
mod death;
mod foreign;
mod heap;
mod listening;
mod outputs;
mod ready;
mod server;
mod standing;

pub use config::effective;
pub use death::NotReady;
pub use foreign::Foreign;
pub use heap::Heap;
pub use listening::port_free;
pub use outputs::{differences, outputs};
pub use ready::{ReadyProbe, await_ready, log_size};
pub use server::{Server, Started};
pub use standing::{Standing, Wanted, absent, not_serving, outdated, standing, wanted};
