//! Prune: after a run, what steps did that left the runbook is taken back, as a rollback would, and
//! nothing else is touched.
//!
//! It is a run of its own in the journal. Killed, it is gone on with by the next `--prune`: what it
//! took back is written down target by target. Before it touches anything, each step's kind is asked
//! whether the step may leave.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Instant,
};

use krun_model::{
    Address, Fault, Runbook,
    event::RunStatus,
    history::StepMemory,
    journal::Verb,
    kind::{Kind, Kinds, LeaveCx},
};
use krun_plan::{RollbackPlan, intents_of, orphaned};

use crate::{Ended, Session, observe, probe, rollback};

/// What a prune would take back. Changes nothing.
///
/// # Errors
/// What the machine reports; arguments that contradict each other.
pub async fn plan_prune(
    session: &Session,
    runbook: &Runbook,
    kinds: &Kinds,
) -> Result<RollbackPlan, Fault> {
    let mut declared = BTreeMap::new();
    for step in &runbook.steps {
        let kind = observe::kind_of(kinds, step)?.common();
        let said = kind.declare(&step.address, session.ledger.id(), &step.args)?;
        declared.insert(step.address.clone(), said);
    }
    let part = {
        let history = session.ledger.history();
        let left = intents_of(&orphaned(runbook, &declared, &history));
        history.only(&left)
    };
    rollback::plan_of(session, &part).await
}

/// Takes back what steps did that are no longer in the runbook.
///
/// # Errors
/// What keeps the run from beginning. A step that may not leave, or a target that somebody else
/// changed, ends it before anything is touched.
pub async fn prune(
    session: &Session,
    runbook: &Runbook,
    kinds: &Kinds,
    force: bool,
) -> Result<Ended, Fault> {
    let since = Instant::now();
    let recovered = probe::settle_pending(session, force).await?;
    let plan = plan_prune(session, runbook, kinds).await?;
    if !force && let Some(conflict) = rollback::conflict_fault(&plan, Verb::Prune) {
        return Ok(session.refuse(
            Verb::Prune,
            RunStatus::Conflict,
            None,
            vec![conflict],
            since,
        ));
    }
    let refused = held(session, runbook, kinds, &plan).await;
    if !refused.is_empty() {
        return Ok(session.refuse(Verb::Prune, RunStatus::Failed, None, refused, since));
    }
    let run = session.begin(Verb::Prune, None).await?;
    session.say_all(recovered);
    let done = rollback::Done {
        verb: Verb::Prune,
        part: None,
        since,
    };
    rollback::take_back(session, run, plan, done).await
}

/// The steps that may not leave, as their kinds say, and why.
async fn held(
    session: &Session,
    runbook: &Runbook,
    kinds: &Kinds,
    plan: &RollbackPlan,
) -> Vec<(Address, Fault)> {
    let steps = session.ledger.history().steps.clone();
    let staying: Vec<&StepMemory> = steps
        .iter()
        .filter(|(address, _)| runbook.step(address).is_some())
        .map(|(_, memory)| memory)
        .collect();
    let leaving: BTreeSet<_> = plan.lines.iter().map(|line| &line.step).collect();
    let mut held = vec![];
    for address in leaving {
        let Some(memory) = steps.get(address) else {
            continue;
        };
        let Some(Kind::State(kind)) = kinds.get(&memory.kind) else {
            continue;
        };
        let cx = LeaveCx {
            address,
            memory,
            staying: &staying,
            host: &*session.machine,
        };
        if let Err(fault) = kind.may_leave(&cx).await {
            held.push((address.clone(), fault));
        }
    }
    held
}
