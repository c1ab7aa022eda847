//! `kafka::produce`: records in a topic, written exactly once.

use async_trait::async_trait;
use krun_model::{
    Address, ByHand, Digest, Effect, Fault, HandCx, Map, Outputs, StepKind, Target, Value,
    kind::{ApplyCx, CheckCx, Declared, KindSpec, OnceKind, StepRef, UndoClass},
    schema::{ArgSpec, ArgType, OutputSpec},
    topic::TopicRef,
};
use serde::Deserialize;
use serde_json::json;

use super::args::{at_least_one, text, texts};
use crate::cluster::records;

/// The kind.
pub struct Produce;

#[derive(Deserialize)]
struct Args {
    bootstrap: Vec<String>,
    topic: String,
    topic_id: String,
    records: u64,
}

static SPEC: KindSpec = KindSpec {
    name: "kafka::produce",
    doc: "Writes keyed records into a topic with acks=all, once for each topic id: a run that was killed \
          half way goes on with those that are missing. What the records say follows from the deployment \
          and the step, so that kafka::consume can tell whether they all came through. They carry the \
          header `krun-seed`.",
    args: &[
        ArgSpec::required(
            "bootstrap",
            ArgType::List(&ArgType::Str),
            "host:port of brokers.",
        ),
        ArgSpec::required("topic", ArgType::Str, "The topic's name."),
        ArgSpec::required(
            "topic_id",
            ArgType::Str,
            "Output `topic_id` of kafka::topic: another id is another topic, to be written anew.",
        ),
        ArgSpec::required("records", ArgType::Int, "How many records."),
    ],
    outputs: &[
        OutputSpec::new("checksum", "Of all records."),
        OutputSpec::new("count", "How many."),
        OutputSpec::new("topic", "Its name."),
    ],
    undo: UndoClass::Contained,
    examples: &[include_str!("examples/produce.rhai")],
};

/// What the records are made from. Another number of records is another seed, so that the records of
/// one number are told from those of another.
fn seed(step: &StepRef<'_>, count: u64) -> String {
    format!("{}/{}/{count}", step.deployment, step.address)
}

impl StepKind for Produce {
    fn spec(&self) -> &KindSpec {
        &SPEC
    }

    fn declare(&self, step: &Address, _: &str, args: &Map<Value>) -> Result<Declared, Fault> {
        at_least_one(args, "records").map_err(|fault| fault.at(step))?;
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
        let seed = seed(&cx.step, args.records);
        cx.progress.say(&format!("{} records", args.records));
        let checksum = records::expected(&seed, args.records);
        cx.host
            .perform(Effect::Produce {
                topic: TopicRef {
                    bootstrap: args.bootstrap,
                    name: args.topic.clone(),
                },
                records: args.records,
                seed,
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
