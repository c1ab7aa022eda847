//! The last lines of a run.

use krun_model::{Event, event::RunStatus, journal::Verb};

use super::Narrator;
use crate::{seconds, style::Tone, text::fill};

impl Narrator {
    /// How the run ended, with what was done and what failed. A quiet reader sees it only where
    /// the run did not succeed.
    pub(super) fn ending(&self, event: &Event) -> String {
        let Event::RunFinished {
            status,
            changed,
            unchanged,
            failed,
            duration_ms,
        } = event
        else {
            return String::new();
        };
        let style = self.style;
        if style.quiet() && *status == RunStatus::Succeeded {
            return String::new();
        }
        let verb = match self.verb {
            Verb::Run => "",
            Verb::Rollback => "rollback ",
            Verb::Stop => "stop ",
            Verb::Prune => "prune ",
            Verb::Start => "start ",
            Verb::Adopt => "adoption ",
        };
        let (word, tone, joint) = match status {
            RunStatus::Succeeded => ("succeeded", Tone::Good, "in"),
            RunStatus::Failed => ("failed", Tone::Bad, "after"),
            RunStatus::Cancelled => ("cancelled", Tone::Warn, "after"),
            RunStatus::Conflict => ("stopped at a conflict", Tone::Bad, "after"),
        };
        let skipped = match self.skipped {
            0 => String::new(),
            skipped => format!(", {skipped} skipped"),
        };
        let mut text = if style.quiet() {
            String::new()
        } else {
            self.unchanged_line() + &self.not_chosen_line()
        };
        text.push_str(&format!(
            "{} {joint} {}: {changed} changed, {unchanged} unchanged, {failed} failed{skipped}\n",
            style.paint(tone, format!("{verb}{word}")),
            seconds(*duration_ms)
        ));
        if !self.failed.is_empty() {
            let names: Vec<&str> = self.failed.iter().map(|step| step.as_str()).collect();
            text.push_str(&fill("failed steps: ", &names.join(", "), style.width));
        }
        text
    }
}
