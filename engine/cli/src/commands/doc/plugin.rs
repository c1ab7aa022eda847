//! The reference page of a plugin: what it declares, made like that of krun's own kinds.

use krun_doc::PluginPage;
use krun_model::kind::Kinds;
use krun_script::Loader;

use super::reference;
use crate::{
    context::{Context, absolute},
    errors::CliError,
    plugins::{self, Component},
    registry,
};

/// The page of a plugin, by its name in a folder's lock or by its file; every example on it was evaluated.
pub fn page(context: &Context, plugin: &str, folder: &str) -> Result<String, CliError> {
    let folder = absolute(folder)?;
    let lock = plugins::lock_of(&folder)?.unwrap_or_else(krun_plugin::Lock::empty);
    let file = match lock.plugins.get(plugin) {
        Some(locked) => plugins::file_of(&folder, locked),
        None => absolute(plugin)?,
    };
    let component = Component::open(context, &file)?;
    let plugin = &component.plugin;
    let builtin = registry::kinds(context.patterns()?);
    plugins::refuse_taken(&builtin, plugin)?;
    let own = Kinds::new(plugin.kinds(&[], &plugins::clusters()));
    let all = Kinds::new(builtin.iter().chain(own.iter()).cloned());
    let params = match plugin.manifest() {
        Some(_) => {
            let loader = Loader::new(&all, context.path_base()?);
            loader.describe_declared(&component.declared()?)?.params
        }
        None => vec![],
    };
    let wants = plugin.wants().iter();
    Ok(krun_doc::plugin_page(&PluginPage {
        name: plugin.name(),
        version: plugin.version(),
        doc: plugin.doc(),
        wants: wants.map(|want| (&*want.grant, &*want.why)).collect(),
        is_runbook: plugin.manifest().is_some(),
        params: &params,
        kinds: reference::entries(&own, &all)?,
    }))
}
