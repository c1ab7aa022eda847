//! Trials and how they end, as values.

use std::time::Duration;

use krun_model::Whose;

use crate::Point;

/// What follows a kill.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum What {
    /// The run was killed and goes on.
    GoesOn,
    /// The run was killed and is rolled back.
    RollsBack,
    /// The rollback was killed and goes on.
    RollbackGoesOn,
}

impl What {
    /// In words.
    pub fn words(self) -> &'static str {
        match self {
            Self::GoesOn => "run goes on",
            Self::RollsBack => "run is rolled back",
            Self::RollbackGoesOn => "rollback goes on",
        }
    }
}

/// One kill, and what must follow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trial {
    /// Its number among all trials of the runbook, from 1.
    pub number: usize,
    /// Where krun is killed.
    pub point: Point,
    /// What follows.
    pub what: What,
}

impl Trial {
    /// In one line.
    pub fn words(&self) -> String {
        let (whose, record) = (self.whose(), &self.point.record);
        let (moment, what) = (self.moment(), self.what.words());
        format!("{whose} · {record} · {moment} · {what}")
    }

    /// Whose record it is: a step's, a folder's, or that of the run as a whole.
    pub fn whose(&self) -> String {
        match &self.point.kill.whose {
            Whose::Run => "(run)".into(),
            whose => whose.to_string(),
        }
    }

    /// What it has in common with trials at the same sort of record.
    pub fn sort(&self) -> String {
        let record = &self.point.record;
        let about = self.point.class.as_deref().unwrap_or_default();
        let entry = match &self.point.class {
            Some(_) => record.split(':').next().unwrap_or_default(),
            None => record,
        };
        format!("{entry} {about} {} {}", self.moment(), self.what.words())
    }

    /// The moment, in words.
    pub fn moment(&self) -> &'static str {
        match self.point.kill.moment {
            krun_model::Moment::Before => "before it",
            krun_model::Moment::After => "after it",
            krun_model::Moment::During { .. } => "in the middle of it",
            krun_model::Moment::Acted => "effect done, no outcome",
        }
    }
}

/// How a trial ended.
#[derive(Clone, Debug)]
pub struct Row {
    /// The trial.
    pub trial: Trial,
    /// Whether krun came to the point. Whether it does may be up to chance: which replicas move, and whether
    /// any does, is decided by where brokers put them; which of two steps finds a folder made by the other,
    /// by which comes first. Where it did not in any life, nothing else was wrong in them.
    pub reached: bool,
    /// What is not as in the undisturbed life; empty if all is well.
    pub wrong: Vec<String>,
    /// How long it took, from the start of the krun that was killed.
    pub took: Duration,
    /// Where the scratch deployment was kept for a look, if it was.
    pub kept: Option<camino::Utf8PathBuf>,
}
