//! The look after an apply, which must find nothing left to do.
//!
//! It believes nobody: not the kind that says it is done, not a plugin. Where a process or a cluster is
//! looked at, the answer of one moment is not the last word: a broker that has just said that it serves may
//! leave a question unanswered on a busy machine. There it looks again, for a few seconds.

use std::time::Duration;

use krun_model::{
    Fault, FaultCode, Step, Target, WriteHost,
    kind::{Check, Declared, Kind},
};
use krun_plan::Observation;

use crate::{Session, observe};

/// The pauses before a process or a cluster is looked at again, in milliseconds.
pub(crate) const SETTLING: [u64; 6] = [100, 200, 400, 800, 1600, 3200];

/// Whether what a step declares may take its time to show: all but files and packages.
pub(crate) fn settles(declared: &Declared) -> bool {
    let still = |target: &Target| {
        matches!(
            target,
            Target::Path(_) | Target::Contents(_) | Target::Moved { .. } | Target::Packages(_)
        )
    };
    !declared.writes.iter().all(still)
}

/// Looks whether anything is left to do.
///
/// # Errors
/// [`FaultCode::NotConverged`] with what is left; what the kind reports; the run was told to stop.
pub(crate) async fn verify(
    session: &Session,
    step: &Step,
    kind: &Kind,
    args: &serde_json::Value,
    settles: bool,
    host: &dyn WriteHost,
) -> Result<(), Fault> {
    let mut pauses = SETTLING.iter().filter(|_| settles);
    loop {
        let left = match observe::look(session, &*session.machine, kind, step, args).await {
            Observation::State { check, .. } => match left(check) {
                None => return Ok(()),
                Some(left) => left,
            },
            Observation::Failed(fault) => return Err(fault),
            other => vec![format!("{other:?}")],
        };
        let Some(pause) = pauses.next() else {
            return Err(not_converged(step, left));
        };
        host.pause(Duration::from_millis(*pause)).await?;
    }
}

/// What a check found left to do, if anything.
fn left(check: Check) -> Option<Vec<String>> {
    match check {
        Check::Satisfied(_) => None,
        Check::Drift { why, diff, .. } => {
            let lines = diff
                .iter()
                .map(|line| format!("{}: {} is wanted", line.key, line.after));
            Some(std::iter::once(why).chain(lines).collect())
        }
        Check::Unknown { why, .. } => Some(vec![why]),
    }
}

fn not_converged(step: &Step, left: Vec<String>) -> Fault {
    let what = "after it was applied, the step still differs";
    Fault::new(FaultCode::NotConverged, what)
        .at(&step.address)
        .evidence(left)
        .hint("Something else changes it at the same time, or two steps want different things.")
}
