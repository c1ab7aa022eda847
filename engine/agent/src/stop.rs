//! Whether the run was told to stop, for work on a thread of its own.

use std::{
    thread::sleep,
    time::{Duration, Instant},
};

use tokio::sync::watch;

/// How long work may go on after a stop.
pub const SOON: Duration = Duration::from_millis(100);

/// Asks whether the run was told to stop.
#[derive(Clone, Debug)]
pub struct Stop(pub watch::Receiver<bool>);

impl Stop {
    /// Whether it was.
    pub fn asked(&self) -> bool {
        *self.0.borrow()
    }

    /// Sleeps; returns early when the run is told to stop.
    pub fn sleep(&self, time: Duration) {
        let end = Instant::now() + time;
        while !self.asked() {
            match end.checked_duration_since(Instant::now()) {
                Some(left) if !left.is_zero() => sleep(left.min(SOON)),
                _ => return,
            }
        }
    }
}
