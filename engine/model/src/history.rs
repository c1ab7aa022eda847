//! The present state of a deployment: a fold over its journal.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::{
    Address, Decision, Digest, Effect, Outputs, Part, ProcessSpec, RunId, Target, TargetState,
    Undo,
    event::RunStatus,
    journal::{Entry, Outcome, Pin, Record, Seq, Verb},
    process::Running,
};

mod acts;
mod effects;
mod moving;
mod needs;

pub use effects::Effects;

/// What the journal remembers of a step.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StepMemory {
    /// Its kind.
    pub kind: String,
    /// The run that did it last.
    pub run: RunId,
    /// When that was, as a position in the log: what an earlier step did after it calls for a new
    /// proof.
    pub seq: Seq,
    /// Digest of kind and arguments then.
    pub inputs: Digest,
    /// The key of the act or proof then.
    pub key: Option<Digest>,
    /// What it said.
    pub outputs: Outputs,
}

/// An effect that happened, or that may have.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EffectMemory {
    /// The intent's position: effects are ordered by it.
    pub seq: Seq,
    /// Its run.
    pub run: RunId,
    /// The step that asked for it.
    pub step: Address,
    /// The effect.
    pub effect: Effect,
    /// What was there before.
    pub before: TargetState,
    /// The way back.
    pub undo: Undo,
    /// The state after; none while the outcome is not known.
    pub after: Option<TargetState>,
}

impl EffectMemory {
    /// Whether what is journaled of it is about sealed bytes.
    pub fn is_sealed(&self) -> bool {
        let state = |state: &TargetState| matches!(state, TargetState::File { digest, .. } if digest.is_sealed());
        let mut contents = self.effect.contents();
        contents.any(|content| content.digest.is_sealed())
            || state(&self.before)
            || self.after.as_ref().is_some_and(state)
    }
}

/// A process that krun did not start and that stands for a step.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AdoptedMemory {
    /// When it was adopted, as a position in the log.
    pub seq: Seq,
    /// What its step would have started.
    pub spec: ProcessSpec,
    /// Which process it is.
    pub running: Running,
}

/// What was decided about an effect in doubt, while it is not carried out.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DecidedMemory {
    /// The intent.
    pub intent: Seq,
    /// What.
    pub decision: Decision,
    /// What was found then.
    pub found: TargetState,
}

/// A checkpoint that a run passed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Passed {
    /// Its name.
    pub name: String,
    /// Where in the log.
    pub seq: Seq,
    /// By which run.
    pub run: RunId,
    /// When, in milliseconds since 1970.
    pub at_ms: i64,
}

/// A run as the journal tells it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunMemory {
    /// Its number.
    pub id: RunId,
    /// Which command.
    pub verb: Verb,
    /// Which part a rollback takes back; none for all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub part: Option<Part>,
    /// Who.
    pub who: crate::journal::Who,
    /// When it began, in milliseconds since 1970.
    pub started_ms: i64,
    /// How it ended; none while it goes on or was interrupted.
    pub finished: Option<(RunStatus, u64)>,
    /// Changed, unchanged and failed steps.
    pub counts: (usize, usize, usize),
}

/// What a deployment's journal says now.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct History {
    /// The random id that marks its processes.
    pub id: Option<String>,
    /// All runs in order.
    pub runs: Vec<RunMemory>,
    /// What the last run pinned.
    pub pin: Option<Pin>,
    /// What is known of each step since the baseline.
    pub steps: BTreeMap<Address, StepMemory>,
    /// Which steps each step came after when it last began, since the baseline.
    pub after: BTreeMap<Address, Vec<Address>>,
    /// Effects since the baseline that were not taken back, in order.
    pub effects: Effects,
    /// Processes that krun did not start, by the step that they stand for: until krun ends one, or
    /// starts its own in its place.
    pub adopted: BTreeMap<Address, AdoptedMemory>,
    /// Intents without an outcome, in order: to be probed before anything else.
    pub pending: Effects,
    /// Intents by which plugins keep something; some of them may have been taken back.
    #[serde(default)]
    pub keeps: BTreeSet<Seq>,
    /// What was decided about those of them that were in doubt.
    pub decided: Vec<DecidedMemory>,
    /// The kind of each step when it last began, since the baseline.
    pub kinds: BTreeMap<Address, String>,
    /// Processes that carry the marker of an address that their step had before: until krun ends one, or
    /// starts its own in its place.
    pub moved: BTreeMap<Address, Running>,
    /// Checkpoints that were passed and not taken back, in order.
    pub checkpoints: Vec<Passed>,
}

