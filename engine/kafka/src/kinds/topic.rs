//! `kafka::topic`: a topic with so many partitions and replicas.

use std::time::Duration;

use async_trait::async_trait;
use krun_model::{
    Address, ByHand, Change, Digest, Effect, Fault, FaultCode, HandCx, Map, Outputs, StepKind,
    Target, Value,
    kind::{ApplyCx, Check, CheckCx, Declared, KindSpec, StateKind, UndoClass},
    plan::DiffLine,
    schema::{ArgSpec, ArgType, OutputSpec},
    topic::{TopicRef, TopicSeen, TopicSpec},
};
use serde::Deserialize;
use serde_json::json;

use super::args::{at_least_one, int, text, texts};
use crate::cluster::{connection::Connection, effector::topic_seen, reach};

const ASK: Duration = Duration::from_secs(5);

/// The kind.
pub struct Topic;

#[derive(Deserialize)]
struct Args {
    bootstrap: Vec<String>,
    name: String,
    partitions: u32,
    replication_factor: u32,
    configs: Option<Map<serde_json::Value>>,
}

impl Args {
    fn topic(&self) -> TopicRef {
        TopicRef {
            bootstrap: self.bootstrap.clone(),
            name: self.name.clone(),
        }
    }

    fn spec(&self) -> TopicSpec {
        let configs = self.configs.iter().flatten().map(|(key, value)| {
            let text = match value {
                serde_json::Value::String(text) => text.clone(),
                other => other.to_string(),
            };
            (key.clone(), text)
        });
        TopicSpec {
            partitions: self.partitions,
            replication_factor: self.replication_factor,
            configs: configs.collect(),
        }
    }
}

static SPEC: KindSpec = KindSpec {
    name: "kafka::topic",
    doc: "Creates a topic and waits until each of its partitions has a leader and all replicas. A topic \
          that is there with other partitions or replicas is a conflict: krun does not change it. Its \
          settings are given when it is created, and not compared afterwards.",
    args: &[
        ArgSpec::required(
            "bootstrap",
            ArgType::List(&ArgType::Str),
            "host:port of brokers.",
        ),
        ArgSpec::required("name", ArgType::Str, "Its name."),
        ArgSpec::required("partitions", ArgType::Int, "How many partitions."),
        ArgSpec::required(
            "replication_factor",
            ArgType::Int,
            "How many replicas of each.",
        ),
        ArgSpec::optional(
            "brokers",
            ArgType::Int,
            "How many brokers the runbook declares: more replicas than that are refused before anything runs.",
        ),
        ArgSpec::optional(
            "configs",
            ArgType::MapOf(&ArgType::Scalar),
            "Settings of the topic, such as retention.ms, for its creation.",
        ),
    ],
    outputs: &[
        OutputSpec::new("name", "Its name."),
        OutputSpec::new(
            "topic_id",
            "The id that the cluster gave the topic: a topic that is deleted and made anew has another.",
        ),
    ],
    undo: UndoClass::Compensable,
    examples: &[include_str!("examples/topic.rhai")],
};

impl StepKind for Topic {
    fn spec(&self) -> &KindSpec {
        &SPEC
    }

    fn declare(&self, step: &Address, _: &str, args: &Map<Value>) -> Result<Declared, Fault> {
        for name in ["partitions", "replication_factor"] {
            at_least_one(args, name).map_err(|fault| fault.at(step))?;
        }
        if let (Some(replicas), Some(brokers)) =
            (int(args, "replication_factor"), int(args, "brokers"))
            && replicas > brokers
        {
            return Err(Fault::new(
                FaultCode::Script,
                format!("a replication factor of {replicas} needs {replicas} brokers, and there are {brokers}"),
            )
            .at(step)
            .hint("Declare more brokers, or lower the replication factor."));
        }
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
        crate::by_hand::topic(cx)
    }
}

/// The outputs. The id is the one that the cluster gave the topic. Brokers before 2.8 give none: there
/// it is a digest of the cluster's id and the topic's name, which a topic that was deleted and created
/// again shares with the one before.
async fn outputs(connection: &Connection, name: &str) -> Result<Outputs, Fault> {
    let id = match connection.topic_id(name, ASK).await? {
        Some(id) => id,
        None => {
            let (cluster, _) = connection.identity(ASK).await?;
            Digest::of_json(&(cluster, name)).short()
        }
    };
    Ok([("name", json!(name)), ("topic_id", json!(id))]
        .map(|(key, value)| (key.to_owned(), value))
        .into())
}

