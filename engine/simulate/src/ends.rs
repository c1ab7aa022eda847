//! What the end of a krun means for a schedule, and in words.

use krun_model::{FaultCode, event::RunStatus};

use crate::krun::End;

/// Whether the same command with `--force` may come further.
pub fn may_be_forced(end: &End) -> bool {
    match end {
        End::Refused(fault) => fault.code == FaultCode::InDoubt,
        End::Ended(ended) => ended.status == RunStatus::Conflict,
        _ => false,
    }
}

/// Whether it ended by nothing but conflicts with what is there, or proofs of what is gone: a broker whose
/// folder somebody made look like another cluster's may lead with nothing in it, and records are lost.
pub fn conflicts(end: &End) -> bool {
    let End::Ended(ended) = end else {
        return false;
    };
    let mut faults = ended.faults.iter();
    let lost = [FaultCode::Conflict, FaultCode::ProofFailed];
    !ended.faults.is_empty() && faults.all(|(_, fault)| lost.contains(&fault.code))
}

/// Whether it came to its end, and well.
pub fn succeeded(end: &End) -> bool {
    matches!(end, End::Ended(ended) if ended.status == RunStatus::Succeeded)
}

/// How a krun ended, in a line.
pub fn words(end: &End) -> String {
    match end {
        End::Killed => "it is killed".to_owned(),
        End::Hangs => "it hangs".to_owned(),
        End::Panicked(why) => format!("it panics: {why}"),
        End::Refused(fault) => format!("it refuses: {fault}"),
        End::Ended(ended) => {
            let faults: Vec<_> = ended
                .faults
                .iter()
                .map(|(_, fault)| match fault.evidence.as_slice() {
                    [] => fault.to_string(),
                    lines => format!("{fault} {}", lines.join("; ")),
                })
                .collect();
            let ended = format!("{:?} {}", ended.status, faults.join("; "));
            ended.trim_end().to_owned()
        }
    }
}
