//! What is said of each event, in lines that stay. Pure: no clock, no writer.

use std::collections::{BTreeMap, BTreeSet};

use krun_model::{
    Address, Change, Event, Fault, FaultCode, Outputs, Plan, Reason,
    journal::{Again, Verb},
};

use crate::{
    Style,
    fault::retry_words,
    fault_text,
    outputs::output_lines,
    plan::counts,
    reconciled::reconciled_text,
    seconds,
    style::{Mark, Tone},
    text::{clean, clean_line, count, fill, indent, pad},
};

mod ending;

/// Turns events into lines, and remembers what later lines need.
pub(super) struct Narrator {
    style: Style,
    verb: Verb,
    /// The section of each step.
    phases: BTreeMap<Address, Option<String>>,
    /// The width of the column of addresses.
    width: usize,
    /// The section that the last line stands under.
    heading: Option<String>,
    /// Steps whose beginning was said, so their end must be as well.
    begun: BTreeSet<Address>,
    /// Steps that were as wanted and of which nothing was said.
    unchanged: usize,
    /// Those of them that were so before krun came.
    found: usize,
    skipped: usize,
    /// Steps that the run was not about, of which nothing was said.
    not_chosen: usize,
    failed: Vec<Address>,
}

impl Narrator {
    pub(super) fn new(style: Style) -> Self {
        Self {
            style,
            verb: Verb::Run,
            phases: BTreeMap::new(),
            width: 0,
            heading: None,
            begun: BTreeSet::new(),
            unchanged: 0,
            found: 0,
            skipped: 0,
            not_chosen: 0,
            failed: vec![],
        }
    }

    /// The section that the last line stands under.
    pub(super) fn heading(&self) -> Option<&str> {
        self.heading.as_deref()
    }

    /// What is said of an event within so many columns; often nothing.
    pub(super) fn tell(&mut self, event: &Event, width: usize) -> String {
        self.style.width = width;
        match event {
            Event::RunStarted {
                deployment,
                run,
                verb,
                resumed,
                part,
                ..
            } => {
                self.verb = *verb;
                let what = match verb {
                    Verb::Run => format!("run {run} of {deployment}"),
                    Verb::Rollback => match part {
                        None => format!("rollback of {deployment} (run {run})"),
                        Some(part) => {
                            let part = clean_line(self.style, &part.to_string());
                            format!("rollback of {part}, of {deployment} (run {run})")
                        }
                    },
                    Verb::Prune => {
                        format!("prune of {deployment}: steps that left the runbook (run {run})")
                    }
                    Verb::Stop => format!("stop of {deployment} (run {run})"),
                    Verb::Start => format!("start of {deployment} (run {run})"),
                    Verb::Adopt => format!("adoption by {deployment} (run {run})"),
                };
                let on = if *resumed {
                    ", going on where it was interrupted"
                } else {
                    ""
                };
                self.unless_quiet(|style| format!("{}{on}\n", style.paint(Tone::Strong, what)))
            }
            Event::Planned { plan } => self.planned(plan),
            Event::Recovered {
                step,
                target,
                found,
            } => {
                let said = format!("{target} after an interruption: {found}");
                self.line(Mark::Noted, "probed", step, &clean(self.style, &said))
            }
            Event::StepStarted {
                step,
                change,
                reason,
            } => self.started(step, *change, reason),
            Event::StepProgress { step, message } if self.style.verbose() && !self.style.live => {
                self.line(Mark::Started, "...", step, &clean(self.style, message))
            }
            Event::StepProgress { .. } => String::new(),
            Event::StepFinished {
                step,
                change,
                reason,
                outputs,
                duration_ms,
            } => self.finished(step, *change, reason, outputs, *duration_ms),
            Event::StepFailed {
                step,
                fault,
                duration_ms,
            } => self.failed(step, fault, *duration_ms),
            Event::StepRetried { step, again, fault } => self.retried(step, *again, fault),
            Event::StepSkipped { reason, .. }
                if !self.style.verbose() && reason.as_ref().is_some_and(Reason::is_choice) =>
            {
                self.not_chosen += 1;
                String::new()
            }
            Event::StepSkipped { step, why, .. } => {
                self.skipped += 1;
                let said = format!("skipped: {}", clean(self.style, why));
                self.line(Mark::Skipped, "skip", step, &said)
            }
            Event::Undone { step, target, how } => {
                let said = format!("{target}: {how}");
                self.line(Mark::Changed, "undone", step, &clean(self.style, &said))
            }
            Event::RunFinished { .. } => self.ending(event),
        }
    }

