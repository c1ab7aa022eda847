//! Ending krun at an exact point, so that what follows can be tested.
//!
//! Owns the count of records, by step and folder, and the SIGKILL. Where no point is given nothing of this exists.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
    thread,
    time::Duration,
};

use krun_model::{KillPoint, Moment, Whose};

/// A record's place: whose it is, and which of theirs.
pub(crate) type Place = (Whose, u32);

/// Waits for one point.
pub(crate) struct KillSwitch {
    point: KillPoint,
    counts: Mutex<BTreeMap<Whose, u32>>,
}

impl KillSwitch {
    pub(crate) fn new(point: KillPoint) -> Self {
        Self {
            point,
            counts: Mutex::default(),
        }
    }

    /// Counts one more record.
    pub(crate) fn counted(&self, whose: Whose) -> Place {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let count = counts.entry(whose.clone()).or_default();
        *count += 1;
        (whose, *count)
    }

    /// Ends krun if this is the point.
    pub(crate) fn reached(&self, moment: Moment, place: &Place) {
        if self.point.moment == moment && self.is_here(place) {
            end();
        }
    }

    /// Sees to it that krun ends while the effect goes on whose intent is the last of these records.
    pub(crate) fn acting(&self, whose: Whose) {
        if let Moment::During { ms } = self.point.moment
            && self.is_here(&self.last(whose))
        {
            thread::spawn(move || {
                thread::sleep(Duration::from_millis(ms.into()));
                end();
            });
        }
    }

    /// Ends krun if the effect of that record is the point, also where it was faster than expected.
    pub(crate) fn acted(&self, whose: Whose) {
        if matches!(self.point.moment, Moment::Acted | Moment::During { .. })
            && self.is_here(&self.last(whose))
        {
            end();
        }
    }

    /// The last of these records.
    fn last(&self, whose: Whose) -> Place {
        let counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let count = counts.get(&whose).copied().unwrap_or_default();
        (whose, count)
    }

    fn is_here(&self, place: &Place) -> bool {
        (&self.point.whose, self.point.number) == (&place.0, place.1)
    }
}

/// The same end as by anybody else's `kill -9`: nothing is closed, flushed or said.
fn end() -> ! {
    use rustix::process::{Signal, getpid, kill_process};
    let _ = kill_process(getpid(), Signal::KILL);
    // The kernel ends this thread with the others.
    loop {
        thread::park();
    }
}