impl History {
    /// The version of the fold. A store may keep a history that was folded once; with another version
    /// it folds anew. To be raised with every change of what entries come to.
    pub const FOLD: u32 = 3;

    /// Folds a deployment's records.
    pub fn fold(records: &[Record]) -> Self {
        records.iter().fold(Self::default(), |mut history, record| {
            history.push(record);
            history
        })
    }

    /// Takes one more record in.
    pub fn push(&mut self, record: &Record) {
        match &record.entry {
            Entry::Created { id } => self.id = Some(id.clone()),
            Entry::RunStarted {
                verb,
                pin,
                who,
                part,
            } => {
                if let Some(pin) = pin {
                    self.pin = Some(pin.clone());
                }
                self.runs.push(RunMemory {
                    id: record.run,
                    verb: *verb,
                    part: part.clone(),
                    who: who.clone(),
                    started_ms: record.at_ms,
                    finished: None,
                    counts: (0, 0, 0),
                });
            }
            Entry::RunResumed { .. } | Entry::StepFailed { .. } => {}
            Entry::StepStarted {
                step, kind, after, ..
            } => {
                self.after.insert(step.clone(), after.clone());
                self.kinds.insert(step.clone(), kind.clone());
            }
            Entry::Intent {
                step,
                effect,
                before,
                undo,
            } => {
                if let Effect::Keep { .. } = effect {
                    self.keeps.insert(record.seq);
                }
                self.pending.push(EffectMemory {
                    seq: record.seq,
                    run: record.run,
                    step: step.clone(),
                    effect: effect.clone(),
                    before: before.clone(),
                    undo: undo.clone(),
                    after: None,
                });
            }
            Entry::Outcome { intent, outcome } => self.settle(*intent, outcome),
            Entry::StepDone {
                step,
                kind,
                inputs,
                key,
                outputs,
                ..
            } => {
                let memory = StepMemory {
                    kind: kind.clone(),
                    run: record.run,
                    seq: record.seq,
                    inputs: *inputs,
                    key: *key,
                    outputs: outputs.clone(),
                };
                self.steps.insert(step.clone(), memory);
            }
            Entry::Adopted {
                step,
                spec,
                running,
                ..
            } => {
                let memory = AdoptedMemory {
                    seq: record.seq,
                    spec: spec.clone(),
                    running: running.clone(),
                };
                self.adopted.insert(step.clone(), memory);
            }
            Entry::Undone { intents, .. } => {
                self.keeps.retain(|intent| !intents.contains(intent));
                self.effects.retain(|effect| !intents.contains(&effect.seq));
                self.pending.retain(|effect| !intents.contains(&effect.seq));
                self.decided.retain(|one| !intents.contains(&one.intent));
            }
            Entry::Resolved {
                intent,
                decision,
                found,
                ..
            } => {
                self.decided.retain(|one| one.intent != *intent);
                self.decided.push(DecidedMemory {
                    intent: *intent,
                    decision: *decision,
                    found: found.clone(),
                });
            }
            Entry::Reconciled { moves, .. } => self.move_histories(moves),
            Entry::Checkpoint { name } => self.checkpoints.push(Passed {
                name: name.clone(),
                seq: record.seq,
                run: record.run,
                at_ms: record.at_ms,
            }),
            Entry::RolledBack => {
                self.steps.clear();
                self.after.clear();
                self.effects.clear();
                self.keeps.clear();
                self.adopted.clear();
                self.kinds.clear();
                self.moved.clear();
                self.checkpoints.clear();
            }
            Entry::Returned { part, steps, pin } => {
                if pin.is_some() {
                    self.pin.clone_from(pin);
                }
                self.steps
                    .retain(|_, memory| !part.holds(memory.run, memory.seq));
                self.steps.extend(steps.iter().cloned());
                if let Part::Since { passed, .. } = part {
                    self.checkpoints.retain(|one| one.seq <= *passed);
                }
            }
            Entry::RunFinished {
                status,
                changed,
                unchanged,
                failed,
                duration_ms,
            } => {
                if let Some(run) = self.runs.iter_mut().find(|run| run.id == record.run) {
                    run.finished = Some((*status, *duration_ms));
                    run.counts = (*changed, *unchanged, *failed);
                }
            }
        }
    }

