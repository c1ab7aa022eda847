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

/// How often a trial is tried again in a life of its own, where krun did not come to its point.
const AGAIN: usize = 3;

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
    /// Trials in which krun did not come to its point in any life: chance had it that there was none.
    pub missed: usize,
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
                        if life.again > 0 {
                            made.retain(|row| row.reached);
                        }
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
                totals.missed += usize::from(!row.reached);
                if let Some(class) = row.trial.point.class.as_ref().filter(|_| row.reached) {
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
            again: AGAIN,
        });
    }
    lives.extend(rollbacks.into_iter().map(|trial| Life {
        run: None,
        rollback: Some(trial),
        again: AGAIN,
    }));
    lives
}

/// Trials of a life that were not made, because the one before went wrong or krun did not come to the point:
/// each gets a life of its own.
fn not_tried(life: Life, made: &[Row]) -> impl Iterator<Item = Life> {
    let tried: Vec<usize> = made.iter().map(|row| row.trial.number).collect();
    let trials = [life.run, life.rollback].into_iter().flatten();
    let left = trials.filter(move |trial| !tried.contains(&trial.number));
    left.map(move |trial| {
        let again = life.again.saturating_sub(1);
        let (run, rollback) = match trial.what {
            What::RollbackGoesOn => (None, Some(trial)),
            _ => (Some(trial), None),
        };
        Life {
            run,
            rollback,
            again,
        }
    })
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use krun_model::{KillPoint, Moment, Whose};

    use super::*;

    fn trial(number: usize, what: What) -> Trial {
        let kill = KillPoint {
            moment: Moment::Before,
            number: 1,
            whose: Whose::Run,
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

    fn row(number: usize, reached: bool) -> Row {
        Row {
            trial: trial(number, What::GoesOn),
            reached,
            wrong: vec!["something".into()],
            took: Duration::ZERO,
            kept: None,
        }
    }

    fn numbers_left(made: &[Row]) -> Vec<(Option<usize>, Option<usize>)> {
        let number = |trial: &Option<Trial>| trial.as_ref().map(|trial| trial.number);
        let life = Life {
            run: Some(trial(1, What::GoesOn)),
            rollback: Some(trial(2, What::RollbackGoesOn)),
            again: AGAIN,
        };
        let left = not_tried(life, made).inspect(|life| assert_eq!(life.again, AGAIN - 1));
        left.map(|life| (number(&life.run), number(&life.rollback)))
            .collect()
    }

    #[test]
    fn what_was_not_tried_is_tried_again() {
        assert_eq!(numbers_left(&[row(1, true)]), [(None, Some(2))]);
        assert_eq!(numbers_left(&[row(1, true), row(2, true)]), []);
        assert_eq!(numbers_left(&[]), [(Some(1), None), (None, Some(2))]);
    }
}
