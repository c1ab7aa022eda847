//! What a real run said, in a form that the next run says again.
//!
//! Owns what is kept of the events of a run and how it is made stable: values of parameters that differ
//! from machine to machine (paths, ports, heaps) stand as `${name}`; ids, digests and times, which no two
//! runs share, stand as what they are.

use krun_model::{Event, Map, Outputs, ParamType, Runbook, event::RunStatus};
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

const DIGEST: &str = "<digest>";
const ID: &str = "<id>";
const PATH: &str = "<path>";
const UUID: &str = "<uuid>";

/// Whether a captured text says only what shape it had.
pub fn is_masked(text: &str) -> bool {
    [DIGEST, ID, PATH, UUID].contains(&text)
}

/// What a run said.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Capture {
    /// The runbook's name.
    pub runbook: String,
    /// Its version.
    pub version: String,
    /// The steps, by address.
    pub steps: Map<CapturedStep>,
}

/// What a run said of a step.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CapturedStep {
    /// What was done.
    pub change: String,
    /// Why.
    pub why: String,
    /// Its outputs.
    pub outputs: Outputs,
}

impl Capture {
    /// What a run of a runbook said, from its events.
    ///
    /// # Errors
    /// A run that did not succeed is no example; it says why.
    pub fn of(runbook: &Runbook, events: &[Event]) -> Result<Self, String> {
        match events.last() {
            Some(Event::RunFinished {
                status: RunStatus::Succeeded,
                ..
            }) => {}
            _ => return Err("the run did not succeed".to_owned()),
        }
        let values = values(runbook);
        let mut steps = Map::new();
        for event in events {
            if let Event::StepFinished {
                step,
                change,
                reason,
                outputs,
                ..
            } = event
            {
                // Maps, such as all settings of a server, would hide the rest.
                let outputs = outputs.iter().filter(|(_, value)| !value.is_object());
                let one = CapturedStep {
                    change: change.word().to_owned(),
                    why: stable_text(&values, &reason.to_string()),
                    outputs: outputs
                        .map(|(name, value)| (name.clone(), stable(&values, value)))
                        .collect(),
                };
                steps.insert(step.to_string(), one);
            }
        }
        Ok(Self {
            runbook: runbook.name.clone(),
            version: runbook.version.clone(),
            steps,
        })
    }

    /// A text of it with the values that a runbook's parameters have now; folders by their variables.
    pub fn with_values(runbook: &Runbook, text: &str) -> String {
        let mut text = text.to_owned();
        for Named { name, value, kind } in values(runbook) {
            let shown = match kind {
                ParamType::Path => format!("${}", name.to_uppercase()),
                _ => value,
            };
            text = text.replace(&format!("${{{name}}}"), &shown);
        }
        text
    }
}

/// A value of a parameter that differs from machine to machine.
struct Named {
    name: String,
    value: String,
    kind: ParamType,
}

/// Those values, the longest first, so that a path is found before one that it begins with.
fn values(runbook: &Runbook) -> Vec<Named> {
    let mut found = vec![];
    for param in &runbook.params {
        let Some(value) = runbook.values.get(&param.name) else {
            continue;
        };
        let (items, kind) = match (value, &param.ty) {
            (Json::Array(items), ParamType::List(kind)) => (items.as_slice(), (**kind).clone()),
            (one, kind) => (std::slice::from_ref(one), kind.clone()),
        };
        if !matches!(kind, ParamType::Path | ParamType::Port | ParamType::Memory) {
            continue;
        }
        for (index, item) in items.iter().enumerate() {
            let value = match item {
                Json::String(text) => text.clone(),
                other => other.to_string(),
            };
            if value.is_empty() || value == "null" {
                continue;
            }
            let name = match value_is_list(&param.ty) {
                true => format!("{}.{index}", param.name),
                false => param.name.clone(),
            };
            let kind = kind.clone();
            found.push(Named { name, value, kind });
        }
    }
    found.sort_by_key(|named| std::cmp::Reverse(named.value.len()));
    found
}