    fn settle(&mut self, intent: Seq, outcome: &Outcome) {
        let Some(mut effect) = self.pending.remove(intent) else {
            return;
        };
        self.decided.retain(|one| one.intent != intent);
        if let (Outcome::Done(_) | Outcome::Recovered(_), Target::Process(id)) =
            (outcome, effect.effect.target())
        {
            self.adopted.remove(&id.step);
            self.moved.remove(&id.step);
        }
        if self.verb(effect.run).is_some_and(Verb::takes_back) {
            // What a rollback does is not itself to be taken back: `Undone` says what it took back.
            return;
        }
        if let Outcome::Done(after) | Outcome::Recovered(after) = outcome {
            effect.after = Some(after.clone());
            self.effects.push(effect);
        }
    }

    /// Which command a run serves.
    pub fn verb(&self, run: RunId) -> Option<Verb> {
        self.runs
            .iter()
            .rev()
            .find(|memory| memory.id == run)
            .map(|memory| memory.verb)
    }

    /// Whether what is remembered of a step was said of the process that it has now: it was done since
    /// its process was last started. A process that a killed run started may not be ready, whatever was
    /// said of the one before it.
    pub fn same_process(&self, step: &Address) -> bool {
        let started = self.effects.last_start(step);
        let started = started.max(self.pending.last_start(step));
        let done = self.steps.get(step).map(|memory| memory.seq);
        done.is_some_and(|done| started.is_none_or(|started| started < done))
    }

    /// What a step asked for and of which the end is not known.
    pub fn unfinished(&self, step: &Address) -> Vec<Effect> {
        self.pending
            .iter()
            .filter(|effect| effect.step == *step)
            .map(|effect| effect.effect.clone())
            .collect()
    }

    /// The same history with the effects of some intents alone.
    #[must_use]
    pub fn only(&self, intents: &BTreeSet<Seq>) -> Self {
        let mut part = self.clone();
        part.effects.retain(|effect| intents.contains(&effect.seq));
        part.pending.retain(|effect| intents.contains(&effect.seq));
        part
    }

    /// What was decided about an intent in doubt, if what is found now is what was found then.
    pub fn decision(&self, intent: Seq, found: &TargetState) -> Option<Decision> {
        let mut decided = self.decided.iter();
        let one = decided.find(|one| one.intent == intent && one.found == *found)?;
        Some(one.decision)
    }

    /// The same history with the effects of a part alone.
    #[must_use]
    pub fn part(&self, part: &Part) -> Self {
        let effects = self.live();
        let intents = effects
            .filter(|effect| part.holds(effect.run, effect.seq))
            .map(|effect| effect.seq)
            .collect();
        self.only(&intents)
    }

    /// The last run, if it was neither finished nor is it a command that does not go on.
    pub fn interrupted(&self) -> Option<&RunMemory> {
        self.runs.last().filter(|run| run.finished.is_none())
    }

    /// The number that a new run gets.
    pub fn next_run(&self) -> RunId {
        RunId(self.runs.last().map_or(0, |run| run.id.0) + 1)
    }

    /// The last effect on a target since the baseline.
    pub fn last_effect(&self, target: &Target) -> Option<&EffectMemory> {
        self.effects
            .iter()
            .rev()
            .find(|effect| effect.effect.target() == *target)
    }

    fn live(&self) -> impl Iterator<Item = &EffectMemory> {
        self.effects.iter().chain(&self.pending)
    }

    /// Whether anything that krun did is still there to be taken back.
    pub fn is_baseline(&self) -> bool {
        self.effects.is_empty() && self.pending.is_empty() && self.adopted.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Map, ProcessId};

    #[test]
    fn what_was_said_of_another_process() {
        let step: Address = "broker".parse().expect("an address");
        let started = |seq: u64| EffectMemory {
            seq: Seq(seq),
            run: RunId(1),
            step: step.clone(),
            effect: Effect::StartProcess(ProcessSpec {
                secret_env: BTreeMap::new(),
                id: ProcessId {
                    deployment: "d".into(),
                    step: step.clone(),
                },
                argv: vec![],
                env: Map::new(),
                cwd: "/".into(),
                log: "/log".into(),
                digest: Digest::of("x"),
                stop_grace_ms: 1,
            }),
            before: TargetState::Absent,
            undo: Undo::Kept,
            after: None,
        };
        let memory = StepMemory {
            kind: "k".into(),
            run: RunId(1),
            seq: Seq(5),
            inputs: Digest::of("x"),
            key: None,
            outputs: Outputs::new(),
        };
        let mut history = History::default();
        assert!(!history.same_process(&step), "nothing is remembered");
        history.steps.insert(step.clone(), memory);
        assert!(history.same_process(&step), "krun did not start it");
        history.effects.push(started(3));
        assert!(history.same_process(&step));
        history.pending.push(started(7));
        assert!(!history.same_process(&step));
    }
}
