//! A folder as a value: every path with kind, mode, owner and digest, so that two states of it can be
//! compared to the byte.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs, io,
    os::unix::fs::MetadataExt as _,
};

use camino::{Utf8Path, Utf8PathBuf};
use krun_model::Digest;

/// Files larger than this are compared as they are: nothing that krun writes by itself is.
const REWRITTEN: usize = 1 << 20;

/// What is in a folder. Paths are relative to it; the folder itself is the empty path.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tree(BTreeMap<Utf8PathBuf, String>);

impl Tree {
    /// Looks at a folder; empty where there is none. Where a file has the text `id` in it, that counts
    /// as the same whatever it is: a deployment's random id differs from life to life. What is in `closed`
    /// folders is not looked at; they are relative to the folder.
    ///
    /// # Errors
    /// What the filesystem says, but for what vanishes meanwhile.
    pub fn of(
        folder: &Utf8Path,
        id: Option<&str>,
        closed: &BTreeSet<Utf8PathBuf>,
    ) -> io::Result<Self> {
        let mut walk = Walk {
            top: folder,
            id,
            closed,
            tree: BTreeMap::new(),
        };
        walk.look(Utf8Path::new(""))?;
        Ok(Self(walk.tree))
    }

    /// The paths at which two trees differ.
    pub fn differing<'a>(&'a self, other: &'a Self) -> impl Iterator<Item = &'a Utf8Path> {
        let mine = self
            .0
            .iter()
            .filter(|(path, what)| other.0.get(*path) != Some(what));
        let theirs = other
            .0
            .iter()
            .filter(|(path, _)| !self.0.contains_key(*path));
        mine.chain(theirs).map(|(path, _)| path.as_path())
    }

    /// What is at a path, in words.
    pub fn at(&self, path: &Utf8Path) -> &str {
        self.0.get(path).map_or("nothing", String::as_str)
    }

    /// How many paths there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is nothing.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

struct Walk<'a> {
    top: &'a Utf8Path,
    id: Option<&'a str>,
    closed: &'a BTreeSet<Utf8PathBuf>,
    tree: BTreeMap<Utf8PathBuf, String>,
}

impl Walk<'_> {
    fn look(&mut self, below: &Utf8Path) -> io::Result<()> {
        let path = self.top.join(below);
        let meta = match fs::symlink_metadata(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            meta => meta?,
        };
        let rights = format!("{:o} {}:{}", meta.mode() & 0o7777, meta.uid(), meta.gid());
        if meta.is_symlink() {
            let to = fs::read_link(&path)?;
            self.tree
                .insert(below.to_owned(), format!("link to {}", to.display()));
        } else if meta.is_dir() {
            self.tree
                .insert(below.to_owned(), format!("folder {rights}"));
            if self.closed.contains(below) {
                return Ok(());
            }
            for entry in path.read_dir_utf8()? {
                self.look(&below.join(entry?.file_name()))?;
            }
        } else {
            let bytes = match fs::read(&path) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
                bytes => bytes?,
            };
            let digest = match (self.id, std::str::from_utf8(&bytes)) {
                (Some(id), Ok(text)) if bytes.len() < REWRITTEN => {
                    Digest::of(text.replace(id, "ID").as_bytes())
                }
                _ => Digest::of(&bytes),
            };
            self.tree.insert(
                below.to_owned(),
                format!("file {rights} {}", digest.short()),
            );
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use super::*;

    fn lab() -> (tempfile::TempDir, Utf8PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = Utf8PathBuf::from_path_buf(folder.path().to_owned()).unwrap();
        fs::create_dir(path.join("a")).unwrap();
        fs::write(path.join("a/f"), "deployment 1234\n").unwrap();
        symlink("a/f", path.join("l")).unwrap();
        (folder, path)
    }

    fn look(path: &Utf8Path, id: Option<&str>) -> io::Result<Tree> {
        Tree::of(path, id, &BTreeSet::new())
    }

    #[test]
    fn a_closed_folder_is_there_and_no_more() {
        let (_folder, path) = lab();
        let closed = BTreeSet::from(["a".into()]);
        let tree = Tree::of(&path, None, &closed).unwrap();
        assert_eq!(tree.at("a/f".into()), "nothing");
        assert!(tree.at("a".into()).starts_with("folder"));
        assert_eq!(tree.at("l".into()), "link to a/f");
    }

    #[test]
    fn sees_every_difference() {
        type Change = fn(&Utf8Path);
        let changes: [(&str, Change); 6] = [
            ("a/f", |top| fs::write(top.join("a/f"), "other").unwrap()),
            ("a/f", |top| fs::remove_file(top.join("a/f")).unwrap()),
            ("a/g", |top| fs::write(top.join("a/g"), "").unwrap()),
            ("a", |top| {
                let mode = fs::Permissions::from_mode(0o700);
                fs::set_permissions(top.join("a"), mode).unwrap();
            }),
            ("l", |top| {
                fs::remove_file(top.join("l")).unwrap();
                symlink("a", top.join("l")).unwrap();
            }),
            ("", |top| fs::remove_dir_all(top).unwrap()),
        ];
        for (at, change) in changes {
            let (_folder, path) = lab();
            let before = look(&path, None).unwrap();
            change(&path);
            let after = look(&path, None).unwrap();
            let mut paths = after.differing(&before);
            assert!(paths.any(|path| path == at), "{at}");
        }
    }

    #[test]
    fn a_deployments_id_is_no_difference() {
        let (_folder, path) = lab();
        let one = look(&path, Some("1234")).unwrap();
        fs::write(path.join("a/f"), "deployment 5678\n").unwrap();
        let other = look(&path, Some("5678")).unwrap();
        assert_eq!(one.differing(&other).count(), 0);
        let raw = look(&path, None).unwrap();
        assert_eq!(one.differing(&raw).count(), 1);
    }
}
