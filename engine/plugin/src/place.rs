//! Where a path really leads: links and `..` resolved as the host sees them.
//!
//! A grant names a prefix; what a guest names may reach it through any links. So both are resolved
//! through the same host before they are compared, and what is then done is done to the resolved path.
//! Somebody else who swaps folders below a granted prefix at that very moment is not kept out: who can
//! do that can write there himself.

use camino::{Utf8Path, Utf8PathBuf};
use krun_model::{Fault, FaultCode, ReadHost, TargetState, host::FileKind};

/// As many links as Linux follows.
const MAX_LINKS: usize = 40;

/// A path whose last part may be a link itself: for what acts on the link.
pub(crate) async fn of_entry(host: &dyn ReadHost, path: &str) -> Result<Utf8PathBuf, Fault> {
    let path = absolute(path)?;
    match (path.parent(), path.file_name()) {
        (Some(parent), Some(name)) => Ok(walk(host, parent).await?.join(name)),
        // Ends in `..`, or is the root: what it is called is only known once it was resolved.
        _ => walk(host, &path).await,
    }
}

/// A path with its last link followed too: for what reads through it.
pub(crate) async fn of_content(host: &dyn ReadHost, path: &str) -> Result<Utf8PathBuf, Fault> {
    walk(host, &absolute(path)?).await
}

fn absolute(path: &str) -> Result<Utf8PathBuf, Fault> {
    if !path.starts_with('/') || path.contains('\0') || path.len() > 4096 {
        let shown: String = path.chars().filter(|c| !c.is_control()).take(200).collect();
        return Err(
            Fault::new(FaultCode::Script, "a plugin names its paths absolutely")
                .at(shown)
                .because("this is no absolute path"),
        );
    }
    Ok(path.into())
}

async fn walk(host: &dyn ReadHost, path: &Utf8Path) -> Result<Utf8PathBuf, Fault> {
    let mut open: Vec<String> = parts(path.as_str());
    let mut place = Utf8PathBuf::from("/");
    let mut links = 0;
    while let Some(part) = open.pop() {
        if part == ".." {
            place.pop();
            continue;
        }
        let next = place.join(&part);
        // A plain file in the middle, or nothing: the rest leads nowhere, and is taken as it stands.
        let is_link = matches!(host.stat(&next).await?, Some(stat) if stat.kind == FileKind::Link);
        let state = if is_link {
            host.path_state(&next).await?
        } else {
            TargetState::Absent
        };
        let TargetState::Link { to } = state else {
            place = next;
            continue;
        };
        links += 1;
        if links > MAX_LINKS {
            return Err(Fault::new(FaultCode::Io, "too many links lead on from there").at(path));
        }
        if to.starts_with('/') {
            place = "/".into();
        }
        open.extend(parts(&to));
    }
    Ok(place)
}

/// The parts of a path, the last first.
fn parts(path: &str) -> Vec<String> {
    let named = path
        .split('/')
        .filter(|part| !part.is_empty() && *part != ".");
    named.rev().map(str::to_owned).collect()
}
