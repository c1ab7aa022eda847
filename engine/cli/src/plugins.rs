//! Plugins of a runbook's folder: from `krun.lock` to kinds.
//!
//! Owns where the lock, the components and their compiled code lie. What a plugin may do is decided in
//! krun-plugin; which plugins a runbook uses, in krun-script.

mod clusters;
mod component;

use std::{io::Write as _, sync::Arc};

pub use component::{Component, lock_folder};

use camino::{Utf8Path, Utf8PathBuf};
use krun_model::{Fault, FaultCode, kind::Kinds};
use krun_plugin::{Clusters, Granted, LOCK, Limits, Lock, Locked, Plugin, Runtime};

use crate::{
    context::Context,
    registry::{self, InUse, MakeMore},
};

/// The command's runtime, with compiled code kept in the user's cache folder.
pub fn runtime(context: &Context) -> Result<Runtime, Fault> {
    runtime_when_needed(context)?()
}

/// The same for whoever may not need it: it is made at the first call, once for a command.
pub fn runtime_when_needed(
    context: &Context,
) -> Result<impl Fn() -> Result<Runtime, Fault> + Send + Sync + 'static, Fault> {
    let cache = context.cache_folder()?.join("plugins");
    let slot = context.plugins.clone();
    let quiet = context.global.quiet;
    Ok(move || {
        if let Some(runtime) = slot.get() {
            return Ok(runtime.clone());
        }
        let made = Runtime::new(Some(cache.clone()), Limits::default())?;
        let made = made.telling(move |file| {
            if !quiet {
                let words = "is compiled, once: this takes a while";
                let _ = writeln!(std::io::stderr(), "{file} {words}");
            }
        });
        Ok(slot.get_or_init(|| made).clone())
    })
}

/// How plugins see clusters: over the network.
pub fn clusters() -> Arc<dyn Clusters> {
    seen(Arc::new(krun_kafka::Network))
}

/// How plugins see clusters: as krun's own kinds do.
pub fn seen(clusters: Arc<dyn krun_kafka::clusters::Clusters>) -> Arc<dyn Clusters> {
    Arc::new(clusters::Seen(clusters))
}

/// The lock of a folder; none where there is none.
pub fn lock_of(folder: &Utf8Path) -> Result<Option<Lock>, Fault> {
    Ok(lock_and_text(folder)?.map(|(lock, _)| lock))
}

/// The same with its text, which runs pin.
fn lock_and_text(folder: &Utf8Path) -> Result<Option<(Lock, Arc<str>)>, Fault> {
    let path = folder.join(LOCK);
    match std::fs::read_to_string(&path) {
        Ok(text) => match Lock::parse(&text) {
            Ok(lock) => Ok(Some((lock, text.into()))),
            Err(fault) => Err(fault.at(path)),
        },
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Fault::io("could not read the plugins' lock", &path, &error)),
    }
}

/// The file of a locked plugin.
pub fn file_of(folder: &Utf8Path, locked: &Locked) -> Utf8PathBuf {
    folder.join(&locked.file)
}

/// Opens a plugin as it is locked.
pub fn open(
    runtime: &Runtime,
    folder: &Utf8Path,
    name: &str,
    locked: &Locked,
) -> Result<Plugin, Fault> {
    let file = file_of(folder, locked);
    named(runtime.open(&file, Some(&locked.sha256))?, name, &file)
}

/// The same for whoever wants the file itself to be looked at.
pub fn verify(
    runtime: &Runtime,
    folder: &Utf8Path,
    name: &str,
    locked: &Locked,
) -> Result<Plugin, Fault> {
    let file = file_of(folder, locked);
    named(runtime.open_anew(&file, Some(&locked.sha256))?, name, &file)
}

fn named(plugin: Plugin, name: &str, file: &Utf8Path) -> Result<Plugin, Fault> {
    if plugin.name() != name {
        return Err(Fault::new(
            FaultCode::Plugin,
            "krun.lock gives the plugin another name than its own",
        )
        .at(file)
        .because(format!(
            "it is `{name}` there, and says `{}` of itself",
            plugin.name()
        ))
        .hint("Add it again: `krun plugin add FILE`."));
    }
    Ok(plugin)
}

