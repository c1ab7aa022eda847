//! What only a rollback of a part needs: refusing what later runs rest on, and remembering of steps what
//! was known before that part.

use std::collections::BTreeSet;

use krun_model::{
    Address, Entry, Fault, FaultCode, History, Part, RunId, history::StepMemory, journal::Record,
};
use krun_plan::RollbackPlan;

use crate::Session;

/// What later runs rest on, as one fault, at the step of the first.
pub(crate) fn built_on(plan: &RollbackPlan, part: &Part) -> Option<(Address, Fault)> {
    let first = plan.built_on().next()?.0.step.clone();
    let mut runs = BTreeSet::new();
    let lines: Vec<String> = plan
        .built_on()
        .map(|(line, by)| {
            runs.extend(by.iter().map(|(run, _)| *run));
            format!("{}: {}", line.target, by_words(by))
        })
        .collect();
    let fault = Fault::new(
        FaultCode::Conflict,
        format!("{part} can't be taken back by itself"),
    )
    .because("later runs changed the same, or what rests on it")
    .evidence(lines)
    .hint("Nothing was touched, and `--force` changes nothing about it.");
    let newest_first = runs.iter().rev().map(|run| format!("`--run {run}`"));
    let newest_first = newest_first.collect::<Vec<_>>().join(", ");
    Some((
        first,
        fault.hint(format!(
            "Take later runs back first, the newest first: {newest_first}; or all with `krun rollback`."
        )),
    ))
}

/// Who rests on it, in words.
pub fn by_words(by: &[(RunId, Address)]) -> String {
    let all: Vec<_> = by
        .iter()
        .map(|(run, step)| format!("{step} of run {run}"))
        .collect();
    format!("rested on by {}", all.join(", "))
}

/// Writes down that a part is back.
pub(crate) async fn returned(session: &Session, run: RunId, part: &Part) -> Result<(), Fault> {
    let records = session.ledger.records().await?;
    let entry = {
        let history = session.ledger.history();
        let without = without(&records, part);
        Entry::Returned {
            part: part.clone(),
            steps: memories(&without, part, &history),
            // What moved stays moved: the runbook of before would not know whose it is.
            pin: without.pin.filter(|_| !moves(&records, part)),
        }
    };
    session.ledger.append(run, entry, false).await.map(drop)
}

/// Whether histories got other addresses in a part.
fn moves(records: &[Record], part: &Part) -> bool {
    let mut own = records.iter().filter(|one| part.holds(one.run, one.seq));
    own.any(|one| matches!(&one.entry, Entry::Reconciled { moves, .. } if !moves.is_empty()))
}

/// What would be known of steps, and pinned, if a part had not been.
fn without(records: &[Record], part: &Part) -> History {
    let mut without = History::default();
    for record in records {
        if !part.holds(record.run, record.seq) {
            without.push(record);
            continue;
        }
        // All else is needed to know what is whose.
        match &record.entry {
            Entry::StepDone { .. } => {}
            Entry::RunStarted {
                verb, who, part, ..
            } => without.push(&Record {
                entry: Entry::RunStarted {
                    verb: *verb,
                    pin: None,
                    who: who.clone(),
                    part: part.clone(),
                },
                ..record.clone()
            }),
            _ => without.push(record),
        }
    }
    without
}

/// What is to be remembered of the steps that a part was about: of those of which something stays what
/// is known now, of the others what was known without that part.
fn memories(without: &History, part: &Part, now: &History) -> Vec<(Address, StepMemory)> {
    let own = now.part(part);
    let effects = own.effects.iter().chain(&own.pending);
    let stays: BTreeSet<_> = effects.map(|effect| &effect.step).collect();
    now.steps
        .iter()
        .filter(|(_, memory)| part.holds(memory.run, memory.seq))
        .filter_map(|(step, memory)| {
            let memory = match stays.contains(step) {
                true => memory.clone(),
                false => without.steps.get(step)?.clone(),
            };
            Some((step.clone(), memory))
        })
        .collect()
}
