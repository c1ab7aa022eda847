//! What the first entries of a deployment come to, so that they need not be read each time.
//!
//! Owns `snapshots/NAME`: a line of JSON that says what it is, then the history as MessagePack in two
//! parts, its effects and the rest. Whoever waits for a plan waits for this, so the parts are decoded
//! and verified at the same time. A snapshot is derived: it can be deleted at any time, is used only if
//! it is what was written, was folded as this krun folds, and the journal still has the entry that it
//! ends with; and no failure to write one is a failure. It never stands for an entry: whoever wants
//! entries reads them.

use std::{
    fs,
    io::{self, Write as _},
    mem, thread,
};

use camino::Utf8Path;
use krun_model::{DeploymentName, Digest, History};
use serde::{Deserialize, Serialize};

use super::{FORMAT_VERSION, entries::Place};
use crate::folders;

/// From how many entries on it is worth to write one.
pub(super) const WORTH: usize = 2000;

/// How the history is written. Before 2 it was JSON, and nothing said so.
const SHAPE: u32 = 2;

#[derive(Serialize, Deserialize, PartialEq)]
struct First {
    krun: String,
    format: u32,
    fold: u32,
    shape: u32,
    deployment: DeploymentName,
    seq: i64,
    hash: String,
    /// Of everything after this line.
    digest: Digest,
    /// How many bytes of that are not the effects.
    rest: usize,
}

/// The snapshot of a deployment, and after which entry it was made.
pub(super) fn load(folder: &Utf8Path, deployment: &DeploymentName) -> Option<(Place, History)> {
    let bytes = fs::read(folder.join(deployment.as_str())).ok()?;
    let end = bytes.iter().position(|byte| *byte == b'\n')?;
    let body = &bytes[end + 1..];
    let first: First = serde_json::from_slice(&bytes[..end]).ok()?;
    let place = Place {
        seq: first.seq,
        hash: first.hash.clone(),
    };
    let (digest, rest) = (first.digest, first.rest);
    if first != head(deployment, &place, digest, rest) {
        return None;
    }
    Some((place, decode(body, digest, rest)?))
}

fn decode(body: &[u8], digest: Digest, rest: usize) -> Option<History> {
    let (rest, effects) = body.split_at_checked(rest)?;
    thread::scope(|scope| {
        let sound = scope.spawn(|| Digest::of(body) == digest);
        let effects = scope.spawn(|| rmp_serde::from_slice(effects));
        let history: Result<History, _> = rmp_serde::from_slice(rest);
        let history = History {
            effects: effects.join().ok()?.ok()?,
            ..history.ok()?
        };
        sound.join().ok()?.then_some(history)
    })
}

/// Keeps a history, if that can be done.
pub(super) fn save(
    folder: &Utf8Path,
    deployment: &DeploymentName,
    place: &Place,
    history: &History,
) {
    let write = || -> io::Result<()> {
        let mut rest = history.clone();
        let effects = mem::take(&mut rest.effects);
        let mut body = rmp_serde::to_vec_named(&rest).map_err(io::Error::other)?;
        let length = body.len();
        rmp_serde::encode::write_named(&mut body, &effects).map_err(io::Error::other)?;
        let first = head(deployment, place, Digest::of(&body), length);
        folders::make(folder)?;
        let mut file = tempfile::NamedTempFile::new_in(folder)?;
        serde_json::to_writer(&mut file, &first)?;
        file.write_all(b"\n")?;
        file.write_all(&body)?;
        file.persist(folder.join(deployment.as_str()))?;
        Ok(())
    };
    // Without it, the next krun reads more.
    let _ = write();
}

fn head(deployment: &DeploymentName, place: &Place, digest: Digest, rest: usize) -> First {
    First {
        krun: env!("CARGO_PKG_VERSION").to_owned(),
        format: FORMAT_VERSION,
        fold: History::FOLD,
        shape: SHAPE,
        deployment: deployment.clone(),
        seq: place.seq,
        hash: place.hash.clone(),
        digest,
        rest,
    }
}
