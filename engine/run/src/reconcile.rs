//! A changed runbook meets what the journal knows: before anything is looked at, histories get the
//! addresses that their steps have now, and the table of what becomes of each step is made.
//!
//! A plan knows it only in memory. A run writes it down before it does anything.

use krun_model::{Entry, Fault, FaultCode, ProcessId, RunId, reconcile::Reconciled};
use krun_plan::Reconciliation;

use crate::{RunRequest, Session};

/// Reconciles the runbook of a request with the deployment's history, which from now on is as it will be
/// once this is journaled.
///
/// # Errors
/// A history that can't move safely; what the machine reports.
pub(crate) async fn reconcile(
    session: &Session,
    request: &RunRequest,
) -> Result<Reconciliation, Fault> {
    let mut found = {
        let history = session.ledger.history();
        let before = request.before.as_ref().filter(|_| !history.is_baseline());
        krun_plan::reconcile(before, &request.runbook, &request.kinds, &history)
    };
    refuse(session, &found)?;
    for one in &mut found.moves {
        let adopted = session.ledger.history().adopted.contains_key(&one.from);
        let id = ProcessId {
            deployment: session.ledger.id().to_owned(),
            step: one.from.clone(),
        };
        if !adopted {
            one.process = session.machine.process(&id).await?;
        }
    }
    if !found.moves.is_empty() {
        std::sync::Arc::make_mut(&mut session.ledger.history()).move_histories(&found.moves);
        session.know_adopted();
    }
    Ok(found)
}

/// Writes it down, where there is anything to be written.
pub(crate) async fn journal(
    session: &Session,
    run: RunId,
    found: Reconciliation,
) -> Result<(), Fault> {
    let Reconciliation { moves, table } = found;
    if moves.is_empty() && table.is_empty() {
        return Ok(());
    }
    let entry = Entry::Reconciled { moves, table };
    session.ledger.append(run, entry, true).await.map(drop)
}

fn refuse(session: &Session, found: &Reconciliation) -> Result<(), Fault> {
    let lines: Vec<_> = found
        .refused()
        .map(|(step, why)| format!("{step}: {why}"))
        .collect();
    if lines.is_empty() {
        return Ok(());
    }
    let others = |row: &&Reconciled| !found.refused().any(|(step, _)| *step == row.step);
    let rest = found.table.iter().filter(others).count();
    Err(Fault::new(
        FaultCode::Conflict,
        "the runbook moves a history where it can't safely go",
    )
    .at(session.ledger.name())
    .because(format!(
        "of {} lines of the table {} are refused",
        rest + lines.len(),
        lines.len()
    ))
    .evidence(lines)
    .hint("Nothing was touched. Change `moved(…)` in the runbook, then look with `krun plan`."))
}
