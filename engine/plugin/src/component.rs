//! From a file to a plugin: its bytes, what it imports, and what it says of itself.

use std::{
    collections::BTreeSet,
    fs::{File, Metadata},
    io::Read as _,
    sync::Arc,
};

use camino::Utf8Path;
use krun_model::{Digest, Fault, FaultCode, Kind, declaration::Manifest};
use wasmtime::component::Component;

use crate::{
    Clusters, Granted, Runtime,
    bindings::{RunbookPluginPre, StepPluginPre},
    blame,
    contract::{self, API},
    describe::Description,
    guest::Guest,
    kind,
    pool::Pool,
    said::Said,
    seen::Seen,
};

/// No component is larger; a whole Python is about 20 MiB.
const MAX_FILE: u64 = 256 << 20;

/// Something that a plugin says it needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Want {
    /// As `krun.lock` grants it; may have words for what only the user knows, such as `HOST`.
    pub grant: String,
    /// Why.
    pub why: String,
}

/// A plugin that can be called.
#[derive(Clone)]
pub struct Plugin {
    pub(crate) runtime: Runtime,
    /// Its exports of the world `step-plugin`, where it has kinds.
    pub(crate) steps: Option<StepPluginPre<Guest>>,
    /// Those of the world `runbook-plugin`, where it is a whole runbook, and what that says of itself.
    pub(crate) runbook: Option<(RunbookPluginPre<Guest>, Arc<Manifest>)>,
    pub(crate) description: Arc<Description>,
    api: Arc<str>,
    sha256: Arc<str>,
    /// The same.
    pub(crate) digest: Digest,
    imports: Arc<BTreeSet<String>>,
    /// Its bytes, where a kind of it has an undo of its own: the journal keeps them.
    pub(crate) bytes: Option<Arc<[u8]>>,
}

impl Runtime {
    /// Opens a component's file, which must have this SHA-256 where one is given. Calls `describe`, which
    /// can reach nothing. The file is not read where it is the very one that was opened before.
    ///
    /// # Errors
    /// [`FaultCode::Plugin`] for a file that is not the pinned one, is no component, imports what krun
    /// does not have, or describes itself in a way that can't be.
    pub fn open(&self, file: &Utf8Path, pinned: Option<&str>) -> Result<Plugin, Fault> {
        match self.open_seen(file, pinned)? {
            Some(plugin) => Ok(plugin),
            None => self.open_anew(file, pinned),
        }
    }

