//! `directory`: a folder is there.

use std::sync::Arc;

use async_trait::async_trait;
use camino::Utf8PathBuf;
use krun_model::{
    Address, ByHand, Change, Effect, Fault, FaultCode, HandCx, Kind, Map, Outputs, StepKind, Value,
    host::FileKind,
    kind::{ApplyCx, Check, CheckCx, Declared, KindSpec, StateKind, UndoClass},
    plan::DiffLine,
    schema::{ArgSpec, ArgType},
};
use serde::Deserialize;

use crate::{args, folders, mode};

static SPEC: KindSpec = KindSpec {
    name: "directory",
    doc: "Makes a folder, and the folders above it that are missing. A link to a folder will do.",
    args: &[
        ArgSpec::required("path", ArgType::Path, "the folder"),
        ArgSpec::optional(
            "mode",
            ArgType::Str,
            "permission bits in octal, such as \"0750\"; without it a new folder gets 0755 and one \
             that is there keeps its own",
        ),
    ],
    outputs: &[],
    undo: UndoClass::Reversible,
    examples: &[include_str!("examples/directory.rhai")],
};

/// The mode of a new folder.
const DEFAULT_MODE: u32 = 0o755;

#[derive(Deserialize)]
struct Args {
    path: Utf8PathBuf,
    mode: Option<String>,
}

struct Directory;

/// The kind.
pub fn kind() -> Kind {
    Kind::State(Arc::new(Directory))
}

impl StepKind for Directory {
    fn spec(&self) -> &KindSpec {
        &SPEC
    }

    fn declare(
        &self,
        step: &Address,
        _deployment: &str,
        args: &Map<Value>,
    ) -> Result<Declared, Fault> {
        mode::refuse_bad(step, args)?;
        Ok(args::writes(args, "path"))
    }

    fn computed(&self, args: &Map<Value>) -> Map<Value> {
        args::computed_path(args, "path")
    }

    fn by_hand(&self, cx: &HandCx<'_>) -> ByHand {
        crate::by_hand::directory(cx)
    }
}

#[async_trait]
impl StateKind for Directory {
    async fn check(&self, cx: &CheckCx<'_>) -> Result<Check, Fault> {
        let Args { path, mode } = cx.step.args()?;
        let wanted = mode::wanted(mode.as_deref())?;
        let Some(stat) = cx.host.stat(&path).await? else {
            return missing(cx, &path, wanted.unwrap_or(DEFAULT_MODE)).await;
        };
        let Some(folder) = folders::folder_stat(cx.host, &path, stat).await? else {
            return Err(folders::in_the_way(&path));
        };
        let Some(wanted) = wanted.filter(|wanted| *wanted != folder.mode) else {
            return Ok(Check::Satisfied(Outputs::new()));
        };
        if stat.kind == FileKind::Link {
            return Err(Fault::new(
                FaultCode::Conflict,
                "a folder behind a link has another mode",
            )
            .at(&path)
            .because(format!(
                "it is {}, and {} is wanted",
                mode::show(folder.mode),
                mode::show(wanted)
            ))
            .hint("Name the folder itself in the runbook, or leave out its mode."));
        }
        let (before, after) = (mode::show(folder.mode), mode::show(wanted));
        Ok(Check::Drift {
            change: Change::Update,
            why: format!("the folder's mode is {before}"),
            diff: vec![DiffLine::new("mode", Some(&before), after)],
        })
    }

    async fn apply(&self, cx: &ApplyCx<'_>) -> Result<Outputs, Fault> {
        let Args { path, mode } = cx.step.args()?;
        let wanted = mode::wanted(mode.as_deref())?;
        folders::ensure_dir(cx.host, &path, wanted.unwrap_or(DEFAULT_MODE)).await?;
        let link = cx
            .host
            .stat(&path)
            .await?
            .is_some_and(|stat| stat.kind == FileKind::Link);
        if let Some(mode) = wanted.filter(|_| !link) {
            cx.host.perform(Effect::MakeDir { path, mode }).await?;
        }
        Ok(Outputs::new())
    }

    async fn foresee(&self, cx: &ApplyCx<'_>) -> Result<Option<Outputs>, Fault> {
        self.apply(cx).await.map(Some)
    }
}

async fn missing(cx: &CheckCx<'_>, path: &Utf8PathBuf, wanted: u32) -> Result<Check, Fault> {
    let diff = folders::missing(cx.host, path)
        .await?
        .into_iter()
        .map(|folder| {
            let mode = if folder == *path {
                wanted
            } else {
                folders::PARENT_MODE
            };
            DiffLine::new(folder, None, format!("folder, mode {}", mode::show(mode)))
        })
        .collect();
    Ok(Check::Drift {
        change: Change::Create,
        why: "the folder is missing".to_owned(),
        diff,
    })
}
