//! `kafka::topic_absent`: a topic that is not there.

use std::sync::Arc;

use async_trait::async_trait;
use krun_model::{
    Address, ByHand, Change, Effect, Fault, FaultCode, HandCx, Map, Outputs, ReadHost, StepKind,
    Target, Value,
    kind::{ApplyCx, Check, CheckCx, Declared, KindSpec, StateKind, UndoClass},
    plan::{After, DiffLine},
    schema::{ArgSpec, ArgType, OutputSpec},
    topic::{TopicRef, TopicSeen},
};
use serde::Deserialize;
use serde_json::json;

use super::{
    args::{BOOTSTRAP, text, texts},
    consume::read_all,
};
use crate::clusters::{Client, Clusters, topic_seen};

/// The kind.
pub struct TopicAbsent(pub Arc<dyn Clusters>);

#[derive(Deserialize)]
struct Args {
    bootstrap: Vec<String>,
    name: String,
}

static SPEC: KindSpec = KindSpec {
    name: "kafka::topic_absent",
    doc: "Deletes a topic, if it is there. Its records can't be set aside, so nothing takes this back, and \
          krun asks first. A topic that holds records which krun did not write (those without the header \
          `krun-seed`) is not deleted.",
    args: &[
        BOOTSTRAP,
        ArgSpec::required("name", ArgType::Str, "Its name."),
    ],
    outputs: &[OutputSpec::new("name", "Its name.")],
    undo: UndoClass::Irreversible,
    examples: &[include_str!("examples/topic_absent.rhai")],
};

impl StepKind for TopicAbsent {
    fn spec(&self) -> &KindSpec {
        &SPEC
    }

    fn declare(&self, _: &Address, _: &str, args: &Map<Value>) -> Result<Declared, Fault> {
        let topic = texts(args, "bootstrap").zip(text(args, "name"));
        Ok(Declared {
            writes: topic
                .map(|(bootstrap, name)| {
                    let name = name.to_owned();
                    Target::Topic(TopicRef { bootstrap, name })
                })
                .into_iter()
                .collect(),
            ..Declared::default()
        })
    }

    fn by_hand(&self, cx: &HandCx<'_>) -> ByHand {
        crate::by_hand::topic_absent(cx)
    }
}

/// Refuses to delete what krun did not write: every record that is there is looked at.
async fn refuse_foreign(
    host: &dyn ReadHost,
    client: &dyn Client,
    name: &str,
    seen: &TopicSeen,
) -> Result<(), Fault> {
    if seen.records == 0 {
        return Ok(());
    }
    match read_all(host, client, name, None).await?.foreign {
        0 => Ok(()),
        foreign => Err(Fault::new(
            FaultCode::Conflict,
            "the topic holds records that krun did not write, and is not deleted",
        )
        .at(name)
        .because(format!("{foreign} records have no header `krun-seed`"))
        .hint(format!(
            "If nobody needs them: `kafka-topics.sh --delete --topic {name}`."
        ))),
    }
}

fn outputs(name: &str) -> Outputs {
    [("name".to_owned(), json!(name))].into()
}

#[async_trait]
impl StateKind for TopicAbsent {
    async fn check(&self, cx: &CheckCx<'_>) -> Result<Check, Fault> {
        let args: Args = cx.step.args()?;
        if let Some(unknown) = self.0.silent(&args.bootstrap, &[]).await {
            return Ok(unknown);
        }
        let client = self.0.open(&args.bootstrap)?;
        let Some(seen) = topic_seen(&*client, &args.name).await? else {
            return Ok(Check::Satisfied(outputs(&args.name)));
        };
        refuse_foreign(cx.host, &*client, &args.name, &seen).await?;
        Ok(Check::Drift {
            change: Change::Delete,
            why: "the topic is there; its records are lost with it".to_owned(),
            diff: vec![DiffLine {
                key: "partitions × replicas".to_owned(),
                before: Some(format!("{} × {}", seen.partitions, seen.replication_factor)),
                after: After::Gone,
            }],
        })
    }

    async fn apply(&self, cx: &ApplyCx<'_>) -> Result<Outputs, Fault> {
        let args: Args = cx.step.args()?;
        let topic = TopicRef {
            bootstrap: args.bootstrap,
            name: args.name.clone(),
        };
        cx.host.perform(Effect::DeleteTopic { topic }).await?;
        Ok(outputs(&args.name))
    }
}
