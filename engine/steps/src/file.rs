//! `file`: a file has the content that the runbook says.

use std::sync::Arc;

use async_trait::async_trait;
use camino::{Utf8Path, Utf8PathBuf};
use krun_model::{
    Address, ByHand, Change, Content, Effect, Fault, FaultCode, HandCx, Kind, Map, Outputs,
    ReadHost, StepKind, Text, Value,
    host::{FileKind, FileStat},
    kind::{ApplyCx, Check, CheckCx, Declared, KindSpec, StateKind, UndoClass},
    plan::DiffLine,
    schema::{ArgSpec, ArgType},
};
use serde::Deserialize;
use zeroize::Zeroizing;

use crate::{args, folders, mode, text_diff};

static SPEC: KindSpec = KindSpec {
    name: "file",
    doc: "Writes a file with the given content, and makes the folders above it that are missing.",
    args: &[
        ArgSpec::required("path", ArgType::Path, "the file"),
        ArgSpec::required(
            "content",
            ArgType::Str,
            "its whole content; secrets may stand in it, and then it is for its owner alone",
        )
        .or_secret(),
        ArgSpec::optional(
            "mode",
            ArgType::Str,
            "permission bits in octal, such as \"0640\"; without it a new file gets 0644 and one \
             that is there keeps its own, and a file with a secret gets 0600",
        ),
    ],
    outputs: &[],
    undo: UndoClass::Reversible,
    examples: &[include_str!("examples/file.rhai")],
};

/// The mode of a new file.
pub const DEFAULT_MODE: u32 = 0o644;

#[derive(Deserialize)]
struct Args {
    path: Utf8PathBuf,
    content: Text,
    mode: Option<String>,
}

struct File;

/// The kind.
pub fn kind() -> Kind {
    Kind::State(Arc::new(File))
}

impl StepKind for File {
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
        if args
            .get("content")
            .is_some_and(|content| content.secret().is_some())
        {
            mode::refuse_wide(step, args)?;
        }
        Ok(args::writes(args, "path"))
    }

    fn computed(&self, args: &Map<Value>) -> Map<Value> {
        args::computed_path(args, "path")
    }

    fn by_hand(&self, cx: &HandCx<'_>) -> ByHand {
        crate::by_hand::file(cx)
    }
}

#[async_trait]
impl StateKind for File {
    async fn check(&self, cx: &CheckCx<'_>) -> Result<Check, Fault> {
        let Args {
            path,
            content,
            mode,
        } = cx.step.args()?;
        let secrets = cx.step.secrets;
        let wanted = mode::wanted(mode.as_deref())?;
        if content.has_secret() {
            secrets.guard(&path);
        }
        let hidden = secrets.guards(&path);
        let text = content.reveal(secrets)?;
        let Some(stat) = regular(cx.host, &path).await? else {
            return Ok(Check::Drift {
                change: Change::Create,
                why: "the file is missing".to_owned(),
                diff: match hidden {
                    true => text_diff::hidden(None, &content, secrets)?,
                    false => text_diff::lines("", &text),
                },
            });
        };
        let bytes = Zeroizing::new(cx.host.read(&path).await?.unwrap_or_default());
        let mut diff = vec![];
        let mut why = vec![];
        if bytes.as_slice() != text.as_bytes() {
            let there = String::from_utf8_lossy(&bytes);
            diff = match hidden {
                true => text_diff::hidden(Some(&there), &content, secrets)?,
                false => text_diff::lines(&there, &text),
            };
            why.push("the content differs".to_owned());
        }
        let wanted = wanted.or_else(|| own_mode(&content, stat.mode));
        if let Some(wanted) = wanted.filter(|wanted| *wanted != stat.mode) {
            let before = mode::show(stat.mode);
            diff.push(DiffLine::new("mode", Some(&before), mode::show(wanted)));
            why.push(format!("the mode is {before}"));
        }
        if why.is_empty() {
            return Ok(Check::Satisfied(Outputs::new()));
        }
        Ok(Check::Drift {
            change: Change::Update,
            why: why.join(" and "),
            diff,
        })
    }

    async fn apply(&self, cx: &ApplyCx<'_>) -> Result<Outputs, Fault> {
        let Args {
            path,
            content,
            mode,
        } = cx.step.args()?;
        let wanted = mode::wanted(mode.as_deref())?;
        let there = regular(cx.host, &path).await?;
        folders::ensure_parent(cx.host, &path).await?;
        let text = content.reveal(cx.step.secrets)?;
        let own = there.map(|stat| own_mode(&content, stat.mode).unwrap_or(stat.mode));
        let new = own_mode(&content, DEFAULT_MODE).unwrap_or(DEFAULT_MODE);
        cx.host
            .perform(Effect::WriteFile {
                path,
                content: match content.has_secret() {
                    true => Content::with_secret(text.as_bytes()),
                    false => Content::new(text.as_bytes()),
                },
                mode: wanted.or(own).unwrap_or(new),
                owner: there.map(|stat| (stat.uid, stat.gid)),
            })
            .await?;
        Ok(Outputs::new())
    }

    async fn foresee(&self, cx: &ApplyCx<'_>) -> Result<Option<Outputs>, Fault> {
        self.apply(cx).await.map(Some)
    }
}

/// The mode of a file with a secret whose step says none, where the one that it has lets others in.
pub fn own_mode(content: &Text, mode: u32) -> Option<u32> {
    (content.has_secret() && mode & 0o077 != 0).then_some(mode & 0o600)
}

/// The metadata of a regular file, or none where nothing is.
///
/// # Errors
/// A conflict where anything else is: krun writes through no link.
pub async fn regular(host: &dyn ReadHost, path: &Utf8Path) -> Result<Option<FileStat>, Fault> {
    let found = host.stat(path).await?;
    let in_the_way = match found.map(|stat| stat.kind) {
        None | Some(FileKind::File) => return Ok(found),
        Some(FileKind::Dir) => "a folder is there",
        Some(FileKind::Link) => "a symbolic link is there, and krun writes through none",
        Some(FileKind::Other) => "a pipe, socket or device is there",
    };
    Err(Fault::new(
        FaultCode::Conflict,
        "a file is wanted where something else is",
    )
    .at(path)
    .because(in_the_way)
    .hint("Move away what is there, or name another path in the runbook."))
}
