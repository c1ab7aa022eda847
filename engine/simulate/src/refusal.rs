//! Which kinds can be simulated.

use krun_model::{Fault, FaultCode, Runbook};

/// The kinds that reach the world only through the simulated machine and its servers. A kind that is not here is
/// refused: what is not simulated is not pretended.
const SIMULATED: [&str; 23] = [
    "assert",
    "directory",
    "file",
    "file_clone",
    "kafka::broker",
    "kafka::clean_logs",
    "kafka::consume",
    "kafka::describe",
    "kafka::distribution",
    "kafka::elect_leaders",
    "kafka::groups",
    "kafka::java",
    "kafka::keyed",
    "kafka::produce",
    "kafka::reassign",
    "kafka::topic",
    "kafka::topic_absent",
    "package",
    "properties",
    "zookeeper::clean",
    "zookeeper::distribution",
    "zookeeper::server",
    "zookeeper::snapshot_folders",
];

/// Refuses a runbook that has steps of kinds that can't be simulated. Of plugins' kinds, those can that reach
/// no more than files and clusters, which `reaches_no_more` tells by a kind's name.
///
/// # Errors
/// The steps, by name.
pub fn refuse(runbook: &Runbook, reaches_no_more: impl Fn(&str) -> bool) -> Result<(), Fault> {
    let known = |kind: &str| SIMULATED.contains(&kind) || reaches_no_more(kind);
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
        "{} of its {} steps are of kinds that reach more than a simulated machine and its Kafka",
        steps.len(),
        runbook.steps.len()
    ))
    .evidence(steps)
    .hint("Try it on the real thing: `krun test RUNBOOK --crash-at-every-record`."))
}
