//! The differences of one step, before and after in columns.

use krun_model::{
    Change,
    plan::{After, DiffLine, PlannedStep},
};

use crate::{
    Style,
    style::Tone,
    text::{clean_line, pad},
};

/// Where differences begin.
const INDENT: usize = 8;
/// The widest column of keys.
const KEY: usize = 44;

/// `key: before → after` a line. What is made from nothing has only an after.
pub(super) fn diff_text(step: &PlannedStep, style: Style) -> String {
    let fresh = step.change == Change::Create && step.diff.iter().all(|line| line.before.is_none());
    let width = |line: &DiffLine| console::measure_text_width(&line.key) + 1;
    let keys = step.diff.iter().map(width).max().unwrap_or(0).min(KEY);
    let befores: Vec<String> = step.diff.iter().map(|line| before(line, style)).collect();
    let mut text = String::new();
    for (line, before) in step.diff.iter().zip(befores) {
        let key = pad(&format!("{}:", clean_line(style, &line.key)), keys);
        let lead = format!("{:INDENT$}{} ", "", style.paint(Tone::Hint, key));
        let after = after(line, style);
        text.push_str(&lead);
        if fresh {
            text.push_str(&after);
        } else {
            let arrow = style.arrow();
            let whole = [lead.as_str(), before.as_str(), arrow, after.as_str()]
                .iter()
                .map(|part| console::measure_text_width(part) + 1)
                .sum::<usize>();
            let between = if style.width > 0 && whole > style.width + 2 {
                format!("\n{:1$}", "", console::measure_text_width(&lead))
            } else {
                " ".to_owned()
            };
            text.push_str(&format!("{before}{between}{arrow} {after}"));
        }
        text.push('\n');
    }
    text
}

fn before(line: &DiffLine, style: Style) -> String {
    line.before
        .as_deref()
        .map_or_else(|| "(none)".to_owned(), |value| value_text(value, style))
}

fn after(line: &DiffLine, style: Style) -> String {
    match &line.after {
        After::Value(value) => value_text(value, style),
        After::Gone => "(gone)".to_owned(),
        After::KnownAfterApply => "(known after apply)".to_owned(),
    }
}

/// A value in one line; an empty one is said to be, so that it is not overlooked.
fn value_text(value: &str, style: Style) -> String {
    if value.is_empty() {
        "(empty)".to_owned()
    } else {
        clean_line(style, value)
    }
}
