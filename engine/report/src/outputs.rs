//! What a step says, as lines: the text of a proof as it is, other outputs under their names.

use krun_model::Outputs;
use serde_json::Value;

use crate::{Style, text::clean};

/// Outputs that are text for people by their very name.
const TEXTS: [&str; 3] = ["text", "lines", "output"];

/// The lines of all outputs. A text of several lines, and whatever is called `text`, `lines` or
/// `output`, stands as it is; a single value stands behind its name; anything deeper is JSON.
pub(crate) fn output_lines(outputs: &Outputs, style: Style) -> Vec<String> {
    let mut lines = vec![];
    for (name, value) in outputs {
        match (text_of(value), TEXTS.contains(&name.as_str())) {
            (Some(text), true) => lines.extend(clean(style, &text).lines().map(str::to_owned)),
            (Some(text), false) if text.contains('\n') => {
                lines.push(format!("{name}:"));
                lines.extend(clean(style, &text).lines().map(|line| format!("  {line}")));
            }
            (Some(text), false) => lines.push(format!("{name}: {}", clean(style, &text))),
            (None, _) => lines.push(format!("{name}: {}", clean(style, &value.to_string()))),
        }
    }
    lines
}

/// The text of a value that is one, or of a list of texts.
fn text_of(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Array(list) => list
            .iter()
            .map(Value::as_str)
            .collect::<Option<Vec<_>>>()
            .map(|texts| texts.join("\n")),
        Value::Null | Value::Object(_) => None,
        Value::Bool(_) | Value::Number(_) => Some(value.to_string()),
    }
}
