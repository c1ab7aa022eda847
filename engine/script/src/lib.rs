//! Rhai scripts to runbooks: a closed world in which steps are declared and nothing is done.
//!
//! This crate owns the language: what a script can say, what is checked before it is evaluated, and
//! the diagnostics of what is wrong. It reads the runbook's folder and nothing else, never touches a
//! machine, never prints, and gives the same runbook each time it is given the same text and
//! parameters.
//!
//! ```text
//! files ──gather──▶ sources, trees ──check──▶ ──evaluate──▶ draft ──finish──▶ Runbook
//! ```
//!
//! | stage | modules |
//! |---|---|
//! | gather | `shelf` (where text comes from), `source`, `rewrite`, `doc`, `gather`, `syntax` |
//! | check | `site` (where calls stand), `check` |
//! | evaluate | `world` (what is left out), `declare`, `header`, `moved`, `params`, `plugins`, `bind`, `steps`, `reserved`, `handle`, `condition`, `assertion`, `draft`, `runtime` |
//! | finish | `order`, `conflicts`, `moved`, `finish` |
//! | for runbooks that are no scripts | `declared`, `written` |

mod assertion;
mod bind;
mod check;
mod codes;
mod condition;
mod conflicts;
mod declare;
mod declared;
mod diagnostic;
mod doc;
mod draft;
mod finish;
mod gather;
mod given;
mod handle;
mod header;
mod loader;
mod moved;
mod order;
mod params;
mod paths;
mod plugins;
mod reserved;
mod rewrite;
mod runtime;
mod secrets;
mod settings;
mod shelf;
mod site;
mod source;
mod steps;
mod syntax;
mod values;
mod world;
mod written;

#[cfg(test)]
mod tests;

pub use codes::{CODES, Code};
pub use declared::{Declared, DeclaredBy};
pub use diagnostic::{Diagnostic, Diagnostics, Place, Related, SourceText};
pub use given::given_from_yaml;
pub use loader::{Description, Loader};
pub use paths::PathBase;
pub use plugins::{LOCK, plugins_used, plugins_used_in};
