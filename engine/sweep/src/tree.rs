//! A folder as a value: every path with kind, mode, owner and digest, so that two states of it can be
//! compared to the byte.

use std::{collections::BTreeMap, fs, io, os::unix::fs::MetadataExt as _};

use camino::{Utf8Path, Utf8PathBuf};
use krun_model::Digest;

/// Files larger than this are compared as they are: nothing that krun writes by itself is.
const REWRITTEN: usize = 1 << 20;

/// What is in a folder. Paths are relative to it; the folder itself is the empty path.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tree(BTreeMap<Utf8PathBuf, String>);

impl Tree {
    /// Looks at a folder; empty where there is none. Where a file has the text `id` in it, that counts
    /// as the same whatever it is: a deployment's random id differs from life to life.
    ///
    /// # Errors
    /// What the filesystem says, but for what vanishes meanwhile.
    pub fn of(folder: &Utf8Path, id: Option<&str>) -> io::Result<Self> {
        let mut tree = BTreeMap::new();
        walk(folder, Utf8Path::new(""), id, &mut tree)?;
        Ok(Self(tree))
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

fn walk(
    top: &Utf8Path,
    below: &Utf8Path,
    id: Option<&str>,
    tree: &mut BTreeMap<Utf8PathBuf, String>,
) -> io::Result<()> {
    let path = top.join(below);
    let meta = match fs::symlink_metadata(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        meta => meta?,
    };
    let rights = format!("{:o} {}:{}", meta.mode() & 0o7777, meta.uid(), meta.gid());
    if meta.is_symlink() {
        let to = fs::read_link(&path)?;
        tree.insert(below.to_owned(), format!("link to {}", to.display()));
    } else if meta.is_dir() {
        tree.insert(below.to_owned(), format!("folder {rights}"));
        for entry in path.read_dir_utf8()? {
            walk(top, &below.join(entry?.file_name()), id, tree)?;
        }
    } else {
        let bytes = match fs::read(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            bytes => bytes?,
        };
        let digest = match (id, std::str::from_utf8(&bytes)) {
            (Some(id), Ok(text)) if bytes.len() < REWRITTEN => {
                Digest::of(text.replace(id, "ID").as_bytes())
            }
            _ => Digest::of(&bytes),
        };
        tree.insert(
            below.to_owned(),
            format!("file {rights} {}", digest.short()),
        );
    }
    Ok(())
}
