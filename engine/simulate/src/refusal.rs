//! Which kinds can be simulated.

use krun_model::{Fault, FaultCode, Runbook};

/// The kinds that reach the world only through the simulated machine, its servers and its pages. A kind that is not here is
/// refused: what is not simulated is not pretended.
const SIMULATED: [&str; 24] = [
    "assert",
    "directory",
    "file",
    "file_clone",
    "http::shows",
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
/// no more than a simulated machine has, which `is_simulated` tells by a kind's name.
///
/// # Errors
/// The steps, by name.
pub fn refuse(runbook: &Runbook, is_simulated: impl Fn(&str) -> bool) -> Result<(), Fault> {
    let known = |kind: &str| SIMULATED.contains(&kind) || is_simulated(kind);
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
        "{} of its {} steps are of kinds that reach more than a simulated machine, its Kafka and its web pages",
        steps.len(),
        runbook.steps.len()
    ))
    .evidence(steps)
    .hint("Try it on the real thing: `krun test RUNBOOK --crash-at-every-record`."))
}
