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
        let mut moments = vec![Moment::Before, Moment::After];
        if let Entry::Intent { effect, .. } = &record.entry {
            if lasts(effect) {
                let ms = took(record, records) / 2;
                moments.push(Moment::During { ms });
            }
            if !holds_others(effect) {
                moments.push(Moment::Acted);
            }
        }
        for moment in moments {
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

/// Whether an effect takes its time, so that krun can well be killed in the middle of it. The others are
/// one call of the kernel, which happens or does not, or a rename after all else; what a plugin does is made
/// of effects with points of their own.
fn lasts(effect: &Effect) -> bool {
    match effect {
        Effect::WriteFile { .. }
        | Effect::RemoveFile { .. }
        | Effect::MakeDir { .. }
        | Effect::RemoveDir { .. }
        | Effect::Link { .. }
        | Effect::Move { .. }
        | Effect::Claim { .. }
        | Effect::PluginAct(_)
        | Effect::PluginUndo { .. }
        | Effect::Keep { .. } => false,
        Effect::Release { .. }
        | Effect::StartProcess(_)
        | Effect::StopProcess { .. }
        | Effect::InstallPackages { .. }
        | Effect::CreateTopic { .. }
        | Effect::DeleteTopic { .. }
        | Effect::Produce { .. }
        | Effect::AddPartitions { .. }
        | Effect::AlterConfigs { .. }
        | Effect::CommitOffsets { .. }
        | Effect::DeleteGroup { .. }
        | Effect::Reassign { .. }
        | Effect::ElectLeaders { .. } => true,
    }
}

/// Whether records of the same step come between its intent and its outcome: what would be after the effect
/// is then before the outcome, and is a point of its own.
fn holds_others(effect: &Effect) -> bool {
    matches!(effect, Effect::PluginAct(_) | Effect::PluginUndo { .. })
}

/// Milliseconds from an intent to its outcome.
fn took(intent: &Record, records: &[Record]) -> u32 {
    let outcome = records.iter().find(
        |record| matches!(&record.entry, Entry::Outcome { intent: of, .. } if *of == intent.seq),
    );
    let ms = outcome.map_or(0, |outcome| outcome.at_ms - intent.at_ms);
    u32::try_from(ms).unwrap_or_default()
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
            let Some(memory) = before.pending.get(*intent) else {
                return plain("outcome");
            };
            let class = class_of(&memory.effect);
            let text = format!("outcome: {} {}", words(&class), memory.effect.target());
            (text, Some(class))
        }
        Entry::Resolved { .. } => plain("doubt resolved"),
        Entry::Reconciled { .. } => plain("reconciled"),
        Entry::Checkpoint { .. } => plain("checkpoint passed"),
        Entry::Returned { .. } => plain("part taken back"),
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
