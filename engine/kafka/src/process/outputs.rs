//! What a server's step remembers of what it started, so that the next plan can say what differs.

use krun_model::{Digest, Map, Outputs, plan::DiffLine};
use serde_json::{Value, json};

use super::{Heap, Started};

/// The outputs that every server has. They are the same each time until something is wanted
/// differently: no pid, no time.
pub fn outputs(started: &Started, heap: &Heap, endpoint: &str) -> Outputs {
    let spec = &started.spec;
    [
        ("digest", json!(spec.digest)),
        ("endpoint", json!(endpoint)),
        ("heap", json!(heap.text)),
        ("java", json!(spec.argv.first())),
        ("jars", json!(Digest::of_json(&started.jars).short())),
        ("log", json!(spec.log)),
        ("settings", json!(started.shown)),
    ]
    .map(|(key, value)| (key.to_owned(), value))
    .into()
}

/// What differs between what was started and what is wanted, as far as it is remembered.
pub fn differences(before: Option<&Outputs>, after: &Outputs) -> Vec<DiffLine> {
    let empty = Outputs::new();
    let before = before.unwrap_or(&empty);
    let mut lines = vec![];
    for key in ["heap", "java", "jars"] {
        diff(&mut lines, key, before.get(key), after.get(key));
    }
    let (old, new) = (settings(before), settings(after));
    if !old.is_empty() {
        let mut keys: Vec<_> = old.keys().chain(new.keys()).collect();
        keys.sort();
        keys.dedup();
        for key in keys {
            diff(&mut lines, key, old.get(key), new.get(key));
        }
    }
    if lines.is_empty() {
        diff(
            &mut lines,
            "digest",
            before.get("digest"),
            after.get("digest"),
        );
    }
    lines
}

fn settings(outputs: &Outputs) -> Map<Value> {
    match outputs.get("settings") {
        Some(Value::Object(map)) => map.iter().map(|(k, v)| (k.clone(), v.clone())).collect(),
        _ => Map::new(),
    }
}

fn diff(lines: &mut Vec<DiffLine>, key: &str, before: Option<&Value>, after: Option<&Value>) {
    let text = |value: &Value| match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    if before == after {
        return;
    }
    let before = before.map(text);
    lines.push(match after {
        Some(after) => DiffLine::new(key, before.as_deref(), text(after)),
        None => DiffLine {
            key: key.to_owned(),
            before,
            after: krun_model::plan::After::Gone,
        },
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(heap: &str, threads: &str) -> Outputs {
        [
            ("heap", json!(heap)),
            ("digest", json!(format!("{heap}{threads}"))),
            ("settings", json!({"num.io.threads": threads})),
        ]
        .map(|(key, value)| (key.to_owned(), value))
        .into()
    }

    #[test]
    fn what_differs() {
        let keys = |before: Option<&Outputs>, after: &Outputs| {
            let lines = differences(before, after);
            lines
                .iter()
                .map(|l| (l.key.clone(), l.before.clone()))
                .collect::<Vec<_>>()
        };
        let old = Some("1g".to_owned());
        assert_eq!(
            keys(Some(&of("1g", "8")), &of("2g", "8")),
            [("heap".into(), old)]
        );
        assert_eq!(
            keys(Some(&of("1g", "8")), &of("1g", "4")),
            [("num.io.threads".into(), Some("8".into()))]
        );
        assert_eq!(keys(None, &of("1g", "4")), [("heap".into(), None)]);
    }
}
