//! Many schedules, one after the other and on several threads at once.

use std::{
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use krun_model::Fault;

use crate::{
    calm::Calm,
    faults::Faults,
    krun::Subject,
    schedule::{Broken, live},
};

/// A runbook and the seeds that it is to live through.
pub struct Soak {
    subject: Subject,
    calm: Calm,
    faults: Faults,
}

/// A seed that broke a promise, with what led there.
#[derive(Clone, Debug, PartialEq)]
pub struct Failure {
    /// The seed.
    pub seed: u64,
    /// The promise and the way there.
    pub broken: Broken,
}

/// What came of many seeds.
#[derive(Clone, Debug)]
pub struct Soaked {
    /// How many were lived through.
    pub seeds: u64,
    /// The time that took.
    pub time: Duration,
    /// The first that failed, by seed, with its schedule.
    pub failure: Option<Failure>,
}

impl Soak {
    /// Lives undisturbed first.
    ///
    /// # Errors
    /// The runbook does not succeed undisturbed.
    pub fn new(subject: Subject, faults: Faults) -> Result<Self, Fault> {
        let calm = Calm::live(&subject)?;
        Ok(Self {
            subject,
            calm,
            faults,
        })
    }

    /// How many moments an undisturbed run has at which something may befall it.
    pub fn moments(&self) -> u64 {
        self.calm.size(crate::krun::Command::Run).0.all
    }

    /// One seed, with all that happens written down.
    ///
    /// # Errors
    /// The promise that it broke.
    pub fn tell(&self, seed: u64) -> Result<Vec<String>, Broken> {
        live(&self.subject, &self.calm, self.faults, seed, true)
    }

    /// Seeds from `first` on, until one fails or `stop` says so.
    pub fn run(&self, first: u64, seeds: u64, threads: usize, stop: &AtomicBool) -> Soaked {
        let since = Instant::now();
        let next = AtomicU64::new(0);
        let done = AtomicU64::new(0);
        let failed: Mutex<Option<u64>> = Mutex::new(None);
        let work = || {
            while !stop.load(Ordering::Relaxed) {
                let number = next.fetch_add(1, Ordering::Relaxed);
                let seed = first.wrapping_add(number);
                if number >= seeds {
                    break;
                }
                let mut lowest = failed.lock().unwrap_or_else(PoisonError::into_inner);
                if lowest.is_some_and(|lowest| seed > lowest) {
                    break;
                }
                drop(lowest);
                let lived = live(&self.subject, &self.calm, self.faults, seed, false);
                done.fetch_add(1, Ordering::Relaxed);
                if lived.is_err() {
                    lowest = failed.lock().unwrap_or_else(PoisonError::into_inner);
                    *lowest = Some(lowest.map_or(seed, |other| other.min(seed)));
                }
            }
        };
        thread::scope(|scope| {
            for _ in 1..threads {
                scope.spawn(work);
            }
            work();
        });
        let time = since.elapsed();
        let failed = failed.into_inner().unwrap_or_else(PoisonError::into_inner);
        let failure = failed.map(|seed| Failure {
            seed,
            broken: self.tell(seed).err().unwrap_or_else(|| Broken {
                what: "it failed once and not again: the simulation is not the same each time"
                    .to_owned(),
                said: vec![],
            }),
        });
        Soaked {
            seeds: done.into_inner(),
            time,
            failure,
        }
    }
}
