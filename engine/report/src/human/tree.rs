//! What is running now, as lines for the bottom of a terminal.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use console::truncate_str;
use krun_model::{Address, Change, Event};

use crate::{
    Style,
    fault::retry_words,
    seconds,
    style::Tone,
    text::{clean_line, count},
};

/// How many lines of steps and headings are shown; a terminal is hardly ever lower.
const MOST: usize = 16;
/// One turn of the spinner, in milliseconds a frame.
const FRAME_MS: u128 = 100;

/// A step that is running.
struct Running {
    step: Address,
    change: Change,
    message: String,
    since: Instant,
}

/// The running steps under the headings of their sections, and how far the run is.
pub(super) struct Tree {
    style: Style,
    began: Instant,
    phases: BTreeMap<Address, Option<String>>,
    /// Sections in the order of the plan.
    order: Vec<Option<String>>,
    running: Vec<Running>,
    total: usize,
    ended: usize,
    /// The section that the last line above the tree stands under.
    heading: Option<String>,
}

impl Tree {
    pub(super) fn new(style: Style, now: Instant) -> Self {
        Self {
            style,
            began: now,
            phases: BTreeMap::new(),
            order: vec![],
            running: vec![],
            total: 0,
            ended: 0,
            heading: None,
        }
    }

    /// Takes an event in; `heading` is the section of the last line above the tree.
    pub(super) fn update(&mut self, event: &Event, heading: Option<&str>, now: Instant) {
        self.heading = heading.map(str::to_owned);
        match event {
            Event::Planned { plan } => {
                self.total = plan.steps.len();
                for step in &plan.steps {
                    self.phases.insert(step.address.clone(), step.phase.clone());
                    if !self.order.contains(&step.phase) {
                        self.order.push(step.phase.clone());
                    }
                }
            }
            Event::StepStarted { step, change, .. } => {
                // It runs already where this is another attempt.
                self.running.retain(|running| running.step != *step);
                self.running.push(Running {
                    step: step.clone(),
                    change: *change,
                    message: String::new(),
                    since: now,
                });
            }
            Event::StepRetried { step, again, .. } => {
                if let Some(running) = self.running.iter_mut().find(|r| r.step == *step) {
                    running.message = retry_words(again);
                }
            }
            Event::StepProgress { step, message } => {
                if let Some(running) = self.running.iter_mut().find(|r| r.step == *step) {
                    running.message.clone_from(message);
                }
            }
            Event::StepFinished { step, .. }
            | Event::StepFailed { step, .. }
            | Event::StepSkipped { step, .. } => {
                self.running.retain(|running| running.step != *step);
                self.ended += 1;
            }
            _ => {}
        }
    }

    /// The lines at this moment, none wider than `width`.
    pub(super) fn lines(&self, width: usize, now: Instant) -> Vec<String> {
        let mut lines = vec![];
        if self.total == 0 {
            return lines;
        }
        let mut shown = 0;
        let none = None;
        let sections = self.order.iter().chain(
            // Steps of which no plan spoke are shown as well.
            (!self.order.contains(&none)).then_some(&none),
        );
        for phase in sections {
            let of_phase: Vec<&Running> = self
                .running
                .iter()
                .filter(|running| self.phases.get(&running.step).unwrap_or(&None) == phase)
                .take(MOST.saturating_sub(lines.len() + 1))
                .collect();
            if of_phase.is_empty() {
                continue;
            }
            if *phase != self.heading {
                let title = phase.as_deref().unwrap_or("Other steps");
                let title = clean_line(self.style, title);
                lines.push(self.style.paint(Tone::Strong, title));
            }
            shown += of_phase.len();
            lines.extend(of_phase.into_iter().map(|running| self.step(running, now)));
        }
        if self.running.len() > shown {
            lines.push(format!("  and {} more", self.running.len() - shown));
        }
        let status = format!(
            "{} of {}{}",
            self.ended,
            count(self.total, "step"),
            elapsed(now.saturating_duration_since(self.began), ", ")
        );
        lines.push(self.style.paint(Tone::Faint, status));
        let ellipsis = self.style.ellipsis();
        lines
            .iter()
            .map(|line| truncate_str(line, width.saturating_sub(1), ellipsis).into_owned())
            .collect()
    }

    fn step(&self, running: &Running, now: Instant) -> String {
        let age = now.saturating_duration_since(running.since);
        let frames = if self.style.unicode {
            ["⠋", "⠙", "⠸", "⠴", "⠦", "⠇"].as_slice()
        } else {
            ["|", "/", "-", "\\"].as_slice()
        };
        let at = (age.as_millis() / FRAME_MS) as usize % frames.len();
        let message = match running.message.as_str() {
            "" => running.change.word().to_owned(),
            message => clean_line(self.style, message),
        };
        format!(
            "  {} {}{}  {message}",
            self.style.paint(Tone::Hint, frames[at]),
            running.step,
            elapsed(age, "  "),
        )
    }
}

/// A duration in whole seconds behind a joint; nothing within the first.
fn elapsed(duration: Duration, joint: &str) -> String {
    match duration.as_secs() {
        0 => String::new(),
        whole @ 1..60 => format!("{joint}{whole} s"),
        whole => format!("{joint}{}", seconds(whole * 1000)),
    }
}
