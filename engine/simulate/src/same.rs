//! Whether two machines have the same files, and their clusters hold the same.
//!
//! Owns what does not count: krun's own place, and the text of random ids, of which only counts which
//! are the same.

use std::collections::BTreeMap;

use camino::Utf8Path;

use crate::{
    CACHE, Holds, QUARANTINE,
    machine::UUID,
    tree::{Node, Tree},
    world::World,
};

/// Compares two trees, but for some paths.
///
/// # Errors
/// The first difference, in words.
pub fn same_files(
    wanted: &Tree,
    found: &Tree,
    leave_out: impl Fn(&Utf8Path) -> bool,
) -> Result<(), String> {
    let counts = |path: &Utf8Path| {
        let places = [Utf8Path::new(QUARANTINE), Utf8Path::new(CACHE)];
        let own = |place: &&Utf8Path| path.starts_with(place) || place.starts_with(path);
        path == "/" || (!places.iter().any(own) && !leave_out(path))
    };
    let mut wanted = wanted.iter().filter(|(path, _)| counts(path));
    let mut found = found.iter().filter(|(path, _)| counts(path));
    let (mut ours, mut theirs) = (Ids::default(), Ids::default());
    loop {
        match (wanted.next(), found.next()) {
            (None, None) => return Ok(()),
            (Some((path, one)), Some((other_path, other)))
                if path == other_path && ours.told(one) == theirs.told(other) => {}
            (one, other) => {
                return Err(format!(
                    "the files differ: {} is wanted, {} was found",
                    in_words(one),
                    in_words(other)
                ));
            }
        }
    }
}

/// Compares what two machines' clusters hold, and which settings they keep; of topics, those that count.
///
/// # Errors
/// What differs, in words.
pub fn same_clusters(
    wanted: &World,
    found: &World,
    counts: impl Fn(&str) -> bool,
) -> Result<(), String> {
    let holds = |world: &World| {
        let mut holds = world.holds();
        holds.retain(|topic, _| counts(topic));
        holds
    };
    let settings = |world: &World| {
        let mut settings = world.settings();
        settings.retain(|of, _| of.strip_prefix("topic ").is_none_or(&counts));
        settings
    };
    let (wanted_settings, found_settings) = (settings(wanted), settings(found));
    let (wanted, found) = (holds(wanted), holds(found));
    let mut topics = wanted.keys().chain(found.keys());
    if let Some(topic) = topics.find(|topic| wanted.get(*topic) != found.get(*topic)) {
        let words = |holds: Option<&Holds>| holds.map_or("nothing".to_owned(), Holds::to_string);
        return Err(format!(
            "the clusters differ: of topic {topic} {} is wanted, {} was found",
            words(wanted.get(topic)),
            words(found.get(topic))
        ));
    }
    if wanted_settings != found_settings {
        return Err(format!(
            "the clusters' settings differ: {wanted_settings:?} is wanted, {found_settings:?} was found"
        ));
    }
    Ok(())
}

/// Random ids in the order in which they were come upon.
#[derive(Default)]
struct Ids(BTreeMap<String, usize>);

impl Ids {
    /// The same node with each random id told by its number.
    fn told(&mut self, node: &Node) -> Option<Node> {
        let Node::File {
            bytes, mode, owner, ..
        } = node
        else {
            return Some(node.clone());
        };
        let Some(text) = std::str::from_utf8(bytes)
            .ok()
            .filter(|text| text.contains(UUID))
        else {
            return Some(node.clone());
        };
        let mut parts = text.split(UUID);
        let mut told = parts.next().unwrap_or_default().to_owned();
        for part in parts {
            let end = part
                .find(|c: char| !c.is_ascii_digit())
                .unwrap_or(part.len());
            let next = self.0.len();
            let number = *self.0.entry(part[..end].to_owned()).or_insert(next);
            told.push_str(&format!("{UUID}#{number}{}", &part[end..]));
        }
        let Node::File { bytes, digest, .. } = Node::file(told.into_bytes(), *mode) else {
            return None;
        };
        Some(Node::File {
            bytes,
            digest,
            mode: *mode,
            owner: *owner,
        })
    }
}

fn in_words(node: Option<(&Utf8Path, &Node)>) -> String {
    match node {
        None => "nothing more".to_owned(),
        Some((path, Node::File { bytes, mode, .. })) => {
            let text: String = String::from_utf8_lossy(bytes).chars().take(200).collect();
            format!("{path} (mode {mode:04o}, {} bytes: {text:?})", bytes.len())
        }
        Some((path, Node::Dir { mode, .. })) => format!("{path} (folder, mode {mode:04o})"),
        Some((path, Node::Link { to })) => format!("{path} (link to {to})"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn random_ids_are_compared_by_which_are_the_same() {
        let tree = |ids: [u32; 2]| {
            let mut tree = Tree::default();
            for (name, id) in ["/a", "/b"].into_iter().zip(ids) {
                let text = format!("id={UUID}{id}\n").into_bytes();
                tree.plant(name.into(), Node::file(text, 0o644));
            }
            tree
        };
        let same = |one, other| same_files(&tree(one), &tree(other), |_| false);
        assert_eq!(same([7, 7], [8, 8]), Ok(()));
        assert_eq!(same([7, 8], [8, 7]), Ok(()));
        assert!(same([7, 7], [8, 9]).is_err());
        let (mut other, path) = (tree([7, 7]), Utf8Path::new("/c"));
        other.plant(path, Node::dir(0o755));
        assert!(same_files(&tree([7, 7]), &other, |_| false).is_err());
        assert_eq!(same_files(&tree([7, 7]), &other, |at| at == path), Ok(()));
    }
}
