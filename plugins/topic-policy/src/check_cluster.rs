//! `topic_policy::check_cluster`: every topic that is there.

use krun_plugin_sdk::{
    Fault, FaultCode, Finding, Kind, Mode, Reader, SettingsOf, Step, Target, Topic, outputs,
};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::{
    check_topic::min_insync,
    rules::{Rules, Shape, same_in_metrics},
};

/// The kind.
pub struct CheckCluster;

/// Its arguments.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct Args {
    /// `host:port` of the cluster's bootstrap servers.
    bootstrap: Vec<String>,
    /// Topics that are left out. Those whose names begin with `__` always are.
    #[serde(default)]
    except: Vec<String>,
    #[serde(flatten)]
    rules: Rules,
}

impl Kind for CheckCluster {
    const NAME: &'static str = "check_cluster";
    const DOC: &'static str = "Proves that every topic of a cluster keeps to the policy: its name, its \
        partitions, its replicas above its own min.insync.replicas, and metrics that no other topic's \
        are mixed up with. Shows each topic that does not.";
    const MODE: Mode = Mode::Proof;
    const OUTPUTS: &'static [(&'static str, &'static str)] =
        &[("topics", "How many topics were looked at.")];
    const EXAMPLES: &'static [&'static str] = &[include_str!("../examples/check_cluster.rhai")];

    type Args = Args;

    fn validate(args: &Args) -> Result<Vec<Target>, Fault> {
        match args.rules.contradiction() {
            Some(why) => {
                Err(Fault::new(FaultCode::Script, "the policy contradicts itself").because(why))
            }
            None => Ok(vec![]),
        }
    }

    fn check(step: &Step<Args>, look: &Reader) -> Result<Finding, Fault> {
        let args = &step.args;
        let cluster = look.cluster(&args.bootstrap)?;
        let is_ours =
            |topic: &&Topic| !topic.name.starts_with("__") && !args.except.contains(&topic.name);
        let topics: Vec<_> = cluster.topics.iter().filter(is_ours).collect();
        let mut wrong = vec![];
        for topic in &topics {
            let settings =
                look.settings(&args.bootstrap, &SettingsOf::Topic(topic.name.clone()))?;
            let shape = Shape {
                partitions: topic.partitions.len() as u32,
                replication_factor: topic
                    .partitions
                    .iter()
                    .map(|one| one.replicas.len())
                    .min()
                    .unwrap_or(0) as u32,
                min_insync_replicas: settings.as_deref().and_then(min_insync),
            };
            let others = topics.iter().map(|other| other.name.as_str());
            let mixed_up = same_in_metrics(&topic.name, others)
                .map(|other| format!("its metrics have the same names as those of `{other}`"));
            let found = args.rules.of_name(&topic.name).into_iter();
            let found = found.chain(args.rules.of_shape(&shape)).chain(mixed_up);
            wrong.extend(found.map(|why| format!("{}: {why}", topic.name)));
        }
        if wrong.is_empty() {
            return Ok(Finding::Satisfied(outputs([(
                "topics",
                topics.len().into(),
            )])));
        }
        Err(Fault::new(
            FaultCode::ProofFailed,
            "topics of the cluster do not keep to the policy",
        )
        .evidence(wrong)
        .hint("Change the topics, or name those that may stay so in `except:`."))
    }
}