fn conflict(args: &Args, seen: &TopicSeen) -> Option<Fault> {
    let (partitions, replicas) = (args.partitions, args.replication_factor);
    if (seen.partitions, seen.replication_factor) == (partitions, replicas) {
        return None;
    }
    let fault = Fault::new(
        FaultCode::Conflict,
        "the topic is there, but is another than wanted",
    )
    .at(&args.name)
    .because(format!(
        "it has {} partitions × {} replicas, wanted are {partitions} × {replicas}",
        seen.partitions, seen.replication_factor
    ));
    let fault = if seen.partitions < partitions {
        fault.hint(format!(
            "Partitions can be added, never taken away, and keys move when they are: \
             `kafka-topics.sh --alter --topic {} --partitions {partitions}`.",
            args.name
        ))
    } else {
        fault
    };
    let fault = if seen.replication_factor == replicas {
        fault
    } else {
        fault.hint("Replicas are changed with `kafka-reassign-partitions.sh`.")
    };
    Some(fault.hint("Or let the runbook say what is there, or name another topic."))
}

#[async_trait]
impl StateKind for Topic {
    async fn check(&self, cx: &CheckCx<'_>) -> Result<Check, Fault> {
        let args: Args = cx.step.args()?;
        let size = format!("{} × {}", args.partitions, args.replication_factor);
        let create = vec![DiffLine::new("partitions × replicas", None, size)];
        if !reach::any_accepts(&args.bootstrap).await {
            return Ok(Check::Unknown {
                why: "the cluster does not answer yet".to_owned(),
                diff: create,
            });
        }
        let connection = Connection::open(&args.bootstrap)?;
        match topic_seen(&connection, &args.name).await? {
            None => Ok(Check::Drift {
                change: Change::Create,
                why: "there is no such topic".to_owned(),
                diff: create,
            }),
            Some(seen) => match conflict(&args, &seen) {
                Some(fault) => Err(fault),
                None => Ok(Check::Satisfied(outputs(&connection, &args.name).await?)),
            },
        }
    }

    async fn apply(&self, cx: &ApplyCx<'_>) -> Result<Outputs, Fault> {
        let args: Args = cx.step.args()?;
        let connection = Connection::open(&args.bootstrap)?;
        if let Some(seen) = topic_seen(&connection, &args.name).await?
            && let Some(fault) = conflict(&args, &seen)
        {
            return Err(fault);
        }
        cx.host
            .perform(Effect::CreateTopic {
                topic: args.topic(),
                spec: args.spec(),
            })
            .await?;
        outputs(&connection, &args.name).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn too_many_replicas() {
        let args = |replicas: i64| {
            Map::from([
                ("bootstrap".to_owned(), Value::List(vec!["h:1".into()])),
                ("name".to_owned(), "t".into()),
                ("partitions".to_owned(), Value::Int(1)),
                ("replication_factor".to_owned(), Value::Int(replicas)),
                ("brokers".to_owned(), Value::Int(1)),
            ])
        };
        let step = "t".parse().unwrap();
        assert_eq!(Topic.declare(&step, "d", &args(1)).unwrap().writes.len(), 1);
        let fault = Topic.declare(&step, "d", &args(3)).unwrap_err();
        assert!(fault.what.contains("needs 3 brokers"));
        assert!(Topic.declare(&step, "d", &args(0)).is_err());
    }

    #[test]
    fn what_to_do_about_another_topic() {
        let args = Args {
            bootstrap: vec![],
            name: "t".into(),
            partitions: 10,
            replication_factor: 3,
            configs: None,
        };
        let seen = |partitions, replication_factor| TopicSeen {
            partitions,
            replication_factor,
            records: 0,
        };
        assert!(conflict(&args, &seen(10, 3)).is_none());
        assert_eq!(conflict(&args, &seen(5, 3)).unwrap().hints.len(), 2);
        assert_eq!(conflict(&args, &seen(20, 1)).unwrap().hints.len(), 2);
    }
}
