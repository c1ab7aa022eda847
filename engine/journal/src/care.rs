//! Looking after a store: whether it is sound, what can be saved of one that is not, and copies.
//!
//! Owns what is done about a store as a whole, when a person asks for it. Nothing here runs by
//! itself, and nothing here knows what entries mean. Whatever is damaged is copied before it is
//! touched.

mod backup;
mod check;
mod export;
mod repair;

pub use backup::{Copied, backup};
pub use check::{DeploymentHealth, Health, check};
pub use export::{Imported, export, import};
pub use repair::{Cut, Repair};
