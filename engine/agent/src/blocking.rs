//! Work that blocks its thread, kept off the threads that drive the run.

use krun_model::Fault;

/// Runs `work` on a thread where blocking does no harm.
pub async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Fault> + Send + 'static,
) -> Result<T, Fault> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(error) => Err(Fault::internal("work on a thread was broken off").because(error)),
    }
}
