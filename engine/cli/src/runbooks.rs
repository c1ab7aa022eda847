//! Runbooks by their files: a script's text, or a plugin's component that declares one.
//!
//! Owns the difference between the two: a command opens its runbook's file once, and whoever asks it for the
//! runbook, a description or a name need not know which it is.

use camino::{Utf8Path, Utf8PathBuf};
use krun_model::{Fault, Map, Runbook};
use krun_script::{Description, Loader};
use serde_json::Value as Json;

#[cfg(feature = "plugins")]
use crate::plugins::Component;
use crate::{context::Context, errors::CliError};

/// Whether a runbook's file is a component.
pub fn is_component(path: &Utf8Path) -> bool {
    path.extension() == Some("wasm")
}

/// A runbook's file, opened for a command.
pub enum RunbookFile {
    /// A script, which the loader reads.
    Script(Utf8PathBuf),
    /// A component.
    #[cfg(feature = "plugins")]
    Component(Box<Component>),
}

impl RunbookFile {
    /// Opens a file; that of a script is not looked at before it is loaded.
    pub fn open(context: &Context, path: &str) -> Result<Self, Fault> {
        let path = Utf8Path::new(path);
        match is_component(path) {
            true => Self::component(context, path),
            false => Ok(Self::Script(path.to_owned())),
        }
    }

    #[cfg(feature = "plugins")]
    fn component(context: &Context, path: &Utf8Path) -> Result<Self, Fault> {
        Ok(Self::Component(Box::new(Component::open(context, path)?)))
    }

    #[cfg(not(feature = "plugins"))]
    fn component(_: &Context, path: &Utf8Path) -> Result<Self, Fault> {
        let what = "this krun was built without plugins, and the runbook is a component";
        Err(Fault::new(krun_model::FaultCode::Plugin, what)
            .at(path)
            .hint("Use a krun that was built with its feature `plugins`."))
    }

    /// Reads the runbook, with values for its parameters.
    pub fn load(&self, loader: &Loader, given: &Map<Json>) -> Result<Runbook, CliError> {
        match self {
            Self::Script(path) => Ok(loader.load(path, given)?),
            #[cfg(feature = "plugins")]
            Self::Component(component) => {
                let declared = component.declared()?;
                let params = loader.bound(&declared, given)?;
                let statements = component.plugin.declare(&params)?;
                Ok(loader.load_declared(&declared, &statements, given)?)
            }
        }
    }

    /// Reads what the runbook says of itself.
    pub fn describe(&self, loader: &Loader) -> Result<Description, CliError> {
        match self {
            Self::Script(path) => Ok(loader.describe(path)?),
            #[cfg(feature = "plugins")]
            Self::Component(component) => Ok(loader.describe_declared(&component.declared()?)?),
        }
    }

    /// The runbook's name, whatever may be wrong with the rest of it.
    pub fn name(&self, loader: &Loader) -> Result<String, CliError> {
        match self {
            Self::Script(path) => Ok(loader.name(path)?),
            #[cfg(feature = "plugins")]
            Self::Component(component) => Ok(component.declared()?.manifest.name.clone()),
        }
    }
}
