//! `kafka::reassign`: the replicas of topics live on the brokers that may hold them.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use async_trait::async_trait;
use krun_model::{
    Address, ByHand, Change, Digest, Effect, Fault, FaultCode, HandCx, Map, Outputs, StepKind,
    Value,
    kind::{ApplyCx, Check, CheckCx, Declared, KindSpec, StateKind, StepRef, UndoClass},
    placement::Placement,
    plan::{DiffLine, NOTES},
    schema::{ArgSpec, ArgType, OutputSpec},
};
use serde::Deserialize;
use serde_json::json;

use super::args::{BOOTSTRAP, at_least_one, int};
use crate::{
    cluster::reassign::ids,
    clusters::{Client, Clusters, Going, Survey},
    reassign::{Spread, empty, moves, target},
};

const TIMEOUT_S: u64 = 3600;
/// Between two looks at how far it is.
const PROGRESS: Duration = Duration::from_millis(200);

/// The kind.
pub struct Reassign(pub Arc<dyn Clusters>);

#[derive(Deserialize)]
struct Args {
    bootstrap: Vec<String>,
    brokers: Vec<i32>,
    spread: Spread,
    topics: Option<Vec<String>>,
    throttle: Option<u64>,
    timeout_s: Option<u64>,
    offer: Option<String>,
}

static SPEC: KindSpec = KindSpec {
    name: "kafka::reassign",
    doc: "Lets the replicas of all topics live on these brokers: `drain` moves those off that are on \
          other brokers and leaves the rest alone, `even` also spreads replicas and preferred leaders \
          over all of the brokers, moving as few as it can. Waits until all replicas are in sync, then \
          removes the throttle; a run that was killed is gone on with by the next. Says which of the \
          brokers hold nothing. Brokers before 2.4 know no request for it: there it only says what is \
          to be moved. The racks of brokers are not looked at.",
    args: &[
        BOOTSTRAP,
        ArgSpec::required(
            "brokers",
            ArgType::List(&ArgType::Int),
            "The ids of the brokers that may hold replicas.",
        ),
        ArgSpec::required("spread", ArgType::Str, "`drain` or `even`."),
        ArgSpec::optional(
            "topics",
            ArgType::List(&ArgType::Str),
            "Only these topics; all, internal ones too, if not given.",
        ),
        ArgSpec::optional(
            "throttle",
            ArgType::Int,
            "Bytes a second that each broker may send, and may take, for it; no limit if not given or 0.",
        ),
        ArgSpec::optional(
            "timeout_s",
            ArgType::Int,
            "How long it may take, in seconds; 3600 if not given. What has not arrived by then goes on.",
        ),
        ArgSpec::optional(
            "offer",
            ArgType::Str,
            "What to say to a reader who wants brokers that hold nothing to be used, such as the \
             parameter to set.",
        ),
    ],
    outputs: &[
        OutputSpec::new(NOTES, "Which brokers hold nothing."),
        OutputSpec::new("placement", "A digest of where the replicas are."),
        OutputSpec::new("replicas", "How many there are."),
    ],
    examples: &[include_str!("examples/reassign.rhai")],
    undo: UndoClass::Compensable,
};

impl StepKind for Reassign {
    fn spec(&self) -> &KindSpec {
        &SPEC
    }

    fn declare(&self, step: &Address, _: &str, args: &Map<Value>) -> Result<Declared, Fault> {
        at_least_one(args, "timeout_s").map_err(|fault| fault.at(step))?;
        if int(args, "throttle").is_some_and(|rate| rate < 0) {
            return Err(Fault::new(FaultCode::Script, "`throttle` is below 0").at(step));
        }
        if let Some(Value::Str(spread)) = args.get("spread")
            && !["drain", "even"].contains(&spread.as_str())
        {
            return Err(
                Fault::new(FaultCode::Script, format!("`spread` is `{spread}`"))
                    .at(step)
                    .hint("It is `drain` or `even`."),
            );
        }
        Ok(Declared::default())
    }

    fn by_hand(&self, cx: &HandCx<'_>) -> ByHand {
        crate::by_hand::reassign(cx)
    }
}

/// Where the replicas are and ought to be.
struct Standing {
    survey: Survey,
    present: Vec<Placement>,
    wanted: Vec<Placement>,
}

