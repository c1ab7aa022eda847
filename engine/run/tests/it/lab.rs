//! A deployment on the real machine, in a folder of its own, with files and no cluster.

use std::sync::Arc;

use camino::Utf8Path;
use krun_model::{
    Choice, Effect, Effector, Event, Fault, Map, Reporter, Runbook, Target, TargetState,
    journal::{Verb, Who},
    kind::Kinds,
};
use krun_run::{EventSender, Ledger, RunOptions, RunRequest, Session};
use tokio::sync::watch;

pub(crate) fn request(runbook: Runbook) -> RunRequest {
    RunRequest {
        runbook,
        before: None,
        kinds: Kinds::new(krun_steps::kinds()),
        path: "/r".into(),
        given: Map::new(),
        verb: Verb::Run,
        options: RunOptions::default(),
        choice: Choice::default(),
        on_failure: None,
        approve: Box::new(|_| Ok(())),
    }
}

struct NoCluster;

#[async_trait::async_trait]
impl Effector for NoCluster {
    async fn observe(&self, target: &Target) -> Result<TargetState, Fault> {
        Err(Fault::internal(format!("{target} is of no file")))
    }
    async fn perform(&self, effect: &Effect) -> Result<(), Fault> {
        Err(Fault::internal(format!("{effect:?} is of no file")))
    }
}

struct Nobody;

impl Reporter for Nobody {
    fn event(&mut self, _: &Event) {}
}

pub(crate) fn session(state: &Utf8Path, events: EventSender) -> Session {
    let cancel = watch::channel(false).1;
    let store = krun_journal::Store::open(state).unwrap();
    let name = "d".parse().unwrap();
    Session {
        ledger: Arc::new(Ledger::open(Arc::new(store), name, "id".into()).unwrap()),
        machine: Arc::new(krun_agent::LocalMachine::new(
            state.join("cache"),
            cancel.clone(),
        )),
        cluster: Arc::new(NoCluster),
        plugins: Arc::new(krun_model::plugin::NoPlugins),
        events,
        who: Who {
            user: "u".into(),
            host: "h".into(),
            pid: 1,
            krun: "0".into(),
        },
        quarantine: state.join("quarantine"),
        cancel,
        vault: Arc::default(),
        fence: None,
    }
}

pub(crate) fn block_on<T>(work: impl AsyncFnOnce(EventSender) -> T) -> T {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
        .block_on(krun_run::report(Box::new(Nobody), work))
}
