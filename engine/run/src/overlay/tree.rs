//! Paths as they will be, over those of a machine: only what differs is kept.
//!
//! Pure: it says where a path has to be looked at, and takes in what an effect changes. Paths come in
//! without links in their folders, which the [host](super::Lens) sees to.

use std::collections::{BTreeSet, HashMap};

use camino::{Utf8Path, Utf8PathBuf};
use krun_model::{Bytes, Effect, TargetState};

/// What will be at one path.
#[derive(Clone, Debug)]
enum Node {
    /// Nothing.
    Gone,
    /// Something that an effect makes.
    Made {
        state: TargetState,
        bytes: Option<Bytes>,
        /// A folder that is there already and of which an effect changes only the mode: what lies in
        /// it shows through.
        through: bool,
    },
    /// What the machine has at another path: it was moved.
    From(Utf8PathBuf),
}

/// Where a path has to be looked at.
#[derive(Clone, Debug)]
pub(super) enum Place {
    /// On the machine, at this path.
    Machine(Utf8PathBuf),
    /// Nowhere: nothing will be there.
    Nothing,
    /// Here.
    Made {
        state: TargetState,
        bytes: Option<Bytes>,
        /// Where on the machine its contents show through from.
        below: Option<Utf8PathBuf>,
    },
}

/// What differs from the machine.
#[derive(Debug, Default)]
pub(super) struct Tree {
    nodes: HashMap<String, Node>,
    /// The names in a folder that have a node, or of which something below has one.
    names: HashMap<String, BTreeSet<String>>,
}

impl Tree {
    pub(super) fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }

    /// Where a path has to be looked at.
    pub(super) fn place(&self, path: &Utf8Path) -> Place {
        let text = path.as_str();
        let ends = text.match_indices('/').map(|(at, _)| at).skip(1);
        // Where on the machine the folders passed so far lie; none for those that are not there.
        let mut below = Some(Utf8PathBuf::from("/"));
        let mut place = Place::Machine("/".into());
        let mut from = 1;
        for end in ends.chain([text.len()]) {
            let name = text.get(from..end).unwrap_or_default();
            from = end + 1;
            if name.is_empty() {
                continue;
            }
            if let Some(below) = &mut below {
                below.push(name);
            }
            place = match self.nodes.get(&text[..end]) {
                None => below
                    .as_ref()
                    .map_or(Place::Nothing, |below| Place::Machine(below.clone())),
                Some(Node::Gone) => {
                    below = None;
                    Place::Nothing
                }
                Some(Node::From(other)) => {
                    below = Some(other.clone());
                    Place::Machine(other.clone())
                }
                Some(Node::Made {
                    state,
                    bytes,
                    through,
                }) => {
                    below = below.filter(|_| *through);
                    Place::Made {
                        state: state.clone(),
                        bytes: bytes.clone(),
                        below: below.clone(),
                    }
                }
            };
        }
        place
    }

    /// The names in a folder that `there` shows, as they will be.
    pub(super) fn list(&self, folder: &Utf8Path, there: Vec<String>) -> Vec<String> {
        let mut names: BTreeSet<String> = there.into_iter().collect();
        for name in self.names.get(folder.as_str()).into_iter().flatten() {
            match self.nodes.get(folder.join(name).as_str()) {
                Some(Node::Gone) => {
                    names.remove(name);
                }
                Some(_) => {
                    names.insert(name.clone());
                }
                None => {}
            }
        }
        names.into_iter().collect()
    }

    /// Takes in an effect on one path, at which is `before` and then `after`.
    pub(super) fn put(&mut self, effect: &Effect, before: &TargetState, after: TargetState) {
        if let Some(path) = effect.vacates() {
            self.vacate(path);
        }
        if let Some(path) = effect.occupies() {
            let bytes = match effect {
                Effect::WriteFile { content, .. } => content.bytes.clone(),
                _ => None,
            };
            let was_folder = matches!(before, TargetState::Dir { .. });
            let through = was_folder && self.shows_through(path);
            let state = after;
            let node = Node::Made {
                state,
                bytes,
                through,
            };
            self.set(path, node);
        }
    }

    /// Whether a folder's contents come from the machine.
    fn shows_through(&self, path: &Utf8Path) -> bool {
        match self.place(path) {
            Place::Machine(_) => true,
            Place::Made { below, .. } => below.is_some(),
            Place::Nothing => false,
        }
    }

    /// Moves what is at a path, with all that lies below it.
    pub(super) fn rename(&mut self, from: &Utf8Path, to: &Utf8Path) {
        let node = match self.place(from) {
            Place::Machine(real) => Node::From(real),
            Place::Nothing => Node::Gone,
            Place::Made {
                state,
                bytes,
                below,
            } => match below {
                // What shows through comes from where it lay; a new mode is not carried along.
                Some(real) => Node::From(real),
                None => Node::Made {
                    state,
                    bytes,
                    through: false,
                },
            },
        };
        self.carry(from, to);
        self.vacate(from);
        self.set(to, node);
    }

    /// Takes the nodes below one path to another.
    fn carry(&mut self, from: &Utf8Path, to: &Utf8Path) {
        for name in self.names.remove(from.as_str()).unwrap_or_default() {
            let (below, there) = (from.join(&name), to.join(&name));
            self.carry(&below, &there);
            if let Some(node) = self.nodes.remove(below.as_str()) {
                self.set(&there, node);
            }
        }
    }

    fn vacate(&mut self, path: &Utf8Path) {
        self.drop_below(path);
        self.set(path, Node::Gone);
    }

    fn drop_below(&mut self, path: &Utf8Path) {
        for name in self.names.remove(path.as_str()).unwrap_or_default() {
            let below = path.join(&name);
            self.drop_below(&below);
            self.nodes.remove(below.as_str());
        }
    }

    fn set(&mut self, path: &Utf8Path, node: Node) {
        self.nodes.insert(path.as_str().to_owned(), node);
        let mut at = path;
        while let (Some(folder), Some(name)) = (at.parent(), at.file_name()) {
            let names = match self.names.get_mut(folder.as_str()) {
                Some(names) => names,
                None => self.names.entry(folder.as_str().to_owned()).or_default(),
            };
            if !names.insert(name.to_owned()) {
                break;
            }
            at = folder;
        }
    }
}
