//! Where krun is to end itself with SIGKILL: the means by which a sweep proves that it can be killed
//! anywhere.
//!
//! Owns the name of such a point and the order by which points are counted. Records are counted for
//! each step by itself, since steps that run at the same time write theirs in any order; those about
//! making or removing a folder are counted for the folder, since of steps that miss the same one chance
//! decides which makes it. Kills nothing.

use std::{fmt, str::FromStr};

use camino::Utf8PathBuf;

use crate::{Address, Effect, Entry, History, journal::Seq};

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

/// By whom records are counted.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Whose {
    /// Those of the run as a whole.
    #[default]
    Run,
    /// Those of a step, but for folders.
    Step(Address),
    /// Those about making or removing this folder, whichever steps do.
    Folder(Utf8PathBuf),
}

impl Whose {
    /// Whose the records about an effect of a step are.
    pub fn of_effect(step: &Address, effect: &Effect) -> Self {
        match effect {
            Effect::MakeDir { path, .. } | Effect::RemoveDir { path } => Self::Folder(path.clone()),
            _ => Self::Step(step.clone()),
        }
    }

    /// Whose an entry is, as the history before the entry tells.
    pub fn of_entry(entry: &Entry, before: &History) -> Self {
        Self::of(entry, |intent| {
            let pending = before.pending.get(intent);
            let memory = pending.or_else(|| before.effects.get(intent))?;
            Some(Self::of_effect(&memory.step, &memory.effect))
        })
    }

    /// Whose an entry is, as `known` tells of intents.
    pub fn of(entry: &Entry, known: impl Fn(Seq) -> Option<Self>) -> Self {
        match entry {
            Entry::Intent { step, effect, .. } => Self::of_effect(step, effect),
            Entry::Outcome { intent, .. } => known(*intent).unwrap_or_default(),
            Entry::Undone { intents, .. } => {
                intents.iter().copied().find_map(known).unwrap_or_default()
            }
            Entry::StepStarted { step, .. }
            | Entry::StepDone { step, .. }
            | Entry::StepFailed { step, .. }
            | Entry::Resolved { step, .. }
            | Entry::Adopted { step, .. } => Self::Step(step.clone()),
            Entry::Created { .. }
            | Entry::RunStarted { .. }
            | Entry::RunResumed { .. }
            | Entry::Reconciled { .. }
            | Entry::Checkpoint { .. }
            | Entry::RolledBack
            | Entry::Returned { .. }
            | Entry::RunFinished { .. } => Self::Run,
        }
    }

    /// The step, where the records are one's.
    pub fn step(&self) -> Option<&Address> {
        match self {
            Self::Step(step) => Some(step),
            Self::Run | Self::Folder(_) => None,
        }
    }
}

impl fmt::Display for Whose {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Run => Ok(()),
            Self::Step(step) => step.fmt(f),
            Self::Folder(path) => path.fmt(f),
        }
    }
}

impl FromStr for Whose {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        Ok(match text {
            "" => Self::Run,
            // No address begins like that.
            path if path.starts_with(['/', '.']) => Self::Folder(path.into()),
            step => Self::Step(step.parse().map_err(drop)?),
        })
    }
}

/// A record that one krun writes, and a moment at it.
///
/// As text `MOMENT:NUMBER:WHOSE`, such as `acted:2:broker-1`, `during-40:2:topic` or `before:1:/srv/kafka`;
/// without the last for the records of the run as a whole.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KillPoint {
    /// When.
    pub moment: Moment,
    /// Which of the records, counted from 1 in the process that is to be killed.
    pub number: u32,
    /// By whom they are counted.
    pub whose: Whose,
}

impl fmt::Display for KillPoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.moment, self.number, self.whose)
    }
}

impl FromStr for KillPoint {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong =
            || format!("`{text}` is not of the form MOMENT:NUMBER:STEP or MOMENT:NUMBER:/FOLDER");
        let mut parts = text.splitn(3, ':');
        let (Some(moment), Some(number), Some(whose)) = (parts.next(), parts.next(), parts.next())
        else {
            return Err(wrong());
        };
        Ok(Self {
            moment: moment.parse().map_err(|()| wrong())?,
            number: number.parse().map_err(|_| wrong())?,
            whose: whose.parse().map_err(|()| wrong())?,
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
            "acted:1:/srv/a folder: with a name",
            "after:2:./root/d0",
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
