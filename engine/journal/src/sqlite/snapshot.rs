//! What the first entries of a deployment come to, so that they need not be read each time.
//!
//! Owns `snapshots/NAME`. A snapshot is derived: it can be deleted at any time, is used only if it is
//! what was written, was folded as this krun folds, and the journal still has the entry that it ends
//! with; and no failure to write one is a failure. It never stands for an entry: whoever wants entries
//! reads them.

use std::{fs, io::Write as _};

use camino::Utf8Path;
use krun_model::{DeploymentName, Digest, History};
use serde::{Deserialize, Serialize};

use super::{FORMAT_VERSION, entries::Place};
use crate::folders;

/// From how many entries on it is worth to write one.
pub(super) const WORTH: usize = 2000;

#[derive(Serialize, Deserialize, PartialEq)]
struct First {
    krun: String,
    format: u32,
    fold: u32,
    deployment: DeploymentName,
    seq: i64,
    hash: String,
    digest: Digest,
}

/// The snapshot of a deployment, and after which entry it was made.
pub(super) fn load(folder: &Utf8Path, deployment: &DeploymentName) -> Option<(Place, History)> {
    let text = fs::read_to_string(folder.join(deployment.as_str())).ok()?;
    let (first, body) = text.split_once('\n')?;
    let first: First = serde_json::from_str(first).ok()?;
    let place = Place {
        seq: first.seq,
        hash: first.hash.clone(),
    };
    let expected = head(deployment, &place, body);
    let history = (first == expected).then(|| serde_json::from_str(body).ok())?;
    Some((place, history?))
}

/// Keeps a history, if that can be done.
pub(super) fn save(
    folder: &Utf8Path,
    deployment: &DeploymentName,
    place: &Place,
    history: &History,
) {
    let write = || -> std::io::Result<()> {
        let body = serde_json::to_string(history)?;
        let first = serde_json::to_string(&head(deployment, place, &body))?;
        folders::make(folder)?;
        let mut file = tempfile::NamedTempFile::new_in(folder)?;
        write!(file, "{first}\n{body}")?;
        file.persist(folder.join(deployment.as_str()))?;
        Ok(())
    };
    // Without it, the next krun reads more.
    let _ = write();
}

fn head(deployment: &DeploymentName, place: &Place, body: &str) -> First {
    First {
        krun: env!("CARGO_PKG_VERSION").to_owned(),
        format: FORMAT_VERSION,
        fold: History::FOLD,
        deployment: deployment.clone(),
        seq: place.seq,
        hash: place.hash.clone(),
        digest: Digest::of(body),
    }
}
