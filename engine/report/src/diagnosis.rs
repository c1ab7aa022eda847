//! What logs say: the line, its cause, its cure.

use serde::Serialize;

use crate::{
    Style,
    style::Tone,
    text::{clean, fill},
};

/// A log that was looked through.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DiagnosedLog {
    /// The step whose process writes it; none for a file that was named.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub step: Option<String>,
    /// The file.
    pub log: String,
    /// The known errors in it, in the order of the lines.
    pub findings: Vec<DiagnosedLine>,
}

/// A line that is known.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DiagnosedLine {
    /// The name of the known error.
    pub id: String,
    /// The first line that says it.
    pub line: String,
    /// What it means, as a lower-case fragment.
    pub cause: String,
    /// What to do about it, as whole sentences.
    pub cure: String,
    /// Whether a server that says so does not start.
    pub fatal: bool,
}

/// Every log with what was found in it.
pub fn diagnosis_text(logs: &[DiagnosedLog], style: Style) -> String {
    let mut text = String::new();
    for log in logs {
        let name = match &log.step {
            Some(step) => format!("{step}  {}", log.log),
            None => log.log.clone(),
        };
        text.push_str(&style.paint(Tone::Strong, clean(style, &name)).to_string());
        text.push('\n');
        if log.findings.is_empty() {
            text.push_str("  nothing that krun knows as an error\n");
        }
        for found in &log.findings {
            text.push_str(&one(found, style));
        }
    }
    text
}

fn one(found: &DiagnosedLine, style: Style) -> String {
    let bar = style.paint(Tone::Faint, "|");
    let mut text = format!("  {bar} {}\n", clean(style, &found.line));
    let tone = if found.fatal { Tone::Bad } else { Tone::Warn };
    for (word, tone, said) in [
        ("why:", tone, &found.cause),
        ("help:", Tone::Hint, &found.cure),
    ] {
        let word = style.paint(tone, word);
        text.push_str(&fill(
            &format!("    {word} "),
            &clean(style, said),
            style.width,
        ));
    }
    text
}

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;

    use super::*;

    #[test]
    fn logs_with_and_without_errors() {
        let logs = [
            DiagnosedLog {
                step: Some("broker-1".into()),
                log: "/k/logs/kafkaServer.out".into(),
                findings: vec![DiagnosedLine {
                    id: "port-taken".into(),
                    line: "Socket server failed to bind to h:1: Address already in use.".into(),
                    cause: "the port is held by another process".into(),
                    cure: "End that process.".into(),
                    fatal: true,
                }],
            },
            DiagnosedLog {
                step: None,
                log: "zookeeper.out".into(),
                findings: vec![],
            },
        ];
        assert_snapshot!(diagnosis_text(&logs, Style::default()), @r"
        broker-1  /k/logs/kafkaServer.out
          | Socket server failed to bind to h:1: Address already in use.
            why: the port is held by another process
            help: End that process.
        zookeeper.out
          nothing that krun knows as an error
        ");
    }
}
