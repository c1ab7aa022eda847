//! Pages of the book, made from what krun knows anyway: a runbook's guide, the reference of step kinds,
//! the reference of errors.
//!
//! This crate owns what such a page says and how it looks. It is pure: it reads and writes no file,
//! evaluates no script, and knows no product; what a person types by hand is said by the kinds
//! themselves. The command line reads, evaluates and writes.
//!
//! ```text
//! Runbook + Kinds + Capture + Words ──guide──▶ Markdown
//! ```

mod capture;
mod diagram;
mod errors;
pub mod example;
mod groups;
mod guide;
mod kinds;
mod markdown;
mod plugin;
mod words;

pub use capture::{Capture, CapturedStep};
pub use errors::{ErrorEntry, diagnostics_page, faults_page};
pub use guide::{Guide, OtherLanguage, hand_variables};
pub use kinds::{KindEntry, kinds_page};
pub use plugin::{PluginPage, plugin_page};
pub use words::{Translations, Words};
