//! The values that a command of krun has had so far, and the key.
//!
//! A value is had once for each process of krun: all steps of a run see the same one, and a person is
//! asked for a pass phrase once. A command that needs no value has none.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use camino::{Utf8Path, Utf8PathBuf};
use krun_model::{
    Digest, Fault, FaultCode, Secrets,
    secret::{SecretSource, SecretSpec, SecretString},
};

use crate::{
    KeyFile, KeyId, Sealer, Veil,
    key::{self, Key},
    seal, source,
};

/// The values and the key.
#[derive(Default)]
pub struct Vault {
    overrides: BTreeMap<String, SecretSource>,
    key_file: Option<KeyFile>,
    /// Whether values and key are made up.
    simulated: bool,
    veil: Veil,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    values: BTreeMap<String, SecretString>,
    guarded: BTreeSet<Utf8PathBuf>,
    /// Which key the journal needs; none where nothing in it is sealed.
    needed: Option<KeyId>,
    sealer: Option<Arc<Sealer>>,
    /// A key that is in use and not kept yet.
    fresh: Option<Key>,
}

impl std::fmt::Debug for Vault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Vault")
    }
}

impl Vault {
    /// A vault without values. What `overrides` says wins over what a runbook says.
    pub fn new(overrides: BTreeMap<String, SecretSource>, key_file: KeyFile) -> Self {
        Self {
            overrides,
            key_file: Some(key_file),
            ..Self::default()
        }
    }

