//! The trait of step kinds.

use schemars::JsonSchema;
use serde::de::DeserializeOwned;

use crate::{Change, Fault, FaultCode, Finding, Mode, Outputs, Reader, Target, UndoClass, Writer};

/// The step that a call is about.
#[derive(Debug)]
pub struct Step<A> {
    /// Its arguments.
    pub args: A,
    /// Its name in the runbook.
    pub address: String,
    /// The deployment's random id.
    pub deployment: String,
    /// What it said when it was last done.
    pub remembered: Option<Outputs>,
}

/// A step kind. krun decides when each function is called, journals what is done, takes it back, and
/// checks again after it was applied; a kind only says what is wanted, how that differs, and which
/// changes bring it about. Nothing is kept between calls.
pub trait Kind {
    /// Its name after the module's: lower-case letters, digits and underscores.
    const NAME: &'static str;
    /// What a step of it does, for the reference.
    const DOC: &'static str;
    /// How the engine treats its steps.
    const MODE: Mode;
    /// What a rollback can do with what it does.
    const UNDO: UndoClass = UndoClass::Nothing;
    /// Whether [`undo`](Self::undo) takes back what its steps did; else krun gives everything back itself.
    const UNDOES: bool = false;
    /// Names of its outputs, each with what it says.
    const OUTPUTS: &'static [(&'static str, &'static str)] = &[];
    /// Statements of a runbook, each declaring one step of the kind.
    const EXAMPLES: &'static [&'static str] = &[];

    /// Its arguments. `#[serde(deny_unknown_fields)]` is not needed: krun refuses unknown ones.
    type Args: DeserializeOwned + JsonSchema;

    /// Refuses arguments that contradict each other, when a runbook is checked and before anything
    /// runs; says what a step writes. Called only when all required arguments are known.
    ///
    /// # Errors
    /// What is wrong with the arguments.
    fn validate(_args: &Self::Args) -> Result<Vec<Target>, Fault> {
        Ok(vec![])
    }

    /// Compares what is there with what is wanted. Of a proof: whether it sees what it should.
    ///
    /// # Errors
    /// What keeps it from being seen.
    fn check(step: &Step<Self::Args>, look: &Reader) -> Result<Finding, Fault>;

    /// Of a kind in the mode [`Mode::Once`]: what tells the thing that it acts on from an earlier one
    /// of the same name. None where it is not there yet.
    ///
    /// # Errors
    /// What keeps it from being seen.
    fn incarnation(_step: &Step<Self::Args>, _look: &Reader) -> Result<Option<String>, Fault> {
        Ok(Some(String::new()))
    }

    /// Brings about what is wanted. Everything that `act` does is journaled and taken back by krun.
    ///
    /// # Errors
    /// What went wrong; what was done until then stays in the journal.
    fn apply(
        _step: &Step<Self::Args>,
        _change: Change,
        _look: &Reader,
        _act: &Writer,
    ) -> Result<Outputs, Fault> {
        Err(Fault::new(
            FaultCode::Other,
            "this kind says that something differs, but does not say how it is changed",
        ))
    }

    /// After `apply`: whether what was brought about really does what it is for.
    ///
    /// # Errors
    /// What it does not do.
    fn verify(_step: &Step<Self::Args>, _look: &Reader) -> Result<(), Fault> {
        Ok(())
    }

    /// Of a kind with [`UNDOES`](Self::UNDOES): takes back what `apply` did. A check afterwards must not be
    /// satisfied. May be called for an `apply` that was cut off, and again after it was cut off itself.
    ///
    /// # Errors
    /// What went wrong; what depends on the step is not taken back then.
    fn undo(_step: &Step<Self::Args>, _look: &Reader, _act: &Writer) -> Result<(), Fault> {
        Err(Fault::new(
            FaultCode::Other,
            "this kind says that it undoes its steps, but does not say how",
        ))
    }

    /// Makes of what another version of this plugin kept for a step what this one would have kept.
    ///
    /// # Errors
    /// What this version can't make anything of.
    fn upgrade(
        _version: &str,
        kept: Vec<(String, String)>,
    ) -> Result<Vec<(String, String)>, Fault> {
        Ok(kept)
    }
}