    /// The same for whoever wants the file itself to be looked at: it is read and hashed.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn open_anew(&self, file: &Utf8Path, pinned: Option<&str>) -> Result<Plugin, Fault> {
        let (bytes, stat) = read(file)?;
        let digest = Digest::of(&bytes);
        let sha256 = digest.to_string();
        if let Some(pinned) = pinned {
            same(file, &sha256, pinned)?;
        }
        let plugin = self.open_bytes(file, bytes.into(), &sha256)?;
        if let Some(cache) = &self.cache
            && let Some(seen) = Seen::of(file.as_str(), &stat, digest)
            && cache.seen(file)?.as_ref() != Some(&seen)
        {
            cache.remember(&seen)?;
        }
        Ok(plugin)
    }

    /// Opens a file whose hash is known, and all that comes of it. One that the journal keeps is read.
    fn open_seen(&self, file: &Utf8Path, pinned: Option<&str>) -> Result<Option<Plugin>, Fault> {
        let Some(cache) = &self.cache else {
            return Ok(None);
        };
        let Some(digest) = cache.seen(file)?.and_then(|seen| seen.still(file.as_str())) else {
            return Ok(None);
        };
        let sha256 = digest.to_string();
        if let Some(pinned) = pinned {
            same(file, &sha256, pinned)?;
        }
        let Some(said) = cache.said(&sha256)?.filter(|said| !said.undoes()) else {
            return Ok(None);
        };
        let Some(component) = cache.get(&self.engine, &sha256)? else {
            return Ok(None);
        };
        self.plugin(file, &component, &sha256, Some(said)).map(Some)
    }

    /// Opens a component that has this SHA-256; `file` is where it comes from, for messages.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub(crate) fn open_bytes(
        &self,
        file: &Utf8Path,
        bytes: Arc<[u8]>,
        sha256: &str,
    ) -> Result<Plugin, Fault> {
        let component = self.compiled(file, &bytes, sha256)?;
        let said = match &self.cache {
            Some(cache) => cache.said(sha256)?,
            None => None,
        };
        let mut plugin = self.plugin(file, &component, sha256, said)?;
        let undoes = plugin.description.kinds.iter().any(|kind| kind.undoes);
        plugin.bytes = undoes.then_some(bytes);
        Ok(plugin)
    }

    fn compiled(&self, file: &Utf8Path, bytes: &[u8], sha256: &str) -> Result<Component, Fault> {
        if let Some(cache) = &self.cache
            && let Some(component) = cache.get(&self.engine, sha256)?
        {
            return Ok(component);
        }
        let told = self.told.as_ref().map(|told| told.unless_soon(file));
        let compiled = self.compile(bytes);
        drop(told);
        let component = compiled.map_err(|error| {
            if Pool::is_too_large(&error) {
                return Fault::new(FaultCode::Plugin, "the component is larger than one can be")
                    .at(file)
                    .because(one_line(&error));
            }
            let fault = Fault::new(FaultCode::Plugin, "the file is no WebAssembly component")
                .at(file)
                .because(one_line(&error));
            match bytes.get(..8) {
                Some([0, b'a', b's', b'm', 1, 0, 0, 0]) => {
                    fault.hint("It is a core module; `krun plugin build` makes a component of it.")
                }
                _ => fault.hint("`krun plugin build` makes one."),
            }
        })?;
        if let Some(cache) = &self.cache {
            cache.put(&component, sha256)?;
        }
        Ok(component)
    }

    #[cfg(feature = "compiler")]
    fn compile(&self, bytes: &[u8]) -> wasmtime::Result<Component> {
        Component::from_binary(&self.engine, bytes)
    }

    #[cfg(not(feature = "compiler"))]
    fn compile(&self, _bytes: &[u8]) -> wasmtime::Result<Component> {
        wasmtime::bail!("this build has no compiler, and it was not compiled before")
    }

    fn plugin(
        &self,
        file: &Utf8Path,
        component: &Component,
        sha256: &str,
        said: Option<Said>,
    ) -> Result<Plugin, Fault> {
        let imports = names(self, component);
        let built_for = contract::built_for(self, component);
        let unfit = |error| contract::unfit(file, built_for.as_ref(), &error);
        let exports = |interface: &str| {
            let ty = component.component_type();
            ty.exports(&self.engine)
                .any(|(name, _)| name.split('@').next() == Some(interface))
        };
        let pre = self.linker.instantiate_pre(component).map_err(unfit)?;
        let is_runbook = exports("krun:plugin/runbook");
        let steps = match is_runbook && !exports("krun:plugin/step-kinds") {
            true => None,
            false => Some(StepPluginPre::new(pre.clone()).map_err(unfit)?),
        };
        let runbook = match is_runbook {
            true => Some(RunbookPluginPre::new(pre).map_err(unfit)?),
            false => None,
        };
        let said = match said {
            Some(kept) => kept,
            None => {
                let said = Said::asked(self, steps.as_ref(), runbook.as_ref());
                let said = said.map_err(|fault| fault.at(file))?;
                if let Some(cache) = &self.cache {
                    cache.put_said(&said, sha256)?;
                }
                said
            }
        };
        let (description, manifest) = said.checked().map_err(|fault| fault.at(file))?;
        Ok(Plugin {
            api: built_for.as_ref().unwrap_or(&API).to_string().into(),
            description: Arc::new(description),
            runtime: self.clone(),
            steps,
            runbook: runbook.zip(manifest.map(Arc::new)),
            sha256: sha256.into(),
            digest: sha256
                .parse()
                .map_err(|error| Fault::internal(format!("{error}")))?,
            imports: Arc::new(imports),
            bytes: None,
        })
    }
}

/// Refuses a file that is not the pinned one.
fn same(file: &Utf8Path, sha256: &str, pinned: &str) -> Result<(), Fault> {
    match sha256 == pinned {
        true => Ok(()),
        false => Err(Fault::new(FaultCode::Plugin, "the plugin's file is not the one in krun.lock")
            .at(file)
            .because(format!("its SHA-256 is {sha256}, and {pinned} is pinned"))
            .hint("If the change is meant, look at it with `krun plugin inspect`, then add it again: `krun plugin add`.")),
    }
}

