//! What a changed runbook means for what the journal knows, step by step.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{Address, process::Running, runbook::Span};

/// `moved(from, to)` in a script: the history of one address is another's from now on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Moved {
    /// The address that the step had.
    pub from: Address,
    /// The address that it has.
    pub to: Address,
    /// Where it is said.
    pub span: Span,
}

/// One history that changes its address.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Move {
    /// The old address.
    pub from: Address,
    /// The new address; the last one of a chain.
    pub to: Address,
    /// The process that runs under the old address's marker. It stands for the new address until it
    /// ends: whoever is started next carries the new marker.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub process: Option<Running>,
}

/// One line of the table: a step, and what a changed runbook makes of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reconciled {
    /// The step.
    pub step: Address,
    /// What becomes of it.
    pub fate: Fate,
}

/// What a changed runbook makes of a step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fate {
    /// Nothing: kind, arguments and order are as they were.
    Reused,
    /// It was not in the runbook before.
    New,
    /// It is asked for something else.
    Redone {
        /// The arguments that differ; `kind` where that does.
        changed: Vec<String>,
    },
    /// It comes after other steps than before.
    Reordered {
        /// Steps that it comes after and did not before.
        added: Vec<Address>,
        /// Steps that it came after and does not now.
        dropped: Vec<Address>,
    },
    /// It has a new address, and keeps its history.
    Moved {
        /// The address that it had.
        from: Address,
    },
    /// It left the runbook; what it made stays.
    Orphaned,
    /// It can't be done safely.
    Refused {
        /// Why.
        why: String,
    },
}

impl fmt::Display for Fate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = |list: &[Address]| {
            let names: Vec<_> = list.iter().map(Address::as_str).collect();
            names.join(", ")
        };
        match self {
            Self::Reused => f.write_str("reused"),
            Self::New => f.write_str("new"),
            Self::Redone { changed } => write!(f, "redone: {} changed", changed.join(", ")),
            Self::Reordered { added, dropped } => {
                f.write_str("reordered:")?;
                if !added.is_empty() {
                    write!(f, " now after {}", names(added))?;
                }
                let and = if added.is_empty() { "" } else { "," };
                if !dropped.is_empty() {
                    write!(f, "{and} no longer after {}", names(dropped))?;
                }
                Ok(())
            }
            Self::Moved { from } => write!(f, "moved from {from}, with its history"),
            Self::Orphaned => f.write_str("orphaned: it left the runbook, what it made stays"),
            Self::Refused { why } => write!(f, "refused: {why}"),
        }
    }
}
