//! `kafka::topic`: a topic with so many partitions and replicas, and settings.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use krun_model::{
    Address, ByHand, Change, Digest, Effect, Fault, FaultCode, HandCx, Map, Outputs, ReadHost,
    StepKind, Target, Value,
    configs::{ConfigChanges, ConfigsOf, ConfigsRef},
    kind::{ApplyCx, Check, CheckCx, Declared, KindSpec, StateKind, UndoClass},
    plan::DiffLine,
    schema::{ArgSpec, ArgType, OutputSpec},
    topic::{TopicRef, TopicSeen, TopicSpec},
};
use serde::Deserialize;
use serde_json::json;

use super::{
    args::{BOOTSTRAP, at_least_one, int, text, texts},
    settings,
};
use crate::{
    clusters::{Client, Clusters, topic_seen},
    waiting::Until,
};

const ASK: Duration = Duration::from_secs(5);
/// How long a broker that has just started may not know a topic.
const SHOWN: Duration = Duration::from_secs(15);

/// How long brokers may go on showing replicas that a partition had on its way.
const ARRIVED: Duration = Duration::from_secs(2);

/// The kind.
pub struct Topic(pub Arc<dyn Clusters>);

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
        TopicSpec {
            partitions: self.partitions,
            replication_factor: self.replication_factor,
            configs: settings::texts_of(self.configs.as_ref()),
        }
    }

    fn settings(&self) -> ConfigsRef {
        ConfigsRef {
            bootstrap: self.bootstrap.clone(),
            of: ConfigsOf::Topic(self.name.clone()),
        }
    }
}

/// The key of the line in a plan that says how many partitions there will be.
const PARTITIONS: &str = "partitions";

