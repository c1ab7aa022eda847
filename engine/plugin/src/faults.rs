//! Faults on their way into a guest and out of it, and a guest's text as it may be shown.
//!
//! Owns which kinds of faults a guest can name, and what becomes of those that only krun has: a guest is shown
//! them as `other`, and what it gives on as it is has krun's own kind again. That a grant is missing or that the
//! run was told to stop is believed only where the host said so in the same call. Knows no host and no grant.

#[cfg(test)]
mod tests;

use krun_model::{Fault, FaultCode};

use crate::bindings::krun::plugin::types::{self, FaultCode as Wit};

/// The kinds that a guest may name by itself.
const SAYABLE: [(FaultCode, Wit); 13] = [
    (FaultCode::Script, Wit::Script),
    (FaultCode::Prerequisite, Wit::Prerequisite),
    (FaultCode::PortTaken, Wit::PortTaken),
    (FaultCode::DiskFull, Wit::DiskFull),
    (FaultCode::Io, Wit::Io),
    (FaultCode::Command, Wit::Command),
    (FaultCode::Download, Wit::Download),
    (FaultCode::ProcessDied, Wit::ProcessDied),
    (FaultCode::Timeout, Wit::Timeout),
    (FaultCode::Conflict, Wit::Conflict),
    (FaultCode::Drifted, Wit::Drifted),
    (FaultCode::Cluster, Wit::Cluster),
    (FaultCode::ProofFailed, Wit::ProofFailed),
];

/// How many faults of one call are remembered; of more, the last.
const MAX_HANDED: usize = 100;

/// What a call was told that only the host says.
#[derive(Debug, Default)]
pub(crate) struct Handed(Vec<(FaultCode, String)>);

impl Handed {
    /// A fault of the host as the guest sees it.
    pub(crate) fn over(&mut self, fault: Fault) -> types::Fault {
        let sayable = SAYABLE.iter().find(|(code, _)| *code == fault.code);
        let code = match (sayable, fault.code) {
            (Some((_, wit)), _) => *wit,
            (None, FaultCode::NotGranted) => Wit::NotGranted,
            (None, FaultCode::Cancelled) => Wit::Cancelled,
            (None, _) => Wit::Other,
        };
        if sayable.is_none() {
            self.remember(fault.code, &fault.what);
        }
        types::Fault {
            code,
            what: fault.what,
            place: fault.place,
            why: fault.why,
            hints: fault.hints,
            evidence: fault.evidence,
        }
    }

    /// The guest learnt that the run is to stop.
    pub(crate) fn stop(&mut self) {
        self.remember(FaultCode::Cancelled, "");
    }

    fn remember(&mut self, code: FaultCode, what: &str) {
        let one = (code, clean(what));
        if self.0.contains(&one) {
            return;
        }
        if self.0.len() == MAX_HANDED {
            self.0.remove(0);
        }
        self.0.push(one);
    }

    fn has(&self, wanted: FaultCode) -> Option<FaultCode> {
        self.0
            .iter()
            .map(|(code, _)| *code)
            .find(|code| *code == wanted)
    }

    /// The kind of what was said in these words, of those that a guest has no name for.
    fn unnamed(&self, what: &str) -> Option<FaultCode> {
        let named = |code| matches!(code, FaultCode::NotGranted | FaultCode::Cancelled);
        let mut all = self.0.iter();
        all.find(|(code, said)| !named(*code) && said == what)
            .map(|(code, _)| *code)
    }

    /// A guest's fault as the engine has it: cut to a size that a person reads, without control characters.
    pub(crate) fn heard(&self, fault: types::Fault) -> Fault {
        let what = clean(&fault.what);
        let sayable = SAYABLE.iter().find(|(_, wit)| *wit == fault.code);
        let code = match (sayable, fault.code) {
            (Some((code, _)), _) => Some(*code),
            (None, Wit::NotGranted) => self.has(FaultCode::NotGranted),
            (None, Wit::Cancelled) => self.has(FaultCode::Cancelled),
            (None, _) => self.unnamed(&what),
        };
        Fault {
            code: code.unwrap_or(FaultCode::Plugin),
            what,
            place: fault.place.as_deref().map(clean),
            why: fault.why.as_deref().map(clean),
            hints: lines(&fault.hints),
            evidence: lines(&fault.evidence),
        }
    }
}

/// The longest text in a guest's fault, in bytes, and how many lines of evidence.
const MAX_TEXT: usize = 4_000;
const MAX_LINES: usize = 200;

fn lines(all: &[String]) -> Vec<String> {
    all.iter().take(MAX_LINES).map(|line| clean(line)).collect()
}

/// A guest's text as it may be shown on a terminal.
pub(crate) fn clean(text: &str) -> String {
    let cut = &text[..text.floor_char_boundary(MAX_TEXT)];
    cut.chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect()
}
