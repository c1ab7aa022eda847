//! One run from the journal, entry by entry: `krun show RUN`.

use std::collections::BTreeMap;

use krun_model::{
    Address, Change,
    journal::{Entry, Pin, Record, Seq, Who},
    reconcile::Reconciled,
};

use crate::{
    Style,
    effects::{effect_words, outcome_words, undo_way},
    fault::retry_words,
    fault_text,
    history::{status_word, verb_word, who_words},
    outputs::output_lines,
    reconciled::reconciled_text,
    seconds, stamp,
    style::Tone,
    text::{clean, clean_line, fill, indent, pad},
};

#[cfg(test)]
mod tests;

/// What happened in one run, from its records in order: a line an entry, each with the time since
/// the run began. Effects carry the position of their intent, so that outcomes and undos can be
/// matched with them. Outputs and ways back are shown to a verbose style.
pub fn run_text(records: &[Record], style: Style) -> String {
    let Some(first) = records.first() else {
        return "no entries\n".to_owned();
    };
    let steps = intents(records);
    let width = records
        .iter()
        .filter_map(|record| step_of(&record.entry, &steps))
        .map(|step| step.as_str().len())
        .fold(0, usize::max);
    let run = Run {
        began: first.at_ms,
        steps,
        width: width.min(40),
        style,
    };
    records.iter().map(|record| run.record(record)).collect()
}

/// What is known while lines are made.
struct Run<'a> {
    began: i64,
    steps: BTreeMap<Seq, &'a Address>,
    width: usize,
    style: Style,
}

