//! What `krun gc` may delete.
//!
//! Owns the rule: a thing goes only if it is older than asked for *and* nothing that was not taken
//! back yet refers to it. What belongs to no deployment of this store is somebody else's and stays.
//! An age that can't be told, or that lies in the future because a clock was set, is no age.

mod cache;

use std::{
    collections::BTreeSet,
    fs, io,
    os::unix::fs::MetadataExt as _,
    time::{Duration, SystemTime},
};

use camino::{Utf8Path, Utf8PathBuf};
use krun_journal::Store;
use krun_model::{DeploymentName, Digest, Effect, Entry, Fault, History, Journal as _, Undo};

/// What something is that may go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// What a step or a rollback set aside.
    SetAside,
    /// Bytes in the state folder.
    Blob,
    /// What a killed krun left half written.
    Leftover,
    /// A download, or what was made of one.
    Cache,
}

impl Kind {
    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::SetAside => "set-aside",
            Self::Blob => "blob",
            Self::Leftover => "leftover",
            Self::Cache => "cache",
        }
    }
}

/// Something that may go.
#[derive(Clone, Debug)]
pub struct Garbage {
    /// What it is.
    pub kind: Kind,
    /// Where it is.
    pub path: Utf8PathBuf,
    /// How much room it takes.
    pub bytes: u64,
    /// Since when it has been there.
    pub since: SystemTime,
    blob: Option<Digest>,
    /// The files that it consists of, if it is more than one: first what says that it is whole.
    parts: Vec<Utf8PathBuf>,
    /// Empty folders above it go with it, up to this one.
    top: Option<Utf8PathBuf>,
}

impl Garbage {
    /// How old it is.
    pub fn age(&self, now: SystemTime) -> Duration {
        now.duration_since(self.since).unwrap_or_default()
    }

    /// Deletes it.
    ///
    /// # Errors
    /// What the filesystem reports.
    pub fn delete(&self, store: &Store) -> Result<(), Fault> {
        if let Some(digest) = &self.blob {
            return store.remove_blob(digest);
        }
        let failed = |error: io::Error| Fault::io("could not delete", &self.path, &error);
        for part in &self.parts {
            remove(part).map_err(failed)?;
        }
        // Held until it is gone: another krun may be about to fill it.
        let _lock = match self.kind {
            Kind::Cache if self.parts.is_empty() => {
                match cache::lock_of(&self.path).map_err(failed)? {
                    Some(lock) => Some(lock),
                    None => return Ok(()),
                }
            }
            _ => None,
        };
        remove(&self.path).map_err(failed)?;
        let mut folder = self.path.parent();
        while let (Some(at), Some(top)) = (folder, &self.top) {
            if !at.starts_with(top) || fs::remove_dir(at).is_err() {
                break;
            }
            folder = at.parent();
        }
        Ok(())
    }
}

fn remove(path: &Utf8Path) -> io::Result<()> {
    let meta = match path.symlink_metadata() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        meta => meta?,
    };
    match meta.is_dir() {
        true => fs::remove_dir_all(path),
        false => fs::remove_file(path),
    }
}

/// Everything that may go.
///
/// # Errors
/// What the filesystem or the store reports; what can't be read stays unmentioned.
pub fn find(
    store: &Store,
    histories: &[(DeploymentName, History)],
    cache: Option<&Utf8Path>,
    older_than: Duration,
    now: SystemTime,
) -> Result<Vec<Garbage>, Fault> {
    let mut found = vec![];
    for (name, history) in histories {
        set_aside(store, name, history, &mut found)?;
    }
    blobs(store, histories, &mut found)?;
    leftovers(store, &mut found);
    if let Some(cache) = cache {
        cache::find(cache, histories, &mut found)?;
    }
    found.retain(|garbage| {
        now.duration_since(garbage.since)
            .is_ok_and(|age| age >= older_than)
    });
    Ok(found)
}

