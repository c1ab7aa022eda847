//! A cluster that nobody can see is not changed: what was there before would be known to nobody, and no
//! rollback could put it back.

use std::sync::Arc;

use async_trait::async_trait;
use krun_model::{
    Address, Digest, Effect, Fault, FaultCode, History, Journal as _, Kind, Manner, Map, Outputs,
    Runbook, Step, StepKind, Value,
    configs::{ConfigsOf, ConfigsRef},
    event::RunStatus,
    kind::{ApplyCx, CheckCx, Declared, KindSpec, Kinds, OnceKind, UndoClass},
    runbook::Span,
};
use krun_simulate::{Blows, Command, End, Fate, Place, Subject, World, deployment, krun, runtime};

/// Sets something on a cluster that has no brokers.
struct Setting;

static SPEC: KindSpec = KindSpec {
    name: "setting",
    doc: "A setting of all brokers.",
    args: &[],
    outputs: &[],
    undo: UndoClass::Reversible,
    examples: &[],
};

impl StepKind for Setting {
    fn spec(&self) -> &KindSpec {
        &SPEC
    }

    fn declare(&self, _: &Address, _: &str, _: &Map<Value>) -> Result<Declared, Fault> {
        Ok(Declared::default())
    }
}

#[async_trait]
impl OnceKind for Setting {
    async fn incarnation(&self, _: &CheckCx<'_>) -> Result<Option<Digest>, Fault> {
        Ok(Some(Digest::of("the brokers")))
    }

    async fn apply(&self, cx: &ApplyCx<'_>) -> Result<Outputs, Fault> {
        let configs = ConfigsRef {
            bootstrap: vec!["127.0.0.1:9091".to_owned()],
            of: ConfigsOf::Brokers,
        };
        let changes = [("retention.ms".to_owned(), Some("1".to_owned()))].into();
        let effect = Effect::AlterConfigs { configs, changes };
        cx.host.perform(effect).await.map(|_| Outputs::new())
    }
}

#[test]
fn nothing_is_journaled_that_could_not_be_taken_back() {
    let step = Step {
        address: "setting".parse().expect("an address"),
        kind: "setting".into(),
        args: Map::new(),
        after: vec![],
        manner: Manner::default(),
        doc: String::new(),
        phase: None,
        span: Span {
            file: "r".into(),
            line: 1,
            column: 1,
        },
    };
    let runbook = Runbook {
        name: "r".into(),
        version: "1".into(),
        steps: vec![step],
        ..Runbook::default()
    };
    let kinds = |_| Kinds::new([Kind::Once(Arc::new(Setting))]);
    let subject = Subject::alone(runbook, kinds, World::new());
    let place = Place::new(subject.start.world.clone());
    let runtime = runtime().expect("a runtime");
    let fate = Arc::new(Fate::new(1, Blows::default(), None));
    let end = krun(&runtime, &subject, &place, &fate, Command::Run, false);
    let End::Ended(ended) = end else {
        panic!("{end:?}");
    };
    assert_eq!(ended.status, RunStatus::Failed);
    let fault = &ended.faults[0].1;
    assert_eq!(fault.code, FaultCode::Cluster, "{fault:?}");
    assert_eq!(
        fault.what,
        "a cluster does not say what is there before it is changed"
    );
    let records = place.journal.read(&deployment()).expect("a journal");
    let history = History::fold(&records);
    assert!(history.effects.is_empty() && history.pending.is_empty());
}
