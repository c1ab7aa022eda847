//! What becomes of what guests answer, without a guest: for whoever tries every answer that there can be.
//!
//! Owns one way in, from JSON of what crosses the border of a component to what the engine believes of it. It is
//! the same reading, with the same limits, that every call of a plugin ends with.

use krun_model::{
    Fault, Outputs, Target,
    declaration::{Manifest, Statement},
    kind::{Check, KindSpec},
};
use serde::Deserialize;

use crate::{
    Limits, Want,
    bindings::{
        exports::krun::plugin::step_kinds as wit, krun::plugin::types, runbook as runbook_wit,
    },
    faults::Handed,
    kind::Answers,
    runbook,
    said::Said,
};

/// The answers of one plugin, as it gave them.
#[derive(Debug, Deserialize)]
pub struct Answered {
    said: Said,
    #[serde(default)]
    statements: Vec<runbook_wit::Statement>,
    /// What each kind's functions answer; a kind without some answers nothing.
    #[serde(default)]
    steps: Vec<Step>,
}

#[derive(Debug, Deserialize)]
enum Step {
    Check(Result<wit::Finding, types::Fault>),
    Apply(Result<String, types::Fault>),
    Validate(Result<Vec<wit::Target>, types::Fault>),
}

/// What the engine believes of them.
#[derive(Debug)]
pub struct Believed {
    /// The plugin's name.
    pub name: &'static str,
    /// Its version.
    pub version: &'static str,
    /// Its prose.
    pub doc: &'static str,
    /// Its kinds.
    pub kinds: Vec<&'static KindSpec>,
    /// What it says it needs.
    pub wants: Vec<Want>,
    /// What it says of itself as a runbook, where it is one.
    pub manifest: Option<Manifest>,
    /// What its runbook declares.
    pub statements: Result<Vec<Statement>, Fault>,
    /// What each answer about a step of its first kind comes to.
    pub steps: Vec<Result<Believable, Fault>>,
}

/// What an answer about a step comes to.
#[derive(Debug)]
pub enum Believable {
    /// Of `check`.
    Check(Check),
    /// Of `apply`.
    Outputs(Outputs),
    /// Of `validate`.
    Writes(Vec<Target>),
}

impl Answered {
    /// Answers as JSON; none where it is no JSON of any.
    pub fn from_json(json: &[u8]) -> Option<Self> {
        serde_json::from_slice(json).ok()
    }

    /// What is believed of them.
    ///
    /// # Errors
    /// [`FaultCode::Plugin`](krun_model::FaultCode::Plugin) where what the plugin says of itself can't be.
    pub fn believed(self) -> Result<Believed, Fault> {
        let limits = Limits::default();
        let (description, manifest) = self.said.checked()?;
        let called = description.called();
        let kinds: Vec<_> = description.kinds.iter().map(|kind| kind.spec).collect();
        let steps = kinds.first().map(|spec| {
            let answers = Answers {
                called: called.clone(),
                spec,
                outputs: limits.outputs,
            };
            let steps = self.steps.into_iter().map(|step| step.believed(&answers));
            steps.collect()
        });
        Ok(Believed {
            statements: runbook::statements(&called, limits.declaration, self.statements),
            name: description.name,
            version: description.version,
            doc: description.doc,
            kinds,
            wants: description.wants,
            manifest,
            steps: steps.unwrap_or_default(),
        })
    }
}

impl Step {
    fn believed(self, answers: &Answers<'_>) -> Result<Believable, Fault> {
        /// As of a call that asked the host nothing.
        fn heard<T>(said: Result<T, types::Fault>) -> Result<T, Fault> {
            said.map_err(|fault| Handed::default().heard(fault))
        }
        match self {
            Self::Check(said) => answers.found(heard(said)?).map(Believable::Check),
            Self::Apply(said) => answers
                .outputs("apply", &heard(said)?)
                .map(Believable::Outputs),
            Self::Validate(said) => answers.writes(heard(said)?).map(Believable::Writes),
        }
    }
}
