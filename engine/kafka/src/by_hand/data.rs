//! Topics and records, with the console tools.

use krun_model::{ByHand, HandCx, Value, by_hand::ShellFunction};

use super::tools::Tools;

/// What is written and read back: key and value apart, so that both are proven.
const RECORDS: ShellFunction = ShellFunction {
    name: "records",
    say: "Prints so many records, a key and a value on each line.",
    text: r#"records() { # COUNT
    for number in $(seq 1 "$1"); do echo "key-$number:record $number"; done
}"#,
};

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

pub fn produce(cx: &HandCx<'_>) -> ByHand {
    let by_hand = || {
        let tools = Tools::of(cx)?;
        let (count, checksum) = (cx.output("count"), cx.output("checksum"));
        Some(
            ByHand::of(format!(
                "{count}={}\n\
                 {checksum}=$(records \"${count}\" | LC_ALL=C sort | cksum)\n\
                 records \"${count}\" | {} \\\n    {} {} --topic {} \\\n    \
                 --request-required-acks all --property parse.key=true --property key.separator=:",
                cx.arg("records")?,
                tools.script("kafka-console-producer.sh"),
                tools.flags.producer_brokers,
                cx.joined("bootstrap")?,
                cx.arg("topic")?,
            ))
            .using(&[RECORDS]),
        )
    };
    by_hand().unwrap_or_default()
}

pub fn consume(cx: &HandCx<'_>) -> ByHand {
    let by_hand = || {
        let tools = Tools::of(cx)?;
        let limit = match cx.step.args.get("timeout_s") {
            Some(Value::Int(seconds)) => seconds * 1000,
            _ => 60_000,
        };
        Some(ByHand::saying(
            "The order between partitions is not kept, so both sides are sorted before they are \
             compared.",
            format!(
                "came_back=$({} \\\n    --bootstrap-server {} --topic {} --from-beginning \\\n    \
                 --max-messages {} --timeout-ms {limit} \\\n    \
                 --property print.key=true --property key.separator=: | LC_ALL=C sort | cksum)\n\
                 echo \"checksum and length: $came_back\"\n\
                 test \"$came_back\" = {}",
                tools.script("kafka-console-consumer.sh"),
                cx.joined("bootstrap")?,
                cx.arg("topic")?,
                cx.arg("count")?,
                cx.arg("checksum")?,
            ),
        ))
    };
    by_hand().unwrap_or_default()
}
