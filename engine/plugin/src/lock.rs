//! `krun.lock`: which plugins a runbook's folder has, pinned by their bytes, and what they are granted.
//!
//! Written by `krun plugin add`, reviewed like code. Pure: text in, text out.

use std::collections::BTreeMap;

use krun_model::{Fault, FaultCode};
use serde::{Deserialize, Serialize};

use crate::Granted;

/// The file's name.
pub const LOCK: &str = "krun.lock";

const HEAD: &str = "\
# The plugins of the runbooks in this folder: which bytes they are, and what they may do.
# `krun plugin add` writes this file. Review a change of it like code.
";

/// What the file says.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lock {
    /// The file's own format: 1.
    pub format: u32,
    /// The plugins by name.
    #[serde(default)]
    pub plugins: BTreeMap<String, Locked>,
}

/// A plugin as it is pinned.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Locked {
    /// Its file, relative to the lock's folder.
    pub file: String,
    /// The file's SHA-256 in hexadecimal digits.
    pub sha256: String,
    /// Its own version.
    pub version: String,
    /// The version of `krun:plugin` that it was built for.
    pub api: String,
    /// What it may do.
    #[serde(default)]
    pub grants: Vec<Granted>,
}

impl Lock {
    /// A lock without plugins.
    pub fn empty() -> Self {
        Self {
            format: 1,
            plugins: BTreeMap::new(),
        }
    }

    /// Reads a lock's text.
    ///
    /// # Errors
    /// [`FaultCode::Plugin`] for what has another shape.
    pub fn parse(text: &str) -> Result<Self, Fault> {
        let lock: Self = serde_yaml::from_str(text).map_err(|error| {
            Fault::new(
                FaultCode::Plugin,
                "krun.lock has another shape than this krun knows",
            )
            .at(LOCK)
            .because(error)
            .hint(
                "Correct it, or take it from before the change; `krun plugin add` writes it anew.",
            )
        })?;
        if lock.format != 1 {
            return Err(Fault::new(
                FaultCode::Plugin,
                "krun.lock is in a format that this krun does not know",
            )
            .at(LOCK)
            .because(format!(
                "it says format {}, and this krun knows 1",
                lock.format
            ))
            .hint("Use the krun that wrote it, or a newer one."));
        }
        Ok(lock)
    }

    /// The lock's text.
    ///
    /// # Errors
    /// None in practice: what the lock holds can be written.
    pub fn text(&self) -> Result<String, Fault> {
        let body = serde_yaml::to_string(self)
            .map_err(|error| Fault::internal(format!("krun.lock can't be written: {error}")))?;
        Ok(format!("{HEAD}{body}"))
    }

    /// A plugin by name.
    ///
    /// # Errors
    /// [`FaultCode::Plugin`] where there is none such.
    pub fn plugin(&self, name: &str) -> Result<&Locked, Fault> {
        self.plugins.get(name).ok_or_else(|| {
            let known = self.plugins.keys().map(String::as_str);
            let fault = Fault::new(
                FaultCode::Plugin,
                format!("krun.lock has no plugin `{name}`"),
            )
            .at(LOCK)
            .hint("Add it: `krun plugin add FILE`.");
            match krun_model::names::nearest(name, known) {
                Some(near) => fault.hint(format!("Did you mean `{near}`?")),
                None => fault,
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_and_back() {
        let mut lock = Lock::empty();
        let locked = Locked {
            file: "plugins/topic-policy.wasm".into(),
            sha256: "00".repeat(32),
            version: "0.1.0".into(),
            api: "1.0.0".into(),
            grants: vec!["kafka:localhost:*".parse().unwrap()],
        };
        lock.plugins.insert("topic-policy".into(), locked);
        assert_eq!(Lock::parse(&lock.text().unwrap()).unwrap(), lock);
        let unknown = lock.plugin("topic-polizy").unwrap_err();
        assert_eq!(unknown.hints[1], "Did you mean `topic-policy`?");
    }

    #[test]
    fn other_shapes() {
        for text in [
            "",
            "format: 2",
            "format: 1\nplugin: {}",
            "format: 1\nplugins: {a: {file: x}}",
        ] {
            assert_eq!(
                Lock::parse(text).unwrap_err().code,
                FaultCode::Plugin,
                "{text}"
            );
        }
    }
}
