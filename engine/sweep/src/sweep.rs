//! All trials of a runbook, on as many scratch deployments as there are.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering},
        mpsc,
    },
    thread,
    time::{Duration, Instant},
};

use krun_model::Fault;

use crate::{
    Clusters, Place, Point, Row, Spec, Trial, What,
    baseline::Baseline,
    life::{Life, Living},
    scratch::Scratch,
};

/// A sweep to be made.
pub struct Sweep<'a> {
    /// What all scratch deployments have in common.
    pub spec: Spec,
    /// The scratch deployments: as many lives go on at the same time.
    pub places: Vec<Place>,
    /// Who looks into clusters.
    pub clusters: &'a dyn Clusters,
    /// Set when the sweep is to stop.
    pub stop: &'a AtomicBool,
    /// How many deployments of failed trials are kept for a look.
    pub keep: usize,
    /// How many processes the witnesses have seen in lives that are over.
    pub starts: AtomicUsize,
}

/// What was found out by not disturbing anything.
pub struct Undisturbed {
    baselines: Vec<Baseline>,
    /// All trials, in the order of the journal.
    pub trials: Vec<Trial>,
}

/// How a sweep ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Trials made.
    pub trials: usize,
    /// Trials after which something was wrong.
    pub failed: usize,
    /// Trials made for each class of effect.
    pub classes: BTreeMap<String, usize>,
    /// Processes that were started in all lives, the undisturbed too, as the witness saw it.
    pub starts: usize,
    /// How long all of it took.
    pub took: Duration,
}

impl Sweep<'_> {
    /// Lives undisturbed on each scratch deployment.
    ///
    /// # Errors
    /// The runbook does not succeed there, or cannot be taken back even if nobody disturbs it.
    pub fn undisturbed(&self) -> Result<Undisturbed, Fault> {
        let baselines = thread::scope(|scope| {
            let lives: Vec<_> = self
                .places
                .iter()
                .map(|place| {
                    scope.spawn(move || {
                        let mut scratch = Scratch::new(self, place);
                        Baseline::live(&mut scratch, self.clusters)
                    })
                })
                .collect();
            lives
                .into_iter()
                .map(|life| {
                    life.join()
                        .unwrap_or_else(|_| Err(Fault::internal("an undisturbed life panicked")))
                })
                .collect::<Result<Vec<_>, Fault>>()
        })?;
        let trials = baselines.first().map(trials).unwrap_or_default();
        Ok(Undisturbed { baselines, trials })
    }

    /// Makes some trials; each row is handed over as soon as it is there.
    ///
    /// # Errors
    /// The sweep was stopped, or cannot go on.
    pub fn run(
        &self,
        undisturbed: &Undisturbed,
        trials: Vec<Trial>,
        mut show: impl FnMut(&Row),
    ) -> Result<Totals, Fault> {
        let since = Instant::now();
        let queue = Mutex::new(lives(trials));
        let kept = AtomicUsize::new(0);
        let (rows, shown) = mpsc::channel();
        let mut totals = Totals::default();
        let ended = thread::scope(|scope| {
            let mut workers = vec![];
            for (place, baseline) in self.places.iter().zip(&undisturbed.baselines) {
                let (rows, queue, kept) = (rows.clone(), &queue, &kept);
                workers.push(scope.spawn(move || {
                    let mut scratch = Scratch::new(self, place);
                    loop {
                        let next = lock(queue).pop_front();
                        let Some(life) = next else {
                            return Ok(());
                        };
                        let mut living = Living {
                            scratch: &mut scratch,
                            baseline,
                            clusters: self.clusters,
                        };
                        let mut made = living.live(&life)?;
                        self.keep_failed(&mut scratch, &mut made, kept);
                        lock(queue).extend(not_tried(life, &made));
                        for row in made {
                            // Whoever looked is gone only when all of this ends.
                            let _ = rows.send(row);
                        }
                    }
                }));
            }
            drop(rows);
            for row in shown {
                totals.trials += 1;
                totals.failed += usize::from(!row.wrong.is_empty());
                if let Some(class) = &row.trial.point.class {
                    *totals.classes.entry(class.clone()).or_default() += 1;
                }
                show(&row);
            }
            workers
                .into_iter()
                .map(|worker| {
                    worker
                        .join()
                        .unwrap_or_else(|_| Err(Fault::internal("a life panicked")))
                })
                .collect::<Result<Vec<()>, Fault>>()
        });
        ended?;
        totals.starts = self.starts.load(Ordering::Relaxed);
        totals.took = since.elapsed();
        Ok(totals)
    }

    fn keep_failed(&self, scratch: &mut Scratch<'_>, made: &mut [Row], kept: &AtomicUsize) {
        for row in made.iter_mut().filter(|row| !row.wrong.is_empty()) {
            if kept.fetch_add(1, Ordering::Relaxed) < self.keep {
                row.kept = scratch.keep(&row.trial.number.to_string()).ok();
            }
        }
    }
}

