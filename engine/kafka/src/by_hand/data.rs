//! Records, with the console tools.

use krun_model::{ByHand, HandCx, Step, Value, by_hand::ShellFunction};

use super::tools::Tools;

/// What is written and read back: key and value apart, so that both are proven, and in each value which
/// step wrote it.
pub const RECORDS: ShellFunction = ShellFunction {
    name: "records",
    say: "Prints so many records under a name, a key and a value on each line; with a third argument \
          so many different keys.",
    text: r#"records() { # NAME COUNT [KEYS]
    for number in $(seq 1 "$2"); do
        echo "key-$(((number - 1) % ${3:-$2} + 1)):$1 record $number"
    done
}"#,
};

/// What tells the records of a step from others, as a word of a shell.
fn mark(cx: &HandCx<'_>, step: &Step) -> String {
    cx.text(&format!(":{} record ", step.address))
}

/// What follows `--topic` to write into a topic.
pub fn producer(cx: &HandCx<'_>, tools: &Tools<'_>, acks: &str) -> Option<String> {
    Some(format!(
        "{} \\\n    {} {} --topic {} \\\n    \
         --request-required-acks {acks} --property parse.key=true --property key.separator=:",
        tools.script("kafka-console-producer.sh"),
        tools.flags.producer_brokers,
        cx.joined("bootstrap")?,
        cx.arg("topic")?,
    ))
}

pub fn produce(cx: &HandCx<'_>) -> ByHand {
    let by_hand = || {
        let tools = Tools::of(cx)?;
        let (count, checksum) = (cx.output("count"), cx.output("checksum"));
        let name = cx.text(cx.step.address.as_str());
        let keys = cx.arg("keys").map(|keys| format!(" {keys}"));
        let records = format!("records {name} \"${count}\"{}", keys.unwrap_or_default());
        let acks = cx.arg("acks").unwrap_or_else(|| "all".to_owned());
        Some(
            ByHand::of(format!(
                "{count}={}\n{checksum}=$({records} | LC_ALL=C sort | cksum)\n{records} | {}",
                cx.arg("records")?,
                producer(cx, &tools, &acks)?,
            ))
            .using(&[RECORDS]),
        )
    };
    by_hand().unwrap_or_default()
}

/// A topic that is read from its beginning up to the last record that the runbook has written by then.
pub struct Reading {
    /// How many records those are, as a word of a shell.
    pub all: String,
    /// How long the next record may take, in milliseconds.
    pub limit: i64,
    /// Whether other steps wrote into it too.
    shared: bool,
}

impl Reading {
    /// Adds up what the steps before this one write.
    pub fn of(cx: &HandCx<'_>) -> Option<Self> {
        let topic = cx.step.args.get("topic")?;
        let mut parts: Vec<String> = cx
            .before()
            .into_iter()
            .filter(|step| step.args.get("topic") == Some(topic))
            .filter_map(|step| match &*step.kind {
                "kafka::produce" => Some(cx.of(step).output("count")),
                "kafka::groups" => Some(super::groups::later(&cx.of(step))),
                _ => None,
            })
            .collect();
        let limit = match cx.step.args.get("timeout_s") {
            Some(Value::Int(seconds)) => seconds * 1000,
            _ => 60_000,
        };
        let shared = parts.len() > 1;
        Some(Self {
            all: match shared {
                false => format!("\"${}\"", parts.pop()?),
                true => format!("$(({}))", parts.join(" + ")),
            },
            limit,
            shared,
        })
    }

    /// The console consumer, with what it is to print besides the values.
    fn consumer(&self, cx: &HandCx<'_>, tools: &Tools<'_>, prints: &[&str]) -> Option<String> {
        let prints: Vec<_> = prints
            .iter()
            .map(|what| format!("--property print.{what}=true "))
            .collect();
        Some(format!(
            "{} \\\n    --bootstrap-server {} --topic {} --from-beginning \\\n    \
             --max-messages {} --timeout-ms {} \\\n    \
             {}--property key.separator=:",
            tools.script("kafka-console-consumer.sh"),
            cx.joined("bootstrap")?,
            cx.arg("topic")?,
            self.all,
            self.limit,
            prints.concat(),
        ))
    }
}

/// The step whose records an argument means.
fn producer_of<'a>(cx: &HandCx<'a>) -> Option<&'a Step> {
    match cx.step.args.get("checksum")? {
        Value::Output { step, .. } => cx.runbook.step(step),
        _ => None,
    }
}

pub fn consume(cx: &HandCx<'_>) -> ByHand {
    let by_hand = || {
        let tools = Tools::of(cx)?;
        let reading = Reading::of(cx)?;
        let own = match reading.shared {
            true => format!(" \\\n    | grep -F {}", mark(cx, producer_of(cx)?)),
            false => String::new(),
        };
        Some(ByHand::saying(
            "The order between partitions is not kept, so both sides are sorted before they are \
             compared.",
            format!(
                "came_back=$({}{own} | LC_ALL=C sort | cksum)\n\
                 echo \"checksum and length: $came_back\"\n\
                 test \"$came_back\" = {}",
                reading.consumer(cx, &tools, &["key"])?,
                cx.arg("checksum")?,
            ),
        ))
    };
    by_hand().unwrap_or_default()
}

pub fn keyed(cx: &HandCx<'_>) -> ByHand {
    let by_hand = || {
        let tools = Tools::of(cx)?;
        let reading = Reading::of(cx)?;
        let placed = match tools.flags.prints_partition {
            true => reading.consumer(cx, &tools, &["partition", "key"])?,
            false => partition_by_partition(cx, &tools)?,
        };
        Some(ByHand::saying(
            "Shows how many records of a key are in which partition; a key that is in two fails.",
            format!(
                "placed=$({placed} \\\n    \
                 | grep -F {} | cut -d: -f1-3 | LC_ALL=C sort | uniq -c)\n\
                 echo \"$placed\"\n\
                 test -z \"$(echo \"$placed\" | cut -d: -f3 | sort | uniq -d)\"",
                mark(cx, producer_of(cx)?)
            ),
        ))
    };
    by_hand().unwrap_or_default()
}

/// Reads a topic where the console consumer does not print partitions. How many records are in one is
/// not known, so that each is read until nothing has come for a while.
fn partition_by_partition(cx: &HandCx<'_>, tools: &Tools<'_>) -> Option<String> {
    let topic = cx.upstream("kafka::topic")?;
    let Some(Value::Int(partitions)) = topic.args.get("partitions") else {
        return None;
    };
    Some(format!(
        "for partition in $(seq 0 {}); do\n    {} \\\n        \
         --bootstrap-server {} --topic {} --partition \"$partition\" --offset earliest \\\n        \
         --timeout-ms 5000 --property print.key=true --property key.separator=: \\\n        \
         | sed \"s/^/Partition:$partition:/\"\ndone",
        partitions - 1,
        tools.script("kafka-console-consumer.sh"),
        cx.joined("bootstrap")?,
        cx.arg("topic")?,
    ))
}
