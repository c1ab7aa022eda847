//! Waiting for replicas: before a broker may be stopped, and after it came back.

use std::time::Duration;

use krun_model::{Fault, FaultCode, ReadHost};

use super::isr::Lag;
use crate::{
    clusters::{Client, Clusters},
    view::ClusterView,
    waiting::Until,
};

/// How long one question for metadata may take.
const ASK: Duration = Duration::from_millis(500);
/// How many partitions a fault names.
const NAMED: usize = 10;

/// Waits until nothing in the cluster speaks against something.
///
/// `against` says which partitions do, or a fragment on why the view says nothing yet.
///
/// # Errors
/// [`FaultCode::Timeout`] with the partitions; the run was told to stop.
pub async fn wait(
    host: &dyn ReadHost,
    client: &dyn Client,
    limit: Duration,
    what: &str,
    against: impl Fn(&ClusterView) -> Result<Vec<Lag>, String> + Send + Sync,
) -> Result<(), Fault> {
    let until = Until::new(limit);
    loop {
        let (why, lags) = match client.metadata(None, ASK).await {
            Err(fault) => (fault.to_string(), vec![]),
            Ok(view) => match against(&view) {
                Ok(lags) if lags.is_empty() => return Ok(()),
                Ok(lags) => (format!("{} partitions are not whole", lags.len()), lags),
                Err(why) => (why, vec![]),
            },
        };
        if until.over() {
            return Err(too_long(what, limit, &why, &lags));
        }
        until.pause(host).await?;
    }
}

fn too_long(what: &str, limit: Duration, why: &str, lags: &[Lag]) -> Fault {
    let mut shown: Vec<_> = lags.iter().take(NAMED).map(ToString::to_string).collect();
    if lags.len() > NAMED {
        shown.push(format!("and {} more", lags.len() - NAMED));
    }
    Fault::new(FaultCode::Timeout, what)
        .because(format!("after {} s {why}", limit.as_secs()))
        .evidence(shown)
        .hint("Bring the brokers back that are missing: `krun status --cluster` shows them.")
        .hint("If replicas are just catching up, give the step a larger `timeout_s`, or run the same command again later.")
}

/// Waits, if any peer can be asked, until a broker that does not run is no longer registered: the
/// ZooKeeper session of a killed broker lives on for `zookeeper.session.timeout.ms`, 18 s since 2.5,
/// and a broker whose id is registered refuses to start.
///
/// # Errors
/// The run was told to stop.
pub async fn unregistered(
    host: &dyn ReadHost,
    clusters: &dyn Clusters,
    peers: &[String],
    id: i32,
    limit: Duration,
    waiting: impl Fn() + Send,
) -> Result<(), Fault> {
    if !clusters.any_accepts(peers).await {
        return Ok(());
    }
    let client = clusters.open(peers)?;
    let until = Until::new(limit);
    while !until.over() {
        match client.metadata(None, ASK).await {
            Ok(view) if view.has_broker(id) => waiting(),
            // Gone, or nobody left to ask: the broker's own start is the next to tell.
            _ => return Ok(()),
        }
        until.pause(host).await?;
    }
    Ok(())
}
