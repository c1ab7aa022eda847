//! `kafka::consume`: what was written comes back.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use krun_model::{
    Address, ByHand, Digest, Fault, FaultCode, HandCx, Map, Outputs, ReadHost, StepKind, Value,
    kind::{CheckCx, Declared, KindSpec, ProofKind, UndoClass},
    schema::{ArgSpec, ArgType, OutputSpec},
};
use serde::Deserialize;
use serde_json::json;

use super::args::{BOOTSTRAP, SENT_CHECKSUM, SENT_COUNT, TOPIC};
use crate::{
    clusters::{Client, Clusters, Own, ReadBack, records},
    view::unreachable_fault,
};

const ASK: Duration = Duration::from_secs(5);
const TIMEOUT_S: u64 = 60;

/// The kind.
pub struct Consume(pub Arc<dyn Clusters>);

#[derive(Deserialize)]
struct Args {
    bootstrap: Vec<String>,
    topic: String,
    count: u64,
    checksum: Digest,
    timeout_s: Option<u64>,
}

static SPEC: KindSpec = KindSpec {
    name: "kafka::consume",
    doc: "Reads a topic from its beginning to its end and proves that the records of a kafka::produce are \
          all there, once each and unchanged. Records of others are counted and are no error. Joins no \
          consumer group and commits nothing.",
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
        OutputSpec::new("checksum", "Of the records that came back."),
        OutputSpec::new("count", "How many."),
        OutputSpec::new(
            "others",
            "Records in the topic that other steps or programs wrote.",
        ),
    ],
    undo: UndoClass::Nothing,
    examples: &[include_str!("examples/consume.rhai")],
};

impl StepKind for Consume {
    fn spec(&self) -> &KindSpec {
        &SPEC
    }

    fn declare(&self, _: &Address, _: &str, _: &Map<Value>) -> Result<Declared, Fault> {
        Ok(Declared::default())
    }

    fn by_hand(&self, cx: &HandCx<'_>) -> ByHand {
        crate::by_hand::consume(cx)
    }
}

fn compare(args: &Args, read: ReadBack) -> Result<Outputs, Fault> {
    let (_, others) = find(&args.topic, args.count, args.checksum, read)?;
    Ok([
        ("checksum", json!(args.checksum)),
        ("count", json!(args.count)),
        ("others", json!(others)),
    ]
    .map(|(key, value)| (key.to_owned(), value))
    .into())
}

/// Looks for one step's records among all that were read; with how many were others'.
///
/// # Errors
/// [`FaultCode::ProofFailed`] where they are not all there, once each and unchanged.
pub fn find(
    topic: &str,
    count: u64,
    checksum: Digest,
    read: ReadBack,
) -> Result<(Own, u64), Fault> {
    let mut others = read.foreign;
    let mut wanted = None;
    let mut seen = vec![];
    for (seed, own) in read.own {
        let there = own.digests.len() as u64;
        let found = records::checksum(own.digests.clone());
        if (there, found) == (count, checksum) {
            wanted = Some(own);
        } else {
            others += there;
            seen.push(format!(
                "{there} records of {seed}, checksum {}",
                found.short()
            ));
        }
    }
    if let Some(own) = wanted {
        return Ok((own, others));
    }
    seen.push(format!("{} records of others", read.foreign));
    Err(Fault::new(
        FaultCode::ProofFailed,
        "the records that were written did not come back",
    )
    .at(topic)
    .because(format!(
        "wanted are {count} records with checksum {}; {} found",
        checksum.short(),
        seen.join(", ")
    ))
    .hint("Old records may be gone by retention: see retention.ms of the topic.")
    .hint("See whether every partition has its leader: `krun status --cluster`."))
}

#[async_trait]
impl ProofKind for Consume {
    async fn prove(&self, cx: &CheckCx<'_>) -> Result<Outputs, Fault> {
        let args: Args = cx.step.args()?;
        if !self.0.any_accepts(&args.bootstrap).await {
            return Err(unreachable_fault(&args.bootstrap));
        }
        let client = self.0.open(&args.bootstrap)?;
        let read = read_all(cx.host, &*client, &args.topic, args.timeout_s).await?;
        compare(&args, read)
    }
}

/// The partitions of a topic.
///
/// # Errors
/// [`FaultCode::ProofFailed`] where there is no such topic.
pub async fn partitions_of(client: &dyn Client, topic: &str) -> Result<Vec<i32>, Fault> {
    let view = client.metadata(Some(topic), ASK).await?;
    let partitions: Vec<_> = view.partitions().map(|(_, one)| one.id).collect();
    match partitions.is_empty() {
        true => Err(Fault::new(FaultCode::ProofFailed, "there is no such topic").at(topic)),
        false => Ok(partitions),
    }
}

/// Reads a topic from its beginning to its end, without a group.
///
/// # Errors
/// As [`partitions_of`] and [`read_back`].
pub async fn read_all(
    host: &dyn ReadHost,
    client: &dyn Client,
    topic: &str,
    timeout_s: Option<u64>,
) -> Result<ReadBack, Fault> {
    let partitions = partitions_of(client, topic).await?;
    let limit = Duration::from_secs(timeout_s.unwrap_or(TIMEOUT_S));
    client.read_back(host, topic, &partitions, limit).await
}

#[cfg(test)]
mod tests {
    use super::*;

    fn own(seed: &str, count: u64) -> (String, Own) {
        let digests = (0..count).map(|number| {
            let record = records::record(seed, number, None);
            records::digest(record.key.as_bytes(), record.value.as_bytes())
        });
        let own = Own {
            digests: digests.collect(),
            ..Own::default()
        };
        (seed.to_owned(), own)
    }

    #[test]
    fn all_there_or_not() {
        let args = Args {
            bootstrap: vec![],
            topic: "t".into(),
            count: 3,
            checksum: records::expected("a", 3, None),
            timeout_s: None,
        };
        let read = |own: Vec<_>| ReadBack {
            own: own.into_iter().collect(),
            foreign: 2,
        };
        let outputs = compare(&args, read(vec![own("a", 3), own("b", 5)])).unwrap();
        assert_eq!(
            (&outputs["count"], &outputs["others"]),
            (&json!(3), &json!(7))
        );
        let fault = compare(&args, read(vec![own("a", 2)])).unwrap_err();
        assert_eq!(fault.code, FaultCode::ProofFailed);
        assert!(fault.why.unwrap().contains("2 records of a"));
        assert!(compare(&args, read(vec![])).is_err());
    }
}
