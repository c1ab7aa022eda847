//! `kafka::groups`: what consumer groups see, shown with real ones.
//!
//! A group is state of the cluster, so this is an act and no proof: where its three groups go on is
//! written by journaled effects, and a rollback deletes them. Their ids are the deployment's own, so
//! that nobody else's group is touched. Reading as a member changes nothing that lasts: the brokers
//! drop a member that is gone, and a group that nobody is in and that has no place anywhere. What does
//! last is the topic `__consumer_offsets`, which brokers create when they first look for a group; it
//! is theirs, and goes with their data.
//!
//! An attempt that was cut off is begun anew: its groups are deleted first, and its later records,
//! whose seed names the offset at which they began, are others' to the next.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use krun_model::{
    Address, ByHand, Digest, Effect, Fault, FaultCode, HandCx, Map, Outputs, ReadHost, StepKind,
    Target, Value,
    kind::{ApplyCx, CheckCx, Declared, KindSpec, OnceKind, UndoClass},
    schema::{ArgSpec, ArgType, OutputSpec},
    topic::{Acks, GroupRef, TopicRef},
};
use serde::Deserialize;
use serde_json::json;

use super::{
    args::{BOOTSTRAP, SENT_CHECKSUM, SENT_COUNT, TOPIC, at_least_one, text, texts},
    consume::{find, partitions_of},
};
use crate::{
    clusters::{Client, Clusters, From, Member, ReadBack},
    view::{ClusterView, Lag, unreachable_fault},
};

const ASK: Duration = Duration::from_secs(10);
const TIMEOUT_S: u64 = 60;
const LATER: u64 = 10;
/// The groups, by what they are for.
const NAMES: [&str; 3] = ["first", "second", "late"];

/// The kind.
pub struct Groups(pub Arc<dyn Clusters>);

#[derive(Deserialize)]
struct Args {
    bootstrap: Vec<String>,
    topic: String,
    topic_id: String,
    count: u64,
    checksum: Digest,
    later: Option<u64>,
    timeout_s: Option<u64>,
}

static SPEC: KindSpec = KindSpec {
    name: "kafka::groups",
    doc: "Reads a topic with three consumer groups of its own. The first reads all records from the \
          beginning; a second reads all of them again; a third, which does not start from the beginning, \
          sees nothing, and then only the records that are written later. The first group then lags \
          behind by those.\n\n\
          It is an act and no proof, since a group is state of the cluster. The groups carry the \
          deployment's id in their names (`krun-<id>-<step>-first`, `-second`, `-late`) and stay, so that \
          `krun status --cluster` and `kafka-consumer-groups.sh` can show them; a rollback deletes them. \
          For the first group of a cluster the brokers create the topic `__consumer_offsets`. It is \
          theirs: krun does not delete it, and it goes with their data.",
    args: &[
        BOOTSTRAP,
        TOPIC,
        ArgSpec::required(
            "topic_id",
            ArgType::Str,
            "Output `topic_id` of kafka::topic: another id is another topic, to be read anew.",
        ),
        SENT_COUNT,
        SENT_CHECKSUM,
        ArgSpec::optional(
            "later",
            ArgType::Int,
            "How many records are written for the third group; 10 if not given.",
        ),
        ArgSpec::optional(
            "timeout_s",
            ArgType::Int,
            "How long each reading may take, in seconds; 60 if not given.",
        ),
    ],
    outputs: &[
        OutputSpec::new("first", "How many records the first group read."),
        OutputSpec::new("groups", "The groups' ids."),
        OutputSpec::new(
            "lag",
            "How far the first and the third group are behind, then each partition of the first.",
        ),
        OutputSpec::new("late", "How many records the third group read."),
        OutputSpec::new("second", "How many records the second group read."),
    ],
    undo: UndoClass::Compensable,
    examples: &[include_str!("examples/groups.rhai")],
};

