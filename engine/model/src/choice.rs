//! Which steps of a runbook a run is about.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What the user chose; by default everything.
///
/// Targets and tags add up: a step is chosen if one of them names it. What a chosen step comes after
/// is part of the run too.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Choice {
    /// Addresses, or patterns of them: `*` within a segment, `**` over segments.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub targets: Vec<String>,
    /// Tags.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
    /// Tags of steps that are left out, whatever else is said.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub skip_tags: Vec<String>,
}

impl Choice {
    /// Whether nothing was chosen, which means everything.
    pub fn is_everything(&self) -> bool {
        *self == Self::default()
    }
}

impl fmt::Display for Choice {
    /// As on the command line: `--target zookeeper --skip-tag slow`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words = |flag: &'static str, list: &[String]| {
            list.iter()
                .map(|word| format!("{flag} {word}"))
                .collect::<Vec<_>>()
        };
        let all = [
            words("--target", &self.targets),
            words("--tag", &self.tags),
            words("--skip-tag", &self.skip_tags),
        ];
        f.write_str(&all.concat().join(" "))
    }
}
