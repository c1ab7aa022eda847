//! `kafka::clean_logs`: a log dir without another cluster's records.

use async_trait::async_trait;
use camino::{Utf8Path, Utf8PathBuf};
use krun_model::{
    Address, ByHand, Change, Content, Effect, Fault, HandCx, Map, Outputs, ReadHost, StepKind,
    Target, Value,
    kind::{Adoption, ApplyCx, Check, CheckCx, Declared, KindSpec, StateKind, UndoClass},
    plan::{After, DiffLine},
    schema::{ArgSpec, ArgType},
};
use krun_steps::folders::ensure_dir;
use serde::Deserialize;

use super::args::text;
use crate::{
    aside, distribution,
    generation::{self, Generation},
    process::effective,
};

/// Belongs to the filesystem, not to Kafka.
const LOST_AND_FOUND: &str = "lost+found";

/// The kind.
pub struct CleanLogs;

#[derive(Deserialize)]
struct Args {
    log_dir: Utf8PathBuf,
    generation: String,
}

static SPEC: KindSpec = KindSpec {
    name: "kafka::clean_logs",
    doc: "Sets aside what lies in a broker's log dir unless it was made in this generation of ZooKeeper: \
          an emptied ZooKeeper gives the cluster a new id, and a broker refuses to start on the records \
          of another cluster. Everything in the folder goes into quarantine; never while a process uses it.",
    args: &[
        ArgSpec::required("log_dir", ArgType::Path, "One of the broker's log.dirs."),
        ArgSpec::required(
            "generation",
            ArgType::Str,
            "Output `generation` of zookeeper::clean.",
        ),
    ],
    outputs: &[],
    undo: UndoClass::Reversible,
    examples: &[include_str!("examples/clean_logs.rhai")],
};

impl StepKind for CleanLogs {
    fn spec(&self) -> &KindSpec {
        &SPEC
    }

    fn declare(&self, _: &Address, _: &str, args: &Map<Value>) -> Result<Declared, Fault> {
        let log_dir = text(args, "log_dir").map(|path| Target::Contents(path.into()));
        Ok(Declared {
            writes: log_dir.into_iter().collect(),
            ..Declared::default()
        })
    }

    fn by_hand(&self, cx: &HandCx<'_>) -> ByHand {
        crate::by_hand::clean_logs(cx)
    }
}

async fn is_of(host: &dyn ReadHost, args: &Args) -> Result<bool, Fault> {
    let marker = Generation::of(host, &args.log_dir).await?;
    Ok(marker.is_some_and(|marker| marker.generation == args.generation))
}

/// What is to be set aside: all but the marker, which is replaced, and what is the filesystem's own.
async fn old_entries(host: &dyn ReadHost, log_dir: &Utf8Path) -> Result<Vec<String>, Fault> {
    let mut names = host.list(log_dir).await?.unwrap_or_default();
    names.retain(|name| name != generation::MARKER && name != LOST_AND_FOUND);
    Ok(names)
}

/// Whose records they are, as meta.properties says; a file that can't be read says nothing.
async fn whose(host: &dyn ReadHost, log_dir: &Utf8Path) -> Vec<DiffLine> {
    let path = log_dir.join("meta.properties");
    let found = effective(host, &path)
        .await
        .ok()
        .flatten()
        .unwrap_or_default();
    ["cluster.id", "broker.id", "node.id"]
        .into_iter()
        .filter_map(|key| {
            Some(DiffLine {
                key: key.to_owned(),
                before: Some(found.get(key)?.clone()),
                after: After::Gone,
            })
        })
        .collect()
}

#[async_trait]
impl StateKind for CleanLogs {
    async fn check(&self, cx: &CheckCx<'_>) -> Result<Check, Fault> {
        let args: Args = cx.step.args()?;
        if is_of(cx.host, &args).await? {
            return Ok(Check::Satisfied(Outputs::new()));
        }
        let names = old_entries(cx.host, &args.log_dir).await?;
        let mut diff = vec![];
        if !names.is_empty() {
            let before = format!("{} entries", names.len());
            diff.push(DiffLine::new(
                args.log_dir.as_str(),
                Some(&before),
                "set aside",
            ));
            diff.extend(whose(cx.host, &args.log_dir).await);
        }
        diff.push(DiffLine::new("generation", None, args.generation));
        Ok(Check::Drift {
            change: if names.is_empty() {
                Change::Create
            } else {
                Change::Update
            },
            why: if names.is_empty() {
                "it was not prepared for this generation yet".to_owned()
            } else {
                "it holds records of another generation of the cluster".to_owned()
            },
            diff,
        })
    }

    async fn apply(&self, cx: &ApplyCx<'_>) -> Result<Outputs, Fault> {
        let args: Args = cx.step.args()?;
        if is_of(cx.host, &args).await? {
            return Ok(Outputs::new());
        }
        aside::unused(cx.host, &args.log_dir).await?;
        ensure_dir(cx.host, &args.log_dir, distribution::FOLDER).await?;
        let names = old_entries(cx.host, &args.log_dir).await?;
        if !names.is_empty() {
            let name = aside::name(cx.step.address, "logs");
            let to = cx.host.quarantine(&args.log_dir, &name).await?;
            aside::entries(cx.host, &args.log_dir, &names, &to).await?;
        }
        let marker = Generation {
            deployment: cx.step.deployment.to_owned(),
            generation: args.generation,
        };
        cx.host
            .perform(Effect::WriteFile {
                path: generation::path(&args.log_dir),
                content: Content::new(marker.text().into_bytes()),
                mode: distribution::FILE,
                owner: None,
            })
            .await?;
        Ok(Outputs::new())
    }

    async fn foresee(&self, cx: &ApplyCx<'_>) -> Result<Option<Outputs>, Fault> {
        self.apply(cx).await.map(Some)
    }

    async fn adopt(&self, cx: &CheckCx<'_>) -> Result<Adoption, Fault> {
        let args: Args = cx.step.args()?;
        let adopted = generation::adopt(cx, &args.log_dir, args.generation).await?;
        Ok(
            adopted.map_or(Adoption::Nothing, |(effect, found, _)| Adoption::Accepted {
                effects: vec![effect],
                outputs: Outputs::new(),
                found,
            }),
        )
    }
}
