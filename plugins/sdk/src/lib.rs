//! What a krun plugin in Rust is written with.
//!
//! A plugin is a library crate (`crate-type = ["cdylib"]`) in which each step kind is a type that
//! implements [`Kind`], and one [`plugin!`] that names them. Arguments are a struct with `serde` and
//! `schemars` derives: its doc comments become the reference of the arguments, and `krun check` holds a
//! runbook against the schema.
//!
//! ```ignore
//! use krun_plugin_sdk::{Fault, Finding, Kind, Mode, Reader, Step};
//!
//! /// A file that says which team owns a folder.
//! pub struct Owner;
//!
//! #[derive(serde::Deserialize, schemars::JsonSchema)]
//! #[serde(deny_unknown_fields)]
//! pub struct Args {
//!     /// The folder.
//!     #[schemars(extend("format" = "path"))]
//!     folder: String,
//!     /// The team.
//!     team: String,
//! }
//!
//! impl Kind for Owner {
//!     const NAME: &'static str = "owner";
//!     const DOC: &'static str = "Says in a folder which team owns it.";
//!     const MODE: Mode = Mode::State;
//!     type Args = Args;
//!
//!     fn check(step: &Step<Args>, look: &Reader) -> Result<Finding, Fault> { … }
//! }
//!
//! krun_plugin_sdk::plugin! {
//!     name: "owners",
//!     doc: "Who owns what.",
//!     kinds: [Owner],
//!     wants: ["write:FOLDER" => "the file OWNER is written into the folder"],
//! }
//! ```
//!
//! A whole runbook is a type that implements [`Runbook`], and one [`runbook!`](crate::runbook!); a crate can
//! have both.
//!
//! Owns the translation between these types and the bindings of `krun:plugin`; decides nothing.

// What the macros make names this crate as a plugin does.
extern crate self as krun_plugin_sdk;

mod adapter;
mod fault;
mod finding;
mod handles;
mod kind;
mod runbook;

/// What `wit-bindgen` makes of `krun:plugin@1.0.0`; the types of this crate are thin words around it.
#[expect(missing_docs, reason = "generated; the WIT files have the docs")]
pub mod bindings {
    wit_bindgen::generate!({
        path: "../wit/1.0.0",
        world: "step-plugin",
        pub_export_macro: true,
        default_bindings_module: "krun_plugin_sdk::bindings",
        runtime_path: "krun_plugin_sdk::wit_bindgen_rt",
    });
}

/// The same of the world `runbook-plugin`, with the types of the other.
#[expect(missing_docs, reason = "generated; the WIT files have the docs")]
pub mod runbook_bindings {
    wit_bindgen::generate!({
        path: "../wit/1.0.0",
        world: "runbook-plugin",
        pub_export_macro: true,
        default_bindings_module: "krun_plugin_sdk::runbook_bindings",
        runtime_path: "krun_plugin_sdk::wit_bindgen_rt",
        with: {
            "krun:plugin/log@1.0.0": krun_plugin_sdk::bindings::krun::plugin::log,
            "krun:plugin/types@1.0.0": krun_plugin_sdk::bindings::krun::plugin::types,
        },
    });
}

#[doc(hidden)]
pub use adapter::{Entry, describe, entry, hear_panics, no_kind};
pub use bindings::{
    exports::krun::plugin::step_kinds::{Mode, UndoClass},
    krun::plugin::{
        commands::Output as CommandOutput,
        files::{Entry as FileEntry, EntryKind},
        http::Response,
        kafka::{
            Broker, Cluster, Group, Lag, Partition, Setting, SettingSource, SettingsOf, Topic,
        },
        log::Level,
        types::{After, Change, DiffLine, FaultCode, QuotaName, QuotaOf},
    },
};
pub use fault::Fault;
pub use finding::{Drift, Finding, Outputs, Target, outputs};
pub use handles::{Reader, Writer, log, progress};
pub use kind::{Kind, Step};
pub use runbook::{Declared, Handle, Runbook, all_of, any_of, compare, not, secret, text};
#[doc(hidden)]
pub use runbook::{declare, manifest};
pub use serde_json::json;
#[doc(hidden)]
pub use wit_bindgen::rt as wit_bindgen_rt;
#[doc(hidden)]
pub use {schemars, serde, serde_json};
