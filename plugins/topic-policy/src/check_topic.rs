//! `topic_policy::check_topic`: one topic, before it is created.

use krun_plugin_sdk::{
    Fault, FaultCode, Finding, Kind, Mode, Reader, Setting, SettingsOf, Step, Target, outputs,
};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::rules::{Rules, Shape, same_in_metrics};

/// The kind.
pub struct CheckTopic;

/// Its arguments.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct Args {
    /// `host:port` of the cluster's bootstrap servers.
    bootstrap: Vec<String>,
    /// The topic's name.
    name: String,
    /// How many partitions it is to have.
    partitions: u32,
    /// How many replicas each of them is to have.
    replication_factor: u32,
    /// Its min.insync.replicas; what the brokers have as default if not given.
    min_insync_replicas: Option<u32>,
    #[serde(flatten)]
    rules: Rules,
}

impl Kind for CheckTopic {
    const NAME: &'static str = "check_topic";
    const DOC: &'static str = "Refuses a topic that the policy does not allow: when the runbook is checked \
        for what its arguments say (name, partitions, replicas), and when it runs for what only the \
        cluster knows (brokers, min.insync.replicas, a topic whose metrics would have the same names). \
        Let the step that creates the topic come after it.";
    const MODE: Mode = Mode::Proof;
    const OUTPUTS: &'static [(&'static str, &'static str)] = &[(
        "min_insync_replicas",
        "The min.insync.replicas that holds for the topic.",
    )];
    const EXAMPLES: &'static [&'static str] = &[include_str!("../examples/check_topic.rhai")];

    type Args = Args;

    fn validate(args: &Args) -> Result<Vec<Target>, Fault> {
        if let Some(why) = args.rules.contradiction() {
            return Err(
                Fault::new(FaultCode::Script, "the policy contradicts itself").because(why),
            );
        }
        let mut wrong = args.rules.of_name(&args.name);
        wrong.extend(args.rules.of_shape(&args.shape(args.min_insync_replicas)));
        args.allowed(wrong)
    }

    fn check(step: &Step<Args>, look: &Reader) -> Result<Finding, Fault> {
        let args = &step.args;
        let cluster = look.cluster(&args.bootstrap)?;
        let min_insync_replicas = match (args.min_insync_replicas, cluster.brokers.first()) {
            (Some(given), _) => Some(given),
            (None, Some(broker)) => look
                .settings(&args.bootstrap, &SettingsOf::Broker(broker.id))?
                .and_then(|settings| min_insync(&settings)),
            (None, None) => None,
        };
        let mut wrong = args.rules.of_shape(&args.shape(min_insync_replicas));
        let brokers = cluster.brokers.len();
        if args.replication_factor as usize > brokers {
            wrong.push(format!(
                "{} replicas need as many brokers, and the cluster has {brokers}",
                args.replication_factor
            ));
        }
        let others = cluster.topics.iter().map(|topic| topic.name.as_str());
        if let Some(other) = same_in_metrics(&args.name, others) {
            wrong.push(format!(
                "its metrics would have the same names as those of `{other}`"
            ));
        }
        args.allowed(wrong)?;
        Ok(Finding::Satisfied(outputs([(
            "min_insync_replicas",
            min_insync_replicas.into(),
        )])))
    }
}

impl Args {
    fn shape(&self, min_insync_replicas: Option<u32>) -> Shape {
        Shape {
            partitions: self.partitions,
            replication_factor: self.replication_factor,
            min_insync_replicas,
        }
    }

    fn allowed(&self, wrong: Vec<String>) -> Result<Vec<Target>, Fault> {
        if wrong.is_empty() {
            return Ok(vec![]);
        }
        let what = format!("the policy does not allow the topic `{}`", self.name);
        Err(Fault::new(FaultCode::Conflict, what)
            .because(wrong.join("; "))
            .hint("Change the topic, or the policy's arguments if they are wrong."))
    }
}

/// What brokers say of the setting.
pub fn min_insync(settings: &[Setting]) -> Option<u32> {
    let one = settings
        .iter()
        .find(|one| one.key == "min.insync.replicas")?;
    one.value.as_deref()?.parse().ok()
}