    fn planned(&mut self, plan: &Plan) -> String {
        for step in &plan.steps {
            self.phases.insert(step.address.clone(), step.phase.clone());
            self.widen(&step.address);
        }
        let counts = counts(plan);
        let orphans: Vec<&str> = plan.orphans.iter().map(|step| step.as_str()).collect();
        let left_behind: Vec<&str> = plan.left_behind.iter().map(|step| step.as_str()).collect();
        self.unless_quiet(|style| {
            let mut text = String::new();
            if !counts.is_empty() {
                text.push_str(&fill("plan: ", &counts, style.width));
            }
            if !plan.reconciled.is_empty() {
                text.push_str("the runbook changed:\n");
                text.push_str(&reconciled_text(&plan.reconciled, style));
            }
            if !orphans.is_empty() {
                let then = if plan.prune {
                    "taken back after this run"
                } else {
                    "they stay until a run with --prune, or rollback"
                };
                let said = format!("{}; {then}", orphans.join(", "));
                text.push_str(&fill("no longer in the runbook: ", &said, style.width));
            }
            if !left_behind.is_empty() {
                let said = format!(
                    "{}; what they made stays until rollback",
                    left_behind.join(", ")
                );
                text.push_str(&fill("skipped now, done before: ", &said, style.width));
            }
            text
        })
    }

    fn started(&mut self, step: &Address, change: Change, reason: &Reason) -> String {
        if self.style.live || (change == Change::NoOp && !self.style.verbose()) {
            return String::new();
        }
        self.begun.insert(step.clone());
        let said = format!("{}: {reason}", change.word());
        self.line(Mark::Started, "start", step, &clean(self.style, &said))
    }

    fn finished(
        &mut self,
        step: &Address,
        change: Change,
        reason: &Reason,
        outputs: &Outputs,
        duration_ms: u64,
    ) -> String {
        let begun = self.begun.remove(step);
        if change == Change::NoOp && !begun && !self.style.verbose() {
            self.unchanged += 1;
            self.found += usize::from(*reason == Reason::Found);
            return self.notes(step, outputs);
        }
        // That something was not there is no news once it is.
        let reason = match (change, reason) {
            (Change::Create, _) | (_, Reason::NeverDone | Reason::NeverProven) => String::new(),
            (_, reason) => format!(": {}", clean(self.style, &reason.to_string())),
        };
        let took = match change {
            Change::NoOp => String::new(),
            _ => format!(" in {}", seconds(duration_ms)),
        };
        let said = format!("{}{took}{reason}", done_word(change));
        let (mark, word) = match change {
            Change::NoOp => (Mark::Unchanged, "same"),
            _ => (Mark::Changed, "done"),
        };
        let mut text = self.line(mark, word, step, &said);
        if !self.style.quiet() && (change == Change::Prove || self.style.verbose()) {
            text.push_str(&indent(&output_lines(outputs, self.style).join("\n"), 6));
        } else {
            text.push_str(&self.notes(step, outputs));
        }
        text
    }

    /// An attempt failed: in short, since another follows.
    fn retried(&mut self, step: &Address, again: Again, fault: &Fault) -> String {
        let said = format!("{}: {fault}", retry_words(&again));
        self.line(Mark::Noted, "again", step, &clean(self.style, &said))
    }