fn refs(deployment: &str, step: &Address, bootstrap: &[String], topic: &str) -> [GroupRef; 3] {
    let short = deployment.get(..8).unwrap_or(deployment);
    let step = step.as_str().replace('/', "-");
    NAMES.map(|name| GroupRef {
        bootstrap: bootstrap.to_vec(),
        id: format!("krun-{short}-{step}-{name}"),
        topic: topic.to_owned(),
    })
}

impl StepKind for Groups {
    fn spec(&self) -> &KindSpec {
        &SPEC
    }

    fn declare(
        &self,
        step: &Address,
        deployment: &str,
        args: &Map<Value>,
    ) -> Result<Declared, Fault> {
        at_least_one(args, "later").map_err(|fault| fault.at(step))?;
        let Some((bootstrap, topic)) = texts(args, "bootstrap").zip(text(args, "topic")) else {
            return Ok(Declared::default());
        };
        let groups = refs(deployment, step, &bootstrap, topic);
        let name = topic.to_owned();
        Ok(Declared {
            writes: groups
                .into_iter()
                .map(Target::Group)
                .chain([Target::Records(TopicRef { bootstrap, name })])
                .collect(),
            ..Declared::default()
        })
    }

    fn by_hand(&self, cx: &HandCx<'_>) -> ByHand {
        crate::by_hand::groups(cx)
    }
}

/// One attempt.
struct Attempt<'a> {
    cx: &'a ApplyCx<'a>,
    args: &'a Args,
    client: &'a dyn Client,
    partitions: Vec<i32>,
    limit: Duration,
}

impl Attempt<'_> {
    /// Reads as a member until the end, and then until so many records of a seed were seen.
    async fn read(
        &self,
        member: &mut dyn Member,
        until: Option<(&str, u64)>,
    ) -> Result<ReadBack, Fault> {
        let host: &dyn ReadHost = self.cx.host;
        member.read(host, self.limit, until).await
    }

    fn join(&self, group: &GroupRef, from: From) -> Result<Box<dyn Member>, Fault> {
        self.cx
            .progress
            .say(&format!("reading as group {}", group.id));
        self.client.join(group, &self.partitions, from)
    }

    /// Leaves, and writes down where the group goes on.
    async fn leave(&self, member: Box<dyn Member>, group: &GroupRef) -> Result<(), Fault> {
        let offsets = member.leave().await?;
        let group = group.clone();
        let effect = Effect::CommitOffsets { group, offsets };
        self.cx.host.perform(effect).await.map(drop)
    }

    /// Reads all from the beginning, which must be what was written.
    async fn read_all(&self, group: &GroupRef) -> Result<u64, Fault> {
        let mut member = self.join(group, From::Beginning)?;
        let read = self.read(&mut *member, None).await?;
        self.leave(member, group).await?;
        let (own, _) = find(&self.args.topic, self.args.count, self.args.checksum, read)?;
        Ok(own.digests.len() as u64)
    }

    /// Sees nothing that is there, and then what is written meanwhile, and nothing else of krun's.
    async fn read_later(&self, group: &GroupRef, later: u64) -> Result<u64, Fault> {
        let args = self.args;
        let mut member = self.join(group, From::End)?;
        let before = self.read(&mut *member, None).await?;
        if !before.own.is_empty() {
            return Err(self.saw_old(&before));
        }
        let view = self.view().await?;
        let end: i64 = view.partitions().filter_map(|(_, one)| one.end).sum();
        let step = &self.cx.step;
        let seed = format!(
            "{}/{}/later-at-{end}/{later}",
            step.deployment, step.address
        );
        let topic = TopicRef {
            bootstrap: args.bootstrap.clone(),
            name: args.topic.clone(),
        };
        self.cx
            .host
            .perform(Effect::Produce {
                topic,
                records: later,
                seed: seed.clone(),
                keys: None,
                acks: Acks::All,
            })
            .await?;
        let read = self.read(&mut *member, Some((&seed, later))).await?;
        self.leave(member, group).await?;
        if read.own.keys().any(|other| *other != seed) {
            return Err(self.saw_old(&read));
        }
        Ok(read.own[&seed].digests.len() as u64)
    }

    fn saw_old(&self, read: &ReadBack) -> Fault {
        let old: usize = read.own.values().map(|own| own.digests.len()).sum();
        Fault::new(
            FaultCode::ProofFailed,
            "a group that does not start from the beginning saw older records",
        )
        .at(&self.args.topic)
        .because(format!("{old} records were there before it came"))
    }

    async fn view(&self) -> Result<ClusterView, Fault> {
        let view = self.client.metadata(Some(&self.args.topic), ASK).await?;
        self.client.offsets(view, ASK).await
    }

    async fn lags(&self, group: &GroupRef) -> Result<Vec<Lag>, Fault> {
        let view = self.view().await?;
        self.client.lags(&group.id, &view).await
    }
}

