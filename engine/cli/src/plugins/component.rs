//! A component that is run like a script, and the lock that holds for it.
//!
//! The lock is that of the component's own folder or, since `krun plugin add` puts components into `plugins/`,
//! of the one above. A component that the lock names must be the one that is pinned there. One that it does
//! not name may be run all the same if it has no kinds of its own: it can touch nothing by itself, and its hash
//! is in the text that each run pins. With kinds of its own it needs grants, and so the lock.

use std::sync::Arc;

use camino::{Utf8Path, Utf8PathBuf};
use krun_model::Fault;
use krun_plugin::{LOCK, Lock, Locked, Plugin};
use krun_script::Declared;

use super::{lock_and_text, runtime};
use crate::context::{Context, absolute};

/// A component that is given as a runbook.
pub struct Component {
    pub plugin: Plugin,
    /// The folder of its lock.
    pub folder: Utf8PathBuf,
    /// The lock, and its text.
    pub lock: Option<(Lock, Arc<str>)>,
    file: String,
    origin: String,
}

impl Component {
    /// Opens a component, which must be the pinned one where the lock names it.
    pub fn open(context: &Context, path: &Utf8Path) -> Result<Self, Fault> {
        let path = absolute(path.as_str())?;
        let plugin = runtime(context)?.open(&path, None)?;
        let folder = lock_folder(&path);
        let component = Self {
            file: path.file_name().unwrap_or("runbook.wasm").to_owned(),
            origin: format!("sha256 {}", plugin.sha256()),
            plugin,
            lock: lock_and_text(&folder)?,
            folder,
        };
        if let Some(locked) = component.locked() {
            component.plugin.is_pinned(&path, &locked.sha256)?;
        }
        Ok(component)
    }

    /// Its own entry in the lock.
    pub fn locked(&self) -> Option<&Locked> {
        let (lock, _) = self.lock.as_ref()?;
        lock.plugins.get(self.plugin.name())
    }

    /// What it declares, as the script crate reads it.
    pub fn declared(&self) -> Result<Declared<'_>, Fault> {
        let manifest = self
            .plugin
            .runbook()
            .map_err(|fault| fault.at(&self.file))?;
        Ok(Declared {
            file: &self.file,
            origin: &self.origin,
            manifest,
            own_kinds: self.plugin.has_kinds(),
            lock: self.lock.as_ref().map(|(_, text)| text.clone()),
        })
    }
}

/// The folder whose lock holds for a component.
pub fn lock_folder(path: &Utf8Path) -> Utf8PathBuf {
    let own = path.parent().unwrap_or(Utf8Path::new("/"));
    let mut folders = own.ancestors().take(2);
    let found = folders.find(|folder| folder.join(LOCK).exists());
    found.unwrap_or(own).to_owned()
}
