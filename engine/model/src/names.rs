//! Names: the known one that an unknown one was probably meant to be, lists of them, and free ones.

/// The nearest of some names, if one is near enough to be worth saying.
///
/// A name whose last segment is the word (`kafka::broker` for `broker`) is nearest of all.
pub fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let last = |name: &'a str| name.rsplit("::").next().unwrap_or(name);
    let mut best: Option<(usize, &str)> = None;
    for name in known {
        if name == word {
            continue;
        }
        let distance = if last(name) == word {
            0
        } else {
            strsim::damerau_levenshtein(&word.to_lowercase(), &name.to_lowercase())
        };
        let allowed = (word.chars().count().max(name.chars().count()) / 3).max(1);
        if distance <= allowed && best.is_none_or(|(least, _)| distance < least) {
            best = Some((distance, name));
        }
    }
    best.map(|(_, name)| name)
}

/// A list of names for a sentence: "`a`, `b` and `c`".
pub fn listed<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    let names: Vec<_> = names.into_iter().map(|name| format!("`{name}`")).collect();
    match names.as_slice() {
        [] => "nothing".to_owned(),
        [one] => one.clone(),
        [rest @ .., last] => format!("{} and {last}", rest.join(", ")),
    }
}

/// The names under which a thing is set aside, in the order in which they are tried: `name`, then
/// `name-2`, `name-3` and so on.
pub fn numbered(name: &str) -> impl Iterator<Item = String> {
    let later = (2..).map(move |number: u64| format!("{name}-{number}"));
    std::iter::once(name.to_owned()).chain(later)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_and_far() {
        let known = ["file", "kafka::broker", "properties"];
        assert_eq!(nearest("fiel", known), Some("file"));
        assert_eq!(nearest("broker", known), Some("kafka::broker"));
        assert_eq!(nearest("kafka::brokr", known), Some("kafka::broker"));
        assert_eq!(nearest("zookeeper", known), None);
        assert_eq!(listed(["a", "b", "c"]), "`a`, `b` and `c`");
        assert!(numbered("a").take(3).eq(["a", "a-2", "a-3"]));
    }
}