/// The kinds of those plugins in a lock that a runbook names, and what they may do. One that is named and
/// not in the lock is left to the script's own diagnostics, which know where it is named.
pub fn bring(
    context: &Context,
    builtin: &Kinds,
    lock: &Lock,
    folder: &Utf8Path,
    used: &[String],
) -> Result<(MakeMore, Vec<InUse>), Fault> {
    let wanted: Vec<_> = used
        .iter()
        .filter_map(|name| lock.plugins.get_key_value(name))
        .collect();
    if wanted.is_empty() {
        return Ok((registry::no_more(), vec![]));
    }
    let runtime = runtime(context)?;
    let mut opened = vec![];
    for (name, locked) in wanted {
        let plugin = open(&runtime, folder, name, locked)?;
        refuse_taken(builtin, &plugin)?;
        refuse_without_kinds(&plugin, locked)?;
        opened.push((plugin, locked.grants.clone()));
    }
    let in_use = opened
        .iter()
        .map(|(plugin, grants)| in_use_of(plugin, grants));
    let in_use = in_use.collect();
    let make = move |clusters| {
        let clusters = seen(clusters);
        let kinds = opened
            .iter()
            .flat_map(|(plugin, grants)| plugin.kinds(grants, &clusters));
        kinds.collect()
    };
    Ok((Arc::new(make), in_use))
}

/// The kinds for a component that is run like a script, and the plugins that it uses, itself first.
pub fn bring_for_component(
    context: &Context,
    builtin: &Kinds,
    component: &Component,
) -> Result<(MakeMore, Vec<InUse>), Fault> {
    let own = &component.plugin;
    let mut used = component.declared()?.plugins_used();
    used.retain(|name| name != own.name());
    let (others, in_use) = match &component.lock {
        Some((lock, _)) => bring(context, builtin, lock, &component.folder, &used)?,
        None => (registry::no_more(), vec![]),
    };
    let locked = component.locked().filter(|_| own.has_kinds());
    let granted: Arc<[Granted]> = locked.map_or(&[][..], |locked| &locked.grants).into();
    let itself = in_use_of(own, &granted);
    let in_use = std::iter::once(itself).chain(in_use).collect();
    if locked.is_none() {
        return Ok((others, in_use));
    }
    refuse_taken(builtin, own)?;
    let own = own.clone();
    let more: MakeMore = Arc::new(move |clusters| {
        let mut kinds = own.kinds(&granted, &seen(clusters.clone()));
        kinds.extend(others(clusters));
        kinds
    });
    Ok((more, in_use))
}

/// What a plugin is and may do, for whoever reads a plan.
fn in_use_of(plugin: &Plugin, grants: &[Granted]) -> InUse {
    InUse {
        name: plugin.name().to_owned(),
        version: plugin.version().to_owned(),
        sha256: plugin.sha256().to_owned(),
        module: plugin.module(),
        is_simulated: grants.iter().all(|line| line.grant.is_simulated()),
        grants: grants.iter().map(ToString::to_string).collect(),
        may: grants.iter().map(Granted::words).collect(),
    }
}

/// Refuses a plugin that a runbook names for its kinds and that has none.
fn refuse_without_kinds(plugin: &Plugin, locked: &Locked) -> Result<(), Fault> {
    match plugin.has_kinds() {
        true => Ok(()),
        false => Err(Fault::new(
            FaultCode::Plugin,
            format!("the plugin `{}` has no step kinds", plugin.name()),
        )
        .at(format!("use_plugin(\"{}\")", plugin.name()))
        .because("its component is a whole runbook, and a runbook uses a plugin for its kinds")
        .hint(format!(
            "Run it by itself, as `krun {}`; `use_plugin` is for plugins with step kinds.",
            locked.file
        ))),
    }
}

/// Refuses a plugin whose module is krun's own.
pub fn refuse_taken(builtin: &Kinds, plugin: &Plugin) -> Result<(), Fault> {
    let module = plugin.module();
    let is_taken = builtin
        .iter()
        .any(|kind| kind.spec().name.split("::").next() == Some(module.as_str()));
    match is_taken {
        true => Err(Fault::new(
            FaultCode::Plugin,
            "a plugin can't have a name of krun's own kinds",
        )
        .at(plugin.name())
        .because(format!("`{module}` is built in"))),
        false => Ok(()),
    }
}
