//! What was seen of the machine, step by step, before anything is decided.

use std::collections::BTreeMap;

use krun_model::{
    Address, Digest, Fault, Reason,
    kind::{Check, Declared},
};

/// What was seen of one step.
#[derive(Clone, Debug)]
pub enum Observation {
    /// An argument is the output of a step whose outputs are not known yet.
    Unresolved {
        /// That step.
        waits_for: Address,
        /// The output's name.
        output: String,
    },
    /// Whether its `when:` holds depends on a step whose outputs are not known yet.
    Undecided {
        /// The condition as the runbook puts it.
        when: String,
        /// That step.
        waits_for: Address,
        /// The output's name.
        output: String,
    },
    /// A state was compared with the machine.
    State {
        /// What was found.
        check: Check,
        /// Digest of kind and arguments.
        inputs: Digest,
    },
    /// The incarnation of what an act is done to was read.
    Once {
        /// The incarnation; none before an earlier step ran.
        incarnation: Option<Digest>,
        /// Digest of kind and arguments.
        inputs: Digest,
    },
    /// The look itself failed. Where an earlier step will change something this is no verdict; else
    /// it ends the run before anything is done.
    Failed(Fault),
    /// A proof: nothing is looked at before it runs.
    Proof {
        /// Digest of kind and arguments.
        inputs: Digest,
    },
}

/// What was seen of all steps, with what each says it will touch.
#[derive(Clone, Debug, Default)]
pub struct Observed {
    /// What was seen.
    pub steps: BTreeMap<Address, Observation>,
    /// What each step will touch.
    pub declared: BTreeMap<Address, Declared>,
    /// The steps that are not to be done whatever was seen, with why: each a [`Reason::is_skip`].
    pub left_out: BTreeMap<Address, Reason>,
}
