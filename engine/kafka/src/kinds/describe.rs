//! `kafka::describe`: every partition of a topic has its leader and all replicas in sync.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use async_trait::async_trait;
use krun_model::{
    Address, ByHand, Fault, FaultCode, HandCx, Map, Outputs, StepKind, Value,
    kind::{CheckCx, Declared, KindSpec, ProofKind, UndoClass},
    schema::{ArgSpec, ArgType, OutputSpec},
};
use serde::Deserialize;
use serde_json::json;

use super::args::{BOOTSTRAP, TOPIC, at_least_one};
use crate::{
    cluster::isr,
    clusters::Clusters,
    view::{ClusterView, PartitionView, unreachable_fault},
    waiting::Until,
};

const ASK: Duration = Duration::from_secs(2);
const TIMEOUT_S: u64 = 15;

/// The kind.
pub struct Describe(pub Arc<dyn Clusters>);

#[derive(Deserialize)]
struct Args {
    bootstrap: Vec<String>,
    topic: String,
    partitions: usize,
    replication_factor: usize,
    timeout_s: Option<u64>,
    #[serde(default)]
    brief: bool,
}

static SPEC: KindSpec = KindSpec {
    name: "kafka::describe",
    doc: "Proves that a topic has so many partitions, each with a leader and so many replicas, all in \
          sync. Waits a little for replicas that are about to be. Shows each partition.",
    args: &[
        BOOTSTRAP,
        TOPIC,
        ArgSpec::required(
            "partitions",
            ArgType::Int,
            "How many partitions it must have.",
        ),
        ArgSpec::required(
            "replication_factor",
            ArgType::Int,
            "How many replicas each must have.",
        ),
        ArgSpec::optional(
            "timeout_s",
            ArgType::Int,
            "How long replicas may take to be in sync, in seconds; 15 if not given.",
        ),
        ArgSpec::optional(
            "brief",
            ArgType::Bool,
            "Whether to show only how many partitions each broker leads; false if not given.",
        ),
    ],
    outputs: &[
        OutputSpec::new("leaders", "How many partitions each broker leads."),
        OutputSpec::new("partitions", "One line a partition: leader, replicas, ISR."),
    ],
    undo: UndoClass::Nothing,
    examples: &[include_str!("examples/describe.rhai")],
};

impl StepKind for Describe {
    fn spec(&self) -> &KindSpec {
        &SPEC
    }

    fn declare(&self, step: &Address, _: &str, args: &Map<Value>) -> Result<Declared, Fault> {
        for name in ["partitions", "replication_factor"] {
            at_least_one(args, name).map_err(|fault| fault.at(step))?;
        }
        Ok(Declared::default())
    }

    fn by_hand(&self, cx: &HandCx<'_>) -> ByHand {
        crate::by_hand::describe(cx)
    }
}

/// What is wrong with a topic: one line for each.
fn wrong(args: &Args, view: &ClusterView) -> Vec<String> {
    let Some(partitions) = view.topics.get(&args.topic) else {
        return vec!["there is no such topic".to_owned()];
    };
    let mut wrong = vec![];
    if partitions.len() != args.partitions {
        wrong.push(format!(
            "it has {} partitions instead of {}",
            partitions.len(),
            args.partitions
        ));
    }
    for partition in partitions {
        if partition.replicas.len() != args.replication_factor {
            wrong.push(format!(
                "{}-{}: {} replicas instead of {}",
                args.topic,
                partition.id,
                partition.replicas.len(),
                args.replication_factor
            ));
        }
    }
    wrong.extend(isr::lagging(view).iter().map(ToString::to_string));
    wrong
}

fn outputs(partitions: &[PartitionView]) -> Outputs {
    let ids = |ids: &[i32]| ids.iter().map(i32::to_string).collect::<Vec<_>>().join(",");
    let mut leads: BTreeMap<i32, usize> = BTreeMap::new();
    let lines: Vec<_> = partitions
        .iter()
        .map(|one| {
            let leader = one.leader.unwrap_or(-1);
            *leads.entry(leader).or_default() += 1;
            format!(
                "partition {} leader {leader} replicas {} isr {}",
                one.id,
                ids(&one.replicas),
                ids(&one.isr)
            )
        })
        .collect();
    let leads: Vec<_> = leads
        .iter()
        .map(|(broker, count)| format!("broker {broker} leads {count}"))
        .collect();
    [
        ("leaders", json!(leads.join(", "))),
        ("partitions", json!(lines)),
    ]
    .map(|(key, value)| (key.to_owned(), value))
    .into()
}

#[async_trait]
impl ProofKind for Describe {
    async fn prove(&self, cx: &CheckCx<'_>) -> Result<Outputs, Fault> {
        let args: Args = cx.step.args()?;
        if !self.0.any_accepts(&args.bootstrap).await {
            return Err(unreachable_fault(&args.bootstrap));
        }
        let client = self.0.open(&args.bootstrap)?;
        let until = Until::new(Duration::from_secs(args.timeout_s.unwrap_or(TIMEOUT_S)));
        loop {
            let view = client.metadata(Some(&args.topic), ASK).await?;
            let wrong = wrong(&args, &view);
            if wrong.is_empty() {
                let partitions = view.topics.get(&args.topic);
                let mut outputs = outputs(partitions.map_or(&[], Vec::as_slice));
                if args.brief {
                    outputs.remove("partitions");
                }
                return Ok(outputs);
            }
            if until.over() {
                return Err(
                    Fault::new(FaultCode::ProofFailed, "the topic is not as it should be")
                        .at(&args.topic)
                        .because(&wrong[0])
                        .evidence(wrong)
                        .hint("See which brokers are missing: `krun status --cluster`."),
                );
            }
            until.pause(cx.host).await?;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong() {
        let args = Args {
            bootstrap: vec![],
            topic: "t".into(),
            partitions: 2,
            replication_factor: 2,
            timeout_s: None,
            brief: false,
        };
        let one = |id, replicas: &[i32], isr: &[i32]| PartitionView {
            id,
            leader: Some(1),
            replicas: replicas.to_vec(),
            isr: isr.to_vec(),
            start: None,
            end: None,
        };
        let of = |partitions: Vec<_>| ClusterView {
            topics: [("t".to_owned(), partitions)].into(),
            ..ClusterView::default()
        };
        assert_eq!(
            wrong(&args, &ClusterView::default()),
            ["there is no such topic"]
        );
        let good = vec![one(0, &[1, 2], &[2, 1]), one(1, &[2, 1], &[1, 2])];
        assert_eq!(outputs(&good)["leaders"], "broker 1 leads 2");
        assert_eq!(wrong(&args, &of(good)), [""; 0]);
        assert_eq!(
            wrong(&args, &of(vec![one(0, &[1], &[1])])),
            [
                "it has 1 partitions instead of 2",
                "t-0: 1 replicas instead of 2"
            ]
        );
    }
}
