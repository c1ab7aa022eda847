//! A plugin's kinds as the engine has them: the contract of built-in ones, with nothing believed.

mod answers;
mod own_undo;

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

pub(crate) use answers::Answers;

use async_trait::async_trait;
use krun_model::{
    Address, Change, Digest, Fault, FaultCode, Kind, Map, Outputs, ReadHost, StepKind, Target,
    Value, WriteHost,
    kind::{
        ApplyCx, Check, CheckCx, Declared, KindSpec, OnceKind, Progress, ProofKind, StateKind,
        StepRef,
    },
};
use wasmtime::component::Resource;

use crate::{
    Clusters, Granted, Plugin,
    bindings::{exports::krun::plugin::step_kinds as wit, krun::plugin::types},
    call::Work,
    describe::Described,
    desk::{Desk, Keeping},
    grant::MachineName,
    guest::{Act, Look},
};

/// A kind of a plugin.
#[derive(Clone)]
pub(crate) struct PluginKind {
    plugin: Plugin,
    /// Its name as the plugin has it.
    name: &'static str,
    spec: &'static KindSpec,
    /// Whether it has an undo of its own.
    undoes: bool,
    ways: &'static [&'static str],
    grants: Arc<[Granted]>,
    clusters: Arc<dyn Clusters>,
    /// What steps write, by their arguments: `validate` is pure, and asked several times in one command.
    validated: Arc<Mutex<HashMap<String, Vec<Target>>>>,
}

/// How many answers are remembered.
const REMEMBERED: usize = 100_000;

/// All kinds of a plugin.
pub(crate) fn all(plugin: &Plugin, grants: &[Granted], clusters: &Arc<dyn Clusters>) -> Vec<Kind> {
    let kinds = plugin.description.kinds.iter().map(|described| {
        let kind = Arc::new(PluginKind::new(plugin, described, grants, clusters));
        match described.mode {
            wit::Mode::State => Kind::State(kind),
            wit::Mode::Once => Kind::Once(kind),
            wit::Mode::Proof => Kind::Proof(kind),
        }
    });
    kinds.collect()
}

impl StepKind for PluginKind {
    fn spec(&self) -> &KindSpec {
        self.spec
    }

    fn declare(&self, step: &Address, _: &str, args: &Map<Value>) -> Result<Declared, Fault> {
        let known: serde_json::Map<_, _> = args
            .iter()
            .filter_map(|(name, value)| Some((name.clone(), known(value)?)))
            .collect();
        let arguments = serde_json::Value::Object(known).to_string();
        let writes = self.validated(arguments).map_err(|fault| at(fault, step))?;
        Ok(Declared {
            writes,
            ..Declared::default()
        })
    }
}

/// An argument as plain data; none where it is not known before an earlier step ran.
fn known(value: &Value) -> Option<serde_json::Value> {
    value.resolve(&|_, _| None).ok()
}

/// A guest's fault says what; where in the runbook that is, the engine knows.
fn at(fault: Fault, step: &Address) -> Fault {
    match fault.place {
        Some(_) => fault,
        None => fault.at(step),
    }
}

impl PluginKind {
    pub(crate) fn new(
        plugin: &Plugin,
        described: &Described,
        grants: &[Granted],
        clusters: &Arc<dyn Clusters>,
    ) -> Self {
        Self {
            plugin: plugin.clone(),
            name: described.name,
            spec: described.spec,
            undoes: described.undoes,
            ways: described.ways,
            grants: grants.into(),
            clusters: clusters.clone(),
            validated: Arc::default(),
        }
    }

    /// What a step with some arguments writes, asked once.
    fn validated(&self, arguments: String) -> Result<Vec<Target>, Fault> {
        let known = || {
            self.validated
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
        };
        if let Some(writes) = known().get(&arguments) {
            return Ok(writes.clone());
        }
        let (name, asked) = (self.name.to_owned(), arguments.clone());
        let work: Work<Vec<wit::Target>> = Box::new(|plugin, store| {
            Box::pin(async move {
                let kinds = plugin.krun_plugin_step_kinds();
                kinds.call_validate(store, &name, &asked).await
            })
        });
        let said = self.plugin.call_pure("validate", self.spec.name, work)?;
        let writes = self.answers().writes(said)?;
        let mut known = known();
        if known.len() < REMEMBERED {
            known.insert(arguments, writes.clone());
        }
        Ok(writes)
    }

