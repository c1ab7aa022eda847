//! What a component says of itself, as it says it: asked once, and kept beside its compiled code.
//!
//! Owns the asking of both worlds. Nothing of it is believed here: whoever reads it checks it each time, also
//! what was kept.

use krun_model::{Fault, declaration::Manifest};
use serde::{Deserialize, Serialize};

use crate::{
    Runtime,
    bindings::{
        RunbookPluginPre, StepPluginPre, exports::krun::plugin::step_kinds, runbook as wit,
    },
    call,
    describe::Description,
    guest::Guest,
    runbook,
};

/// What `describe` answered, of each world that the component is for.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Said {
    steps: Option<step_kinds::Description>,
    runbook: Option<wit::Manifest>,
}

impl Said {
    /// Asks a component.
    pub(crate) fn asked(
        runtime: &Runtime,
        steps: Option<&StepPluginPre<Guest>>,
        runbook: Option<&RunbookPluginPre<Guest>>,
    ) -> Result<Self, Fault> {
        Ok(Self {
            runbook: runbook
                .map(|pre| runbook::describe(runtime, pre))
                .transpose()?,
            steps: steps.map(|pre| call::describe(runtime, pre)).transpose()?,
        })
    }

    /// Whether one of its kinds has an undo of its own.
    pub(crate) fn undoes(&self) -> bool {
        let steps = self.steps.as_ref();
        steps.is_some_and(|steps| steps.kinds.iter().any(|kind| kind.undoes))
    }

    /// What of it can be: the description of the plugin, and that of its runbook.
    ///
    /// # Errors
    /// [`FaultCode::Plugin`](krun_model::FaultCode::Plugin) with what can't be.
    pub(crate) fn checked(self) -> Result<(Description, Option<Manifest>), Fault> {
        let manifest = self.runbook.map(runbook::manifest).transpose()?;
        let description = match self.steps {
            Some(steps) => Description::checked(steps)?,
            None => Description::default(),
        };
        let description = match &manifest {
            Some(manifest) => description.with_runbook(manifest)?,
            None => description,
        };
        Ok((description, manifest))
    }
}
