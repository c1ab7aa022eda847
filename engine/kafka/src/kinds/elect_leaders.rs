//! `kafka::elect_leaders`: every partition is led by its preferred replica.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use krun_model::{
    Address, ByHand, Change, Effect, Fault, HandCx, Map, Outputs, StepKind, Value,
    kind::{ApplyCx, Check, CheckCx, Declared, KindSpec, StateKind, UndoClass},
    placement::Placement,
    plan::DiffLine,
    schema::{ArgSpec, ArgType, OutputSpec},
};
use serde::Deserialize;
use serde_json::json;

use super::args::{BOOTSTRAP, at_least_one};
use crate::{
    cluster::{elect::strayed, gate, isr},
    clusters::Clusters,
    view::ClusterView,
};

const ASK: Duration = Duration::from_secs(5);
const TIMEOUT_S: u64 = 120;

/// The kind.
pub struct ElectLeaders(pub Arc<dyn Clusters>);

#[derive(Deserialize)]
struct Args {
    bootstrap: Vec<String>,
    topics: Option<Vec<String>>,
    timeout_s: Option<u64>,
}

static SPEC: KindSpec = KindSpec {
    name: "kafka::elect_leaders",
    doc: "Lets every partition be led by its preferred replica, the first in its list: after a broker \
          was restarted or replicas were moved, others lead. Waits until the preferred replicas are in \
          sync. Nothing is taken back: leaders move by themselves, and brokers elect the preferred ones \
          every five minutes unless auto.leader.rebalance.enable is false. Needs brokers of 2.4 or \
          later.",
    args: &[
        BOOTSTRAP,
        ArgSpec::optional(
            "topics",
            ArgType::List(&ArgType::Str),
            "Only these topics; all, internal ones too, if not given.",
        ),
        ArgSpec::optional(
            "placement",
            ArgType::Str,
            "Output `placement` of kafka::reassign: what that moves leads nothing before it is elected.",
        ),
        ArgSpec::optional(
            "timeout_s",
            ArgType::Int,
            "How long preferred replicas may take to be in sync, in seconds; 120 if not given.",
        ),
    ],
    outputs: &[OutputSpec::new("partitions", "How many there are.")],
    examples: &[include_str!("examples/elect_leaders.rhai")],
    undo: UndoClass::Kept,
};

impl StepKind for ElectLeaders {
    fn spec(&self) -> &KindSpec {
        &SPEC
    }

    fn declare(&self, step: &Address, _: &str, args: &Map<Value>) -> Result<Declared, Fault> {
        at_least_one(args, "timeout_s").map_err(|fault| fault.at(step))?;
        Ok(Declared::default())
    }

    fn by_hand(&self, cx: &HandCx<'_>) -> ByHand {
        crate::by_hand::elect_leaders(cx)
    }
}

impl Args {
    /// The partitions meant that another than their preferred replica leads.
    fn strayed(&self, view: &ClusterView) -> Vec<Placement> {
        let mut strayed = strayed(view);
        let named = self.topics.as_ref();
        strayed.retain(|one| named.is_none_or(|topics| topics.contains(&one.topic)));
        strayed
    }
}

fn outputs(view: &ClusterView) -> Outputs {
    let count = view.partitions().count();
    [("partitions".to_owned(), json!(count))].into()
}

#[async_trait]
impl StateKind for ElectLeaders {
    async fn check(&self, cx: &CheckCx<'_>) -> Result<Check, Fault> {
        let args: Args = cx.step.args()?;
        if let Some(unknown) = self.0.silent(&args.bootstrap, &[]).await {
            return Ok(unknown);
        }
        let client = self.0.open(&args.bootstrap)?;
        let view = client.metadata(None, ASK).await?;
        let strayed = args.strayed(&view);
        if strayed.is_empty() {
            return Ok(Check::Satisfied(outputs(&view)));
        }
        let leader = |one: &Placement| {
            let partition = view.topics.get(&one.topic)?;
            let partition = partition.iter().find(|p| p.id == one.partition)?;
            partition.leader.map(|id| id.to_string())
        };
        Ok(Check::Drift {
            change: Change::Update,
            why: format!(
                "{} partitions are led by another than their preferred replica",
                strayed.len()
            ),
            diff: strayed
                .iter()
                .map(|one| {
                    let wanted = one.replicas.first().copied().unwrap_or(-1);
                    DiffLine::new(
                        format!("leader of {}-{}", one.topic, one.partition),
                        leader(one).as_deref(),
                        wanted.to_string(),
                    )
                })
                .collect(),
        })
    }

    async fn apply(&self, cx: &ApplyCx<'_>) -> Result<Outputs, Fault> {
        let args: Args = cx.step.args()?;
        cx.progress
            .say("waiting until the preferred replicas are in sync");
        let limit = Duration::from_secs(args.timeout_s.unwrap_or(TIMEOUT_S));
        let what = "the preferred replicas can't lead yet";
        let client = self.0.open(&args.bootstrap)?;
        gate::wait(cx.host, &*client, limit, what, |view| {
            let strayed = args.strayed(view);
            let mut lags = isr::lagging(view);
            lags.retain(|lag| {
                strayed.iter().any(|one| {
                    (&one.topic, one.partition) == (&lag.topic, lag.partition)
                        && one.replicas.iter().any(|id| lag.missing.contains(id))
                })
            });
            Ok(lags)
        })
        .await?;
        let client = self.0.open(&args.bootstrap)?;
        let strayed = args.strayed(&client.metadata(None, ASK).await?);
        if !strayed.is_empty() {
            cx.host
                .perform(Effect::ElectLeaders {
                    bootstrap: args.bootstrap.clone(),
                    leaders: strayed,
                })
                .await?;
        }
        Ok(outputs(&client.metadata(None, ASK).await?))
    }
}
