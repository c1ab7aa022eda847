//! Why a process did not get ready, from its log.

use krun_model::{Fault, FaultCode};

use crate::diagnosis::{Finding, Patterns};

/// How many last lines of a log are shown where no line is known.
const TAIL: usize = 15;
/// How many lines are shown at most that look like errors.
const ERRORS: usize = 8;

/// A process that is not getting ready: the fault, and which known errors its log says.
#[derive(Clone, Debug, PartialEq)]
pub struct NotReady {
    /// What to tell.
    pub fault: Fault,
    /// The ids of the known errors, in the order of the log.
    pub known: Vec<String>,
}

impl From<Fault> for NotReady {
    fn from(fault: Fault) -> Self {
        Self {
            fault,
            known: vec![],
        }
    }
}

impl From<NotReady> for Fault {
    fn from(not_ready: NotReady) -> Self {
        not_ready.fault
    }
}

/// The fault of a process that ended, or that said a known error, while it was starting.
pub fn not_ready(what: &str, log_path: &str, log: &str, patterns: &Patterns) -> NotReady {
    let findings = patterns.diagnose(log);
    // What kept it from starting comes before what it also said.
    let known = findings
        .iter()
        .find(|finding| finding.fatal)
        .or_else(|| findings.first());
    let fault = Fault::new(FaultCode::ProcessDied, what).at(log_path);
    let fault = match known {
        Some(finding) => fault
            .because(&finding.cause)
            .hint(&finding.cure)
            .evidence(evidence(&findings)),
        None => fault
            .because("its log says nothing that krun knows")
            .hint("Read the lines shown here, and more of them in the log.")
            .evidence(telling(log)),
    };
    NotReady {
        fault,
        known: findings.into_iter().map(|finding| finding.id).collect(),
    }
}

fn evidence(findings: &[Finding]) -> Vec<String> {
    findings
        .iter()
        .map(|finding| finding.line.clone())
        .collect()
}

/// The lines that matter most in a log of which none is known: those with errors, else the last ones.
fn telling(log: &str) -> Vec<String> {
    let lines: Vec<_> = log.lines().collect();
    let errors: Vec<_> = lines
        .iter()
        .filter(|line| {
            [" ERROR ", " FATAL ", "Exception", "Error:"]
                .iter()
                .any(|word| line.contains(word))
        })
        .take(ERRORS)
        .map(|line| (*line).to_owned())
        .collect();
    if errors.is_empty() {
        let from = lines.len().saturating_sub(TAIL);
        return lines[from..]
            .iter()
            .map(|line| (*line).to_owned())
            .collect();
    }
    errors
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_and_unknown() {
        let patterns = Patterns::builtin();
        let log = "INFO start\nWARN {t=LEADER_NOT_AVAILABLE}\njava.net.BindException: Address already in use\n";
        let NotReady {
            fault: found,
            known,
        } = not_ready("it ended", "/l", log, &patterns);
        assert_eq!(known, ["no-leader", "port-taken"]);
        assert_eq!(
            found.why.as_deref(),
            Some("the port is held by another process")
        );
        assert_eq!(found.evidence.len(), 2);
        let found = not_ready("it ended", "/l", "a\n[x] ERROR odd (c)\nb\n", &patterns).fault;
        assert_eq!(found.evidence, ["[x] ERROR odd (c)"]);
        let found = not_ready("it ended", "/l", "a\nb\n", &patterns).fault;
        assert_eq!(found.evidence, ["a", "b"]);
    }
}