/// What was set aside for a deployment and is not where a rollback would look for it.
fn set_aside(
    store: &Store,
    name: &DeploymentName,
    history: &History,
    found: &mut Vec<Garbage>,
) -> Result<(), Fault> {
    let Some(id) = &history.id else { return Ok(()) };
    let mut tops = BTreeSet::from([store.folder().join("quarantine").join(id)]);
    for record in store.read(name)? {
        if let Entry::Intent { effect, undo, .. } = &record.entry {
            let undo = match undo {
                Undo::By(undo) => Some(undo),
                _ => None,
            };
            let paths = [Some(effect), undo].into_iter().flatten().flat_map(asides);
            tops.extend(paths.filter_map(|path| top_of(&path, id)));
        }
    }
    let needed = history.moved_paths();
    for top in tops {
        walk(&top, &top, &needed, found);
    }
    Ok(())
}

fn asides(effect: &Effect) -> Vec<Utf8PathBuf> {
    match effect {
        Effect::Move { from, to } => vec![from.clone(), to.clone()],
        Effect::Claim { quarantine, .. } | Effect::Release { quarantine, .. } => {
            vec![quarantine.clone()]
        }
        _ => vec![],
    }
}

/// The deployment's own folder in a quarantine that a path lies in.
fn top_of(path: &Utf8Path, id: &str) -> Option<Utf8PathBuf> {
    let own = path
        .ancestors()
        .find(|above| above.file_name() == Some(id))?;
    let place = own.parent()?.file_name()?;
    matches!(place, "quarantine" | ".krun-quarantine").then(|| own.to_owned())
}

/// Goes down to `run-N/STEP/NAME`, and to anything else at once.
fn walk(top: &Utf8Path, at: &Utf8Path, needed: &BTreeSet<Utf8PathBuf>, found: &mut Vec<Garbage>) {
    let depth = at.components().count() - top.components().count();
    let is_folder = at.symlink_metadata().is_ok_and(|meta| meta.is_dir());
    let whole = match depth {
        0 => false,
        1 => at.file_name().is_none_or(|name| !name.starts_with("run-")),
        2 => false,
        _ => true,
    };
    if needed.iter().any(|path| at.starts_with(path)) {
        return;
    }
    let holds_needed = needed.iter().any(|path| path.starts_with(at));
    if is_folder && (!whole || holds_needed) {
        let Ok(entries) = at.read_dir_utf8() else {
            return;
        };
        for entry in entries.flatten() {
            walk(top, entry.path(), needed, found);
        }
    } else if let Some(garbage) = garbage(Kind::SetAside, at) {
        found.push(Garbage {
            top: Some(top.to_owned()),
            ..garbage
        });
    }
}

fn blobs(
    store: &Store,
    histories: &[(DeploymentName, History)],
    found: &mut Vec<Garbage>,
) -> Result<(), Fault> {
    let needed: BTreeSet<Digest> = histories
        .iter()
        .flat_map(|(_, history)| history.mentioned_blobs())
        .collect();
    for blob in store.blobs()? {
        if !needed.contains(&blob.digest) {
            found.push(Garbage {
                kind: Kind::Blob,
                path: blob.path,
                bytes: blob.bytes,
                since: blob.modified,
                blob: Some(blob.digest),
                parts: vec![],
                top: None,
            });
        }
    }
    Ok(())
}

/// Files that were being written when krun was killed. Nobody writes any now.
fn leftovers(store: &Store, found: &mut Vec<Garbage>) {
    let folder = store.folder().join("blobs/tmp");
    for entry in folder.read_dir_utf8().into_iter().flatten().flatten() {
        found.extend(garbage(Kind::Leftover, entry.path()));
    }
}

fn garbage(kind: Kind, path: &Utf8Path) -> Option<Garbage> {
    let (bytes, since) = weigh(path).ok()?;
    Some(Garbage {
        kind,
        path: path.to_owned(),
        bytes,
        since,
        blob: None,
        parts: vec![],
        top: None,
    })
}

/// The size of a thing, and when it was put where it is: a rename changes the time of its inode.
fn weigh(path: &Utf8Path) -> io::Result<(u64, SystemTime)> {
    let meta = path.symlink_metadata()?;
    let changed = u64::try_from(meta.ctime()).unwrap_or_default();
    let mut bytes = meta.len();
    if meta.is_dir() {
        for entry in path.read_dir_utf8()? {
            bytes += weigh(entry?.path())?.0;
        }
    }
    Ok((bytes, SystemTime::UNIX_EPOCH + Duration::from_secs(changed)))
}
