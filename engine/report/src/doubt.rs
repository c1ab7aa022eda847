//! An effect in doubt: what was before, what was wanted, what is found.

use serde::Serialize;

use crate::{
    Style,
    style::Tone,
    text::{clean, clean_line, fill},
};

/// One effect in doubt.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DoubtView {
    /// The position of its intent.
    pub intent: u64,
    /// The step that asked for it.
    pub step: String,
    /// The run that was cut off.
    pub run: u64,
    /// What it acts on.
    pub target: String,
    /// What was there before.
    pub before: String,
    /// What was wanted.
    pub wanted: String,
    /// What is there now.
    pub found: String,
    /// How the text before differs from the text found, where both are small.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub since_before: Vec<String>,
    /// How the text wanted differs from the text found, where both are small.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub since_wanted: Vec<String>,
}

/// Each effect with its three states.
pub fn doubt_text(doubts: &[DoubtView], style: Style) -> String {
    let mut text = String::new();
    for doubt in doubts {
        let step = style.paint(Tone::Strong, clean_line(style, &doubt.step));
        let target = clean_line(style, &doubt.target);
        let said = format!("{target}, begun in run {} and cut off", doubt.run);
        text.push_str(&fill(&format!("{step}  "), &said, style.width));
        for (name, state) in [
            ("before", &doubt.before),
            ("wanted", &doubt.wanted),
            ("found ", &doubt.found),
        ] {
            let word = style.paint(Tone::Faint, name);
            let said = clean(style, state);
            text.push_str(&fill(&format!("  {word}  "), &said, style.width));
        }
        for (name, lines) in [
            ("from before to found", &doubt.since_before),
            ("from wanted to found", &doubt.since_wanted),
        ] {
            if !lines.is_empty() {
                text.push_str(&format!("  {}\n", style.paint(Tone::Faint, name)));
            }
            for line in lines {
                text.push_str(&format!("    {}\n", clean(style, line)));
            }
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;

    use super::*;

    #[test]
    fn three_states_and_two_differences() {
        let doubt = DoubtView {
            intent: 7,
            step: "broker-1/config".into(),
            run: 3,
            target: "/srv/k/server.properties".into(),
            before: "file 0a mode 0644 owner 0:0".into(),
            wanted: "file 0b mode 0644".into(),
            found: "file 0c mode 0600 owner 0:0".into(),
            since_before: vec!["- port=1".into(), "+ port=3".into()],
            since_wanted: vec!["- port=2".into(), "+ port=3".into()],
        };
        assert_snapshot!(doubt_text(&[doubt], Style::default()), @"
        broker-1/config  /srv/k/server.properties, begun in run 3 and cut off
          before  file 0a mode 0644 owner 0:0
          wanted  file 0b mode 0644
          found   file 0c mode 0600 owner 0:0
          from before to found
            - port=1
            + port=3
          from wanted to found
            - port=2
            + port=3
        ");
    }
}
