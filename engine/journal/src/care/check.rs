//! Whether a store is sound: every page, every entry, every blob.

use camino::Utf8PathBuf;
use krun_model::{Digest, Fault, Journal as _};
use serde::Serialize;

use crate::Store;

/// How a store is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Health {
    /// The version of its format.
    pub format: u32,
    /// What SQLite finds wrong with the database.
    pub database: Vec<String>,
    /// Each deployment.
    pub deployments: Vec<DeploymentHealth>,
    /// How many blobs there are.
    pub blobs: u64,
    /// How many bytes they have.
    pub blob_bytes: u64,
    /// Blobs that are not what their name says.
    pub damaged_blobs: Vec<Utf8PathBuf>,
}

/// How a deployment's entries are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DeploymentHealth {
    /// Its name.
    pub name: String,
    /// How many entries it should have.
    pub entries: u64,
    /// How many verify, from the first.
    pub sound: u64,
    /// Why no more of them do.
    pub damage: Option<String>,
}

impl Health {
    /// Whether nothing is wrong.
    pub fn is_sound(&self) -> bool {
        self.database.is_empty()
            && self.damaged_blobs.is_empty()
            && self.deployments.iter().all(|one| one.damage.is_none())
    }
}

/// Reads everything that is in a store.
///
/// # Errors
/// `State` if the store can't be read. Damage is no error: it is what is looked for.
pub fn check(store: &Store) -> Result<Health, Fault> {
    let blobs = store.blobs()?;
    let damaged = blobs
        .iter()
        .filter(|blob| is_damaged(store, &blob.digest))
        .map(|blob| blob.path.clone())
        .collect();
    Ok(Health {
        format: store.format()?,
        database: store.integrity(),
        deployments: store
            .all_names()
            .iter()
            .map(|name| deployment(store, name))
            .collect(),
        blobs: blobs.len() as u64,
        blob_bytes: blobs.iter().map(|blob| blob.bytes).sum(),
        damaged_blobs: damaged,
    })
}

fn is_damaged(store: &Store, digest: &Digest) -> bool {
    store.blob(digest).is_err()
}

fn deployment(store: &Store, name: &str) -> DeploymentHealth {
    let entries = store.claimed(name);
    let (sound, damage) = match name.parse() {
        Err(error) => (0, Some(format!("its name is not one: {error}"))),
        Ok(parsed) => match store.read(&parsed) {
            Ok(records) => (records.len() as u64, None),
            Err(fault) => (
                store.sound_rows(&parsed).len() as u64,
                Some(fault.to_string()),
            ),
        },
    };
    DeploymentHealth {
        name: name.to_owned(),
        entries,
        sound,
        damage,
    }
}
