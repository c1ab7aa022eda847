//! Plugins as a rollback calls them: by the hash of the component that did it, with the grants that it had.
//!
//! Owns which components are open. Where their bytes lie is the caller's to know, what their calls may do
//! the desk's.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, OnceLock, PoisonError},
};

use async_trait::async_trait;
use krun_model::{
    Digest, Fault, FaultCode, ReadHost, TargetState, WriteHost,
    kind::{CheckCx, StepRef},
    plugin::{PluginCall, Plugins},
};

use crate::{Clusters, Granted, Plugin, Runtime, kind::PluginKind};

type Make = Box<dyn Fn() -> Result<Runtime, Fault> + Send + Sync>;

/// Calls plugins about what they did. The runtime is made when it is needed first.
pub struct Hands {
    opened: Arc<Opened>,
    clusters: Arc<dyn Clusters>,
}

/// What is open.
struct Opened {
    make: Make,
    runtime: OnceLock<Runtime>,
    plugins: Mutex<HashMap<Digest, Plugin>>,
}

impl Hands {
    /// Hands that open components in the runtime that `make` makes.
    pub fn new(
        make: impl Fn() -> Result<Runtime, Fault> + Send + Sync + 'static,
        clusters: Arc<dyn Clusters>,
    ) -> Self {
        Self {
            opened: Arc::new(Opened {
                make: Box::new(make),
                runtime: OnceLock::new(),
                plugins: Mutex::default(),
            }),
            clusters,
        }
    }

    /// The same components, looking at clusters in another way.
    #[must_use]
    pub fn looking(&self, clusters: Arc<dyn Clusters>) -> Self {
        Self {
            opened: self.opened.clone(),
            clusters,
        }
    }

    fn kind(&self, call: &PluginCall<'_>) -> Result<PluginKind, Fault> {
        let act = call.act;
        let grants = act
            .grants
            .iter()
            .map(|text| text.parse().map_err(|why: String| no_kind(call, &why)))
            .collect::<Result<Vec<Granted>, Fault>>()?;
        let plugin = self.opened.plugin(call)?;
        let mut kinds = plugin.description.kinds.iter();
        match kinds.find(|kind| kind.name == act.kind) {
            Some(described) => Ok(PluginKind::new(&plugin, described, &grants, &self.clusters)),
            None => Err(no_kind(call, "the component has no such kind")),
        }
    }
}

impl Opened {
    fn runtime(&self) -> Result<&Runtime, Fault> {
        if let Some(runtime) = self.runtime.get() {
            return Ok(runtime);
        }
        let made = (self.make)()?;
        Ok(self.runtime.get_or_init(|| made))
    }

    fn plugin(&self, call: &PluginCall<'_>) -> Result<Plugin, Fault> {
        let mut open = self.plugins.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(plugin) = open.get(&call.act.component) {
            return Ok(plugin.clone());
        }
        let sha256 = call.act.component.to_string();
        let file = format!("component {}", call.act.component.short());
        let bytes = call.component.clone();
        let plugin = self
            .runtime()?
            .open_bytes(file.as_str().into(), bytes, &sha256)?;
        open.insert(call.act.component, plugin.clone());
        Ok(plugin)
    }
}

fn no_kind(call: &PluginCall<'_>, why: &str) -> Fault {
    let act = call.act;
    let what = format!(
        "`{}` of plugin {} can't be called as it was",
        act.kind, act.plugin
    );
    Fault::new(FaultCode::Plugin, what)
        .at(&act.address)
        .because(why)
}

fn arguments(call: &PluginCall<'_>) -> Result<serde_json::Value, Fault> {
    serde_json::from_str(&call.act.arguments).map_err(|error| no_kind(call, &error.to_string()))
}

/// The step that an act is about, as the plugin was told of it.
fn step<'a>(call: &'a PluginCall<'_>, args: &'a serde_json::Value) -> StepRef<'a> {
    StepRef {
        address: &call.act.address,
        deployment: &call.act.deployment,
        args,
        memory: call.memory,
        unfinished: &[],
        kept: call.kept,
        same_process: true,
        secrets: &krun_model::secret::NoSecrets,
    }
}

#[async_trait]
impl Plugins for Hands {
    async fn observe(
        &self,
        call: PluginCall<'_>,
        host: &dyn ReadHost,
    ) -> Result<TargetState, Fault> {
        let kind = self.kind(&call)?;
        let args = arguments(&call)?;
        let cx = CheckCx {
            step: step(&call, &args),
            host,
            progress: call.progress,
        };
        kind.seen(&cx).await.map(TargetState::Plugin)
    }

    async fn undo(&self, call: PluginCall<'_>, host: &dyn WriteHost) -> Result<(), Fault> {
        let kind = self.kind(&call)?;
        let args = arguments(&call)?;
        kind.undo(&step(&call, &args), host, call.progress).await
    }
}
