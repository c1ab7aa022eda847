//! Parameters that say what a deployment *is* cannot change under its name.

use krun_model::{Fault, FaultCode, History, Runbook, journal::Pin};

use crate::prepare::RunRequest;

/// Refuses a run whose identity parameters differ from those that the deployment was made with.
pub(crate) fn check(history: &History, runbook: &Runbook, name: &str) -> Result<(), Fault> {
    let Some(pin) = history.pin.as_ref().filter(|_| !history.is_baseline()) else {
        return Ok(());
    };
    let changed: Vec<_> = pin
        .identity
        .iter()
        .filter_map(|param| {
            let (before, now) = (pin.params.get(param)?, runbook.values.get(param)?);
            (before != now).then(|| format!("{param}: {before} → {now}"))
        })
        .collect();
    if changed.is_empty() {
        return Ok(());
    }
    Err(Fault::new(
        FaultCode::IdentityChanged,
        format!("deployment `{name}` is another one"),
    )
    .because("parameters marked identity can't change while it exists")
    .evidence(changed)
    .hint("Give the new one a name of its own with `--as NAME`.")
    .hint(format!(
        "Or take this one back first: `krun rollback --as {name}`."
    )))
}

/// What a run pins.
pub(crate) fn pin(request: &RunRequest) -> Pin {
    let runbook = &request.runbook;
    Pin {
        path: request.path.clone(),
        sources: runbook
            .sources
            .iter()
            .map(|s| (s.path.clone(), s.digest))
            .collect(),
        params: runbook.values.clone(),
        given: request.given.clone(),
        identity: runbook
            .params
            .iter()
            .filter(|p| p.identity)
            .map(|p| p.name.clone())
            .collect(),
        choice: request.choice.clone(),
        on_failure: request.on_failure.clone(),
    }
}
