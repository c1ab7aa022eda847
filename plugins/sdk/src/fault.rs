//! Errors as krun shows them: what failed, where, why, and what to do next.

use std::fmt::Display;

use crate::{FaultCode, bindings::krun::plugin::types};

/// An error. `what` and `why` are lower-case fragments; hints are whole sentences.
#[derive(Debug)]
pub struct Fault(pub(crate) types::Fault);

impl Fault {
    /// A fault of a kind, with what failed.
    pub fn new(code: FaultCode, what: impl Into<String>) -> Self {
        Self(types::Fault {
            code,
            what: what.into(),
            place: None,
            why: None,
            hints: vec![],
            evidence: vec![],
        })
    }

    /// Adds what it is about: a file, a topic.
    #[must_use]
    pub fn at(mut self, place: impl Display) -> Self {
        self.0.place = Some(place.to_string());
        self
    }

    /// Adds the cause.
    #[must_use]
    pub fn because(mut self, why: impl Display) -> Self {
        self.0.why = Some(why.to_string());
        self
    }

    /// Adds what to do next.
    #[must_use]
    pub fn hint(mut self, hint: impl Display) -> Self {
        self.0.hints.push(hint.to_string());
        self
    }

    /// Adds lines that show it.
    #[must_use]
    pub fn evidence(mut self, lines: impl IntoIterator<Item = String>) -> Self {
        self.0.evidence.extend(lines);
        self
    }

    /// Its kind: what a host function refuses for want of a grant is [`FaultCode::NotGranted`].
    pub fn code(&self) -> FaultCode {
        self.0.code
    }
}

impl From<types::Fault> for Fault {
    fn from(fault: types::Fault) -> Self {
        Self(fault)
    }
}