impl Args {
    fn allowed(&self) -> BTreeSet<i32> {
        self.brokers.iter().copied().collect()
    }

    fn meant(&self, topic: &str) -> bool {
        let named = self.topics.as_ref();
        named.is_none_or(|topics| topics.iter().any(|name| name == topic))
    }

    fn rate(&self) -> Option<u64> {
        self.throttle.filter(|rate| *rate > 0)
    }

    async fn look(&self, client: &dyn Client, step: &StepRef<'_>) -> Result<Standing, Fault> {
        let survey = client.survey().await?;
        let foreign: Vec<_> = survey.going.iter().filter(|g| !is_ours(step, g)).collect();
        if !foreign.is_empty() {
            return Err(somebody_elses(&foreign).at(step.address));
        }
        let mut present = survey.placed();
        present.retain(|one| self.meant(&one.topic));
        let wanted = target(&present, &self.allowed(), self.spread).map_err(|too_few| {
            Fault::new(
                FaultCode::Conflict,
                "there are too few brokers for the replicas",
            )
            .at(step.address)
            .because(too_few)
            .hint("Keep more brokers, or lower the replication factor of the topic first.")
        })?;
        Ok(Standing {
            survey,
            present,
            wanted,
        })
    }

    fn outputs(&self, placed: &[Placement]) -> Outputs {
        let replicas: usize = placed.iter().map(|one| one.replicas.len()).sum();
        let mut notes = vec![];
        for id in empty(placed, &self.allowed()) {
            if replicas == 0 {
                break;
            }
            let offer = self
                .offer
                .as_ref()
                .map_or(String::new(), |o| format!(": {o}"));
            notes.push(format!(
                "broker {id} holds no partition, and gets none of the topics that are there{offer}"
            ));
        }
        [
            (NOTES, json!(notes)),
            ("placement", json!(Digest::of_json(&placed).short())),
            ("replicas", json!(replicas)),
        ]
        .map(|(key, value)| (key.to_owned(), value))
        .into()
    }
}

impl Standing {
    /// What is to be moved, or waited for.
    fn moves(&self) -> Vec<Placement> {
        let mut all = moves(&self.present, &self.wanted);
        let going = self.survey.going.iter().map(|going| &going.to);
        for one in self
            .wanted
            .iter()
            .filter(|one| going.clone().any(|g| g == *one))
        {
            if !all.contains(one) {
                all.push(one.clone());
            }
        }
        all
    }

    /// The topics of which the throttle was left.
    fn throttled<'a>(&'a self, args: &'a Args) -> impl Iterator<Item = &'a String> {
        self.survey.throttled.iter().filter(|t| args.meant(t))
    }

    fn diff(&self, moves: &[Placement], args: &Args) -> Vec<DiffLine> {
        let now = |one: &Placement| {
            let all = self.survey.view.topics.get(&one.topic)?;
            all.iter().find(|p| p.id == one.partition)
        };
        let mut lines: Vec<_> = moves
            .iter()
            .map(|one| {
                let before = now(one).map(|p| ids(&p.replicas));
                DiffLine::new(
                    format!("{}-{}", one.topic, one.partition),
                    before.as_deref(),
                    ids(&one.replicas),
                )
            })
            .collect();
        lines.extend(self.throttled(args).map(|topic| DiffLine {
            key: format!("throttle of {topic}"),
            before: Some("set".to_owned()),
            after: krun_model::plan::After::Gone,
        }));
        lines
    }
}

/// Whether a partition is on a way on which an unfinished attempt of this step sent it.
fn is_ours(step: &StepRef<'_>, going: &Going) -> bool {
    step.unfinished
        .iter()
        .any(|effect| matches!(effect, Effect::Reassign { moves, .. } if moves.contains(&going.to)))
}

fn somebody_elses(going: &[&Going]) -> Fault {
    let lines = going.iter().take(10).map(|one| {
        format!(
            "{}-{} → {} (adds {}, removes {})",
            one.to.topic,
            one.to.partition,
            ids(&one.to.replicas),
            ids(&one.adding),
            ids(&one.removing)
        )
    });
    Fault::new(FaultCode::Conflict, "a reassignment is going on that krun did not start")
        .because(format!("{} partitions are on their way", going.len()))
        .evidence(lines)
        .hint("Let it end, then run the same command again: `kafka-reassign-partitions.sh --list` shows it.")
        .hint("Or end it: `kafka-reassign-partitions.sh --cancel`, with the file that it was started with.")
}

