//! The host of plugins: step kinds from WebAssembly components that get nothing they were not granted.
//!
//! This crate owns everything between a file `.wasm` and a [`Kind`](krun_model::Kind): the engine and
//! its limits, the compiled code it keeps, `krun.lock` and what it grants, and the functions that a
//! plugin can call. It never prints, never journals (a plugin's changes go through
//! [`WriteHost::perform`](krun_model::WriteHost::perform) like every kind's), and knows clusters only
//! as the trait [`Clusters`].
//!
//! ```text
//! krun.lock ──pin──▶ file ──sha256──▶ component ──describe──▶ KindSpec, Kind
//! check/apply ──▶ instance (its own memory, deadline, limits) ──asks──▶ desk ──grant?──▶ host
//! ```
//!
//! | concern | modules |
//! |---|---|
//! | what is granted | [`grant`], [`lock`], `place` (links and `..` resolved) |
//! | from file to code | [`runtime`], `cache`, `seen` (files that need no hashing), [`component`], `said`, `describe`, `schema`, `patience` |
//! | one call | `call` (deadline, limits), `limits`, `guest` (what is linked), `desk` (what answers), `blame` |
//! | the contract | `kind`, `runbook`; [`hands`] for what a rollback calls; [`answered`] for trying any answer |
//! | for authors | [`new`] (a project), [`make`] (building it) |
//!
//! A guest never holds a host: its host functions send what they ask for to the desk, which sits in the
//! call's own future beside the guest and is the only place that sees grants. So a grant cannot be
//! forgotten by one of many functions, and nothing of a host outlives the call that it was lent to.

pub mod answered;
mod bindings;
mod blame;
mod cache;
mod call;
pub mod clusters;
pub mod component;
mod contract;
mod describe;
mod desk;
mod faults;
pub mod grant;
mod guest;
pub mod hands;
mod kind;
mod limits;
pub mod lock;
#[cfg(feature = "compiler")]
pub mod make;
pub mod new;
mod patience;
mod place;
mod pool;
mod runbook;
pub mod runtime;
mod said;
mod schema;
mod seen;

pub use clusters::Clusters;
pub use component::{Plugin, Want};
pub use grant::{Grant, Granted};
pub use hands::Hands;
pub use limits::Limits;
pub use lock::{LOCK, Lock, Locked};
pub use runtime::Runtime;
