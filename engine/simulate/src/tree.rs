//! Files in memory: folders, regular files and links by their absolute paths.
//!
//! Owns how a path is resolved, and what each change does to the tree, as the agent's own effects do
//! it to a disk. Never waits, fails by chance or counts: that is the machine's.
//!
//! A schedule asks for paths tens of thousands of times, so that they are kept as text: comparing paths
//! by their components takes longer than all else.

use std::{
    borrow::Cow,
    collections::{BTreeMap, HashSet},
    io::ErrorKind,
};

use camino::{Utf8Component, Utf8Path, Utf8PathBuf};
use krun_model::{Bytes, Digest, Fault, FaultCode, TargetState};

/// How many links a path may lead through, as in Linux.
const LINKS: usize = 40;
/// The user and group that krun runs as.
pub const ME: (u32, u32) = (1000, 1000);
/// How the name of a temporary file of krun's begins, and how it ends.
const TEMP: (&str, &str) = (".krun-", ".tmp");

/// What is at a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Node {
    /// A regular file.
    File {
        /// Its bytes.
        bytes: Bytes,
        /// Their digest.
        digest: Digest,
        /// Permission bits.
        mode: u32,
        /// Owner and group.
        owner: (u32, u32),
    },
    /// A folder.
    Dir {
        /// Permission bits.
        mode: u32,
        /// Owner and group.
        owner: (u32, u32),
    },
    /// A symbolic link.
    Link {
        /// What it points to.
        to: String,
    },
}

impl Node {
    /// A file of krun's user.
    pub fn file(bytes: impl Into<Bytes>, mode: u32) -> Self {
        let bytes = bytes.into();
        Self::File {
            digest: Digest::of(&bytes),
            bytes,
            mode,
            owner: ME,
        }
    }

    /// A folder of krun's user.
    pub fn dir(mode: u32) -> Self {
        Self::Dir { mode, owner: ME }
    }
}

/// All files of a machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tree {
    nodes: BTreeMap<String, Node>,
    /// Where links are.
    links: HashSet<String>,
}

impl Default for Tree {
    fn default() -> Self {
        let root = Node::Dir {
            mode: 0o755,
            owner: (0, 0),
        };
        Self {
            nodes: BTreeMap::from([("/".into(), root)]),
            links: HashSet::new(),
        }
    }
}

impl Tree {
    /// Puts something at a path, with the folders above it: the state before anything runs.
    pub fn plant(&mut self, path: &Utf8Path, node: Node) {
        self.make_parents(path, 0o755);
        self.put(path.as_str().to_owned(), node);
    }

