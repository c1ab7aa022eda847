//! `kafka::keyed`: the same key, the same partition.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use async_trait::async_trait;
use krun_model::{
    Address, ByHand, Digest, Fault, FaultCode, HandCx, Map, Outputs, StepKind, Value,
    kind::{CheckCx, Declared, KindSpec, ProofKind, UndoClass},
    schema::{ArgSpec, ArgType, OutputSpec},
};
use serde::Deserialize;
use serde_json::json;

use super::args::{BOOTSTRAP, SENT_CHECKSUM, SENT_COUNT, TOPIC};
use super::consume::{find, read_all};
use crate::{
    clusters::{Clusters, Own},
    view::unreachable_fault,
};

/// How many keys are shown.
const SHOWN: usize = 20;

/// The kind.
pub struct Keyed(pub Arc<dyn Clusters>);

#[derive(Deserialize)]
struct Args {
    bootstrap: Vec<String>,
    topic: String,
    count: u64,
    checksum: Digest,
    timeout_s: Option<u64>,
}

static SPEC: KindSpec = KindSpec {
    name: "kafka::keyed",
    doc: "Reads a topic and proves that all records of a key are in one partition, for the records of a \
          kafka::produce with `keys`. Shows where each key is. Joins no consumer group and commits nothing.",
    args: &[
        BOOTSTRAP,
        TOPIC,
        SENT_COUNT,
        SENT_CHECKSUM,
        ArgSpec::optional(
            "timeout_s",
            ArgType::Int,
            "How long reading may take, in seconds; 60 if not given.",
        ),
    ],
    outputs: &[
        OutputSpec::new("keys", "How many keys."),
        OutputSpec::new("partitions", "In how many partitions they are."),
        OutputSpec::new(
            "placement",
            "One line a key: its partition, and how many records.",
        ),
    ],
    undo: UndoClass::Nothing,
    examples: &[include_str!("examples/keyed.rhai")],
};

impl StepKind for Keyed {
    fn spec(&self) -> &KindSpec {
        &SPEC
    }

    fn declare(&self, _: &Address, _: &str, _: &Map<Value>) -> Result<Declared, Fault> {
        Ok(Declared::default())
    }

    fn by_hand(&self, cx: &HandCx<'_>) -> ByHand {
        crate::by_hand::keyed(cx)
    }
}

/// Where the keys are, unless one is in two places.
fn placement(topic: &str, own: &Own) -> Result<Outputs, Fault> {
    let name = |key: &[u8]| String::from_utf8_lossy(key).into_owned();
    let line = |key: &[u8], places: &BTreeMap<i32, u64>| {
        let places: Vec<_> = places
            .iter()
            .map(|(partition, count)| format!("partition {partition} ({count} records)"))
            .collect();
        format!("{} in {}", name(key), places.join(" and "))
    };
    let apart: Vec<_> = own
        .placed
        .iter()
        .filter(|(_, places)| places.len() > 1)
        .map(|(key, places)| line(key, places))
        .collect();
    if let Some(first) = apart.first() {
        return Err(Fault::new(
            FaultCode::ProofFailed,
            "records of one key are in several partitions",
        )
        .at(topic)
        .because(first)
        .evidence(apart.iter().take(SHOWN).cloned())
        .hint("Were partitions added since? Keys map to other partitions from then on."));
    }
    if own
        .placed
        .values()
        .flat_map(BTreeMap::values)
        .all(|count| *count < 2)
    {
        return Err(Fault::new(
            FaultCode::ProofFailed,
            "no key has two records, so that nothing is proven",
        )
        .at(topic)
        .hint("Give the kafka::produce step `keys`, fewer than `records`."));
    }
    let partitions: BTreeSet<_> = own.placed.values().flat_map(BTreeMap::keys).collect();
    let mut lines: Vec<_> = own
        .placed
        .iter()
        .take(SHOWN)
        .map(|(key, places)| line(key, places))
        .collect();
    if own.placed.len() > SHOWN {
        lines.push(format!("and {} more keys", own.placed.len() - SHOWN));
    }
    Ok([
        ("keys", json!(own.placed.len())),
        ("partitions", json!(partitions.len())),
        ("placement", json!(lines)),
    ]
    .map(|(key, value)| (key.to_owned(), value))
    .into())
}

#[async_trait]
impl ProofKind for Keyed {
    async fn prove(&self, cx: &CheckCx<'_>) -> Result<Outputs, Fault> {
        let args: Args = cx.step.args()?;
        if !self.0.any_accepts(&args.bootstrap).await {
            return Err(unreachable_fault(&args.bootstrap));
        }
        let client = self.0.open(&args.bootstrap)?;
        let read = read_all(cx.host, &*client, &args.topic, args.timeout_s).await?;
        let (own, _) = find(&args.topic, args.count, args.checksum, read)?;
        placement(&args.topic, &own)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn together_or_apart() {
        let own = |placed: &[(&str, i32, u64)]| {
            let mut own = Own::default();
            for (key, partition, count) in placed {
                let places = own.placed.entry(key.as_bytes().to_vec()).or_default();
                places.insert(*partition, *count);
            }
            own
        };
        let good = placement("t", &own(&[("a", 0, 5), ("b", 3, 5), ("c", 0, 1)])).unwrap();
        assert_eq!((&good["keys"], &good["partitions"]), (&json!(3), &json!(2)));
        assert_eq!(good["placement"][1], "b in partition 3 (5 records)");
        let fault = placement("t", &own(&[("a", 0, 5), ("a", 1, 2), ("b", 1, 9)])).unwrap_err();
        let why = fault.why.unwrap();
        assert_eq!(
            why,
            "a in partition 0 (5 records) and partition 1 (2 records)"
        );
        let fault = placement("t", &own(&[("a", 0, 1), ("b", 1, 1)])).unwrap_err();
        assert!(fault.what.contains("nothing is proven"));
    }
}
