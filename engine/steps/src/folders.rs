//! Making folders with everything above them, each as an effect of its own, so that a rollback
//! removes exactly those that were made.

use camino::{Utf8Path, Utf8PathBuf};
use krun_model::{
    Fault, FaultCode, ReadHost, WriteHost,
    host::{FileKind, FileStat},
};

/// The mode of folders that are made on the way to another.
pub const PARENT_MODE: u32 = 0o755;

/// Makes a folder, and those above it that are missing with [`PARENT_MODE`]. A folder that is there
/// is left as it is, whatever its mode. A link to a folder is as good as a folder.
///
/// # Errors
/// A conflict where something else is in the way.
pub async fn ensure_dir(host: &dyn WriteHost, path: &Utf8Path, mode: u32) -> Result<(), Fault> {
    for folder in missing(host, path).await? {
        let mode = if folder == path { mode } else { PARENT_MODE };
        host.make_missing_dir(folder, mode).await?;
    }
    Ok(())
}

/// Makes the folders above a path that are missing.
///
/// # Errors
/// As [`ensure_dir`].
pub async fn ensure_parent(host: &dyn WriteHost, path: &Utf8Path) -> Result<(), Fault> {
    match path.parent() {
        Some(folder) => ensure_dir(host, folder, PARENT_MODE).await,
        None => Ok(()),
    }
}

/// The folders that must be made so that `path` is one, topmost first; `path` itself is the last.
///
/// # Errors
/// A conflict where something else than a folder is in the way.
pub async fn missing(host: &dyn ReadHost, path: &Utf8Path) -> Result<Vec<Utf8PathBuf>, Fault> {
    let mut missing = vec![];
    for folder in path.ancestors().filter(|path| !path.as_str().is_empty()) {
        match host.stat(folder).await? {
            None => missing.push(folder.to_owned()),
            Some(stat) => {
                if folder_stat(host, folder, stat).await?.is_none() {
                    return Err(in_the_way(folder));
                }
                break;
            }
        }
    }
    missing.reverse();
    Ok(missing)
}

/// The metadata of the folder that a path is or, as a link, leads to; none where it is none.
pub(crate) async fn folder_stat(
    host: &dyn ReadHost,
    path: &Utf8Path,
    stat: FileStat,
) -> Result<Option<FileStat>, Fault> {
    let stat = match stat.kind {
        // The last component is not followed, so one is added that names the folder itself.
        FileKind::Link => host.stat(&path.join(".")).await?,
        _ => Some(stat),
    };
    Ok(stat.filter(|stat| stat.kind == FileKind::Dir))
}

/// The conflict of a path at which a folder should be.
pub(crate) fn in_the_way(path: &Utf8Path) -> Fault {
    Fault::new(
        FaultCode::Conflict,
        "a folder is wanted where something else is",
    )
    .at(path)
    .hint("Move away what is there, or name another path in the runbook.")
}
