//! One known error.

use regex::Regex;
use serde::Deserialize;

use super::Finding;

/// A line of a log that is known, as it stands in a YAML file.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pattern {
    /// Its name.
    pub id: String,
    /// A regular expression that is looked for within each line.
    pub pattern: String,
    /// What it means.
    pub cause: String,
    /// What to do.
    pub cure: String,
    /// Whether a server that says so does not start.
    #[serde(default)]
    pub fatal: bool,
    /// Lines that it matches.
    #[serde(default)]
    #[cfg_attr(not(test), expect(dead_code, reason = "for the tests and for readers"))]
    pub examples: Vec<String>,
    /// Other patterns that match the examples too.
    #[serde(default)]
    #[cfg_attr(not(test), expect(dead_code, reason = "for the tests and for readers"))]
    pub overlaps: Vec<String>,
    #[serde(skip)]
    regex: Option<Regex>,
}

impl Pattern {
    /// Makes the expression ready for use.
    pub fn compile(&mut self) -> Result<(), regex::Error> {
        self.regex = Some(Regex::new(&self.pattern)?);
        Ok(())
    }

    /// Whether a line says this.
    pub fn matches(&self, line: &str) -> bool {
        self.regex
            .as_ref()
            .is_some_and(|regex| regex.is_match(line))
    }

    /// The finding for a line that matches.
    pub fn finding(&self, line: &str) -> Finding {
        Finding {
            id: self.id.clone(),
            cause: self.cause.clone(),
            cure: self.cure.clone(),
            fatal: self.fatal,
            line: line.trim().to_owned(),
        }
    }
}
