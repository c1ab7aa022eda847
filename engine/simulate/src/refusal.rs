//! Which kinds can be simulated.

use krun_model::{Fault, FaultCode, Runbook};

/// The kinds that reach the world only through the simulated machine. A kind that is not here is
/// refused: what is not simulated is not pretended.
const SIMULATED: [&str; 9] = [
    "assert",
    "directory",
    "file",
    "file_clone",
    "kafka::clean_logs",
    "package",
    "properties",
    "zookeeper::clean",
    "zookeeper::snapshot_folders",
];

/// Refuses a runbook that has steps of kinds that can't be simulated.
///
/// # Errors
/// The steps, by name.
pub fn refuse(runbook: &Runbook) -> Result<(), Fault> {
    let known = |kind: &str| SIMULATED.contains(&kind);
    let steps: Vec<_> = runbook
        .steps
        .iter()
        .filter(|step| !known(&step.kind))
        .map(|step| format!("{}: {}", step.address, step.kind))
        .collect();
    if steps.is_empty() {
        return Ok(());
    }
    Err(Fault::new(
        FaultCode::Usage,
        "this runbook has steps that can't be simulated",
    )
    .because(format!(
        "{} of its {} steps are of kinds that reach more than files, processes and packages",
        steps.len(),
        runbook.steps.len()
    ))
    .evidence(steps)
    .hint("Try it on the real thing: `krun test RUNBOOK --crash-at-every-record`."))
}
