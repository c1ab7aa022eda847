//! `file_clone`: a file is there that was made from a copy.

use std::sync::Arc;

use async_trait::async_trait;
use camino::Utf8PathBuf;
use krun_model::{
    Address, ByHand, Change, Content, Effect, Fault, FaultCode, HandCx, Kind, Map, Outputs,
    StepKind, Value,
    host::FileKind,
    kind::{ApplyCx, Check, CheckCx, Declared, KindSpec, StateKind, UndoClass},
    plan::DiffLine,
    schema::{ArgSpec, ArgType},
};
use serde::Deserialize;

use crate::{
    args,
    file::{DEFAULT_MODE, regular},
    folders,
};

static SPEC: KindSpec = KindSpec {
    name: "file_clone",
    doc: "Copies a file, unless its destination is there already: later edits of the copy are \
          kept. Folders above the copy that are missing are made.",
    args: &[
        ArgSpec::required("from", ArgType::Path, "the file to copy"),
        ArgSpec::required("to", ArgType::Path, "the copy"),
    ],
    outputs: &[],
    undo: UndoClass::Reversible,
    examples: &[include_str!("examples/file_clone.rhai")],
};

#[derive(Deserialize)]
struct Args {
    from: Utf8PathBuf,
    to: Utf8PathBuf,
}

struct FileClone;

/// The kind.
pub fn kind() -> Kind {
    Kind::State(Arc::new(FileClone))
}

impl StepKind for FileClone {
    fn spec(&self) -> &KindSpec {
        &SPEC
    }

    fn declare(
        &self,
        step: &Address,
        _deployment: &str,
        args: &Map<Value>,
    ) -> Result<Declared, Fault> {
        if let (Some(from), Some(to)) = (args::text(args, "from"), args::text(args, "to"))
            && from == to
        {
            return Err(
                Fault::new(FaultCode::Script, "a file is to be copied onto itself")
                    .at(step)
                    .because(format!("`from` and `to` are both {from}")),
            );
        }
        Ok(args::writes(args, "to"))
    }

    fn computed(&self, args: &Map<Value>) -> Map<Value> {
        args::computed_path(args, "to")
    }

    fn by_hand(&self, cx: &HandCx<'_>) -> ByHand {
        crate::by_hand::file_clone(cx)
    }
}

#[async_trait]
impl StateKind for FileClone {
    async fn check(&self, cx: &CheckCx<'_>) -> Result<Check, Fault> {
        let Args { from, to } = cx.step.args()?;
        if regular(cx.host, &to).await?.is_some() {
            return Ok(Check::Satisfied(Outputs::new()));
        }
        let diff = vec![DiffLine::new(to, None, format!("a copy of {from}"))];
        if cx.host.stat(&from).await?.is_none() {
            return Ok(Check::Unknown {
                why: format!("{from} is not there yet"),
                diff,
            });
        }
        Ok(Check::Drift {
            change: Change::Create,
            why: "the copy is missing".to_owned(),
            diff,
        })
    }

    async fn apply(&self, cx: &ApplyCx<'_>) -> Result<Outputs, Fault> {
        let Args { from, to } = cx.step.args()?;
        if regular(cx.host, &to).await?.is_some() {
            return Ok(Outputs::new());
        }
        let (Some(stat), Some(bytes)) = (cx.host.stat(&from).await?, cx.host.read(&from).await?)
        else {
            return Err(Fault::new(FaultCode::Io, "the file to copy is missing").at(from));
        };
        folders::ensure_parent(cx.host, &to).await?;
        let holds_secret = cx.step.secrets.guards(&from);
        cx.host
            .perform(Effect::WriteFile {
                path: to,
                content: match holds_secret {
                    true => Content::with_secret(bytes),
                    false => Content::new(bytes),
                },
                // A link has no mode of its own, and that of its target is not to be seen.
                mode: match stat.kind {
                    _ if holds_secret => stat.mode & 0o700,
                    FileKind::Link => DEFAULT_MODE,
                    _ => stat.mode,
                },
                owner: None,
            })
            .await?;
        Ok(Outputs::new())
    }

    async fn foresee(&self, cx: &ApplyCx<'_>) -> Result<Option<Outputs>, Fault> {
        self.apply(cx).await.map(Some)
    }
}
