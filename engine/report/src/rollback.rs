//! What a rollback would take back, in the order in which it would.

use serde::Serialize;

use crate::{
    Style,
    style::Tone,
    text::{clean_line, count, fill, pad},
};

/// One thing that a rollback would take back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RollbackLine {
    /// The step that did it first.
    pub step: String,
    /// What, such as a [`Target`](krun_model::Target) in words.
    pub target: String,
    /// What would be done about it: "restored", "stopped".
    pub how: String,
    /// What there is to know: that it stays, that somebody else changed it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// The lines in the order given, numbered, each with its note.
pub fn rollback_plan_text(lines: &[RollbackLine], style: Style) -> String {
    if lines.is_empty() {
        return "Rollback: nothing to take back.\n".to_owned();
    }
    let width = |line: &RollbackLine| console::measure_text_width(&clean_line(style, &line.target));
    let targets = lines.iter().map(width).fold(0, usize::max).min(48);
    let digits = lines.len().to_string().len();
    let mut text = String::new();
    for (at, line) in lines.iter().enumerate() {
        let target = pad(&clean_line(style, &line.target), targets);
        let target = style.paint(Tone::Strong, target);
        let prefix = format!("  {:>digits$}  {target}  ", at + 1);
        text.push_str(&fill(&prefix, &clean_line(style, &line.how), style.width));
        if let Some(note) = &line.note {
            let word = style.paint(Tone::Warn, "note:");
            let prefix = format!("  {:digits$}    {word} ", "");
            text.push_str(&fill(&prefix, &clean_line(style, note), style.width));
        }
    }
    let word = style.paint(Tone::Strong, "Rollback:");
    let things = count(lines.len(), "thing");
    text.push_str(&format!(
        "\n{word} {things} to take back, in this order; nothing was changed.\n"
    ));
    text
}

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;

    use super::*;

    #[test]
    fn numbered() {
        let line = |target: &str, how: &str, note: Option<&str>| RollbackLine {
            step: "a".to_owned(),
            target: target.to_owned(),
            how: how.to_owned(),
            note: note.map(str::to_owned),
        };
        let lines = [
            line("topic demo", "goes away with its cluster", None),
            line("process broker-1/start", "stopped", None),
            line(
                "contents of /srv/k/data",
                "set aside",
                Some("12 entries → /srv/k/.quarantine/3"),
            ),
        ];
        assert_snapshot!(rollback_plan_text(&lines, Style::default()), @r#"
      1  topic demo               goes away with its cluster
      2  process broker-1/start   stopped
      3  contents of /srv/k/data  set aside
           note: 12 entries → /srv/k/.quarantine/3

    Rollback: 3 things to take back, in this order; nothing was changed.
    "#);
        let ascii = Style {
            unicode: false,
            ..Style::default()
        };
        assert_snapshot!(rollback_plan_text(&lines[2..], ascii), @r#"
      1  contents of /srv/k/data  set aside
           note: 12 entries -> /srv/k/.quarantine/3

    Rollback: 1 thing to take back, in this order; nothing was changed.
    "#);
        assert_snapshot!(rollback_plan_text(&[], ascii), @"Rollback: nothing to take back.");
    }
}