fn value_is_list(kind: &ParamType) -> bool {
    matches!(kind, ParamType::List(_))
}

fn stable(values: &[Named], value: &Json) -> Json {
    match value {
        Json::String(text) => Json::String(stable_text(values, text)),
        Json::Array(items) => items.iter().map(|item| stable(values, item)).collect(),
        Json::Object(map) => {
            let entries = map.iter();
            let entries = entries.map(|(key, value)| (key.clone(), stable(values, value)));
            Json::Object(entries.collect())
        }
        other => other.clone(),
    }
}

fn stable_text(values: &[Named], text: &str) -> String {
    if let Some(shape) = shape(text) {
        return shape.to_owned();
    }
    let mut text = text.to_owned();
    for Named { name, value, kind } in values {
        let name = format!("${{{name}}}");
        match kind {
            // A heap stands alone; `512m` within a text may be anything.
            ParamType::Memory if text == *value => text = name,
            ParamType::Memory => {}
            _ => text = replace_whole(&text, value, &name),
        }
    }
    // A path that follows from no parameter is one of the machine.
    if text.starts_with('/') && !text.contains(char::is_whitespace) {
        return PATH.to_owned();
    }
    text
}

/// Replaces a value where it is no part of a longer number or name.
fn replace_whole(text: &str, value: &str, by: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find(value) {
        let joined = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_');
        let (before, after) = (&rest[..at], &rest[at + value.len()..]);
        let whole =
            !joined(before.chars().last().or(out.chars().last())) && !joined(after.chars().next());
        out.push_str(before);
        out.push_str(if whole { by } else { value });
        rest = after;
    }
    out.push_str(rest);
    out
}

/// What a text is that no two runs share: a digest, a UUID, an id of Kafka's.
fn shape(text: &str) -> Option<&'static str> {
    let hex = |text: &str| text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    let groups: Vec<_> = text.split('-').collect();
    if groups.iter().map(|group| group.len()).eq([8, 4, 4, 4, 12])
        && groups.iter().all(|group| hex(group))
    {
        return Some(UUID);
    }
    let digest = text.rsplit(':').next().unwrap_or(text);
    if digest.len() >= 12 && hex(digest) && !digest.bytes().all(|b| b.is_ascii_digit()) {
        return Some(DIGEST);
    }
    let base64 = |b: u8| b.is_ascii_alphanumeric() || b"-_+/".contains(&b);
    // Kafka writes the 16 bytes of an id as 22 letters, of which some are large and some small.
    let mixed = text.bytes().any(|b| b.is_ascii_uppercase())
        && text.bytes().any(|b| b.is_ascii_lowercase());
    (text.len() == 22 && text.bytes().all(base64) && mixed).then_some(ID)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(name: &str, value: &str, kind: ParamType) -> Named {
        Named {
            name: name.into(),
            value: value.into(),
            kind,
        }
    }

    #[test]
    fn what_differs_gets_a_name() {
        let values = [
            named("root", "/tmp/x/root", ParamType::Path),
            named("ports.0", "2181", ParamType::Port),
            named("heap", "512m", ParamType::Memory),
        ];
        for (text, stable) in [
            ("127.0.0.1:2181", "127.0.0.1:${ports.0}"),
            ("/tmp/x/root/logs", "${root}/logs"),
            ("/tmp/x/roots", "<path>"),
            ("yw/mj/i6T66mF5CItnT3BQ", "<id>"),
            ("12181 and 2181", "12181 and ${ports.0}"),
            ("512m", "${heap}"),
            ("of 512m", "of 512m"),
            ("01234567-89ab-cdef-0123-456789abcdef", "<uuid>"),
            ("0123456789abcdef", "<digest>"),
            ("aDU9I2oQQyOq2mzGo7Xk8A", "<id>"),
            ("as wanted", "as wanted"),
            ("300000000000", "300000000000"),
        ] {
            assert_eq!(stable_text(&values, text), stable);
        }
    }
}
