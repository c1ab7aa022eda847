//! What a changed runbook makes of its steps, as a table.

use krun_model::reconcile::{Fate, Reconciled};

use crate::{
    Style,
    style::Tone,
    text::{clean, count, fill, pad},
};

/// One line a step that is not simply reused, and a count of those that are.
pub(crate) fn reconciled_text(table: &[Reconciled], style: Style) -> String {
    let shown = || {
        table
            .iter()
            .filter(|row| row.fate != Fate::Reused || style.verbose())
    };
    let width = shown().map(|row| row.step.as_str().len()).max();
    let width = width.unwrap_or_default().min(40);
    let mut text = String::new();
    for row in shown() {
        let step = style.paint(Tone::Strong, pad(row.step.as_str(), width));
        let said = clean(style, &row.fate.to_string());
        text.push_str(&fill(&format!("  {step}  "), &said, style.width));
    }
    let reused = table.len() - shown().count();
    if reused > 0 {
        let said = format!("{} reused", count(reused, "step"));
        text.push_str(&format!("  {}\n", style.paint(Tone::Faint, said)));
    }
    text
}
