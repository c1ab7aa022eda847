//! What a log says, its cause and its cure.
//!
//! Owns the known errors of Kafka and ZooKeeper as data, `diagnosis/patterns.yaml`; users extend them
//! with files of the same shape. Never reads a log itself: the text is handed in.

mod pattern;

use std::sync::LazyLock;

use krun_model::{Fault, FaultCode};
use serde::{Deserialize, Serialize};

use pattern::Pattern;

/// The known errors: those that krun knows, and before them a user's.
#[derive(Clone, Debug, Default)]
pub struct Patterns(Vec<Pattern>);

/// A known error that was found in a log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// The pattern's name.
    pub id: String,
    /// What it means, as a lower-case fragment.
    pub cause: String,
    /// What to do about it, as whole sentences.
    pub cure: String,
    /// Whether a server that says so does not start.
    pub fatal: bool,
    /// The line that says it.
    pub line: String,
}

const BUILTIN: &str = include_str!("diagnosis/patterns.yaml");

/// The errors that krun knows. Read when the first log is: most commands read none, and compiling a
/// hundred expressions takes longer than a small plan.
static KNOWN: LazyLock<Vec<Pattern>> = LazyLock::new(|| {
    compiled(BUILTIN).expect("the built-in patterns are part of the program, and a test reads them")
});

/// The patterns of a file, ready to be looked for.
fn compiled(text: &str) -> Result<Vec<Pattern>, String> {
    let mut patterns: Vec<Pattern> =
        serde_yaml::from_str(text).map_err(|error| error.to_string())?;
    for pattern in &mut patterns {
        pattern
            .compile()
            .map_err(|error| format!("{}: {error}", pattern.id))?;
    }
    Ok(patterns)
}

impl Patterns {
    /// The errors that krun knows.
    pub fn builtin() -> Self {
        Self::default()
    }

    fn all(&self) -> impl Iterator<Item = &Pattern> {
        let replaced = |known: &&Pattern| self.0.iter().all(|own| own.id != known.id);
        self.0.iter().chain(KNOWN.iter().filter(replaced))
    }

    /// Adds the patterns of a file. One with an `id` that is there already takes its place; others
    /// are looked for before those that were there.
    ///
    /// # Errors
    /// A text that is no list of patterns, or an expression that is none; then nothing is added.
    pub fn extend_yaml(&mut self, text: &str) -> Result<(), Fault> {
        let bad = |why: String| {
            Fault::new(FaultCode::Usage, "the file of log patterns can't be used")
                .because(why)
                .hint(
                    "Each pattern has `id`, `pattern` (a regular expression), `cause`, `cure`, and \
                     if wanted `fatal`, `examples` and `overlaps`.",
                )
        };
        let mut added = compiled(text).map_err(bad)?;
        self.0
            .retain(|old| added.iter().all(|new| new.id != old.id));
        added.append(&mut self.0);
        self.0 = added;
        Ok(())
    }

    /// What a log says that is known, in the order of the lines; each error once, with the first line
    /// that says it.
    pub fn diagnose(&self, log: &str) -> Vec<Finding> {
        let mut found: Vec<Finding> = vec![];
        for line in log.lines() {
            for pattern in self.all().filter(|pattern| pattern.matches(line)) {
                if found.iter().all(|finding| finding.id != pattern.id) {
                    found.push(pattern.finding(line));
                }
            }
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_builtin_file_is_good() {
        let mut patterns = Patterns(vec![]);
        patterns.extend_yaml(BUILTIN).unwrap();
        assert!(patterns.0.len() > 40);
        let mut ids: Vec<_> = patterns.0.iter().map(|p| &p.id).collect();
        ids.sort();
        ids.dedup();
        assert_eq!(ids.len(), patterns.0.len(), "two patterns have one id");
    }

    #[test]
    fn each_pattern_finds_its_example_and_no_other() {
        let patterns = Patterns::builtin();
        for pattern in patterns.all() {
            assert!(
                !pattern.examples.is_empty(),
                "{} has no example",
                pattern.id
            );
            for example in &pattern.examples {
                let mut found: Vec<_> = patterns
                    .diagnose(example)
                    .into_iter()
                    .map(|finding| finding.id)
                    .collect();
                found.sort();
                let mut wanted = pattern.overlaps.clone();
                wanted.push(pattern.id.clone());
                wanted.sort();
                assert_eq!(found, wanted, "{example}");
            }
        }
    }

    #[test]
    fn causes_are_fragments_and_cures_are_sentences() {
        for pattern in Patterns::builtin().all() {
            assert!(!pattern.cause.ends_with('.'), "{}", pattern.id);
            assert!(pattern.cure.ends_with('.'), "{}", pattern.id);
            assert!(
                pattern.cure.starts_with(|c: char| c.is_uppercase()),
                "{}",
                pattern.id
            );
        }
    }

    #[test]
    fn quiet_logs_have_no_findings() {
        let log = "[2026-11-21 09:00:00,000] INFO [KafkaServer id=1] started (kafka.server.KafkaServer)\n\
                   [2026-11-21 09:00:00,000] INFO binding to port 0.0.0.0/0.0.0.0:2181 (org.apache.zookeeper.server.NIOServerCnxnFactory)";
        assert_eq!(Patterns::builtin().diagnose(log), []);
    }

    #[test]
    fn users_extend_and_replace() {
        let mut patterns = Patterns::builtin();
        patterns
            .extend_yaml(
                "- {id: ours, pattern: 'QUOTA-\\d+', cause: ours, cure: Call us.}\n\
                 - {id: port-taken, pattern: nothing, cause: x, cure: Y.}",
            )
            .unwrap();
        let found = patterns.diagnose(
            "a\nb QUOTA-17 c\nSocket server failed to bind to h:1: Address already in use.",
        );
        assert_eq!(found.len(), 1);
        assert_eq!(
            (found[0].id.as_str(), found[0].line.as_str()),
            ("ours", "b QUOTA-17 c")
        );
        for bad in ["x: 1", "- {id: a, pattern: '(', cause: b, cure: c}"] {
            assert_eq!(
                patterns.extend_yaml(bad).unwrap_err().code,
                FaultCode::Usage
            );
        }
    }
}