/// Why a component can't be opened, with the causes behind it.
pub(crate) fn one_line(error: &wasmtime::Error) -> String {
    blame::one_line(&format!("{error:#}"))
}

/// A file's bytes, and what it was before they were read.
fn read(file: &Utf8Path) -> Result<(Vec<u8>, Metadata), Fault> {
    let failed = |error: &std::io::Error| Fault::io("could not read the plugin", file, error);
    let mut opened = File::open(file).map_err(|error| failed(&error))?;
    let stat = opened.metadata().map_err(|error| failed(&error))?;
    let size = stat.len();
    if size > MAX_FILE {
        return Err(
            Fault::new(FaultCode::Plugin, "the plugin's file is too large")
                .at(file)
                .because(format!("it has {size} bytes, and {MAX_FILE} are allowed")),
        );
    }
    let mut bytes = Vec::with_capacity(usize::try_from(size).unwrap_or_default());
    opened
        .read_to_end(&mut bytes)
        .map_err(|error| failed(&error))?;
    Ok((bytes, stat))
}

/// The names of all that a component's file imports, also of one that this krun can't run.
///
/// # Errors
/// [`FaultCode::Plugin`] for a file that is no component.
pub fn imports(runtime: &Runtime, file: &Utf8Path) -> Result<BTreeSet<String>, Fault> {
    let (bytes, _) = read(file)?;
    let component = runtime.compiled(file, &bytes, &Digest::of(&bytes).to_string())?;
    Ok(names(runtime, &component))
}

fn names(runtime: &Runtime, component: &Component) -> BTreeSet<String> {
    let ty = component.component_type();
    ty.imports(&runtime.engine)
        .map(|(name, _)| name.to_owned())
        .collect()
}

impl Plugin {
    /// Its name, such as `topic-policy`.
    pub fn name(&self) -> &'static str {
        self.description.name
    }

    /// Its version.
    pub fn version(&self) -> &'static str {
        self.description.version
    }

    /// What it is for.
    pub fn doc(&self) -> &'static str {
        self.description.doc
    }

    /// The name of its module in scripts.
    pub fn module(&self) -> String {
        self.name().replace('-', "_")
    }

    /// The version of `krun:plugin` that it was built for.
    pub fn api(&self) -> &str {
        &self.api
    }

    /// The SHA-256 of its file, in hexadecimal digits.
    pub fn sha256(&self) -> &str {
        &self.sha256
    }

    /// Refuses it where another file is pinned; `file` is where it comes from.
    ///
    /// # Errors
    /// [`FaultCode::Plugin`] where it is not the pinned one.
    pub fn is_pinned(&self, file: &Utf8Path, pinned: &str) -> Result<(), Fault> {
        same(file, &self.sha256, pinned)
    }

    /// What it says it needs.
    pub fn wants(&self) -> &[Want] {
        &self.description.wants
    }

    /// The interfaces that its component imports: it can call nothing else.
    pub fn imports(&self) -> impl Iterator<Item = &str> {
        self.imports.iter().map(String::as_str)
    }

    /// The worlds of `krun:plugin` that it is for.
    pub fn worlds(&self) -> Vec<&'static str> {
        let steps = self.steps.as_ref().map(|_| "step-plugin");
        let runbook = self.runbook.as_ref().map(|_| "runbook-plugin");
        steps.into_iter().chain(runbook).collect()
    }

    /// What it says of itself as a runbook; none where it is none.
    pub fn manifest(&self) -> Option<&Manifest> {
        self.runbook.as_ref().map(|(_, manifest)| &**manifest)
    }

    /// Whether it has step kinds of its own.
    pub fn has_kinds(&self) -> bool {
        self.steps.is_some()
    }

    /// Whether it can change anything at all but files.
    pub(crate) fn changes_only_files(&self) -> bool {
        !self
            .imports()
            .any(|name| name.starts_with("krun:plugin/kafka-changes"))
    }

    /// Its kinds, with what they are granted.
    pub fn kinds(&self, grants: &[Granted], clusters: &Arc<dyn Clusters>) -> Vec<Kind> {
        kind::all(self, grants, clusters)
    }
}
