//! What a person decides about an effect in doubt.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What becomes of an effect that was begun, where what is there is neither before nor after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Decision {
    /// What is found is taken for what the effect brought about; a rollback puts back what was there
    /// before.
    Adopt,
    /// The effect is brought about over what is found.
    Redo,
    /// What was there before is put back, as if the effect had never begun.
    Undo,
}

impl Decision {
    /// All, in the order in which they are offered.
    pub const ALL: [Self; 3] = [Self::Adopt, Self::Redo, Self::Undo];
}

impl fmt::Display for Decision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Adopt => "adopt",
            Self::Redo => "redo",
            Self::Undo => "undo",
        })
    }
}
