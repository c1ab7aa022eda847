//! Kinds for cases: a server that restarts with its configuration, and an act that is done once.

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

async fn wanted(host: &dyn ReadHost, step: &StepRef<'_>) -> Result<Option<ProcessSpec>, Fault> {
    let config = path_of(step, "config");
    Ok(host.digest(&config).await?.map(|digest| ProcessSpec {
        id: step.process_id(),
        argv: vec!["/bin/server".into(), config.to_string()],
        env: Map::new(),
        cwd: "/w".into(),
        log: format!("/log/{}", step.address).into(),
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
        if cx.change == Change::Restart {
            let (id, grace_ms) = (spec.id.clone(), 1);
            cx.host.perform(Effect::StopProcess { id, grace_ms }).await?;
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