    fn answers(&self) -> Answers<'_> {
        Answers {
            called: self.plugin.description.called(),
            spec: self.spec,
            outputs: self.plugin.runtime.limits.outputs,
        }
    }

    /// The desk of a call about a step.
    fn desk<'a>(
        &'a self,
        step: &StepRef<'_>,
        look: &'a dyn ReadHost,
        act: Option<&'a dyn WriteHost>,
        progress: &'a dyn Progress,
    ) -> Result<Desk<'a>, Fault> {
        let keeping = Keeping::new(step.address, self.kept(step)?, None);
        Ok(self.desk_with(keeping, look, act, progress))
    }

    fn desk_with<'a>(
        &'a self,
        keeping: Keeping,
        look: &'a dyn ReadHost,
        act: Option<&'a dyn WriteHost>,
        progress: &'a dyn Progress,
    ) -> Desk<'a> {
        Desk {
            plugin: self.plugin.name(),
            undo: self.spec.undo,
            grants: &self.grants,
            limits: self.plugin.runtime.limits,
            // A step has no other machine yet.
            machine: &MachineName::LOCAL,
            look,
            act,
            clusters: &*self.clusters,
            progress,
            keeping,
        }
    }

    fn step(&self, step: &StepRef<'_>) -> wit::Step {
        let remembered = step
            .memory
            .map(|memory| serde_json::json!(memory.outputs).to_string());
        wit::Step {
            kind: self.name.to_owned(),
            address: step.address.to_string(),
            deployment: step.deployment.to_owned(),
            arguments: given(step.args).to_string(),
            remembered,
        }
    }

    async fn look(&self, cx: &CheckCx<'_>) -> Result<Check, Fault> {
        let step = self.step(&cx.step);
        let work: Work<wit::Finding> = Box::new(|plugin, store| {
            Box::pin(async move {
                let look = Resource::<Look>::new_borrow(0);
                plugin
                    .krun_plugin_step_kinds()
                    .call_check(store, &step, look)
                    .await
            })
        });
        let desk = self.desk(&cx.step, cx.host, None, cx.progress)?;
        let found = self.plugin.call("check", self.spec.name, &desk, work).await;
        let found = found.and_then(|found| self.answers().found(found));
        found.map_err(|fault| at(fault, cx.step.address))
    }

    async fn change(&self, cx: &ApplyCx<'_>) -> Result<Outputs, Fault> {
        let step = self.step(&cx.step);
        let change = to_wit(cx.change);
        let work: Work<String> = Box::new(move |plugin, store| {
            Box::pin(async move {
                let (look, act) = (
                    Resource::<Look>::new_borrow(0),
                    Resource::<Act>::new_borrow(0),
                );
                plugin
                    .krun_plugin_step_kinds()
                    .call_apply(store, &step, change, look, act)
                    .await
            })
        });
        let desk = self.desk(&cx.step, cx.host, Some(cx.host), cx.progress)?;
        let said = self
            .plugin
            .call("apply", self.spec.name, &desk, work)
            .await?;
        self.answers().outputs("apply", &said)
    }

    async fn verify(&self, cx: &ApplyCx<'_>) -> Result<(), Fault> {
        let step = self.step(&cx.step);
        let work: Work<()> = Box::new(|plugin, store| {
            Box::pin(async move {
                let look = Resource::<Look>::new_borrow(0);
                plugin
                    .krun_plugin_step_kinds()
                    .call_verify(store, &step, look)
                    .await
            })
        });
        let desk = self.desk(&cx.step, cx.host, None, cx.progress)?;
        self.plugin
            .call("verify", self.spec.name, &desk, work)
            .await
    }

    async fn apply_and_verify(&self, cx: &ApplyCx<'_>) -> Result<Outputs, Fault> {
        let done = async {
            let outputs = self.act(cx).await?;
            self.verify(cx).await?;
            Ok(outputs)
        };
        done.await.map_err(|fault| at(fault, cx.step.address))
    }
}

/// The arguments without those that were not given: an optional one that a script sets to `()`.
fn given(args: &serde_json::Value) -> serde_json::Value {
    let mut args = args.clone();
    if let serde_json::Value::Object(map) = &mut args {
        map.retain(|_, value| !value.is_null());
    }
    args
}

#[async_trait]
impl StateKind for PluginKind {
    async fn check(&self, cx: &CheckCx<'_>) -> Result<Check, Fault> {
        self.look(cx).await
    }

    async fn apply(&self, cx: &ApplyCx<'_>) -> Result<Outputs, Fault> {
        self.apply_and_verify(cx).await
    }

    async fn foresee(&self, cx: &ApplyCx<'_>) -> Result<Option<Outputs>, Fault> {
        if !self.plugin.changes_only_files() {
            return Ok(None);
        }
        self.change(cx).await.map(Some)
    }
}

#[async_trait]
impl OnceKind for PluginKind {
    fn ways(&self) -> &'static [&'static str] {
        self.ways
    }

    async fn incarnation(&self, cx: &CheckCx<'_>) -> Result<Option<Digest>, Fault> {
        let step = self.step(&cx.step);
        let work: Work<Option<String>> = Box::new(|plugin, store| {
            Box::pin(async move {
                let look = Resource::<Look>::new_borrow(0);
                plugin
                    .krun_plugin_step_kinds()
                    .call_incarnation(store, &step, look)
                    .await
            })
        });
        let desk = self.desk(&cx.step, cx.host, None, cx.progress)?;
        let said = self
            .plugin
            .call("incarnation", self.spec.name, &desk, work)
            .await;
        let said = said.map_err(|fault| at(fault, cx.step.address))?;
        Ok(said.map(Digest::of))
    }

    async fn apply(&self, cx: &ApplyCx<'_>) -> Result<Outputs, Fault> {
        self.apply_and_verify(cx).await
    }
}

#[async_trait]
impl ProofKind for PluginKind {
    async fn prove(&self, cx: &CheckCx<'_>) -> Result<Outputs, Fault> {
        let (why, diff) = match self.look(cx).await? {
            Check::Satisfied(outputs) => return Ok(outputs),
            Check::Drift { why, diff, .. } | Check::Unknown { why, diff } => (why, diff),
        };
        let lines = diff.iter().map(|line| {
            let before = line.before.as_deref().unwrap_or("nothing");
            format!("{}: {before} instead of {}", line.key, line.after)
        });
        Err(Fault::new(
            FaultCode::ProofFailed,
            "the plugin does not see what it should",
        )
        .at(cx.step.address)
        .because(why)
        .evidence(lines))
    }
}

fn to_wit(change: Change) -> types::Change {
    match change {
        Change::Create => types::Change::Create,
        Change::Update => types::Change::Update,
        Change::Restart => types::Change::Restart,
        Change::Delete => types::Change::Delete,
        // What is never applied is no less than an act to whoever applies it.
        Change::Act | Change::NoOp | Change::Prove => types::Change::Act,
    }
}
