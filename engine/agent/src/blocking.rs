//! Work that blocks its thread, kept off the threads that drive the run.

use krun_model::{Fault, kind::Progress};
use tokio::sync::mpsc::unbounded_channel;

/// Runs `work` on a thread where blocking does no harm.
pub async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Fault> + Send + 'static,
) -> Result<T, Fault> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(error) => Err(Fault::internal("work on a thread was broken off").because(error)),
    }
}

/// Runs `work` likewise; what it says meanwhile is handed to `progress`.
pub async fn saying<T: Send + 'static>(
    progress: &dyn Progress,
    work: impl FnOnce(&dyn Fn(String)) -> Result<T, Fault> + Send + 'static,
) -> Result<T, Fault> {
    let (sender, mut receiver) = unbounded_channel();
    let work = blocking(move || {
        // Nobody hears what is said after the work was broken off.
        work(&|text| drop(sender.send(text)))
    });
    tokio::pin!(work);
    loop {
        tokio::select! {
            biased;
            Some(text) = receiver.recv() => progress.say(&text),
            result = &mut work => return result,
        }
    }
}
