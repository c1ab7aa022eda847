//! The durable event log of a state store, and the lock of a deployment.
//!
//! A store is a folder:
//!
//! ```text
//! journal.db           the entries of all deployments (SQLite, WAL), a hash chain for each
//! blobs/ab/cdef…       bytes under their SHA-256: before-images, pinned sources
//! locks/NAME.lock      held by the krun that works on the deployment NAME, and says who that is
//! store.lock           held by every krun that may write, and alone by what changes the store itself
//! backups/format-N.db  the database as it was before it was migrated from format N
//! damaged/N/           copies of what was damaged, made before anything was done about it
//! ```
//!
//! This crate owns: the store's format and its version, what "durable" means, the order and the
//! time of entries, and the detection of damage. It never decides what to journal or what entries
//! mean (that is [`krun_model::History`]), never repairs or deletes anything unasked ([`care`] does it
//! when it is asked), and never prints.
//!
//! A later backend is one module beside [`Store`] that passes the suite in
//! `conformance`, which the feature of that name makes public.

mod blobs;
pub mod care;
mod chain;
#[cfg(any(test, feature = "conformance"))]
pub mod conformance;
mod faults;
mod folders;
mod in_use;
mod kept;
mod lock;
mod remark;
mod sqlite;
#[cfg(test)]
mod tests;

pub use blobs::BlobFile;
pub use lock::{Lock, LockHolder};
pub use remark::Remark;
pub use sqlite::{FORMAT_VERSION, Known, Store};
