//! All step kinds that this krun knows: those of its own crates, and those of a runbook's plugins.

use std::sync::Arc;

use camino::{Utf8Path, Utf8PathBuf};
use krun_kafka::{clusters::Clusters, diagnosis::Patterns};
use krun_model::{Fault, Kind, kind::Kinds, runbook::SourceFile};
use krun_simulate::MakePlugins;

#[cfg(feature = "plugins")]
use crate::runbooks;
use crate::{context::Context, runbooks::RunbookFile};

/// The kinds of every crate that has some: one line a crate.
pub fn kinds(patterns: Arc<Patterns>) -> Kinds {
    kinds_on(patterns, Arc::new(krun_kafka::Network))
}

/// The same, looking at clusters through `clusters`.
pub fn kinds_on(patterns: Arc<Patterns>, clusters: Arc<dyn Clusters>) -> Kinds {
    Kinds::new(
        krun_kafka::kinds(patterns, clusters)
            .into_iter()
            .chain(krun_steps::kinds()),
    )
}

/// A plugin that a runbook uses, for whoever reads the plan.
#[derive(Clone, Debug, serde::Serialize)]
pub struct InUse {
    pub name: String,
    pub version: String,
    pub sha256: String,
    /// What `krun.lock` grants it.
    pub grants: Vec<String>,
    /// What its kinds' names begin with.
    #[serde(skip)]
    pub module: String,
    /// Whether it can reach no more than a simulated machine has.
    #[serde(skip)]
    pub is_simulated: bool,
    /// The same in words, each for "it may …".
    #[serde(skip)]
    pub may: Vec<String>,
}

/// Makes kinds that look at clusters in a way of their own.
pub type MakeMore = Arc<dyn Fn(Arc<dyn Clusters>) -> Vec<Kind> + Send + Sync>;

/// Of no plugins.
pub fn no_more() -> MakeMore {
    Arc::new(|_| vec![])
}

/// Kinds of krun, and of the plugins that a runbook uses.
pub struct Brought {
    pub kinds: Kinds,
    pub plugins: Vec<InUse>,
    /// Makes the plugins' kinds anew.
    pub more: MakeMore,
}

#[cfg(feature = "plugins")]
impl Brought {
    fn new(builtin: Kinds, (more, plugins): (MakeMore, Vec<InUse>)) -> Self {
        let theirs = more(Arc::new(krun_kafka::Network));
        Self {
            kinds: Kinds::new(builtin.iter().cloned().chain(theirs)),
            plugins,
            more,
        }
    }
}

/// The kinds for a runbook's file: with those of the plugins that it names, out of the folder's lock.
pub fn kinds_for(context: &Context, runbook: &RunbookFile) -> Result<Brought, Fault> {
    let builtin = kinds(context.patterns()?);
    match runbook {
        RunbookFile::Script(path) => kinds_for_script(context, builtin, path),
        #[cfg(feature = "plugins")]
        RunbookFile::Component(component) => {
            let brought = crate::plugins::bring_for_component(context, &builtin, component)?;
            Ok(Brought::new(builtin, brought))
        }
    }
}

fn kinds_for_script(context: &Context, builtin: Kinds, path: &Utf8Path) -> Result<Brought, Fault> {
    let folder = crate::context::absolute(path.parent().map_or("", Utf8Path::as_str))?;
    if !folder.join(krun_script::LOCK).exists() {
        return Ok(alone(builtin));
    }
    let used = krun_script::plugins_used(path);
    with_plugins(context, builtin, &folder, used, None)
}

/// The kinds for a runbook as a run pinned it, which lay at `path`: `kinds`, unless it used plugins.
/// Those are the pinned ones then, whatever `kinds` has of today's.
pub fn kinds_pinned(
    context: &Context,
    kinds: &Kinds,
    path: &str,
    sources: &[SourceFile],
) -> Result<Brought, Fault> {
    let Some(lock) = sources
        .iter()
        .find(|source| source.path == krun_script::LOCK)
    else {
        return Ok(alone(kinds.clone()));
    };
    let used = krun_script::plugins_used_in(sources);
    let folder = folder_of(Utf8Path::new(path));
    let builtin = self::kinds(context.patterns()?);
    with_plugins(context, builtin, &folder, used, Some(&lock.text))
}

/// The folder that the files of a runbook's lock lie in.
fn folder_of(runbook: &Utf8Path) -> Utf8PathBuf {
    #[cfg(feature = "plugins")]
    if runbooks::is_component(runbook) {
        return crate::plugins::lock_folder(runbook);
    }
    runbook.parent().unwrap_or(Utf8Path::new("/")).to_owned()
}

fn alone(kinds: Kinds) -> Brought {
    Brought {
        kinds,
        plugins: vec![],
        more: no_more(),
    }
}

/// Who asks plugins about what they did.
#[cfg(feature = "plugins")]
pub fn hands(context: &Context) -> Result<MakePlugins, Fault> {
    let runtime = crate::plugins::runtime_when_needed(context)?;
    let hands = krun_plugin::Hands::new(runtime, crate::plugins::clusters());
    Ok(Arc::new(move |clusters| {
        Arc::new(hands.looking(crate::plugins::seen(clusters)))
    }))
}

/// Nobody, in a krun without plugins.
#[cfg(not(feature = "plugins"))]
pub fn hands(_: &Context) -> Result<MakePlugins, Fault> {
    Ok(Arc::new(|_| Arc::new(krun_model::plugin::NoPlugins)))
}

#[cfg(feature = "plugins")]
fn with_plugins(
    context: &Context,
    builtin: Kinds,
    folder: &Utf8Path,
    used: Vec<String>,
    pinned: Option<&str>,
) -> Result<Brought, Fault> {
    let lock = match pinned {
        _ if used.is_empty() => None,
        Some(text) => Some(krun_plugin::Lock::parse(text)?),
        None => crate::plugins::lock_of(folder)?,
    };
    let Some(lock) = lock else {
        return Ok(alone(builtin));
    };
    let brought = crate::plugins::bring(context, &builtin, &lock, folder, &used)?;
    Ok(Brought::new(builtin, brought))
}

#[cfg(not(feature = "plugins"))]
fn with_plugins(
    _: &Context,
    builtin: Kinds,
    folder: &Utf8Path,
    used: Vec<String>,
    _: Option<&str>,
) -> Result<Brought, Fault> {
    match used.first() {
        None => Ok(alone(builtin)),
        Some(name) => Err(Fault::new(
            krun_model::FaultCode::Plugin,
            format!("this krun was built without plugins, and the runbook uses `{name}`"),
        )
        .at(folder)
        .hint("Use a krun that was built with its feature `plugins`.")),
    }
}
