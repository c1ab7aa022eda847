//! A folder as text: every path with kind, mode and content, so that two states can be compared to
//! the byte.

use std::{
    collections::hash_map::DefaultHasher,
    fs,
    hash::{Hash as _, Hasher as _},
    os::unix::fs::{MetadataExt as _, PermissionsExt as _},
    path::Path,
};

/// One line a path, sorted.
pub fn listing(folder: &Path) -> String {
    let mut lines = vec![];
    walk(folder, folder, &mut lines);
    lines.sort();
    lines.join("\n")
}

fn walk(top: &Path, at: &Path, lines: &mut Vec<String>) {
    let Ok(meta) = fs::symlink_metadata(at) else {
        return;
    };
    let name = at.strip_prefix(top).unwrap_or(at).display().to_string();
    let mode = meta.permissions().mode() & 0o7777;
    let owner = format!("{}:{}", meta.uid(), meta.gid());
    if meta.is_symlink() {
        let to = fs::read_link(at)
            .map(|to| to.display().to_string())
            .unwrap_or_default();
        lines.push(format!("{name} link {to}"));
    } else if meta.is_dir() {
        lines.push(format!("{name} dir {mode:o} {owner}"));
        for entry in fs::read_dir(at).into_iter().flatten().flatten() {
            walk(top, &entry.path(), lines);
        }
    } else {
        let mut hash = DefaultHasher::new();
        fs::read(at).unwrap_or_default().hash(&mut hash);
        lines.push(format!(
            "{name} file {mode:o} {owner} {} {:x}",
            meta.len(),
            hash.finish()
        ));
    }
}
