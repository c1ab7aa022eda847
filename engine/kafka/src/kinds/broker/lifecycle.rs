//! Starting and restarting a broker, gated by its replicas.

use std::time::Duration;

use krun_model::{Effect, Fault, FaultCode, ProcessSpec, kind::ApplyCx};
use krun_steps::folders::ensure_dir;

use super::{
    args::{Args, GRACE_MS},
    probe::BrokerProbe,
};
use crate::{
    cluster::{gate, isr},
    clusters::Clusters,
    diagnosis::Patterns,
    distribution,
    kinds::zookeeper_server::claim,
    process::{NotReady, await_ready, log_size, port_free},
    waiting::Until,
};

/// Longer than the ZooKeeper session of a killed broker: zookeeper.session.timeout.ms is 18 s.
const STALE_SESSION: Duration = Duration::from_secs(40);
/// The known error of a broker whose id is still registered.
const REGISTERED: &str = "broker-id-registered";

/// What is done with one broker.
pub struct Lifecycle<'a> {
    pub cx: &'a ApplyCx<'a>,
    pub args: &'a Args,
    pub spec: &'a ProcessSpec,
    pub patterns: &'a Patterns,
    pub clusters: &'a dyn Clusters,
}

impl Lifecycle<'_> {
    /// Starts a broker that does not run.
    pub async fn create(&self) -> Result<(), Fault> {
        let (host, args) = (self.cx.host, self.args);
        port_free(host, args.port).await?;
        let step = self.cx.step.address;
        for (number, path) in args.log_dirs.iter().enumerate() {
            claim(host, step, &format!("records-{number}"), path).await?;
        }
        if !args.log_dirs.contains(&args.log_dir) {
            claim(host, step, "log", &args.log_dir).await?;
        }
        let say = || {
            self.cx
                .progress
                .say("waiting for the session of the killed broker to end")
        };
        gate::unregistered(
            host,
            self.clusters,
            &args.peers,
            args.id,
            STALE_SESSION,
            say,
        )
        .await?;
        self.start().await?;
        self.await_in_sync().await
    }

    /// Waits for a broker that was started already.
    pub async fn await_serving(&self) -> Result<(), Fault> {
        let log = log_size(self.cx.host, &self.spec.log).await?;
        if let Err(end) = self.await_ready(log).await {
            // A krun that was cut off started it, perhaps before the session of the one before had ended.
            if end.fault.code != FaultCode::ProcessDied {
                return Err(end.into());
            }
            self.step_back().await?;
            self.start().await?;
        }
        self.await_in_sync().await
    }

    /// Ends a broker and starts it again, once no other replica is missing.
    pub async fn restart(&self) -> Result<(), Fault> {
        let (host, args) = (self.cx.host, self.args);
        // Where no broker can be asked there is nothing to wait for: the restart may be the cure.
        if self.clusters.any_accepts(&args.peers).await {
            self.cx
                .progress
                .say("waiting until all other replicas are in sync");
            let what = format!("broker {} can't be restarted now", args.id);
            let client = self.clusters.open(&args.peers)?;
            gate::wait(host, &*client, args.limit(), &what, |view| {
                Ok(isr::hold_back(view, args.id))
            })
            .await?;
        }
        self.cx.progress.say("stopping");
        host.perform(Effect::StopProcess {
            id: self.spec.id.clone(),
            grace_ms: GRACE_MS,
        })
        .await?;
        // One that was adopted may have written its output elsewhere.
        ensure_dir(host, &args.log_dir, distribution::FOLDER).await?;
        self.start().await?;
        self.await_in_sync().await
    }

    /// Starts the process until it serves. A broker that finds its id registered ends; while that may
    /// be the session of its killed predecessor, it is started again.
    async fn start(&self) -> Result<(), Fault> {
        let host = self.cx.host;
        let until = Until::new(STALE_SESSION);
        loop {
            let log = log_size(host, &self.spec.log).await?;
            host.perform(Effect::StartProcess(self.spec.clone()))
                .await?;
            match self.await_ready(log).await {
                Err(end) if end.known.iter().any(|id| id == REGISTERED) && !until.over() => {
                    self.step_back().await?;
                }
                other => return other.map_err(Fault::from),
            }
        }
    }

    /// Before another start of a broker that does not come up, since the one before is still registered.
    async fn step_back(&self) -> Result<(), Fault> {
        self.cx
            .progress
            .say("waiting for the session of the killed broker to end");
        // It said why; it may not have ended yet.
        let stop = Effect::StopProcess {
            id: self.spec.id.clone(),
            grace_ms: GRACE_MS,
        };
        self.cx.host.perform(stop).await.map(drop)
    }

    async fn await_ready(&self, log: u64) -> Result<(), NotReady> {
        self.cx.progress.say("waiting until it is registered");
        let mut probe = BrokerProbe::new(self.args, self.clusters);
        let (host, limit) = (self.cx.host, self.args.limit());
        await_ready(host, self.spec, log, limit, self.patterns, &mut probe).await
    }

    /// Waits until the broker has every record of the partitions that it hosts.
    async fn await_in_sync(&self) -> Result<(), Fault> {
        let args = self.args;
        self.cx
            .progress
            .say("waiting until its replicas are in sync");
        let what = format!("the replicas on broker {} are not in sync", args.id);
        let client = self.clusters.open(&args.peers)?;
        gate::wait(self.cx.host, &*client, args.limit(), &what, |view| {
            if view.has_broker(args.id) {
                Ok(isr::not_back(view, args.id))
            } else {
                Err(format!(
                    "broker {} is not registered for its peers",
                    args.id
                ))
            }
        })
        .await
    }
}
