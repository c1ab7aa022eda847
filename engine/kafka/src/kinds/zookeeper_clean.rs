//! `zookeeper::clean`: a ZooKeeper that remembers nothing, once per deployment.

use async_trait::async_trait;
use camino::{Utf8Path, Utf8PathBuf};
use krun_model::{
    Address, ByHand, Change, Content, Effect, Fault, HandCx, Map, Outputs, ReadHost, StepKind,
    Target, Value,
    kind::{Adoption, ApplyCx, Check, CheckCx, Declared, KindSpec, StateKind, UndoClass},
    plan::{After, DiffLine},
    schema::{ArgSpec, ArgType, OutputSpec},
};
use krun_steps::folders::ensure_dir;
use serde::Deserialize;
use serde_json::json;

use super::args::text;
use crate::{
    aside, distribution,
    generation::{self, Generation},
};

/// The folder, in dataDir and in dataLogDir, that holds all that ZooKeeper remembers.
const VERSION_2: &str = "version-2";

/// The kind.
pub struct Clean;

#[derive(Deserialize)]
struct Args {
    data_dir: Utf8PathBuf,
    data_log_dir: Utf8PathBuf,
}

impl Args {
    /// The folders, each once.
    fn folders(&self) -> Vec<&Utf8Path> {
        let mut folders = vec![&*self.data_dir, &*self.data_log_dir];
        folders.dedup();
        folders
    }
}

static SPEC: KindSpec = KindSpec {
    name: "zookeeper::clean",
    doc: "Sets aside what ZooKeeper remembers, so that it starts empty: the folders `version-2` of its \
          snapshots and transaction logs go into quarantine together, `myid` and all else stays. Done once \
          per deployment, which a marker in the folder says; never while a process uses the folder.",
    args: &[
        ArgSpec::required(
            "data_dir",
            ArgType::Str,
            "ZooKeeper's dataDir, an absolute path.",
        ),
        ArgSpec::required(
            "data_log_dir",
            ArgType::Str,
            "ZooKeeper's dataLogDir, an absolute path; dataDir again where it has none of its own.",
        ),
    ],
    outputs: &[OutputSpec::new(
        "generation",
        "A UUID, new each time it is cleaned.",
    )],
    undo: UndoClass::Reversible,
    examples: &[include_str!("examples/zookeeper_clean.rhai")],
};

impl StepKind for Clean {
    fn spec(&self) -> &KindSpec {
        &SPEC
    }

    fn declare(&self, _: &Address, _: &str, args: &Map<Value>) -> Result<Declared, Fault> {
        let folders = ["data_dir", "data_log_dir"].map(|name| text(args, name));
        let mut writes: Vec<_> = folders
            .into_iter()
            .flatten()
            .map(|folder| Target::Contents(folder.into()))
            .collect();
        writes.dedup();
        Ok(Declared {
            writes,
            ..Declared::default()
        })
    }

    fn by_hand(&self, cx: &HandCx<'_>) -> ByHand {
        crate::by_hand::zookeeper_clean(cx)
    }
}

/// This deployment's marker in a folder.
async fn marker(
    host: &dyn ReadHost,
    data_dir: &Utf8Path,
    deployment: &str,
) -> Result<Option<Generation>, Fault> {
    let found = Generation::of(host, data_dir).await?;
    Ok(found.filter(|marker| marker.deployment == deployment))
}

fn outputs(generation: Generation) -> Outputs {
    Outputs::from([("generation".to_owned(), json!(generation.generation))])
}

#[async_trait]
impl StateKind for Clean {
    async fn check(&self, cx: &CheckCx<'_>) -> Result<Check, Fault> {
        let args: Args = cx.step.args()?;
        if let Some(marker) = marker(cx.host, &args.data_dir, cx.step.deployment).await? {
            return Ok(Check::Satisfied(outputs(marker)));
        }
        let mut diff = vec![];
        for folder in args.folders() {
            let path = folder.join(VERSION_2);
            if let Some(names) = cx.host.list(&path).await? {
                let before = format!("{} entries", names.len());
                diff.push(DiffLine::new(path, Some(&before), "set aside"));
            }
        }
        let old = !diff.is_empty();
        diff.push(DiffLine {
            key: "generation".into(),
            before: None,
            after: After::KnownAfterApply,
        });
        Ok(Check::Drift {
            change: if old { Change::Update } else { Change::Create },
            why: if old {
                "it holds what an earlier ZooKeeper remembers".to_owned()
            } else {
                "it was not prepared for this deployment yet".to_owned()
            },
            diff,
        })
    }

    async fn apply(&self, cx: &ApplyCx<'_>) -> Result<Outputs, Fault> {
        let args: Args = cx.step.args()?;
        let deployment = cx.step.deployment;
        if let Some(marker) = marker(cx.host, &args.data_dir, deployment).await? {
            return Ok(outputs(marker));
        }
        set_aside(cx, &args).await?;
        let generation = Generation::fresh(cx.host, deployment).await?;
        cx.host
            .perform(Effect::WriteFile {
                path: generation::path(&args.data_dir),
                content: Content::new(generation.text().into_bytes()),
                mode: distribution::FILE,
                owner: None,
            })
            .await?;
        Ok(outputs(generation))
    }

    /// All but the marker: a generation is a new one each time.
    async fn foresee(&self, cx: &ApplyCx<'_>) -> Result<Option<Outputs>, Fault> {
        set_aside(cx, &cx.step.args()?).await.map(|()| None)
    }

    /// What a running server uses is its own generation: that of a marker that is there, or a new one.
    async fn adopt(&self, cx: &CheckCx<'_>) -> Result<Adoption, Fault> {
        let args: Args = cx.step.args()?;
        let generation = match Generation::of(cx.host, &args.data_dir).await? {
            Some(marker) => marker.generation,
            None => {
                Generation::fresh(cx.host, cx.step.deployment)
                    .await?
                    .generation
            }
        };
        let adopted = generation::adopt(cx, &args.data_dir, generation).await?;
        Ok(
            adopted.map_or(Adoption::Nothing, |(effect, found, marker)| {
                Adoption::Accepted {
                    effects: vec![effect],
                    outputs: outputs(marker),
                    found,
                }
            }),
        )
    }
}

/// Moves what ZooKeeper remembers into the quarantine.
async fn set_aside(cx: &ApplyCx<'_>, args: &Args) -> Result<(), Fault> {
    for folder in args.folders() {
        aside::unused(cx.host, folder).await?;
    }
    for (folder, what) in args.folders().into_iter().zip(["data", "datalog"]) {
        ensure_dir(cx.host, folder, distribution::FOLDER).await?;
        let name = aside::name(cx.step.address, what);
        let to = cx.host.quarantine(folder, &name).await?;
        aside::entries(cx.host, folder, &[VERSION_2.to_owned()], &to).await?;
    }
    Ok(())
}
