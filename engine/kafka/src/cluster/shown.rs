//! Waiting until a broker shows the settings that the cluster took: each learns of them in its own time.

use std::{
    fmt::Display,
    time::{Duration, Instant},
};

use krun_model::{
    Fault, FaultCode, Map,
    configs::{ConfigChanges, differing},
};

/// How long brokers may take to know a setting.
const SPREAD: Duration = Duration::from_secs(15);
const POLL: Duration = Duration::from_millis(20);

/// Until when brokers may take, from now on.
pub(super) fn deadline() -> Instant {
    Instant::now() + SPREAD
}

/// Looks until the changes are shown. `what` are they, such as `quotas`, and `of` whose.
///
/// # Errors
/// [`FaultCode::Timeout`] where they are not shown by the deadline, and what looking reports.
pub(super) async fn until_shown<F>(
    what: &str,
    of: impl Display,
    changes: &ConfigChanges,
    deadline: Instant,
    look: impl Fn() -> F,
) -> Result<(), Fault>
where
    F: Future<Output = Result<Map<String>, Fault>>,
{
    loop {
        let now = look().await?;
        let left = differing(changes, &now);
        if left.is_empty() {
            return Ok(());
        }
        if Instant::now() > deadline {
            return Err(Fault::new(
                FaultCode::Timeout,
                format!("the brokers took the {what}, and do not show them"),
            )
            .at(of)
            .because(format!("not as wanted: {}", left.join(", ")))
            .hint("Something else may be setting them too; run the same command again."));
        }
        tokio::time::sleep(POLL).await;
    }
}
