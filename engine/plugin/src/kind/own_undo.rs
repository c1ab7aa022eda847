//! Kinds with an undo of their own, and what they keep for it.
//!
//! An act is told to the host as a whole, before the plugin is called; what the plugin asks for meanwhile
//! are effects as ever. What another version kept is translated before the plugin sees it.

use krun_model::{
    Fault, FaultCode, Map, Outputs, WriteHost,
    kind::{ApplyCx, Check, CheckCx, Progress, StepRef},
    plan::DiffLine,
    plugin::{Kept, PluginAct, PluginSeen},
};
use wasmtime::component::Resource;

use super::{PluginKind, at, given};
use crate::{
    call::Work,
    desk::{Keeping, fits},
    guest::{Act, Look},
};

impl PluginKind {
    /// Applies a step: as an act of the plugin's, where it undoes it itself.
    pub(super) async fn act(&self, cx: &ApplyCx<'_>) -> Result<Outputs, Fault> {
        let bytes = self.plugin.bytes.as_ref().filter(|_| self.undoes);
        let Some(bytes) = bytes else {
            return self.change(cx).await;
        };
        let mut outputs = Outputs::new();
        let work = Box::pin(async {
            outputs = self.change(cx).await?;
            Ok(())
        });
        let act = self.act_of(&cx.step);
        cx.host.act(&act, bytes.clone(), work).await?;
        Ok(outputs)
    }

    fn act_of(&self, step: &StepRef<'_>) -> PluginAct {
        PluginAct {
            plugin: self.plugin.name().to_owned(),
            version: self.plugin.version().to_owned(),
            component: self.plugin.digest,
            kind: self.name.to_owned(),
            address: step.address.clone(),
            deployment: step.deployment.to_owned(),
            arguments: given(step.args).to_string(),
            grants: self.grants.iter().map(ToString::to_string).collect(),
        }
    }

    /// What the plugin's check says of an act.
    pub(crate) async fn seen(&self, cx: &CheckCx<'_>) -> Result<PluginSeen, Fault> {
        Ok(match self.look(cx).await? {
            Check::Satisfied(_) => PluginSeen::Satisfied,
            Check::Drift { why, diff, .. } => PluginSeen::Differs {
                why,
                lines: diff.iter().map(words).collect(),
            },
            Check::Unknown { why, .. } => PluginSeen::Unknown { why },
        })
    }

    /// Lets the plugin take back an act.
    pub(crate) async fn undo(
        &self,
        step: &StepRef<'_>,
        host: &dyn WriteHost,
        progress: &dyn Progress,
    ) -> Result<(), Fault> {
        let refuses = "what is kept for a step goes with what its undo takes back";
        let keeping = Keeping::new(step.address, self.kept(step)?, Some(refuses));
        let desk = self.desk_with(keeping, host, Some(host), progress);
        let told = self.step(step);
        let work: Work<()> = Box::new(move |plugin, store| {
            Box::pin(async move {
                let (look, act) = (
                    Resource::<Look>::new_borrow(0),
                    Resource::<Act>::new_borrow(0),
                );
                let kinds = plugin.krun_plugin_step_kinds();
                kinds.call_undo(store, &told, look, act).await
            })
        });
        let undone = self.plugin.call("undo", self.spec.name, &desk, work).await;
        undone.map_err(|fault| at(fault, step.address))
    }

    /// What is kept for a step, as this component understands it.
    pub(super) fn kept(&self, step: &StepRef<'_>) -> Result<Kept, Fault> {
        let mine = |pairs| Kept {
            version: self.plugin.version().to_owned(),
            component: self.plugin.digest,
            pairs,
        };
        match step.kept.get(self.plugin.name()) {
            None => Ok(mine(Map::new())),
            Some(kept) if kept.component == self.plugin.digest => Ok(kept.clone()),
            Some(kept) => self
                .upgraded(kept)
                .map(mine)
                .map_err(|fault| at(fault, step.address)),
        }
    }

    /// What another component kept, as this one would have kept it.
    fn upgraded(&self, kept: &Kept) -> Result<Map<String>, Fault> {
        let (name, version) = (self.name.to_owned(), kept.version.clone());
        let before: Vec<_> = kept.pairs.clone().into_iter().collect();
        let work: Work<Vec<(String, String)>> = Box::new(|plugin, store| {
            Box::pin(async move {
                let kinds = plugin.krun_plugin_step_kinds();
                kinds.call_upgrade(store, &name, &version, &before).await
            })
        });
        let said = self.plugin.call_pure("upgrade", self.spec.name, work)?;
        let count = said.len();
        let pairs: Map<String> = said.into_iter().collect();
        let wrong = |fault: Fault| {
            fault.hint(
                "Report it to the plugin's authors; with the plugin as it was the step goes on.",
            )
        };
        if pairs.len() != count {
            let what = "the plugin makes two values of one key that another version kept";
            return Err(wrong(Fault::new(FaultCode::Plugin, what)));
        }
        fits(&pairs, self.plugin.runtime.limits.kept).map_err(wrong)?;
        Ok(pairs)
    }
}

fn words(line: &DiffLine) -> String {
    let before = line.before.as_deref().unwrap_or("nothing");
    format!("{}: {before} instead of {}", line.key, line.after)
}
