//! What `krun gc` may delete.
//!
//! Owns the rule: a thing goes only if it is older than asked for *and* nothing that was not taken
//! back yet refers to it. What belongs to no deployment of this store is somebody else's and stays.
//! An age that can't be told, or that lies in the future because a clock was set, is no age.

use std::{
    collections::BTreeSet,
    fs::{self, File, OpenOptions},
    io,
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
            Kind::Cache if self.parts.is_empty() => match lock_of(&self.path).map_err(failed)? {
                Some(lock) => Some(lock),
                None => return Ok(()),
            },
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

/// The lock of a thing of the cache; none while somebody holds it.
fn lock_of(path: &Utf8Path) -> io::Result<Option<File>> {
    let file = OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .open(format!("{path}.lock"))?;
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(fs::TryLockError::WouldBlock) => Ok(None),
        Err(fs::TryLockError::Error(error)) => Err(error),
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
        cached(cache, histories, &mut found)?;
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

/// Things of the cache: what has a lock beside it, and class-data archives.
fn cached(
    cache: &Utf8Path,
    histories: &[(DeploymentName, History)],
    found: &mut Vec<Garbage>,
) -> Result<(), Fault> {
    let mut things = vec![];
    cached_things(cache, &mut things);
    let used = used_paths(histories)?;
    let open = open_paths();
    let is_used = |path: &Utf8PathBuf| {
        used.iter().any(|text| text.contains(path.as_str()))
            || open.iter().any(|one| one.starts_with(path))
    };
    things.retain(|thing| !is_used(&thing.path) && !thing.parts.iter().any(is_used));
    found.extend(things);
    Ok(())
}

fn cached_things(folder: &Utf8Path, things: &mut Vec<Garbage>) {
    for entry in folder.read_dir_utf8().into_iter().flatten().flatten() {
        let path = entry.path();
        let locked = Utf8PathBuf::from(format!("{path}.lock")).exists();
        match path.extension() {
            Some("lock") => {}
            Some("complete" | "failed") => things.extend(class_data(path)),
            _ if locked => things.extend(garbage(Kind::Cache, path)),
            _ if entry.file_type().is_ok_and(|kind| kind.is_dir()) => cached_things(path, things),
            _ => {}
        }
    }
}

/// The class-data archives of one distribution: a file that says that they are whole (or that they
/// can't be made) and those that it is about, `NAME-ROLE.jsa…`.
fn class_data(mark: &Utf8Path) -> Option<Garbage> {
    let archives = format!("{}-", mark.file_stem()?);
    let mut all = garbage(Kind::Cache, mark)?;
    all.parts.push(mark.to_owned());
    for entry in mark.parent()?.read_dir_utf8().ok()?.flatten() {
        if entry.file_name().starts_with(&archives) {
            all.bytes += weigh(entry.path()).ok()?.0;
            all.parts.push(entry.path().to_owned());
        }
    }
    Some(all)
}

/// Everything that effects which were not taken back speak of, as text.
fn used_paths(histories: &[(DeploymentName, History)]) -> Result<Vec<String>, Fault> {
    let live = histories
        .iter()
        .flat_map(|(_, history)| history.effects.iter().chain(&history.pending));
    live.map(|memory| {
        serde_json::to_string(&(&memory.effect, &memory.before, &memory.undo))
            .map_err(|error| Fault::internal(format!("an effect is not JSON: {error}")))
    })
    .collect()
}

/// What processes of this user have open, or mapped.
fn open_paths() -> BTreeSet<Utf8PathBuf> {
    let mut open = BTreeSet::new();
    let numbered = |folder: &Utf8Path| {
        let entries = folder.read_dir_utf8().into_iter().flatten().flatten();
        entries
            .map(|entry| entry.path().to_owned())
            .collect::<Vec<_>>()
    };
    for process in numbered(Utf8Path::new("/proc")) {
        let files = numbered(&process.join("fd"));
        open.extend(files.iter().filter_map(|file| file.read_link_utf8().ok()));
        let maps = fs::read_to_string(process.join("maps")).unwrap_or_default();
        let mapped = maps
            .lines()
            .filter_map(|line| line.find('/').map(|at| &line[at..]));
        open.extend(mapped.map(Utf8PathBuf::from));
    }
    open
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
