//! Runbooks by their files: a script's text, or a plugin's component that declares one.
//!
//! Owns the difference between the two. Whoever asks for a runbook, a description or a name need not know
//! which it is.

use camino::Utf8Path;
use krun_model::{Map, Runbook};
use krun_script::{Description, Loader};
use serde_json::Value as Json;

use crate::{context::Context, errors::CliError};

/// Whether a runbook's file is a component.
pub fn is_component(path: &Utf8Path) -> bool {
    path.extension() == Some("wasm")
}

/// Reads a runbook, with values for its parameters.
pub fn load(
    context: &Context,
    loader: &Loader,
    path: &Utf8Path,
    given: &Map<Json>,
) -> Result<Runbook, CliError> {
    match is_component(path) {
        true => component::load(context, loader, path, given),
        false => Ok(loader.load(path, given)?),
    }
}

/// Reads what a runbook says of itself.
pub fn describe(
    context: &Context,
    loader: &Loader,
    path: &Utf8Path,
) -> Result<Description, CliError> {
    match is_component(path) {
        true => component::describe(context, loader, path),
        false => Ok(loader.describe(path)?),
    }
}

/// A runbook's name, whatever may be wrong with the rest of it.
pub fn name(context: &Context, loader: &Loader, path: &Utf8Path) -> Result<String, CliError> {
    match is_component(path) {
        true => component::name(context, path),
        false => Ok(loader.name(path)?),
    }
}

#[cfg(feature = "plugins")]
mod component {
    use super::*;
    use crate::plugins::Component;

    pub fn load(
        context: &Context,
        loader: &Loader,
        path: &Utf8Path,
        given: &Map<Json>,
    ) -> Result<Runbook, CliError> {
        let component = Component::open(context, path)?;
        let declared = component.declared()?;
        let params = loader.bound(&declared, given)?;
        let statements = component.plugin.declare(&params)?;
        Ok(loader.load_declared(&declared, &statements, given)?)
    }

    pub fn describe(
        context: &Context,
        loader: &Loader,
        path: &Utf8Path,
    ) -> Result<Description, CliError> {
        let component = Component::open(context, path)?;
        Ok(loader.describe_declared(&component.declared()?)?)
    }

    pub fn name(context: &Context, path: &Utf8Path) -> Result<String, CliError> {
        let component = Component::open(context, path)?;
        Ok(component.declared()?.manifest.name.clone())
    }
}

/// A krun without plugins has none.
#[cfg(not(feature = "plugins"))]
mod component {
    use krun_model::Fault;

    use super::*;

    pub fn load(
        _: &Context,
        _: &Loader,
        path: &Utf8Path,
        _: &Map<Json>,
    ) -> Result<Runbook, CliError> {
        Err(none(path))
    }

    pub fn describe(_: &Context, _: &Loader, path: &Utf8Path) -> Result<Description, CliError> {
        Err(none(path))
    }

    pub fn name(_: &Context, path: &Utf8Path) -> Result<String, CliError> {
        Err(none(path))
    }

    fn none(path: &Utf8Path) -> CliError {
        Fault::new(
            krun_model::FaultCode::Plugin,
            "this krun was built without plugins, and the runbook is a component",
        )
        .at(path)
        .hint("Use a krun that was built with its feature `plugins`.")
        .into()
    }
}