    /// A vault for a simulated machine: it makes up the values, and a key that is kept nowhere.
    pub fn simulated() -> Self {
        Self {
            simulated: true,
            ..Self::default()
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is known must not be shown.
    pub fn veil(&self) -> &Veil {
        &self.veil
    }

    /// Whether there is anything that must be kept from being guessed at.
    pub fn is_in_use(&self) -> bool {
        let state = self.state();
        !state.values.is_empty() || !state.guarded.is_empty()
    }

    /// Has the values of these secrets of a runbook.
    ///
    /// # Errors
    /// The first that can't be had; its evidence names the others.
    pub async fn have(&self, specs: &[SecretSpec], names: &BTreeSet<String>) -> Result<(), Fault> {
        let mut faults = vec![];
        for name in names {
            if self.state().values.contains_key(name) {
                continue;
            }
            let spec = specs.iter().find(|spec| spec.name == *name);
            let said = self.overrides.get(name).cloned();
            let said = said.or_else(|| spec.and_then(|spec| spec.source.clone()));
            let from = said.unwrap_or_else(|| source::default_source(name));
            let found = match self.simulated {
                true => Ok(format!("the simulated value of {name}").into()),
                false => source::value(name, &from).await,
            };
            match found {
                Ok(value) => {
                    self.veil.learn(name, &value);
                    self.state().values.insert(name.clone(), value);
                }
                Err(fault) => faults.push(match spec {
                    Some(spec) => {
                        let line = format!("the runbook refers to it at {}", spec.span);
                        fault.evidence([line])
                    }
                    None => fault,
                }),
            }
        }
        let mut faults = faults.into_iter();
        let Some(first) = faults.next() else {
            return Ok(());
        };
        Err(first.evidence(faults.map(|other| other.to_string())))
    }

    /// Says which key the journal's sealed content needs, by a blob of it.
    pub fn needs_key_of(&self, sealed: &[u8]) {
        self.state().needed = seal::key_of(sealed);
    }

    /// What is made with the key. Where there is none, and nothing needs one, it is a new one, which
    /// [`Vault::keep_key`] writes down.
    ///
    /// # Errors
    /// The key is missing, is another one than the journal needs, or can't be read.
    pub fn sealer(&self) -> Result<Arc<Sealer>, Fault> {
        let mut state = self.state();
        if let Some(sealer) = &state.sealer {
            return Ok(sealer.clone());
        }
        if self.simulated {
            let sealer = Arc::new(Sealer::new(&[0; 32]));
            state.sealer = Some(sealer.clone());
            return Ok(sealer);
        }
        let file = self.key_file.as_ref().ok_or_else(no_key_here)?;
        let found = file.read()?;
        let is_new = found.is_none();
        let key = match found {
            Some(key) => key,
            None if state.needed.is_some() => return Err(missing(file)),
            None => key::fresh()?,
        };
        let sealer = Arc::new(Sealer::new(&key));
        if state.needed.is_some_and(|needed| needed != sealer.id()) {
            return Err(seal::another().at(&file.0));
        }
        state.fresh = is_new.then_some(key);
        state.sealer = Some(sealer.clone());
        Ok(sealer)
    }

    /// Writes down a key that is in use and new. To be called before anything that was made with it is
    /// written down. Where another krun has just made one, that one is taken from now on.
    ///
    /// Returns whether what was made so far is still good.
    ///
    /// # Errors
    /// What the filesystem reports.
    pub fn keep_key(&self) -> Result<bool, Fault> {
        let mut state = self.state();
        let (Some(fresh), Some(file)) = (&state.fresh, &self.key_file) else {
            return Ok(true);
        };
        let kept = file.keep(fresh)?;
        let same = kept == *fresh;
        if !same {
            state.sealer = Some(Arc::new(Sealer::new(&kept)));
        }
        state.fresh = None;
        Ok(same)
    }

    /// Learns former values, by their names, from their sealed forms. Without the key nothing is learnt.
    pub fn learn_sealed(&self, name: &str, sealed: &[u8]) {
        let Ok(sealer) = self.sealer() else { return };
        let Ok(value) = sealer.open(sealed) else {
            return;
        };
        if let Ok(text) = std::str::from_utf8(&value) {
            self.veil.learn(name, &text.into());
        }
    }
}

impl Secrets for Vault {
    fn value(&self, name: &str) -> Result<SecretString, Fault> {
        let value = self.state().values.get(name).cloned();
        value.ok_or_else(|| {
            Fault::internal(format!("the secret `{name}` was not had before it is used"))
        })
    }

    fn guard(&self, path: &Utf8Path) {
        let mut state = self.state();
        if !state.guarded.contains(path) {
            state.guarded.insert(path.to_owned());
        }
    }

    fn guards(&self, path: &Utf8Path) -> bool {
        self.state().guarded.contains(path)
    }

    fn conceal(&self, text: &str) -> String {
        self.veil.conceal(text)
    }

    fn is_in(&self, text: &str) -> bool {
        self.veil.is_in(text)
    }

    fn keyed(&self, digest: Digest) -> Result<Digest, Fault> {
        Ok(self.sealer()?.keyed(digest))
    }
}

fn missing(file: &KeyFile) -> Fault {
    Fault::new(
        FaultCode::SecretKey,
        "the key that sealed the content of files with secrets is missing",
    )
    .at(&file.0)
    .hint("Put it back from a copy, or name another place with KRUN_KEY_FILE.")
    .hint("Nothing is lost: what is sealed stays as it is, and a rollback takes back everything else.")
}

fn no_key_here() -> Fault {
    Fault::internal("something is to be sealed where there is no place for a key")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vault(folder: &tempfile::TempDir) -> Vault {
        let path = Utf8Path::from_path(folder.path()).unwrap().join("key");
        Vault::new(BTreeMap::new(), KeyFile(path))
    }

    #[test]
    fn a_key_is_made_when_it_is_kept() {
        let folder = tempfile::tempdir().unwrap();
        let one = vault(&folder);
        let digest = one.keyed(Digest::of("x")).unwrap();
        assert!(std::fs::read_dir(folder.path()).unwrap().next().is_none());
        one.keep_key().unwrap();
        assert_eq!(vault(&folder).keyed(Digest::of("x")).unwrap(), digest);
    }

    #[test]
    fn of_two_that_make_a_key_one_is_kept() {
        let folder = tempfile::tempdir().unwrap();
        let (one, two) = (vault(&folder), vault(&folder));
        let digest = one.keyed(Digest::of("x")).unwrap();
        two.sealer().unwrap();
        assert!(one.keep_key().unwrap());
        assert!(!two.keep_key().unwrap());
        assert_eq!(two.keyed(Digest::of("x")).unwrap(), digest);
        assert!(two.keep_key().unwrap());
    }

    #[test]
    fn a_key_that_is_needed_is_never_made_anew() {
        let folder = tempfile::tempdir().unwrap();
        let one = vault(&folder);
        let sealed = one.sealer().unwrap().seal(b"x").unwrap();
        let other = vault(&folder);
        other.needs_key_of(&sealed);
        let fault = other.sealer().unwrap_err();
        assert_eq!(fault.code, FaultCode::SecretKey);
        assert!(fault.what.contains("missing"), "{fault}");
        vault(&folder).keyed(Digest::of("x")).unwrap();
        let third = vault(&folder);
        third.sealer().unwrap();
        third.keep_key().unwrap();
        let fault = other.sealer().unwrap_err();
        assert!(fault.what.contains("not the key"), "{fault}");
    }

    #[test]
    fn debug_shows_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let vault = vault(&folder);
        vault.veil().learn("db", &"hunter2".into());
        assert_eq!(format!("{vault:?}"), "Vault");
        assert!(!format!("{:?}", SecretString::from("hunter2")).contains("hunter2"));
    }
}
