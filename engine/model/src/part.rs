//! Parts of what a deployment's runs did, and what is to become of a run that fails.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::{RunId, journal::Seq};

/// Which effects a rollback takes back, where it is not all of them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Part {
    /// Those of one run.
    Run(RunId),
    /// All that came after a checkpoint was passed.
    Since {
        /// The checkpoint's name.
        checkpoint: String,
        /// Where in the log it was passed.
        passed: Seq,
    },
}

impl Part {
    /// Whether what was journaled by a run at a position is in it.
    pub fn holds(&self, run: RunId, seq: Seq) -> bool {
        match self {
            Self::Run(own) => *own == run,
            Self::Since { passed, .. } => seq > *passed,
        }
    }
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Run(run) => write!(f, "run {run}"),
            Self::Since { checkpoint, .. } => {
                write!(f, "what came after checkpoint `{checkpoint}`")
            }
        }
    }
}

/// What becomes of a run of which a step failed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnFailure {
    /// What is done stays done, and the next run goes on.
    #[default]
    Stop,
    /// All that the run did is taken back.
    Rollback,
    /// What the run did after it passed a checkpoint is taken back.
    RollbackTo(String),
}

impl fmt::Display for OnFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stop => f.write_str("stop"),
            Self::Rollback => f.write_str("rollback"),
            Self::RollbackTo(name) => write!(f, "{TO}{name}"),
        }
    }
}

const TO: &str = "rollback-to=";

impl FromStr for OnFailure {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match (text, text.strip_prefix(TO)) {
            ("stop", _) => Ok(Self::Stop),
            ("rollback", _) => Ok(Self::Rollback),
            (_, Some(name)) if !name.is_empty() => Ok(Self::RollbackTo(name.to_owned())),
            _ => Err(format!(
                "`{text}` is none of `stop`, `rollback` and `rollback-to=CHECKPOINT`"
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn policies_read_what_they_write() {
        for text in ["stop", "rollback", "rollback-to=files are there"] {
            let read: OnFailure = text.parse().unwrap();
            assert_eq!(read.to_string(), text);
        }
        for wrong in ["", "rollback-to=", "Rollback", "rollback-to"] {
            assert!(wrong.parse::<OnFailure>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_part_holds_its_own() {
        let since = Part::Since {
            checkpoint: "c".into(),
            passed: Seq(7),
        };
        assert!(since.holds(RunId(1), Seq(8)) && !since.holds(RunId(1), Seq(7)));
        assert!(Part::Run(RunId(2)).holds(RunId(2), Seq(1)));
        assert!(!Part::Run(RunId(2)).holds(RunId(1), Seq(9)));
    }
}
