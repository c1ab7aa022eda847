//! `kafka::produce`: records in a topic, written exactly once.

use async_trait::async_trait;
use krun_model::{
    Address, ByHand, Digest, Effect, Fault, FaultCode, HandCx, Map, Outputs, StepKind, Target,
    Value,
    kind::{ApplyCx, CheckCx, Declared, KindSpec, OnceKind, StepRef, UndoClass},
    schema::{ArgSpec, ArgType, OutputSpec},
    topic::{Acks, TopicRef},
};
use serde::Deserialize;
use serde_json::json;

use super::args::{BOOTSTRAP, TOPIC, at_least_one, text, texts};
use crate::cluster::records;

/// The kind.
pub struct Produce;

#[derive(Deserialize)]
struct Args {
    bootstrap: Vec<String>,
    topic: String,
    topic_id: String,
    records: u64,
    keys: Option<u64>,
    acks: Option<serde_json::Value>,
}

/// How many acknowledgements an argument asks for.
fn acks(given: Option<&serde_json::Value>) -> Result<Acks, Fault> {
    let word = match given {
        None => return Ok(Acks::All),
        Some(serde_json::Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    };
    Acks::parse(&word).ok_or_else(|| {
        Fault::new(
            FaultCode::Script,
            format!("`acks` is {word}, and must be 0, 1 or \"all\""),
        )
    })
}

static SPEC: KindSpec = KindSpec {
    name: "kafka::produce",
    doc: "Writes keyed records into a topic, once for each topic id: a run that was killed half way goes on \
          with those that are missing. With acks=all the producer is idempotent; with less nothing is \
          sent twice, and with acks=0 the topic is read to see that they came. What the records say \
          follows from the deployment and the step, so that kafka::consume can tell whether they all came \
          through. They carry the header `krun-seed`.",
    args: &[
        BOOTSTRAP,
        TOPIC,
        ArgSpec::required(
            "topic_id",
            ArgType::Str,
            "Output `topic_id` of kafka::topic: another id is another topic, to be written anew.",
        ),
        ArgSpec::required("records", ArgType::Int, "How many records."),
        ArgSpec::optional(
            "keys",
            ArgType::Int,
            "How many different keys they have, in turn; each its own if not given.",
        ),
        ArgSpec::optional(
            "acks",
            ArgType::Scalar,
            "How many replicas must have a record: 0, 1 or \"all\" that are in sync; \"all\" if not given.",
        ),
    ],
    outputs: &[
        OutputSpec::new("checksum", "Of all records."),
        OutputSpec::new("count", "How many."),
        OutputSpec::new("topic", "Its name."),
    ],
    undo: UndoClass::Contained,
    examples: &[include_str!("examples/produce.rhai")],
};

/// What the records are made from. Another number of records, keys or acknowledgements is another seed,
/// so that the records of one are told from those of another.
fn seed(step: &StepRef<'_>, count: u64, keys: Option<u64>, acks: Acks) -> String {
    let mut seed = format!("{}/{}/{count}", step.deployment, step.address);
    if let Some(keys) = keys {
        seed.push_str(&format!("/keys={keys}"));
    }
    if acks != Acks::All {
        seed.push_str(&format!("/acks={}", acks.word()));
    }
    seed
}

impl StepKind for Produce {
    fn spec(&self) -> &KindSpec {
        &SPEC
    }

    fn declare(&self, step: &Address, _: &str, args: &Map<Value>) -> Result<Declared, Fault> {
        for name in ["records", "keys"] {
            at_least_one(args, name).map_err(|fault| fault.at(step))?;
        }
        let given = match args.get("acks") {
            Some(Value::Str(text)) => Some(json!(text)),
            Some(Value::Int(number)) => Some(json!(number)),
            _ => None,
        };
        acks(given.as_ref()).map_err(|fault| fault.at(step))?;
        let topic = texts(args, "bootstrap").zip(text(args, "topic"));
        Ok(Declared {
            writes: topic
                .map(|(bootstrap, name)| {
                    let name = name.to_owned();
                    Target::Records(TopicRef { bootstrap, name })
                })
                .into_iter()
                .collect(),
            ..Declared::default()
        })
    }

    fn by_hand(&self, cx: &HandCx<'_>) -> ByHand {
        crate::by_hand::produce(cx)
    }
}

#[async_trait]
impl OnceKind for Produce {
    fn ways(&self) -> &'static [&'static str] {
        &["bootstrap"]
    }

    async fn incarnation(&self, cx: &CheckCx<'_>) -> Result<Option<Digest>, Fault> {
        let args: Args = cx.step.args()?;
        Ok(Some(Digest::of(args.topic_id)))
    }

    async fn apply(&self, cx: &ApplyCx<'_>) -> Result<Outputs, Fault> {
        let args: Args = cx.step.args()?;
        let acks = acks(args.acks.as_ref())?;
        let seed = seed(&cx.step, args.records, args.keys, acks);
        cx.progress.say(&format!("{} records", args.records));
        let checksum = records::expected(&seed, args.records, args.keys);
        cx.host
            .perform(Effect::Produce {
                topic: TopicRef {
                    bootstrap: args.bootstrap,
                    name: args.topic.clone(),
                },
                records: args.records,
                seed,
                keys: args.keys,
                acks,
            })
            .await?;
        Ok([
            ("checksum", json!(checksum)),
            ("count", json!(args.records)),
            ("topic", json!(args.topic)),
        ]
        .map(|(key, value)| (key.to_owned(), value))
        .into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn how_many_acknowledgements() {
        for (given, wanted) in [
            (None, Some(Acks::All)),
            (Some(json!("all")), Some(Acks::All)),
            (Some(json!(0)), Some(Acks::None)),
            (Some(json!("1")), Some(Acks::Leader)),
            (Some(json!(2)), None),
        ] {
            assert_eq!(acks(given.as_ref()).ok(), wanted, "{given:?}");
        }
    }
}
