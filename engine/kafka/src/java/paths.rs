//! Following symbolic links through a host's read-only eyes.

use camino::{Utf8Component, Utf8Path, Utf8PathBuf};
use krun_model::{Fault, ReadHost, TargetState, host::FileKind};

/// Links that are followed at most, as in Linux.
const MOST_LINKS: usize = 40;

/// The path without links in it; none where nothing is, or where links go in a circle.
pub async fn resolve(host: &dyn ReadHost, path: &Utf8Path) -> Result<Option<Utf8PathBuf>, Fault> {
    let mut resolved = Utf8PathBuf::from("/");
    let mut rest = parts(path);
    let mut links = 0;
    while let Some(part) = rest.pop() {
        if part == ".." {
            resolved.pop();
            continue;
        }
        let next = resolved.join(&part);
        let Some(stat) = host.stat(&next).await? else {
            return Ok(None);
        };
        if stat.kind != FileKind::Link {
            resolved = next;
            continue;
        }
        links += 1;
        let TargetState::Link { to } = host.path_state(&next).await? else {
            return Ok(None);
        };
        if links > MOST_LINKS {
            return Ok(None);
        }
        let to = Utf8PathBuf::from(to);
        if to.is_absolute() {
            resolved = "/".into();
        }
        rest.extend(parts(&to));
    }
    Ok(Some(resolved))
}

/// The parts of a path, the last first.
fn parts(path: &Utf8Path) -> Vec<String> {
    path.components()
        .rev()
        .filter(|part| matches!(part, Utf8Component::Normal(_) | Utf8Component::ParentDir))
        .map(|part| part.as_str().to_owned())
        .collect()
}