static SPEC: KindSpec = KindSpec {
    name: "kafka::topic",
    doc: "Creates a topic and waits until each of its partitions has a leader and all replicas.\n\n\
          Of its settings those that the step names are compared each time, and altered one by one; a \
          plan shows each with its value before and after. All others stay as they are, whoever set them. \
          A rollback puts back what a key had before krun set it first, or takes the key's own value away \
          if it had none. Names that the brokers do not know and values that they do not take are refused \
          before anything is changed. Brokers before 2.3 replace all of a topic's settings at once: there \
          krun reads, merges and writes them back.\n\n\
          Partitions are added where there are fewer than wanted. Nothing takes them away again, so krun \
          asks first, unless it created the topic itself: then they go with it. In a topic that holds \
          records, keys map to other partitions from then on, so that older and newer records of a key \
          may lie apart; plan and run say so. Fewer partitions than are there, or another number of \
          replicas, are a conflict.",
    args: &[
        BOOTSTRAP,
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
            "Settings of the topic, such as retention.ms; those that are not named stay as they are.",
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
        settings::refuse_misspelt(args.get("configs")).map_err(|fault| fault.at(step))?;
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

    fn undo_of(&self, change: Change, diff: &[DiffLine]) -> UndoClass {
        match change {
            Change::Update if diff.iter().any(|line| line.key == PARTITIONS) => {
                UndoClass::Irreversible
            }
            Change::Update => UndoClass::Reversible,
            _ => SPEC.undo,
        }
    }

    fn by_hand(&self, cx: &HandCx<'_>) -> ByHand {
        crate::by_hand::topic(cx)
    }
}

/// The outputs. The id is the one that the cluster gave the topic. Brokers before 2.8 give none: there
/// it is a digest of the cluster's id and the topic's name, which a topic that was deleted and created
/// again shares with the one before.
async fn outputs(client: &dyn Client, name: &str) -> Result<Outputs, Fault> {
    let id = match client.topic_id(name, ASK).await? {
        Some(id) => id,
        None => {
            let (cluster, _) = client.identity(ASK).await?;
            Digest::of_json(&(cluster, name)).short()
        }
    };
    Ok([("name", json!(name)), ("topic_id", json!(id))]
        .map(|(key, value)| (key.to_owned(), value))
        .into())
}

/// What no run can bring about.
fn conflict(args: &Args, seen: &TopicSeen) -> Option<Fault> {
    let (partitions, replicas) = (args.partitions, args.replication_factor);
    if seen.partitions <= partitions && seen.replication_factor == replicas {
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
    let fault = if seen.partitions > partitions {
        fault.hint("Partitions can be added, and never taken away: their records would be lost.")
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
        let mut create = vec![DiffLine::new("partitions × replicas", None, size)];
        let wanted = args.spec().configs;
        create.extend(
            wanted
                .iter()
                .map(|(key, value)| DiffLine::new(key, None, value)),
        );
        if let Some(unknown) = self.0.silent(&args.bootstrap, &create).await {
            return Ok(unknown);
        }
        let client = self.0.open(&args.bootstrap)?;
        match seen(cx.host, &*client, &args).await? {
            None => Ok(Check::Drift {
                change: Change::Create,
                why: "there is no such topic".to_owned(),
                diff: create,
            }),
            Some(seen) => {
                if let Some(fault) = conflict(&args, &seen) {
                    return Err(fault);
                }
                let changes = Changes::find(&*client, &args, &seen).await?;
                match changes.why() {
                    None => Ok(Check::Satisfied(outputs(&*client, &args.name).await?)),
                    Some(why) => {
                        changes.validate(&*client, &args).await?;
                        Ok(Check::Drift {
                            change: Change::Update,
                            why,
                            diff: changes.diff,
                        })
                    }
                }
            }
        }
    }

    async fn apply(&self, cx: &ApplyCx<'_>) -> Result<Outputs, Fault> {
        let args: Args = cx.step.args()?;
        let client = self.0.open(&args.bootstrap)?;
        let Some(seen) = seen(cx.host, &*client, &args).await? else {
            cx.host
                .perform(Effect::CreateTopic {
                    topic: args.topic(),
                    spec: args.spec(),
                })
                .await?;
            return outputs(&*client, &args.name).await;
        };
        if let Some(fault) = conflict(&args, &seen) {
            return Err(fault);
        }
        let changes = Changes::find(&*client, &args, &seen).await?;
        if changes.grows.is_some() {
            cx.progress.say("adding partitions");
            let (topic, total) = (args.topic(), args.partitions);
            cx.host
                .perform(Effect::AddPartitions { topic, total })
                .await?;
        }
        if !changes.settings.is_empty() {
            cx.host
                .perform(Effect::AlterConfigs {
                    configs: args.settings(),
                    changes: changes.settings,
                })
                .await?;
        }
        outputs(&*client, &args.name).await
    }
}

/// What the cluster shows of the topic, if it has it. A broker that has just started may not know it
/// yet, and what somebody else created must not be taken for created by krun: the controller is asked
/// before the topic counts as not there.
async fn seen(
    host: &dyn ReadHost,
    client: &dyn Client,
    args: &Args,
) -> Result<Option<TopicSeen>, Fault> {
    let (until, arrived) = (Until::new(SHOWN), Until::new(ARRIVED));
    loop {
        if let Some(mut seen) = topic_seen(client, &args.name).await? {
            // While replicas are moved, a partition shows old and new ones; and for a moment after they
            // have arrived.
            if seen.replication_factor > args.replication_factor {
                match client.survey().await?.factor_on_arrival(&args.name) {
                    Some(factor) => {
                        seen.replication_factor = u32::try_from(factor).unwrap_or(u32::MAX);
                    }
                    None if !arrived.over() => {
                        arrived.pause(host).await?;
                        continue;
                    }
                    None => {}
                }
            }
            return Ok(Some(seen));
        }
        if client.would_create(&args.name, &args.spec()).await? {
            return Ok(None);
        }
        if until.over() {
            return Err(Fault::new(
                FaultCode::Timeout,
                "the topic is there, but no broker shows it",
            )
            .at(&args.name)
            .hint("See which brokers are missing: `krun status --cluster`."));
        }
        until.pause(host).await?;
    }
}

/// How a topic that is there differs from what is wanted.
struct Changes {
    /// The partitions that are there, where there are too few, and whether the topic was written to.
    grows: Option<(u32, bool)>,
    settings: ConfigChanges,
    diff: Vec<DiffLine>,
}

impl Changes {
    async fn find(client: &dyn Client, args: &Args, seen: &TopicSeen) -> Result<Self, Fault> {
        let wanted = args.spec().configs;
        let (settings, mut diff) = if wanted.is_empty() {
            (ConfigChanges::new(), vec![])
        } else {
            let of = args.settings().of;
            let entries = client.settings(&of).await?;
            settings::compare(&of, &wanted, &entries.unwrap_or_default())
                .map_err(|fault| fault.at(&args.name))?
        };
        let grows =
            (seen.partitions < args.partitions).then_some((seen.partitions, seen.records > 0));
        if let Some((there, _)) = grows {
            let (there, wanted) = (there.to_string(), args.partitions.to_string());
            diff.insert(0, DiffLine::new(PARTITIONS, Some(&there), wanted));
        }
        Ok(Self {
            grows,
            settings,
            diff,
        })
    }

    /// Why there is something to do, if there is.
    fn why(&self) -> Option<String> {
        let settings = match self.settings.len() {
            0 => None,
            1 => Some("a setting differs".to_owned()),
            more => Some(format!("{more} settings differ")),
        };
        let grows = self.grows.map(|(_, written)| match written {
            true => {
                "it has too few partitions; keys map to other partitions once some are added, so \
                     that older and newer records of a key may lie apart"
                    .to_owned()
            }
            false => "it has too few partitions".to_owned(),
        });
        match (grows, settings) {
            (Some(grows), Some(settings)) => Some(format!("{settings}, and {grows}")),
            (grows, settings) => grows.or(settings),
        }
    }

    /// Asks the brokers whether they would; nothing is changed.
    async fn validate(&self, client: &dyn Client, args: &Args) -> Result<(), Fault> {
        if self.grows.is_some() {
            client
                .validate_partitions(&args.name, args.partitions)
                .await?;
        }
        if !self.settings.is_empty() {
            client
                .validate_settings(&args.settings().of, &self.settings)
                .await?;
        }
        Ok(())
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
        let topic = Topic(Arc::new(crate::Network));
        let step = "t".parse().unwrap();
        assert_eq!(topic.declare(&step, "d", &args(1)).unwrap().writes.len(), 1);
        let fault = topic.declare(&step, "d", &args(3)).unwrap_err();
        assert!(fault.what.contains("needs 3 brokers"));
        assert!(topic.declare(&step, "d", &args(0)).is_err());
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
        assert!(conflict(&args, &seen(5, 3)).is_none());
        assert_eq!(conflict(&args, &seen(20, 3)).unwrap().hints.len(), 2);
        assert_eq!(conflict(&args, &seen(20, 1)).unwrap().hints.len(), 3);
    }
}
