//! What may go of the cache, which other state folders use as well.
//!
//! Owns how a thing of the cache is recognised, and how one finds out that it is in use.

use std::{
    collections::BTreeSet,
    fs::{self, File, OpenOptions},
    io,
};

use camino::{Utf8Path, Utf8PathBuf};
use krun_model::{DeploymentName, Fault, History};

use super::{Garbage, Kind, garbage, weigh};

/// The lock of a thing of the cache; none while somebody holds it.
pub(super) fn lock_of(path: &Utf8Path) -> io::Result<Option<File>> {
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

/// Things of the cache: what has a lock beside it, class-data archives, and compiled plugins.
pub(super) fn find(
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
            Some("cwasm") => things.extend(compiled(path)),
            Some("complete" | "failed") => things.extend(class_data(path)),
            _ if locked => things.extend(garbage(Kind::Cache, path)),
            _ if entry.file_type().is_ok_and(|kind| kind.is_dir()) => cached_things(path, things),
            _ => {}
        }
    }
}

/// A plugin's compiled code. Whoever misses it makes it anew, so that it needs no lock.
fn compiled(path: &Utf8Path) -> Option<Garbage> {
    let mut code = garbage(Kind::Cache, path)?;
    code.parts.push(path.to_owned());
    Some(code)
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
