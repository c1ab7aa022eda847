//! Known values taken out of text on its way into the journal or to people.
//!
//! What krun itself puts together has names in place of values already; this is for what it passes on:
//! lines of logs, what tools said, what a proof read. Owns which parts of an entry and of an event are
//! such text. All else, such as paths, digests and words of krun, stays as it is.

use krun_model::{
    Entry, Event, Fault, Outputs, Plan, Reason,
    journal::Outcome,
    plan::{After, DiffLine},
};
use krun_secrets::Veil;

/// An entry as it may be journaled.
pub(crate) fn entry(veil: &Veil, mut entry: Entry) -> Entry {
    if veil.is_empty() {
        return entry;
    }
    match &mut entry {
        Entry::StepFailed { fault: said, .. } => fault(veil, said),
        Entry::StepStarted { reason: why, .. } => reason(veil, why),
        Entry::StepDone { outputs: said, .. } => outputs(veil, said),
        Entry::Outcome {
            outcome: Outcome::NotDone(why),
            ..
        } => text(veil, why),
        Entry::Undone { how, .. } => text(veil, how),
        _ => {}
    }
    entry
}

/// An event as it may be shown.
pub(crate) fn event(veil: &Veil, mut event: Event) -> Event {
    if veil.is_empty() {
        return event;
    }
    match &mut event {
        Event::Planned { plan: said } => plan(veil, said),
        Event::Recovered { found, .. } => text(veil, found),
        Event::StepStarted { reason: why, .. } => reason(veil, why),
        Event::StepProgress { message, .. } => text(veil, message),
        Event::StepFinished {
            reason: why,
            outputs: said,
            ..
        } => {
            reason(veil, why);
            outputs(veil, said);
        }
        Event::StepFailed { fault: said, .. } | Event::StepRetried { fault: said, .. } => {
            fault(veil, said);
        }
        Event::StepSkipped {
            why, reason: given, ..
        } => {
            text(veil, why);
            given.iter_mut().for_each(|why| reason(veil, why));
        }
        Event::Undone { how, .. } => text(veil, how),
        Event::RunStarted { .. } | Event::RunFinished { .. } => {}
    }
    event
}

/// A plan as it may be shown.
pub(crate) fn plan(veil: &Veil, plan: &mut Plan) {
    if veil.is_empty() {
        return;
    }
    for step in &mut plan.steps {
        reason(veil, &mut step.reason);
        step.diff.iter_mut().for_each(|line| diff(veil, line));
        step.notes.iter_mut().for_each(|note| text(veil, note));
    }
}

/// A fault as it may be shown.
pub(crate) fn fault(veil: &Veil, fault: &mut Fault) {
    text(veil, &mut fault.what);
    fault.why.iter_mut().for_each(|why| text(veil, why));
    fault.hints.iter_mut().for_each(|hint| text(veil, hint));
    fault.evidence.iter_mut().for_each(|line| text(veil, line));
}

fn diff(veil: &Veil, line: &mut DiffLine) {
    line.before.iter_mut().for_each(|before| text(veil, before));
    if let After::Value(after) = &mut line.after {
        text(veil, after);
    }
}

fn reason(veil: &Veil, reason: &mut Reason) {
    match reason {
        Reason::Drift(why) | Reason::KnownAfterApply(why) => text(veil, why),
        Reason::WhenFalse { found, .. } => found.iter_mut().for_each(|one| text(veil, one)),
        _ => {}
    }
}

fn outputs(veil: &Veil, outputs: &mut Outputs) {
    outputs
        .values_mut()
        .for_each(|said| veil.conceal_json(said));
}

fn text(veil: &Veil, text: &mut String) {
    *text = veil.conceal(text);
}
