//! Where krun is to end itself with SIGKILL: the means by which a sweep proves that it can be killed
//! anywhere.
//!
//! Owns the name of such a point and the order by which points are counted. Records are counted for
//! each step by itself, since steps that run at the same time write theirs in any order. Kills nothing.

use std::{fmt, str::FromStr};

use crate::{Address, Entry, History};

/// The moment at a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Moment {
    /// Before it is written.
    Before,
    /// Once it is written.
    After,
    /// Where it is an intent: so long after its effect was begun, or at once when it is done before.
    During {
        /// Milliseconds.
        ms: u32,
    },
    /// Where it is an intent: once its effect was brought about, before anybody looked at it.
    Acted,
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Before => f.write_str("before"),
            Self::After => f.write_str("after"),
            Self::During { ms } => write!(f, "{DURING}{ms}"),
            Self::Acted => f.write_str("acted"),
        }
    }
}

impl FromStr for Moment {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        Ok(match text {
            "before" => Self::Before,
            "after" => Self::After,
            "acted" => Self::Acted,
            _ => {
                let ms = text.strip_prefix(DURING).ok_or(())?;
                let ms = ms.parse().map_err(drop)?;
                Self::During { ms }
            }
        })
    }
}

/// How the text of a moment within an effect begins.
const DURING: &str = "during-";

/// A record that one krun writes, and a moment at it.
///
/// As text `MOMENT:NUMBER:STEP`, such as `acted:2:broker-1` or `during-40:2:topic`; without a step for the records of the run
/// as a whole.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KillPoint {
    /// When.
    pub moment: Moment,
    /// Which of the step's records, counted from 1 in the process that is to be killed.
    pub number: u32,
    /// The step; none for what belongs to the run as a whole.
    pub step: Option<Address>,
}

impl KillPoint {
    /// The step that an entry belongs to, as the history before the entry tells.
    pub fn step_of(entry: &Entry, before: &History) -> Option<Address> {
        match entry {
            Entry::StepStarted { step, .. }
            | Entry::Intent { step, .. }
            | Entry::StepDone { step, .. }
            | Entry::StepFailed { step, .. }
            | Entry::Resolved { step, .. }
            | Entry::Adopted { step, .. } => Some(step.clone()),
            Entry::Outcome { intent, .. } => Some(before.pending.get(*intent)?.step.clone()),
            Entry::Undone { intents, .. } => {
                let mut effects = before.effects.iter();
                Some(
                    effects
                        .find(|effect| intents.contains(&effect.seq))?
                        .step
                        .clone(),
                )
            }
            Entry::Created { .. }
            | Entry::RunStarted { .. }
            | Entry::RunResumed { .. }
            | Entry::Reconciled { .. }
            | Entry::Checkpoint { .. }
            | Entry::RolledBack
            | Entry::Returned { .. }
            | Entry::RunFinished { .. } => None,
        }
    }
}

impl fmt::Display for KillPoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let step = self.step.as_ref().map_or("", Address::as_str);
        write!(f, "{}:{}:{step}", self.moment, self.number)
    }
}

impl FromStr for KillPoint {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("`{text}` is not of the form MOMENT:NUMBER:STEP");
        let mut parts = text.splitn(3, ':');
        let (Some(moment), Some(number), Some(step)) = (parts.next(), parts.next(), parts.next())
        else {
            return Err(wrong());
        };
        Ok(Self {
            moment: moment.parse().map_err(|()| wrong())?,
            number: number.parse().map_err(|_| wrong())?,
            step: match step {
                "" => None,
                step => Some(step.parse().map_err(|_| wrong())?),
            },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_it_writes() {
        for text in [
            "before:1:",
            "after:12:broker-1",
            "during-40:2:topic",
            "acted:3:broker-2/config",
        ] {
            assert_eq!(
                text.parse::<KillPoint>().map(|p| p.to_string()),
                Ok(text.into())
            );
        }
        for wrong in [
            "",
            "before",
            "before:1",
            "never:1:a",
            "during:1:a",
            "during--4:1:a",
            "after:x:a",
            "after:1:a b",
        ] {
            assert!(wrong.parse::<KillPoint>().is_err(), "{wrong}");
        }
    }
}
