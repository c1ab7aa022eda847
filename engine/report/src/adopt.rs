//! What `krun adopt` found, before a person agrees to it.

use krun_model::{Address, plan::DiffLine};
use serde::Serialize;

use crate::{
    Style,
    style::Tone,
    table::{Column, Side, table},
    text::{clean_line, fill},
};

/// What was found for one step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AdoptRow {
    /// The step.
    pub step: Address,
    /// The process that would be adopted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pid: Option<u32>,
    /// What is there.
    pub found: String,
    /// In what a process differs from what is wanted.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub differences: Vec<DiffLine>,
}

/// A table of what was found, then the differences of each process.
pub fn adopt_text(rows: &[AdoptRow], style: Style) -> String {
    let columns = [
        Column("step", Side::Left),
        Column("pid", Side::Right),
        Column("found", Side::Left),
    ];
    let cells: Vec<Vec<String>> = rows
        .iter()
        .map(|row| {
            let pid = row.pid.map(|pid| pid.to_string()).unwrap_or_default();
            let found = clean_line(style, &row.found).to_string();
            vec![row.step.to_string(), pid, found]
        })
        .collect();
    let mut text = table(style, &columns, &cells, 2);
    for row in rows.iter().filter(|row| !row.differences.is_empty()) {
        let step = style.paint(Tone::Strong, row.step.to_string());
        text.push_str(&format!(
            "\n{step} differs; the next run restarts it, once you agree:\n"
        ));
        for line in &row.differences {
            let before = line.before.as_deref().unwrap_or("(none)");
            let said = format!("{before} → {}", line.after);
            let prefix = format!("  {}: ", line.key);
            text.push_str(&fill(&prefix, &clean_line(style, &said), style.width));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;

    use super::*;
    use crate::samples::address;

    #[test]
    fn found() {
        let row = |step: &str, pid, found: &str, differences| AdoptRow {
            step: address(step),
            pid,
            found: found.to_owned(),
            differences,
        };
        let heap = DiffLine::new("heap", Some("1g"), "512m");
        let rows = [
            row("kafka", None, "as wanted", vec![]),
            row("broker-1", Some(4242), "java kafka.Kafka", vec![heap]),
        ];
        assert_snapshot!(adopt_text(&rows, Style::default()), @r#"
          step       pid  found
          kafka           as wanted
          broker-1  4242  java kafka.Kafka

        broker-1 differs; the next run restarts it, once you agree:
          heap: 1g → 512m
        "#);
    }
}