#[async_trait]
impl StateKind for Reassign {
    async fn check(&self, cx: &CheckCx<'_>) -> Result<Check, Fault> {
        let args: Args = cx.step.args()?;
        if let Some(unknown) = self.0.silent(&args.bootstrap, &[]).await {
            return Ok(unknown);
        }
        let client = self.0.open(&args.bootstrap)?;
        let standing = args.look(&*client, &cx.step).await?;
        let moves = standing.moves();
        let left: Vec<_> = standing.throttled(&args).collect();
        if moves.is_empty() && left.is_empty() {
            return Ok(Check::Satisfied(args.outputs(&standing.wanted)));
        }
        let why = if moves.is_empty() {
            format!(
                "the throttle of a reassignment was left on {} topics",
                left.len()
            )
        } else if standing.survey.going.is_empty() {
            format!("{} partitions are to be moved", moves.len())
        } else {
            format!(
                "{} partitions are to be moved, some are on their way",
                moves.len()
            )
        };
        Ok(Check::Drift {
            change: Change::Update,
            why,
            diff: standing.diff(&moves, &args),
        })
    }

    async fn apply(&self, cx: &ApplyCx<'_>) -> Result<Outputs, Fault> {
        let args: Args = cx.step.args()?;
        let client = self.0.open(&args.bootstrap)?;
        let standing = args.look(&*client, &cx.step).await?;
        let effect = effect(&args, &standing, cx.step.unfinished);
        if let Effect::Reassign { moves, .. } = &effect {
            cx.progress
                .say(&format!("moving {} partitions", moves.len()));
            tokio::select! {
                performed = cx.host.perform(effect.clone()) => drop(performed?),
                // Cut off as by a kill: the intent stays open, and the next run goes on with it.
                stopped = say_progress(cx, &*client, moves) => return Err(stopped),
            }
        }
        let after = args.look(&*client, &cx.step).await?;
        Ok(args.outputs(&after.present))
    }
}

/// What is to be done: the attempt that is under way, or a new one.
fn effect(args: &Args, standing: &Standing, unfinished: &[Effect]) -> Effect {
    let mut moves = standing.moves();
    let under_way = unfinished.iter().find(|effect| {
        let Effect::Reassign {
            moves: theirs,
            throttle,
            ..
        } = effect
        else {
            return false;
        };
        // The same wish: each of its partitions is wanted where it sends it, and nothing else is.
        *throttle == args.rate()
            && moves.iter().all(|one| theirs.contains(one))
            && theirs.iter().all(|one| standing.wanted.contains(one))
    });
    if let Some(effect) = under_way {
        return effect.clone();
    }
    if moves.is_empty() {
        // Only a throttle is left: it goes when a topic's partitions are said to be where they are.
        let left: Vec<_> = standing.throttled(args).collect();
        let of_left = |one: &&Placement| left.contains(&&one.topic);
        moves = standing.present.iter().filter(of_left).cloned().collect();
    }
    Effect::Reassign {
        bootstrap: args.bootstrap.clone(),
        moves,
        throttle: args.rate(),
        limit_ms: args.timeout_s.unwrap_or(TIMEOUT_S).saturating_mul(1000),
    }
}

/// Says how far it is, until the run is told to stop.
async fn say_progress(cx: &ApplyCx<'_>, client: &dyn Client, moves: &[Placement]) -> Fault {
    loop {
        if let Err(stopped) = cx.host.pause(PROGRESS).await {
            return stopped;
        }
        if let Ok(survey) = client.survey().await {
            let arrived = survey.arrived(moves);
            let going = survey.going.iter().filter(|one| moves.contains(&one.to));
            let on_their_way = match going.count() {
                0 => String::new(),
                count => format!(", {count} on their way"),
            };
            cx.progress.say(&format!(
                "{arrived} of {} partitions moved and in sync{on_their_way}",
                moves.len()
            ));
        }
    }
}
