//! The points at which an undisturbed krun could have been killed.

use std::collections::BTreeMap;

use camino::Utf8Path;
use krun_model::{Address, Effect, Entry, History, KillPoint, Moment, journal::Record};

/// A point, and what stands there in the journal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Point {
    /// The point.
    pub kill: KillPoint,
    /// The record, for people.
    pub record: String,
    /// The class of effect, if the record is about one.
    pub class: Option<String>,
}

/// All points of the krun that wrote `records`, when `before` was in the journal already. Paths below
/// `folder` are shown without it.
pub fn points(before: &[Record], records: &[Record], folder: &Utf8Path) -> Vec<Point> {
    let prefix = format!("{folder}/");
    let mut history = History::fold(before);
    let mut counts: BTreeMap<Option<Address>, u32> = BTreeMap::new();
    let mut points = Vec::new();
    for record in records {
        let step = KillPoint::step_of(&record.entry, &history);
        let number = counts.entry(step.clone()).or_default();
        *number += 1;
        let (text, class) = describe(&record.entry, &history);
        for moment in Moment::ALL {
            if moment == Moment::Acted && !matches!(record.entry, Entry::Intent { .. }) {
                continue;
            }
            points.push(Point {
                kill: KillPoint {
                    moment,
                    number: *number,
                    step: step.clone(),
                },
                record: text.replace(&prefix, ""),
                class: class.clone(),
            });
        }
        history.push(record);
    }
    points
}

/// What an entry says, in a few words, and the class of its effect.
fn describe(entry: &Entry, before: &History) -> (String, Option<String>) {
    let plain = |text: &str| (text.to_owned(), None);
    match entry {
        Entry::Created { .. } => plain("deployment created"),
        Entry::RunStarted { .. } => plain("run started"),
        Entry::RunResumed { .. } => plain("run resumed"),
        Entry::StepStarted { .. } => plain("step started"),
        Entry::Intent { effect, .. } => {
            let class = class_of(effect);
            (
                format!("intent: {} {}", words(&class), effect.target()),
                Some(class),
            )
        }
        Entry::Outcome { intent, .. } => {
            let mut pending = before.pending.iter();
            let Some(memory) = pending.find(|effect| effect.seq == *intent) else {
                return plain("outcome");
            };
            let class = class_of(&memory.effect);
            let text = format!("outcome: {} {}", words(&class), memory.effect.target());
            (text, Some(class))
        }
        Entry::StepDone { .. } => plain("step done"),
        Entry::StepFailed { .. } => plain("step failed"),
        Entry::Adopted { .. } => plain("process adopted"),
        Entry::Undone { .. } => plain("undone"),
        Entry::RolledBack => plain("rolled back"),
        Entry::RunFinished { .. } => plain("run finished"),
    }
}

/// The word by which the journal calls an effect.
pub(crate) fn class_of(effect: &Effect) -> String {
    let value = serde_json::to_value(effect).unwrap_or_default();
    let mut keys = value.as_object().into_iter().flat_map(|map| map.keys());
    keys.next().cloned().unwrap_or_default()
}

fn words(class: &str) -> String {
    class.replace('_', " ")
}
