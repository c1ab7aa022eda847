//! One life of a scratch deployment, with up to one kill in its run and one in its rollback.

use std::time::Instant;

use krun_model::{Fault, FaultCode, KillPoint, journal::Record};

use crate::{
    Clusters, Row, Trial, What,
    baseline::Baseline,
    points,
    scratch::{Ended, Scratch},
};

/// What is done to one life.
#[derive(Debug)]
pub(crate) struct Life {
    /// The kill in the run.
    pub(crate) run: Option<Trial>,
    /// The kill in the rollback.
    pub(crate) rollback: Option<Trial>,
    /// How often a trial of it may be tried again because krun did not come to its point.
    pub(crate) again: usize,
}

/// How a trial went.
struct Went {
    reached: bool,
    wrong: Vec<String>,
}

/// Who lives it.
pub(crate) struct Living<'a, 'b> {
    pub(crate) scratch: &'a mut Scratch<'b>,
    pub(crate) baseline: &'a Baseline,
    pub(crate) clusters: &'a dyn Clusters,
}

type Wrong = Result<Vec<String>, Fault>;

impl From<Vec<String>> for Went {
    fn from(wrong: Vec<String>) -> Self {
        Self {
            reached: true,
            wrong,
        }
    }
}

impl Living<'_, '_> {
    /// Lives one life; a row for each of its trials. A trial that an earlier one of the same life made
    /// worthless is left out.
    pub(crate) fn live(&mut self, life: &Life) -> Result<Vec<Row>, Fault> {
        self.scratch.reset()?;
        if self.scratch.spec.then.is_some() {
            let first = self.scratch.run(false, None);
            self.expect_done("the first run", first, false)?;
        }
        let mut rows = vec![];
        match &life.run {
            Some(trial) => {
                let since = Instant::now();
                let alone = life.rollback.is_none();
                let went = self.killed_in_run(&trial.point.kill, trial.what, alone);
                let row = self.row(trial, since, went)?;
                let well = row.wrong.is_empty();
                rows.push(row);
                if !well || trial.what == What::RollsBack {
                    return Ok(rows);
                }
            }
            None => {
                let ended = self.scratch.run(true, None);
                self.expect_done("the run before the rollback", ended, false)?;
            }
        }
        if let Some(trial) = &life.rollback {
            let since = Instant::now();
            let went = self.killed_in_rollback(&trial.point.kill);
            rows.push(self.row(trial, since, went)?);
        }
        Ok(rows)
    }

    fn killed_in_run(&mut self, kill: &KillPoint, what: What, alone: bool) -> Result<Went, Fault> {
        let before = self.scratch.journal()?;
        let ended = self.scratch.run(true, Some(kill))?;
        if let Ended::Code(code) = ended {
            return self.not_killed(code, kill, &before, |living| {
                living
                    .baseline
                    .not_the_same(living.scratch, living.clusters)
            });
        }
        if what == What::RollsBack {
            return Ok(self.take_back()?.into());
        }
        let ended = self.scratch.run(true, None);
        let mut wrong = self.expect("krun run", ended, false)?;
        if wrong.is_empty() {
            wrong = self.baseline.not_the_same(self.scratch, self.clusters)?;
        }
        if wrong.is_empty() && alone {
            wrong = self.take_back()?;
        }
        Ok(wrong.into())
    }

    fn killed_in_rollback(&mut self, kill: &KillPoint) -> Result<Went, Fault> {
        let before = self.scratch.journal()?;
        match self.scratch.rollback(Some(kill))? {
            Ended::Killed => Ok(self.take_back()?.into()),
            Ended::Code(code) => self.not_killed(code, kill, &before, |living| {
                living.baseline.not_back(living.scratch, living.clusters)
            }),
        }
    }

    fn take_back(&mut self) -> Wrong {
        // Killed before its first record, krun has left no deployment, and says so.
        let nothing = self.scratch.journal()?.is_empty();
        let ended = self.scratch.rollback(None);
        let mut wrong = self.expect("krun rollback", ended, nothing)?;
        wrong.extend(self.baseline.not_back(self.scratch, self.clusters)?);
        Ok(wrong)
    }

    /// A krun that was to be killed and was not. Chance may have it that there was no such record this time;
    /// anything else is a finding, and so is what is not as after an undisturbed life.
    fn not_killed(
        &mut self,
        code: i32,
        kill: &KillPoint,
        before: &[Record],
        differs: impl FnOnce(&mut Self) -> Wrong,
    ) -> Result<Went, Fault> {
        if code != 0 {
            let said = self.scratch.said();
            let wrong = format!("krun ended with exit code {code} before this point: {said}");
            return Ok(vec![wrong].into());
        }
        let all = self.scratch.journal()?;
        let written = points::points(before, &all[before.len()..], &self.scratch.world());
        let mut wrong = differs(self)?;
        let there = points::has(&written, kill);
        if there {
            wrong.push("krun came to this point and was not killed".into());
        }
        Ok(Went {
            reached: there || !wrong.is_empty(),
            wrong,
        })
    }

    fn expect(&self, what: &str, ended: Result<Ended, Fault>, or_usage: bool) -> Wrong {
        Ok(match ended? {
            Ended::Code(0) => vec![],
            Ended::Code(2) if or_usage => vec![],
            Ended::Code(code) => {
                let said = self.scratch.said();
                vec![format!("{what} ended with exit code {code}: {said}")]
            }
            Ended::Killed => vec![format!("{what} was killed by somebody else")],
        })
    }

    fn expect_done(&self, what: &str, ended: Result<Ended, Fault>, or: bool) -> Result<(), Fault> {
        match &self.expect(what, ended, or)?[..] {
            [] => Ok(()),
            wrong => Err(Fault::new(FaultCode::NotConverged, wrong.join("; "))),
        }
    }

    /// What cannot even be looked at is wrong, too; only the user's stop ends the sweep.
    fn row(&self, trial: &Trial, since: Instant, went: Result<Went, Fault>) -> Result<Row, Fault> {
        let went = match went {
            Err(fault) if fault.code == FaultCode::Cancelled => return Err(fault),
            Err(fault) => vec![fault.to_string()].into(),
            Ok(went) => went,
        };
        Ok(Row {
            trial: trial.clone(),
            reached: went.reached,
            wrong: went.wrong,
            took: since.elapsed(),
            kept: None,
        })
    }
}
