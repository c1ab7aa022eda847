//! Topics and settings, with the tools for them.

use krun_model::{ByHand, HandCx, Value};

use super::tools::Tools;

pub fn topic(cx: &HandCx<'_>) -> ByHand {
    let by_hand = || {
        let topics = Tools::of(cx)?.topics()?;
        let name = cx.arg("name")?;
        let mut create = format!(
            "{topics} \\\n    --create --topic {name} --partitions {} --replication-factor {}",
            cx.arg("partitions")?,
            cx.arg("replication_factor")?
        );
        if let Some(Value::Map(configs)) = cx.step.args.get("configs") {
            for (key, value) in configs {
                if let Value::Str(_) | Value::Int(_) | Value::Bool(_) = value {
                    let value = cx.word(value)?;
                    create.push_str(&format!(" \\\n    --config {key}={value}"));
                }
            }
        }
        let delete = format!("{topics} --delete --topic {name}");
        Some(ByHand::of(create).undone_by("", delete))
    };
    by_hand().unwrap_or_default()
}

pub fn describe(cx: &HandCx<'_>) -> ByHand {
    let by_hand = || {
        let topics = Tools::of(cx)?.topics()?;
        let topic = cx.arg("topic")?;
        let describe = format!("{topics} --describe --topic {topic}");
        Some(match cx.step.args.get("brief") {
            Some(Value::Bool(true)) => ByHand::of(describe),
            _ => ByHand::of(describe.clone()).then(
                "Partitions that lack a replica in sync; there must be none.",
                format!("test -z \"$({describe} --under-replicated-partitions)\""),
            ),
        })
    };
    by_hand().unwrap_or_default()
}

pub fn topic_absent(cx: &HandCx<'_>) -> ByHand {
    let by_hand = || {
        let topics = Tools::of(cx)?.topics()?;
        let name = cx.arg("name")?;
        Some(ByHand::saying(
            "Its records are lost with it, so look at them first.",
            format!(
                "if {topics} --list | grep -xF {name} > /dev/null; then\n    \
                 {topics} --delete --topic {name}\nfi"
            ),
        ))
    };
    by_hand().unwrap_or_default()
}

pub fn broker_settings(cx: &HandCx<'_>) -> ByHand {
    let by_hand = || {
        let Some(Value::Map(configs)) = cx.step.args.get("configs") else {
            return None;
        };
        let whose = match cx.step.args.get("broker")? {
            Value::Str(text) if text == "default" => "--entity-default".to_owned(),
            id => format!("--entity-name {}", cx.word(id)?),
        };
        let alter = format!(
            "{} --bootstrap-server {} \\\n    --alter --entity-type brokers {whose}",
            Tools::of(cx)?.script("kafka-configs.sh"),
            cx.joined("bootstrap")?
        );
        let added: Option<Vec<_>> = configs
            .iter()
            .map(|(key, value)| Some(format!("{key}={}", setting(value)?)))
            .collect();
        let keys: Vec<_> = configs.keys().map(String::as_str).collect();
        let (added, keys) = (cx.text(&added?.join(",")), cx.text(&keys.join(",")));
        Some(
            ByHand::of(format!("{alter} \\\n    --add-config {added}"))
                .undone_by("", format!("{alter} \\\n    --delete-config {keys}")),
        )
    };
    by_hand().unwrap_or_default()
}

/// A value as `--add-config` takes it: between brackets where it has a comma in it.
fn setting(value: &Value) -> Option<String> {
    Some(match value {
        Value::Str(text) if text.contains(',') => format!("[{text}]"),
        Value::Str(text) => text.clone(),
        Value::Int(number) => number.to_string(),
        Value::Bool(bool) => bool.to_string(),
        _ => return None,
    })
}
