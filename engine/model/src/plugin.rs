//! What the engine knows of plugins' own undo, and of what plugins keep.
//!
//! Where a kind of a plugin has an undo of its own, each time a step of it is applied is one effect
//! ([`Effect::PluginAct`](crate::Effect)), around those that the plugin asks for meanwhile. It names the
//! component by its hash, so that a rollback calls what was called then. Never calls a plugin: that is
//! [`Plugins`]' to do.

use std::{collections::BTreeMap, fmt, sync::Arc};

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use crate::{
    Address, Digest, Fault, Map, ReadHost, TargetState, WriteHost, history::StepMemory,
    kind::Progress,
};

/// A step as a plugin applied it: all that it takes to ask the same component about it again.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct PluginAct {
    /// The plugin's name.
    pub plugin: String,
    /// Its version.
    pub version: String,
    /// SHA-256 of its component, which is a blob of the store.
    pub component: Digest,
    /// The kind's name as the plugin has it.
    pub kind: String,
    /// The step's address then.
    pub address: Address,
    /// The deployment's random id.
    pub deployment: String,
    /// The arguments, a JSON object.
    pub arguments: String,
    /// What it was granted then, as `krun.lock` says it.
    pub grants: Vec<String>,
}

/// What a plugin's check says of a step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PluginSeen {
    /// As the step wants it.
    Satisfied,
    /// Not so.
    Differs {
        /// Why, as a fragment.
        why: String,
        /// Each difference.
        lines: Vec<String>,
    },
    /// It can't tell.
    Unknown {
        /// What is missing.
        why: String,
    },
}

impl fmt::Display for PluginSeen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Satisfied => f.write_str("as the step wants it"),
            Self::Differs { why, lines } if lines.is_empty() => write!(f, "not so: {why}"),
            Self::Differs { why, lines } => write!(f, "not so: {why} ({})", lines.join(", ")),
            Self::Unknown { why } => write!(f, "not to be told: {why}"),
        }
    }
}

/// What a plugin keeps for a step, as a whole.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kept {
    /// The version of the plugin that kept it.
    pub version: String,
    /// SHA-256 of its component.
    pub component: Digest,
    /// Keys and values.
    pub pairs: Map<String>,
}

impl fmt::Display for Kept {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let keys: Vec<&str> = self.pairs.keys().map(String::as_str).collect();
        match keys.is_empty() {
            true => f.write_str("nothing"),
            false => f.write_str(&keys.join(", ")),
        }
    }
}

/// What the plugins that a step had keep for it, by plugin.
pub type KeptBy = BTreeMap<String, Kept>;

/// What a plugin is told when it is asked about an act of its own.
pub struct PluginCall<'a> {
    /// The act.
    pub act: &'a PluginAct,
    /// The component's bytes.
    pub component: Arc<[u8]>,
    /// What the journal remembers of the step, where the act is its last.
    pub memory: Option<&'a StepMemory>,
    /// What is kept for the step.
    pub kept: &'a KeptBy,
    /// Where the plugin says what it is doing.
    pub progress: &'a dyn Progress,
}

/// Who calls plugins about what they did.
#[async_trait]
pub trait Plugins: Send + Sync {
    /// What the plugin's check says now. Changes nothing.
    ///
    /// # Errors
    /// A component that can't be opened, or a check that fails.
    async fn observe(
        &self,
        call: PluginCall<'_>,
        host: &dyn ReadHost,
    ) -> Result<TargetState, Fault>;

    /// Lets the plugin take back what it did; what it changes for it goes through `host`.
    ///
    /// # Errors
    /// A component that can't be opened, or an undo that fails.
    async fn undo(&self, call: PluginCall<'_>, host: &dyn WriteHost) -> Result<(), Fault>;
}

/// A krun without plugins.
#[derive(Clone, Copy, Debug)]
pub struct NoPlugins;

impl NoPlugins {
    fn fault(call: &PluginCall<'_>) -> Fault {
        Fault::new(
            crate::FaultCode::Plugin,
            format!("this krun has no plugins, and `{}` did it", call.act.plugin),
        )
        .at(&call.act.address)
        .hint("Use a krun that was built with its feature `plugins`.")
    }
}

#[async_trait]
impl Plugins for NoPlugins {
    async fn observe(&self, call: PluginCall<'_>, _: &dyn ReadHost) -> Result<TargetState, Fault> {
        Err(Self::fault(&call))
    }

    async fn undo(&self, call: PluginCall<'_>, _: &dyn WriteHost) -> Result<(), Fault> {
        Err(Self::fault(&call))
    }
}
