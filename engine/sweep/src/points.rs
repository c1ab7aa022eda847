//! The points at which an undisturbed krun could have been killed.

use std::collections::BTreeMap;

use camino::Utf8Path;
use krun_model::{Effect, Entry, History, KillPoint, Moment, Whose, journal::Record};

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
/// `folder` are shown without it, and named as seen from there: `./root`.
pub fn points(before: &[Record], records: &[Record], folder: &Utf8Path) -> Vec<Point> {
    let prefix = format!("{folder}/");
    let mut history = History::fold(before);
    let mut counts: BTreeMap<Whose, u32> = BTreeMap::new();
    let mut points = Vec::new();
    for record in records {
        let whose = Whose::of_entry(&record.entry, &history);
        let number = counts.entry(whose.clone()).or_default();
        *number += 1;
        let whose = seen_from(folder, whose);
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
                    whose: whose.clone(),
                },
                record: text.replace(&prefix, ""),
                class: class.clone(),
            });
        }
        history.push(record);
    }
    points
}

/// A name that is the same in each scratch deployment.
fn seen_from(folder: &Utf8Path, whose: Whose) -> Whose {
    match &whose {
        Whose::Folder(path) => match path.strip_prefix(folder) {
            Ok(below) => Whose::Folder(Utf8Path::new(".").join(below)),
            Err(_) => whose,
        },
        Whose::Run | Whose::Step(_) => whose,
    }
}

/// The point in the scratch deployment whose folder this is.
pub(crate) fn point_in(folder: &Utf8Path, kill: &KillPoint) -> KillPoint {
    let mut kill = kill.clone();
    if let Whose::Folder(path) = &mut kill.whose
        && let Ok(below) = path.strip_prefix(".")
    {
        *path = folder.join(below);
    }
    kill
}

/// Whether krun wrote the record of a point, and whether that had a moment like it.
pub(crate) fn has(points: &[Point], kill: &KillPoint) -> bool {
    let moment = |moment: Moment| match moment {
        // Another life takes another time.
        Moment::During { .. } => Moment::During { ms: 0 },
        other => other,
    };
    points.iter().any(|point| {
        point.kill.whose == kill.whose
            && point.kill.number == kill.number
            && moment(point.kill.moment) == moment(kill.moment)
    })
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

#[cfg(test)]
mod tests {
    use krun_model::{
        RunId, TargetState,
        journal::{Outcome, Seq},
    };

    use super::*;

    /// What a step did, each a folder: made by an intent, done by an outcome.
    fn records(steps: &[(&str, &str)]) -> Vec<Record> {
        let mut records = vec![];
        for (step, path) in steps {
            let effect = Effect::MakeDir {
                path: (*path).into(),
                mode: 0o755,
            };
            let intent = Seq(records.len() as u64 + 1);
            let dir = TargetState::Dir {
                mode: 0o755,
                uid: 0,
                gid: 0,
            };
            let entries = [
                Entry::Intent {
                    step: step.parse().unwrap(),
                    undo: effect.undo(&TargetState::Absent),
                    effect,
                    before: TargetState::Absent,
                },
                Entry::Outcome {
                    intent,
                    outcome: Outcome::Done(dir),
                },
            ];
            for entry in entries {
                records.push(Record {
                    seq: Seq(records.len() as u64 + 1),
                    run: RunId(1),
                    at_ms: 0,
                    entry,
                });
            }
        }
        records
    }

    fn all(steps: &[(&str, &str)], folder: &str) -> Vec<Point> {
        points(&[], &records(steps), folder.into())
    }

    #[test]
    fn a_folder_is_the_same_point_whoever_makes_it_and_wherever() {
        let one = all(&[("a", "/1/root"), ("b", "/1/root/d")], "/1");
        let other = all(&[("b", "/2/root"), ("a", "/2/root/d")], "/2");
        assert_eq!(one, other);
        let names: Vec<String> = one.iter().map(|point| point.kill.to_string()).collect();
        assert_eq!(
            names[..6],
            [
                "before:1:./root",
                "after:1:./root",
                "acted:1:./root",
                "before:2:./root",
                "after:2:./root",
                "before:1:./root/d"
            ]
        );
        let there = point_in("/2".into(), &one[5].kill);
        assert_eq!(there.to_string(), "before:1:/2/root/d");
    }

    #[test]
    fn a_point_of_which_there_is_no_record_is_not_there() {
        let life = all(&[("a", "/1/root")], "/1");
        let kill = |text: &str| text.parse().unwrap();
        assert!(has(&life, &kill("acted:1:./root")));
        for none in ["acted:2:./root", "before:3:./root", "before:1:a"] {
            assert!(!has(&life, &kill(none)), "{none}");
        }
    }
}
