//! The difference of two texts, line by line and short.

use krun_model::{
    Fault, Secrets, Text,
    plan::{After, DiffLine},
    secret::HIDDEN,
};

/// How many lines are shown at most.
const SHOWN: usize = 12;
/// How much of a line is shown, in characters.
const WIDTH: usize = 120;

/// The lines in which two texts differ, between what they begin and end with alike. Lines are
/// numbered as in the text that is wanted.
pub fn lines(before: &str, after: &str) -> Vec<DiffLine> {
    let (old, new): (Vec<_>, Vec<_>) = (before.lines().collect(), after.lines().collect());
    let same = |pairs: &mut dyn Iterator<Item = (&&str, &&str)>| {
        pairs.take_while(|(old, new)| old == new).count()
    };
    let head = same(&mut old.iter().zip(&new));
    let (old, new) = (&old[head..], &new[head..]);
    let tail = same(&mut old.iter().rev().zip(new.iter().rev()));
    let (old, new) = (&old[..old.len() - tail], &new[..new.len() - tail]);
    let count = old.len().max(new.len());
    let mut diff: Vec<_> = (0..count.min(SHOWN))
        .map(|at| DiffLine {
            key: format!("line {}", head + at + 1),
            before: old.get(at).map(|line| shorten(line)),
            after: new
                .get(at)
                .map_or(After::Gone, |line| After::Value(shorten(line))),
        })
        .collect();
    if count > SHOWN {
        let more = count - SHOWN;
        diff.push(DiffLine::new("…", None, format!("and {more} more lines")));
    }
    if diff.is_empty() && before != after {
        diff.push(DiffLine::new(
            "line ends",
            Some("otherwise"),
            "as in the runbook",
        ));
    }
    diff
}

/// The lines in which a file that holds a secret, or held one, differs from the text that is wanted: by
/// the names of secrets. What is there is not shown: nobody knows what of it was a secret once.
///
/// # Errors
/// A value that is not known.
pub fn hidden(
    there: Option<&str>,
    wanted: &Text,
    secrets: &dyn Secrets,
) -> Result<Vec<DiffLine>, Fault> {
    let revealed = wanted.reveal(secrets)?;
    let new: Vec<&str> = revealed.lines().collect();
    let shown = wanted.lines(secrets)?;
    let old: Vec<&str> = there.unwrap_or_default().lines().collect();
    let differ = (0..old.len().max(new.len())).filter(|at| old.get(*at) != new.get(*at));
    let differ: Vec<usize> = differ.collect();
    let mut diff: Vec<_> = differ
        .iter()
        .take(SHOWN)
        .map(|&at| {
            let before = old.get(at).copied();
            DiffLine {
                key: format!("line {}", at + 1),
                before: before.map(|_| HIDDEN.to_owned()),
                after: shown.get(at).map_or(After::Gone, |line| {
                    After::Value(match before {
                        Some(before) => line.changed_from(before),
                        None => line.to_string(),
                    })
                }),
            }
        })
        .collect();
    if differ.len() > SHOWN {
        let more = differ.len() - SHOWN;
        diff.push(DiffLine::new("…", None, format!("and {more} more lines")));
    }
    if diff.is_empty() && there.is_some_and(|there| *there != **revealed) {
        diff.push(DiffLine::new(
            "line ends",
            Some("otherwise"),
            "as in the runbook",
        ));
    }
    Ok(diff)
}

fn shorten(line: &str) -> String {
    match line.char_indices().nth(WIDTH) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(before: &str, after: &str, expected: &[&str]) {
        let shown: Vec<_> = lines(before, after)
            .into_iter()
            .map(|line| {
                let after = match line.after {
                    After::Value(text) => text,
                    _ => "gone".to_owned(),
                };
                format!(
                    "{}: {} -> {after}",
                    line.key,
                    line.before.unwrap_or_default()
                )
            })
            .collect();
        assert_eq!(shown, expected);
    }

    #[test]
    fn diffs() {
        check("a\nb\nc\n", "a\nx\nc\n", &["line 2: b -> x"]);
        check("a\nb\nc\n", "a\nc\n", &["line 2: b -> gone"]);
        check("a\nc\n", "a\nb\nc\n", &["line 2:  -> b"]);
        check("", "a\n", &["line 1:  -> a"]);
        check("a\na\n", "a\n", &["line 2: a -> gone"]);
        check("a", "a\n", &["line ends: otherwise -> as in the runbook"]);
        check("a\n", "a\n", &[]);
        let long = "x\n".repeat(SHOWN + 3);
        assert_eq!(lines("", &long).len(), SHOWN + 1);
    }
}