    /// Everything with its path, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&Utf8Path, &Node)> {
        let all = self.nodes.iter();
        all.map(|(path, node)| (Utf8Path::new(path), node))
    }

    /// What is at a path; the links of its folders are followed, its own is not.
    pub fn get(&self, path: &Utf8Path) -> Option<&Node> {
        self.nodes.get(&*self.place(path, false)?)
    }

    /// What is at a path, links followed.
    pub fn follow(&self, path: &Utf8Path) -> Option<&Node> {
        self.nodes.get(&*self.place(path, true)?)
    }

    /// The bytes of a file, links followed; none where nothing is.
    ///
    /// # Errors
    /// A conflict where a folder is.
    pub fn bytes(&self, path: &Utf8Path) -> Result<Option<Bytes>, Fault> {
        match self.follow(path) {
            None => Ok(None),
            Some(Node::File { bytes, .. }) => Ok(Some(bytes.clone())),
            Some(_) => {
                Err(Fault::new(FaultCode::Conflict, "what is to be read is not a file").at(path))
            }
        }
    }

    /// The names in a folder, but for krun's own; none where no folder is.
    pub fn names(&self, path: &Utf8Path) -> Option<Vec<String>> {
        let place = self.place(path, true)?;
        let Node::Dir { .. } = self.nodes.get(&*place)? else {
            return None;
        };
        Some(
            self.below(&place)
                .map(|(path, _)| &path[below(&place).len()..])
                .filter(|name| !name.contains('/') && !is_temp(name))
                .map(str::to_owned)
                .collect(),
        )
    }

    /// The state of a path as effects see it.
    pub fn state(&self, path: &Utf8Path) -> TargetState {
        match self.get(path) {
            None => TargetState::Absent,
            Some(Node::File {
                digest,
                mode,
                owner: (uid, gid),
                ..
            }) => TargetState::File {
                digest: *digest,
                mode: *mode,
                uid: *uid,
                gid: *gid,
            },
            Some(Node::Dir {
                mode,
                owner: (uid, gid),
            }) => TargetState::Dir {
                mode: *mode,
                uid: *uid,
                gid: *gid,
            },
            Some(Node::Link { to }) => TargetState::Link { to: to.clone() },
        }
    }

    /// Writes a file as a whole.
    ///
    /// # Errors
    /// Something else is there, or no folder for it.
    pub fn write(
        &mut self,
        path: &Utf8Path,
        bytes: Bytes,
        mode: u32,
        owner: Option<(u32, u32)>,
    ) -> Result<(), Fault> {
        let what = "could not write a file";
        let place = self.free_for(path, what, |node| matches!(node, Node::File { .. }))?;
        let node = Node::File {
            digest: Digest::of(&bytes),
            bytes,
            mode,
            owner: owner.unwrap_or(ME),
        };
        self.put(place, node);
        Ok(())
    }

    /// Makes a folder, or gives one that is there its mode.
    ///
    /// # Errors
    /// Something else is there, or no folder for it.
    pub fn make_dir(&mut self, path: &Utf8Path, mode: u32) -> Result<(), Fault> {
        let what = "could not make a folder";
        let place = self.free_for(path, what, |node| matches!(node, Node::Dir { .. }))?;
        let owner = match self.nodes.get(&place) {
            Some(Node::Dir { owner, .. }) => *owner,
            _ => ME,
        };
        self.put(place, Node::Dir { mode, owner });
        Ok(())
    }

    /// Makes a link, or lets one point elsewhere.
    ///
    /// # Errors
    /// Something else is there, or no folder for it.
    pub fn link(&mut self, path: &Utf8Path, to: &str) -> Result<(), Fault> {
        let what = "could not make a link";
        let place = self.free_for(path, what, |node| matches!(node, Node::Link { .. }))?;
        self.put(place, Node::Link { to: to.to_owned() });
        Ok(())
    }

    /// Removes a file or a link; fine where nothing is.
    ///
    /// # Errors
    /// A folder is there.
    pub fn remove_file(&mut self, path: &Utf8Path) -> Result<(), Fault> {
        match self.get(path) {
            Some(Node::Dir { .. }) => Err(in_the_way("could not remove a file", path)),
            _ => {
                self.take(path);
                Ok(())
            }
        }
    }

    /// Removes an empty folder; fine where nothing is.
    ///
    /// # Errors
    /// It is not empty, or no folder.
    pub fn remove_dir(&mut self, path: &Utf8Path) -> Result<(), Fault> {
        let what = "could not remove a folder";
        match self.get(path) {
            None => Ok(()),
            Some(Node::Dir { .. }) => match self.names(path) {
                Some(names) if names.is_empty() => {
                    self.tidy(path);
                    self.take(path);
                    Ok(())
                }
                names => Err(Fault::new(FaultCode::Conflict, what)
                    .at(path)
                    .because("it is not empty")
                    .evidence(names.unwrap_or_default())),
            },
            Some(_) => Err(in_the_way(what, path)),
        }
    }

    /// Renames, and makes the folders above the destination. Fine where it was done already.
    ///
    /// # Errors
    /// Something is at the destination, or nothing at either place.
    pub fn rename(&mut self, from: &Utf8Path, to: &Utf8Path) -> Result<(), Fault> {
        let what = format!("could not move {from}");
        match (self.get(from).is_some(), self.get(to).is_some()) {
            (false, true) => return Ok(()),
            (true, false) => {}
            (true, true) => return Err(in_the_way(&what, to)),
            (false, false) => {
                return Err(Fault::new(FaultCode::Conflict, what)
                    .at(to)
                    .because("nothing is at either place"));
            }
        }
        self.make_parents(to, 0o700);
        let places = (self.place(from, false), self.place(to, false));
        let (Some(source), Some(target)) = places else {
            return Err(Fault::internal("a path that was there leads nowhere").at(from));
        };
        let (source, target) = (source.into_owned(), target.into_owned());
        let below = self.below(&source).map(|(path, _)| path.to_owned());
        let moved: Vec<_> = std::iter::once(source.clone()).chain(below).collect();
        for path in moved {
            if let Some(node) = self.cut(&path) {
                self.put(format!("{target}{}", &path[source.len()..]), node);
            }
        }
        Ok(())
    }

    /// Removes what a killed krun left of a file that it was writing.
    pub fn tidy(&mut self, folder: &Utf8Path) {
        let Some(place) = self.place(folder, true) else {
            return;
        };
        let left: Vec<_> = self
            .below(&place)
            .map(|(path, _)| &path[below(&place).len()..])
            .filter(|name| !name.contains('/') && is_temp(name))
            .map(|name| format!("{}{name}", below(&place)))
            .collect();
        for path in left {
            self.cut(&path);
        }
    }

    /// Leaves what a write that is cut off leaves.
    pub fn begin_write(&mut self, path: &Utf8Path, number: u64) {
        if let Some(folder) = path.parent()
            && let Some(place) = self.place(folder, true)
            && self.nodes.contains_key(&*place)
        {
            let path = format!("{}{}{number}{}", below(&place), TEMP.0, TEMP.1);
            self.put(path, Node::file(*b"half", 0o600));
        }
    }

    /// Removes what is at a path with everything below it, as somebody else would.
    pub fn take(&mut self, path: &Utf8Path) {
        let Some(place) = self.place(path, false) else {
            return;
        };
        let place = place.into_owned();
        let below = self.below(&place).map(|(path, _)| path.to_owned());
        let all: Vec<_> = below.collect();
        for path in all.into_iter().chain([place]) {
            self.cut(&path);
        }
    }

    /// Makes the folders above a path that are missing.
    pub fn make_parents(&mut self, path: &Utf8Path, mode: u32) {
        let missing: Vec<_> = path
            .ancestors()
            .skip(1)
            .take_while(|folder| self.follow(folder).is_none())
            .map(Utf8Path::to_owned)
            .collect();
        for folder in missing.into_iter().rev() {
            if let Some(place) = self.place(&folder, false) {
                self.put(place.into_owned(), Node::dir(mode));
            }
        }
    }

    /// Everything below a place.
    fn below(&self, place: &str) -> impl Iterator<Item = (&String, &Node)> {
        use std::ops::Bound;
        let first = below(place).into_owned();
        let from = (Bound::Excluded(&*first), Bound::Unbounded);
        let after = self.nodes.range::<str, _>(from);
        after.take_while(move |(path, _)| path.starts_with(&*first))
    }

    fn put(&mut self, place: String, node: Node) {
        if let Node::Link { .. } = node {
            self.links.insert(place.clone());
        } else if !self.links.is_empty() {
            self.links.remove(&place);
        }
        self.nodes.insert(place, node);
    }

    fn cut(&mut self, place: &str) -> Option<Node> {
        let node = self.nodes.remove(place)?;
        if let Node::Link { .. } = node {
            self.links.remove(place);
        }
        Some(node)
    }

    /// The place of a path at which something may be put: in a folder, and not over something else.
    fn free_for(
        &self,
        path: &Utf8Path,
        what: &str,
        may_be: impl FnOnce(&Node) -> bool,
    ) -> Result<String, Fault> {
        let missing = || Fault::io(what, path, &ErrorKind::NotFound.into());
        let place = self.place(path, false).ok_or_else(missing)?.into_owned();
        match parent(&place).and_then(|parent| self.nodes.get(parent)) {
            Some(Node::Dir { .. }) => {}
            _ => return Err(missing()),
        }
        match self.nodes.get(&place) {
            Some(node) if !may_be(node) => Err(in_the_way(what, path)),
            _ => Ok(place),
        }
    }

    /// Where a path leads, links of its folders followed; none where links go round in circles.
    fn place<'p>(&self, path: &'p Utf8Path, follow: bool) -> Option<Cow<'p, str>> {
        if self.is_plain(path.as_str(), follow) {
            return Some(Cow::Borrowed(path.as_str()));
        }
        self.walk(path, follow)
            .map(|place| Cow::Owned(place.into()))
    }

    /// Whether a path is where it leads to.
    fn is_plain(&self, path: &str, follow: bool) -> bool {
        let odd = ["//", "/./", "/.."].iter().any(|part| path.contains(part));
        let ends = ["/", "/."].iter().any(|end| path.ends_with(end));
        if path != "/" && (odd || ends || !path.starts_with('/')) {
            return false;
        }
        if self.links.is_empty() {
            return true;
        }
        let is_link = |path: &str| self.links.contains(path);
        let mut above = path.match_indices('/').skip(1);
        !(above.any(|(at, _)| is_link(&path[..at])) || follow && is_link(path))
    }

    /// The same, a name after the other.
    fn walk(&self, path: &Utf8Path, follow: bool) -> Option<Utf8PathBuf> {
        // The operating system follows a link that has `/.` behind it.
        let follow = follow || path.as_str().ends_with("/.");
        let mut left: Vec<String> = parts(path);
        let mut place = Utf8PathBuf::from("/");
        let mut links = 0;
        while let Some(part) = left.pop() {
            if part == ".." {
                place.pop();
                continue;
            }
            place.push(&part);
            if let Some(Node::Link { to }) = self.nodes.get(place.as_str())
                && (follow || !left.is_empty())
            {
                links += 1;
                if links > LINKS {
                    return None;
                }
                place.pop();
                let to = Utf8Path::new(to);
                if to.is_absolute() {
                    place = "/".into();
                }
                left.extend(parts(to));
            }
        }
        Some(place)
    }
}

/// What every path below a place begins with.
fn below(place: &str) -> Cow<'_, str> {
    match place {
        "/" => Cow::Borrowed(place),
        _ => Cow::Owned(format!("{place}/")),
    }
}

/// The folder that a place is in.
fn parent(place: &str) -> Option<&str> {
    match place.rsplit_once('/')? {
        (_, "") => None,
        ("", _) => Some("/"),
        (parent, _) => Some(parent),
    }
}

fn is_temp(name: &str) -> bool {
    name.starts_with(TEMP.0) && name.ends_with(TEMP.1)
}

/// The names of a path, the last one first.
fn parts(path: &Utf8Path) -> Vec<String> {
    let parts = path.components().filter_map(|part| match part {
        Utf8Component::Normal(name) => Some(name.to_owned()),
        Utf8Component::ParentDir => Some("..".to_owned()),
        _ => None,
    });
    let mut parts: Vec<_> = parts.collect();
    parts.reverse();
    parts
}

fn in_the_way(what: &str, path: &Utf8Path) -> Fault {
    Fault::new(FaultCode::Conflict, what)
        .at(path)
        .because("something else is there")
}

#[cfg(test)]
mod tests;