    /// What a step says though it does nothing about it.
    fn notes(&mut self, step: &Address, outputs: &Outputs) -> String {
        let notes = krun_model::plan::notes(outputs);
        let lines = notes
            .iter()
            .map(|note| self.line(Mark::Noted, "note", step, &clean(self.style, note)));
        lines.collect()
    }

    fn failed(&mut self, step: &Address, fault: &Fault, duration_ms: u64) -> String {
        let took = seconds(duration_ms);
        if fault.code == FaultCode::Cancelled {
            let said = format!("cancelled after {took}: {}", clean(self.style, &fault.what));
            return self.line(Mark::Skipped, "cancel", step, &said);
        }
        self.failed.push(step.clone());
        let verbosity = self.style.verbosity;
        // What failed is said even to a quiet reader.
        self.style.verbosity = verbosity.max(crate::Verbosity::Normal);
        let said = self.style.paint(Tone::Bad, "failed");
        let mut text = self.line(
            Mark::Failed,
            "failed",
            step,
            &format!("{said} after {took}"),
        );
        self.style.verbosity = verbosity;
        text.push_str(&indent(&fault_text(fault, self.style.narrower(6)), 6));
        text
    }

    /// A line about a step, below the heading of its section. On a terminal the mark says what it
    /// is about; in plain lines a word does as well, for those who search in them.
    fn line(&mut self, mark: Mark, word: &str, step: &Address, said: &str) -> String {
        let style = self.style;
        if style.quiet() {
            return String::new();
        }
        let mut text = self.under(step);
        self.widen(step);
        let lead = style.mark(mark);
        let word = if style.live {
            String::new()
        } else {
            format!("{word:<6} ")
        };
        let address = pad(step.as_str(), self.width);
        text.push_str(&fill(
            &format!("  {lead} {word}{address}  "),
            said,
            style.width,
        ));
        text
    }

    /// Makes room for an address in its column.
    fn widen(&mut self, step: &Address) {
        self.width = self.width.max(step.as_str().len()).min(40);
    }

    /// The heading of a step's section, if the last line stood under another.
    fn under(&mut self, step: &Address) -> String {
        let phase = self.phases.get(step).cloned().flatten();
        if phase == self.heading {
            return String::new();
        }
        self.heading = phase;
        let title = self.heading.as_deref().unwrap_or("Other steps");
        let title = clean_line(self.style, title);
        format!("{}\n", self.style.paint(Tone::Strong, title))
    }

    fn unless_quiet(&self, text: impl FnOnce(Style) -> String) -> String {
        if self.style.quiet() {
            String::new()
        } else {
            text(self.style)
        }
    }

    /// The steps that the run was not about, in one line.
    fn not_chosen_line(&self) -> String {
        if self.not_chosen == 0 {
            return String::new();
        }
        let said = format!("{} not chosen", count(self.not_chosen, "step"));
        let said = self.style.paint(Tone::Faint, said);
        format!("{} {said}\n", self.style.mark(Mark::Skipped))
    }

    /// The steps of which nothing was said, in one line.
    fn unchanged_line(&self) -> String {
        if self.unchanged == 0 {
            return String::new();
        }
        let found = match self.found {
            0 => String::new(),
            found => format!(" ({found} found so, and left alone)"),
        };
        let said = format!("{} as wanted{found}", count(self.unchanged, "step"));
        let said = self.style.paint(Tone::Faint, said);
        format!("{} {said}\n", self.style.mark(Mark::Unchanged))
    }
}

/// What was done, in the past tense.
fn done_word(change: Change) -> &'static str {
    match change {
        Change::NoOp => "unchanged",
        Change::Prove => "proved",
        Change::Create => "created",
        Change::Update => "updated",
        Change::Restart => "restarted",
        Change::Delete => "deleted",
        Change::Act => "done",
    }
}