fn lag(lags: &[Lag]) -> i64 {
    lags.iter().filter_map(Lag::records).sum()
}

#[async_trait]
impl OnceKind for Groups {
    fn ways(&self) -> &'static [&'static str] {
        &["bootstrap", "timeout_s"]
    }

    async fn incarnation(&self, cx: &CheckCx<'_>) -> Result<Option<Digest>, Fault> {
        let args: Args = cx.step.args()?;
        Ok(Some(Digest::of(args.topic_id)))
    }

    async fn apply(&self, cx: &ApplyCx<'_>) -> Result<Outputs, Fault> {
        let args: Args = cx.step.args()?;
        if !self.0.any_accepts(&args.bootstrap).await {
            return Err(unreachable_fault(&args.bootstrap));
        }
        let client = self.0.open(&args.bootstrap)?;
        let attempt = Attempt {
            cx,
            client: &*client,
            partitions: partitions_of(&*client, &args.topic).await?,
            limit: Duration::from_secs(args.timeout_s.unwrap_or(TIMEOUT_S)),
            args: &args,
        };
        let step = &cx.step;
        let all = refs(step.deployment, step.address, &args.bootstrap, &args.topic);
        for group in all.clone() {
            cx.host.perform(Effect::DeleteGroup { group }).await?;
        }
        let [first, second, late] = &all;
        let read = [
            attempt.read_all(first).await?,
            attempt.read_all(second).await?,
        ];
        let later = attempt
            .read_later(late, args.later.unwrap_or(LATER))
            .await?;
        let (behind, up_to_date) = (attempt.lags(first).await?, attempt.lags(late).await?);
        let mut lines = vec![format!(
            "{}: {} behind, {}: {} behind",
            first.id,
            lag(&behind),
            late.id,
            lag(&up_to_date)
        )];
        lines.extend(behind.iter().map(|one| {
            let end = one
                .end
                .map_or_else(|| "?".to_owned(), |end| end.to_string());
            let records = one.records().unwrap_or_default();
            format!(
                "{} partition {}: committed {} end {end} lag {records}",
                first.id, one.partition, one.committed
            )
        }));
        if lag(&behind) < i64::try_from(later).unwrap_or(i64::MAX) {
            return Err(Fault::new(
                FaultCode::ProofFailed,
                "a group that read before the last records were written does not lag behind",
            )
            .at(&first.id)
            .evidence(lines));
        }
        Ok([
            ("first", json!(read[0])),
            ("groups", json!(all.map(|group| group.id))),
            ("lag", json!(lines)),
            ("late", json!(later)),
            ("second", json!(read[1])),
        ]
        .map(|(key, value)| (key.to_owned(), value))
        .into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_of_its_own() {
        let step: Address = "proofs/groups".parse().unwrap();
        let ids = refs("0123456789", &step, &["h:1".into()], "t").map(|group| group.id);
        assert_eq!(
            ids,
            [
                "krun-01234567-proofs-groups-first",
                "krun-01234567-proofs-groups-second",
                "krun-01234567-proofs-groups-late"
            ]
        );
    }
}
