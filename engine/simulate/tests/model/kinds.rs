//! Kinds for cases: a server that restarts with its configuration, an act that is done once, and a step
//! that breaks a promise.

use std::sync::Arc;

use async_trait::async_trait;
use camino::{Utf8Path, Utf8PathBuf};
use krun_model::{
    Address, Change, Content, Digest, Effect, Fault, Kind, Map, Outputs, ProcessId, ProcessSpec,
    ReadHost, StepKind, Target, Value,
    kind::{
        ApplyCx, Check, CheckCx, Declared, KindSpec, Kinds, OnceKind, StateKind, StepRef, UndoClass,
    },
    schema::{ArgSpec, ArgType},
};

/// What an act is done to: the text of this file.
pub const GENERATION: &str = "/w/generation";

pub fn kinds() -> Kinds {
    let own = [
        Kind::State(Arc::new(Server)),
        Kind::Once(Arc::new(Act)),
        Kind::State(Arc::new(Twice)),
    ];
    Kinds::new(krun_steps::kinds().into_iter().chain(own))
}

fn path_of(step: &StepRef<'_>, name: &str) -> Utf8PathBuf {
    step.args[name].as_str().unwrap_or_default().into()
}

fn text<'a>(args: &'a Map<Value>, name: &str) -> &'a str {
    match args.get(name) {
        Some(Value::Str(text)) => text,
        _ => "",
    }
}

/// A process that reads its configuration when it starts.
struct Server;

static SERVER: KindSpec = KindSpec {
    name: "server",
    doc: "A server.",
    args: &[ArgSpec::required("config", ArgType::Path, "Its file.")],
    outputs: &[],
    undo: UndoClass::Compensable,
    examples: &[],
};

/// The folder of a server's log, which is the server's.
fn logs(step: &StepRef<'_>) -> Utf8PathBuf {
    Utf8Path::new("/log").join(step.address.as_str())
}

async fn wanted(host: &dyn ReadHost, step: &StepRef<'_>) -> Result<Option<ProcessSpec>, Fault> {
    let config = path_of(step, "config");
    Ok(host.digest(&config).await?.map(|digest| ProcessSpec {
        id: step.process_id(),
        argv: vec!["/bin/server".into(), config.to_string()],
        env: Map::new(),
        secret_env: Default::default(),
        cwd: "/w".into(),
        log: logs(step).join("out"),
        digest,
        stop_grace_ms: 1,
    }))
}

impl StepKind for Server {
    fn spec(&self) -> &KindSpec {
        &SERVER
    }

    fn declare(&self, step: &Address, id: &str, args: &Map<Value>) -> Result<Declared, Fault> {
        Ok(Declared {
            writes: vec![Target::Process(ProcessId {
                deployment: id.to_owned(),
                step: step.clone(),
            })],
            reads: vec![text(args, "config").into()],
            restart_group: Some("servers".into()),
            ..Declared::default()
        })
    }
}

#[async_trait]
impl StateKind for Server {
    async fn check(&self, cx: &CheckCx<'_>) -> Result<Check, Fault> {
        let drift = |change| Check::Drift {
            change,
            why: "it differs".into(),
            diff: vec![],
        };
        let Some(spec) = wanted(cx.host, &cx.step).await? else {
            let why = "there is no configuration yet".into();
            return Ok(Check::Unknown { why, diff: vec![] });
        };
        Ok(match cx.host.process(&spec.id).await? {
            None => drift(Change::Create),
            Some(running) if running.digest != Some(spec.digest) => drift(Change::Restart),
            Some(_) => Check::Satisfied(Outputs::new()),
        })
    }

    async fn apply(&self, cx: &ApplyCx<'_>) -> Result<Outputs, Fault> {
        let spec = wanted(cx.host, &cx.step).await?;
        let spec = spec.ok_or_else(|| Fault::internal("no configuration"))?;
        let (path, mode) = (logs(&cx.step), 0o755);
        let quarantine = cx.host.quarantine(&path, "log").await?;
        let folder = path.clone();
        cx.host
            .perform(Effect::MakeDir { path: folder, mode })
            .await?;
        cx.host.perform(Effect::Claim { path, quarantine }).await?;
        if cx.change == Change::Restart {
            let (id, grace_ms) = (spec.id.clone(), 1);
            cx.host
                .perform(Effect::StopProcess { id, grace_ms })
                .await?;
        }
        cx.host.perform(Effect::StartProcess(spec)).await?;
        Ok(Outputs::new())
    }
}

/// Writes the generation down, once for each.
struct Act;

static ACT: KindSpec = KindSpec {
    name: "act",
    doc: "An act.",
    args: &[ArgSpec::required("path", ArgType::Path, "Its trace.")],
    outputs: &[],
    undo: UndoClass::Reversible,
    examples: &[],
};

impl StepKind for Act {
    fn spec(&self) -> &KindSpec {
        &ACT
    }

    fn declare(&self, _: &Address, _: &str, args: &Map<Value>) -> Result<Declared, Fault> {
        Ok(Declared {
            writes: vec![Target::Path(text(args, "path").into())],
            ..Declared::default()
        })
    }
}

#[async_trait]
impl OnceKind for Act {
    async fn incarnation(&self, cx: &CheckCx<'_>) -> Result<Option<Digest>, Fault> {
        cx.host.digest(Utf8Path::new(GENERATION)).await
    }

    async fn apply(&self, cx: &ApplyCx<'_>) -> Result<Outputs, Fault> {
        let generation = cx.host.read(Utf8Path::new(GENERATION)).await?;
        let content = Content::new(generation.unwrap_or_default());
        let path = path_of(&cx.step, "path");
        let (mode, owner) = (0o644, None);
        cx.host
            .perform(Effect::WriteFile {
                path,
                content,
                mode,
                owner,
            })
            .await?;
        Ok(Outputs::new())
    }
}

/// Writes a file three times over, and begins anew each time: killed after the second, all is written
/// again.
struct Twice;

static TWICE: KindSpec = KindSpec {
    name: "twice",
    doc: "A step that does something again.",
    args: &[ArgSpec::required("path", ArgType::Path, "Its file.")],
    outputs: &[],
    undo: UndoClass::Reversible,
    examples: &[],
};

impl StepKind for Twice {
    fn spec(&self) -> &KindSpec {
        &TWICE
    }

    fn declare(&self, _: &Address, _: &str, args: &Map<Value>) -> Result<Declared, Fault> {
        Ok(Declared {
            writes: vec![Target::Path(text(args, "path").into())],
            ..Declared::default()
        })
    }
}

#[async_trait]
impl StateKind for Twice {
    async fn check(&self, cx: &CheckCx<'_>) -> Result<Check, Fault> {
        Ok(match cx.host.digest(&path_of(&cx.step, "path")).await? {
            Some(digest) if digest == Digest::of("c") => Check::Satisfied(Outputs::new()),
            _ => Check::Drift {
                change: Change::Create,
                why: "it differs".into(),
                diff: vec![],
            },
        })
    }

    async fn apply(&self, cx: &ApplyCx<'_>) -> Result<Outputs, Fault> {
        let path = path_of(&cx.step, "path");
        for part in ["a", "b", "c"] {
            let effect = Effect::WriteFile {
                path: path.clone(),
                content: Content::new(part.as_bytes()),
                mode: 0o644,
                owner: None,
            };
            cx.host.perform(effect).await?;
        }
        Ok(Outputs::new())
    }
}