/// All trials of a runbook, numbered.
fn trials(baseline: &Baseline) -> Vec<Trial> {
    let with = |points: &[Point], what: What| {
        let points = points.to_vec();
        points.into_iter().map(move |point| (point, what))
    };
    with(&baseline.run, What::GoesOn)
        .chain(with(&baseline.run, What::RollsBack))
        .chain(with(&baseline.rollback, What::RollbackGoesOn))
        .enumerate()
        .map(|(at, (point, what))| Trial {
            number: at + 1,
            point,
            what,
        })
        .collect()
}

/// Lives for some trials: a run that goes on and a rollback that goes on share one.
fn lives(trials: Vec<Trial>) -> VecDeque<Life> {
    let (rollbacks, runs): (Vec<_>, Vec<_>) = trials
        .into_iter()
        .partition(|trial| trial.what == What::RollbackGoesOn);
    let mut rollbacks = VecDeque::from(rollbacks);
    let mut lives = VecDeque::new();
    for trial in runs {
        let rollback = match trial.what {
            What::GoesOn => rollbacks.pop_front(),
            _ => None,
        };
        lives.push_back(Life {
            run: Some(trial),
            rollback,
        });
    }
    lives.extend(rollbacks.into_iter().map(|trial| Life {
        run: None,
        rollback: Some(trial),
    }));
    lives
}

/// The rollback's trial, if the run before it went wrong: it gets a life of its own.
fn not_tried(life: Life, made: &[Row]) -> Option<Life> {
    let trial = life.rollback?;
    let tried = made.iter().any(|row| row.trial.number == trial.number);
    (!tried).then_some(Life {
        run: None,
        rollback: Some(trial),
    })
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use krun_model::{KillPoint, Moment};

    use super::*;

    fn trial(number: usize, what: What) -> Trial {
        let kill = KillPoint {
            moment: Moment::Before,
            number: 1,
            step: None,
        };
        let point = Point {
            kill,
            record: "run started".into(),
            class: None,
        };
        Trial {
            number,
            point,
            what,
        }
    }

    #[test]
    fn every_trial_has_a_life() {
        for rollbacks in 0..5 {
            let mut trials = vec![
                trial(1, What::GoesOn),
                trial(2, What::GoesOn),
                trial(3, What::RollsBack),
            ];
            trials.extend((4..4 + rollbacks).map(|n| trial(n, What::RollbackGoesOn)));
            let mut numbers = vec![];
            for life in lives(trials.clone()) {
                let alone = life
                    .run
                    .as_ref()
                    .is_some_and(|run| run.what == What::RollsBack);
                assert!(
                    !alone || life.rollback.is_none(),
                    "it is rolled back already"
                );
                numbers.extend(life.run.into_iter().chain(life.rollback).map(|t| t.number));
            }
            numbers.sort_unstable();
            let all: Vec<usize> = trials.iter().map(|trial| trial.number).collect();
            assert_eq!(numbers, all);
        }
    }

    #[test]
    fn what_an_earlier_failure_hid_is_tried_again() {
        let life = || Life {
            run: Some(trial(1, What::GoesOn)),
            rollback: Some(trial(2, What::RollbackGoesOn)),
        };
        let row = |number| Row {
            trial: trial(number, What::GoesOn),
            wrong: vec!["something".into()],
            took: Duration::ZERO,
            kept: None,
        };
        let again = not_tried(life(), &[row(1)]).unwrap();
        assert!(again.run.is_none());
        assert_eq!(again.rollback.map(|trial| trial.number), Some(2));
        assert!(not_tried(life(), &[row(1), row(2)]).is_none());
    }
}
