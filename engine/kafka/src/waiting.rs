//! Waiting that a stopped run can end.

use std::time::Duration;

use krun_model::{Fault, ReadHost};
use tokio::time::Instant;

use crate::cluster::readback::Stop;

/// The time between two looks.
const POLL: Duration = Duration::from_millis(20);

/// How often [`until`] looked in vain, and since when.
pub struct Until {
    start: Instant,
    limit: Duration,
}

impl Until {
    /// A wait of at most this long.
    pub fn new(limit: Duration) -> Self {
        Self {
            start: Instant::now(),
            limit,
        }
    }

    /// Whether the time is over.
    pub fn over(&self) -> bool {
        self.start.elapsed() > self.limit
    }

    /// Pauses before the next look.
    ///
    /// # Errors
    /// The run was told to stop.
    pub async fn pause(&self, host: &dyn ReadHost) -> Result<(), Fault> {
        host.pause(POLL).await
    }
}

/// Runs a blocking call on a thread for such calls; when the run is stopped, the call is told so.
///
/// # Errors
/// What the call reports; the run was told to stop.
pub async fn blocking<T: Send + 'static>(
    host: &dyn ReadHost,
    call: impl FnOnce(&Stop) -> Result<T, Fault> + Send + 'static,
) -> Result<T, Fault> {
    let stop = Stop::default();
    let told = stop.clone();
    let mut call = tokio::task::spawn_blocking(move || call(&told));
    loop {
        tokio::select! {
            done = &mut call => {
                return done.map_err(|error| Fault::internal(format!("a call ended badly: {error}")))?;
            }
            pause = host.pause(Duration::from_millis(100)) => {
                if let Err(stopped) = pause {
                    stop.stop();
                    return Err(stopped);
                }
            }
        }
    }
}
