//! The durable event log of a state store, and the lock of a deployment.
//!
//! A store is a folder:
//!
//! ```text
//! journal.db           the entries of all deployments (SQLite, WAL), a hash chain for each
//! blobs/ab/cdef…       bytes under their SHA-256: before-images, pinned sources
//! locks/NAME.lock      held by the krun that works on the deployment NAME, and says who that is
//! ```
//!
//! This crate owns: the store's format and its version, what "durable" means, the order and the
//! time of entries, and the detection of damage. It never decides what to journal or what entries
//! mean (that is [`krun_model::History`]), never repairs or deletes anything, and never prints.
//!
//! A later backend is one module beside [`Store`] that passes the suite in
//! `conformance`, which the feature of that name makes public.

mod blobs;
mod chain;
#[cfg(any(test, feature = "conformance"))]
pub mod conformance;
mod faults;
mod folders;
mod lock;
mod sqlite;
#[cfg(test)]
mod tests;

pub use lock::{Lock, LockHolder};
pub use sqlite::{FORMAT_VERSION, Store};
