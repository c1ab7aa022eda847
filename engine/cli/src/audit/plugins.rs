//! The plugins that a run's runbook used, read from what the run pinned.
//!
//! Owns what of the pinned sources speaks of plugins: the lock of a script that uses some, the head of a text
//! that a component declared. Never opens a component, and never looks at what lies in a folder today.

use std::collections::HashMap;

use camino::Utf8Path;
use krun_model::{Digest, journal::Pin, runbook::SourceFile};
use krun_script::{DeclaredBy, LOCK, plugins_used_in};
use serde::Serialize;

use crate::runbooks::is_component;

/// How the origin of a text begins that a component declared.
const HASH: &str = "sha256 ";

/// A plugin that a run used.
#[derive(Clone, Debug, Serialize)]
pub struct Used {
    name: String,
    version: String,
    sha256: String,
    /// What it was granted.
    grants: Vec<String>,
}

/// The plugins of runs. Many runs pin the same.
pub struct Plugins<'a> {
    text: &'a dyn Fn(&Digest) -> Option<String>,
    known: HashMap<Vec<(String, Digest)>, Option<Vec<Used>>>,
}

impl<'a> Plugins<'a> {
    /// Those of which `text` reads what was pinned.
    pub fn new(text: &'a dyn Fn(&Digest) -> Option<String>) -> Self {
        Self {
            text,
            known: HashMap::new(),
        }
    }

    /// The plugins of one run, a component that declared its runbook first; none where what it pinned is
    /// not kept any more.
    pub fn of(&mut self, pin: &Pin) -> Option<Vec<Used>> {
        let declared = is_component(Utf8Path::new(&pin.path));
        if !declared && pin.sources.iter().all(|(name, _)| name != LOCK) {
            return Some(vec![]);
        }
        let known = self.known.entry(pin.sources.clone());
        let read = || read(&pin.sources, declared, self.text);
        known.or_insert_with(read).clone()
    }
}

fn read(
    pinned: &[(String, Digest)],
    declared: bool,
    text: &dyn Fn(&Digest) -> Option<String>,
) -> Option<Vec<Used>> {
    let sources = pinned.iter().map(|(path, digest)| {
        Some(SourceFile {
            path: path.clone(),
            digest: *digest,
            text: text(digest)?.into(),
        })
    });
    let sources: Vec<SourceFile> = sources.collect::<Option<_>>()?;
    let itself = match declared {
        true => Some(component(&sources.first()?.text)?),
        false => None,
    };
    let mut used = locked(&sources)?;
    if let Some(mut itself) = itself {
        // With kinds of its own it uses itself.
        if let Some(at) = used.iter().position(|one| one.sha256 == itself.sha256) {
            itself = used.remove(at);
        }
        used.insert(0, itself);
    }
    Some(used)
}

/// The component that declared a text.
fn component(text: &str) -> Option<Used> {
    let by = DeclaredBy::of(text)?;
    Some(Used {
        name: by.name.to_owned(),
        version: by.version.to_owned(),
        sha256: by.origin.strip_prefix(HASH)?.to_owned(),
        grants: vec![],
    })
}

/// The plugins that sources name, as the lock among them pins them.
#[cfg(feature = "plugins")]
fn locked(sources: &[SourceFile]) -> Option<Vec<Used>> {
    let names = plugins_used_in(sources);
    if names.is_empty() {
        return Some(vec![]);
    }
    let lock = sources.iter().find(|source| source.path == LOCK)?;
    let lock = krun_plugin::Lock::parse(&lock.text).ok()?;
    let used = names.into_iter().filter_map(|name| {
        let locked = lock.plugins.get(&name)?;
        Some(Used {
            version: locked.version.clone(),
            sha256: locked.sha256.clone(),
            grants: locked.grants.iter().map(ToString::to_string).collect(),
            name,
        })
    });
    Some(used.collect())
}

/// A krun without plugins can't read a lock.
#[cfg(not(feature = "plugins"))]
fn locked(sources: &[SourceFile]) -> Option<Vec<Used>> {
    plugins_used_in(sources).is_empty().then(Vec::new)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALONE: &str =
        "// Declared by the plugin team-topics 0.1.0, sha256 00ff.\nrunbook(#{});\n";

    fn pin(path: &str, sources: &[(&str, &str)]) -> Pin {
        let sources = sources
            .iter()
            .map(|(name, text)| ((*name).to_owned(), Digest::of(text)));
        Pin {
            path: path.into(),
            sources: sources.collect(),
            params: Default::default(),
            given: Default::default(),
            identity: vec![],
            choice: Default::default(),
            on_failure: None,
        }
    }

    /// A component without kinds of its own needs no lock, and has no grants.
    #[test]
    fn a_component_alone() {
        let pin = pin(
            "/x/plugins/team-topics.wasm",
            &[("team-topics.wasm", ALONE)],
        );
        let kept = |digest: &Digest| (*digest == Digest::of(ALONE)).then(|| ALONE.to_owned());
        let used = Plugins::new(&kept).of(&pin).unwrap();
        let said = serde_json::to_value(used).unwrap();
        let wanted = serde_json::json!([
            {"name": "team-topics", "version": "0.1.0", "sha256": "00ff", "grants": []}
        ]);
        assert_eq!(said, wanted);
        assert!(Plugins::new(&|_| None).of(&pin).is_none(), "it is not kept");
    }

    /// Of a script without a lock nothing needs to be read.
    #[test]
    fn a_script_without_plugins() {
        let pin = pin("/x/r.rhai", &[("r.rhai", ALONE)]);
        assert!(Plugins::new(&|_| None).of(&pin).unwrap().is_empty());
    }
}