impl Run<'_> {
    fn record(&self, record: &Record) -> String {
        let style = self.style;
        match &record.entry {
            Entry::RunStarted {
                verb,
                pin,
                who,
                part,
            } => {
                let title = format!("{} (run {})", verb_word(*verb), record.run);
                let mut text = format!("{}\n", style.paint(Tone::Strong, title));
                text.push_str(&format!("  started {} by ", stamp(record.at_ms)));
                text.push_str(&format!("{}\n", self.who(who)));
                if let Some(part) = part {
                    let said = clean_line(style, &part.to_string());
                    text.push_str(&fill("  takes back ", &said, style.width));
                }
                if let Some(pin) = pin {
                    text.push_str(&self.pin(pin));
                }
                text.push('\n');
                text
            }
            Entry::Created { id } => self.line(
                record,
                None,
                &clean(style, &format!("deployment {id} created")),
            ),
            Entry::RunResumed { who } => {
                let said = format!("went on, by {}", self.who(who));
                self.line(record, None, &said)
            }
            Entry::RolledBack => self.line(record, None, "back at the baseline"),
            Entry::Returned { part, .. } => {
                let said = clean(style, &format!("taken back: {part}"));
                self.line(record, None, &said)
            }
            Entry::Checkpoint { name } => {
                let said = clean(style, &format!("passed checkpoint `{name}`"));
                self.line(record, None, &said)
            }
            Entry::Reconciled { table, .. } => self.reconciled(record, table),
            Entry::RunFinished {
                status,
                changed,
                unchanged,
                failed,
                duration_ms,
            } => {
                let status = status_word(Some(*status), style);
                let said = format!(
                    "{status} after {}: {changed} changed, {unchanged} unchanged, {failed} failed",
                    seconds(*duration_ms)
                );
                format!("\n{}", self.line(record, None, &said))
            }
            _ => self.step(record),
        }
    }

    /// An entry about a step.
    fn step(&self, record: &Record) -> String {
        let step = step_of(&record.entry, &self.steps);
        let said = match &record.entry {
            Entry::StepStarted { change, reason, .. } => {
                format!("begins ({}): {reason}", change.word())
            }
            Entry::Intent {
                effect,
                before,
                undo,
                ..
            } => {
                let mut said = format!(
                    "#{} {}; before: {before}",
                    record.seq.0,
                    effect_words(effect)
                );
                if self.style.verbose() {
                    said.push_str(&format!("; undo: {}", undo_way(undo, before)));
                }
                said
            }
            Entry::Outcome { intent, outcome } => {
                format!("#{} {}", intent.0, outcome_words(outcome))
            }
            Entry::StepDone { change, .. } => match change {
                Change::NoOp => "as wanted".to_owned(),
                change => format!("done ({})", change.word()),
            },
            Entry::StepFailed { again: None, .. } => "failed".to_owned(),
            Entry::StepFailed {
                again: Some(again), ..
            } => retry_words(again),
            Entry::Adopted { running, .. } => {
                format!("adopted pid {}: {}", running.pid, running.command)
            }
            Entry::Resolved {
                intent,
                decision,
                found,
                who,
                ..
            } => {
                let who = self.who(who);
                format!(
                    "#{} in doubt, decided: {decision}; found: {found}; by {who}",
                    intent.0
                )
            }
            Entry::Undone { intents, how } => {
                let numbers: Vec<String> =
                    intents.iter().map(|seq| format!("#{}", seq.0)).collect();
                format!("took back {}: {how}", numbers.join(", "))
            }
            _ => String::new(),
        };
        let said = clean(self.style, &said);
        let mut text = match &record.entry {
            Entry::StepFailed { .. } => self.line(record, step, &self.style.paint(Tone::Bad, said)),
            _ => self.line(record, step, &said),
        };
        match &record.entry {
            Entry::StepFailed { fault, .. } => {
                text.push_str(&indent(&fault_text(fault, self.style.narrower(12)), 12));
            }
            Entry::StepDone {
                outputs, change, ..
            } if self.style.verbose() || *change == Change::Prove => {
                for line in output_lines(outputs, self.style) {
                    text.push_str(format!("            {line}").trim_end());
                    text.push('\n');
                }
            }
            _ => {}
        }
        text
    }

    /// What a changed runbook makes of its steps; those that stay as they are become a count.
    fn reconciled(&self, record: &Record, table: &[Reconciled]) -> String {
        let mut text = self.line(record, None, "the runbook changed");
        text.push_str(&indent(
            &reconciled_text(table, self.style.narrower(12)),
            12,
        ));
        text
    }

    /// A line about an entry; the words are clean already.
    fn line(&self, record: &Record, step: Option<&Address>, said: &str) -> String {
        let since = u64::try_from(record.at_ms - self.began).unwrap_or(0);
        let time = format!("{:>10}", format!("+{}", seconds(since)));
        let step = step.map_or(String::new(), |step| {
            format!("{}  ", pad(step.as_str(), self.width))
        });
        let prefix = format!("{}  {step}", self.style.paint(Tone::Faint, time));
        fill(&prefix, said, self.style.width)
    }

    fn who(&self, who: &Who) -> String {
        let krun = clean_line(self.style, &who.krun);
        format!(
            "{} (krun {krun}, pid {})",
            who_words(who, self.style),
            who.pid
        )
    }

    fn pin(&self, pin: &Pin) -> String {
        let style = self.style;
        let mut text = format!("  runbook {}\n", clean_line(style, &pin.path));
        for (name, digest) in pin.sources.iter().filter(|_| style.verbose()) {
            let name = clean_line(style, name);
            text.push_str(&format!("  source {name} sha256 {digest}\n"));
        }
        if !pin.choice.is_everything() {
            let said = clean_line(style, &pin.choice.to_string());
            text.push_str(&fill("  only ", &said, style.width));
        }
        for (name, value) in &pin.params {
            let given = match pin.given.contains_key(name) {
                true => " (given)",
                false if style.verbose() => "",
                false => continue,
            };
            let said = clean_line(style, &format!("{value}{given}"));
            text.push_str(&fill(&format!("  param {name} = "), &said, style.width));
        }
        text
    }
}

/// Which step asked for the effect of each intent.
fn intents(records: &[Record]) -> BTreeMap<Seq, &Address> {
    records
        .iter()
        .filter_map(|record| match &record.entry {
            Entry::Intent { step, .. } => Some((record.seq, step)),
            _ => None,
        })
        .collect()
}

/// The step that an entry is about.
fn step_of<'a>(entry: &'a Entry, intents: &BTreeMap<Seq, &'a Address>) -> Option<&'a Address> {
    match entry {
        Entry::StepStarted { step, .. }
        | Entry::Intent { step, .. }
        | Entry::StepDone { step, .. }
        | Entry::StepFailed { step, .. }
        | Entry::Resolved { step, .. }
        | Entry::Adopted { step, .. } => Some(step),
        Entry::Outcome { intent, .. } => intents.get(intent).copied(),
        _ => None,
    }
}
