//! `properties`: keys of a properties file have the values that the runbook says.
//!
//! All else in the file, comments and order included, stays as it is. The bytes are read each time;
//! no time stamp is trusted.

use std::sync::Arc;

use async_trait::async_trait;
use camino::{Utf8Path, Utf8PathBuf};
use krun_model::{
    Address, ByHand, Change, Content, Effect, Fault, FaultCode, HandCx, Kind, Map, Outputs,
    StepKind, Value,
    kind::{ApplyCx, Check, CheckCx, Declared, KindSpec, StateKind, StepRef, UndoClass},
    plan::{After, DiffLine},
    schema::{ArgSpec, ArgType},
};
use krun_properties::Document;
use serde::Deserialize;

use crate::{args, file::regular};

static SPEC: KindSpec = KindSpec {
    name: "properties",
    doc: "Sets keys of a Java properties file that is there, and leaves every other byte as it is.",
    args: &[
        ArgSpec::required("path", ArgType::Path, "the file"),
        ArgSpec::required(
            "set",
            ArgType::MapOf(&ArgType::Scalar),
            "keys and the values they are to have",
        ),
        ArgSpec::optional(
            "remove",
            ArgType::List(&ArgType::Str),
            "keys that are to have no entry; none by default",
        ),
    ],
    outputs: &[],
    undo: UndoClass::Reversible,
    examples: &[include_str!("examples/properties.rhai")],
};

#[derive(Deserialize)]
struct Args {
    path: Utf8PathBuf,
    set: Map<serde_json::Value>,
    #[serde(default)]
    remove: Option<Vec<String>>,
}

struct Properties;

/// The kind.
pub fn kind() -> Kind {
    Kind::State(Arc::new(Properties))
}

impl StepKind for Properties {
    fn spec(&self) -> &KindSpec {
        &SPEC
    }

    fn declare(
        &self,
        step: &Address,
        _deployment: &str,
        args: &Map<Value>,
    ) -> Result<Declared, Fault> {
        if let (Some(Value::Map(set)), Some(Value::List(remove))) =
            (args.get("set"), args.get("remove"))
            && let Some(key) = set
                .keys()
                .find(|key| remove.contains(&Value::Str((*key).clone())))
        {
            return Err(
                Fault::new(FaultCode::Script, "a key is both set and removed")
                    .at(step)
                    .because(format!("`{key}` stands in `set` and in `remove`")),
            );
        }
        Ok(args::writes(args, "path"))
    }

    fn computed(&self, args: &Map<Value>) -> Map<Value> {
        args::computed_path(args, "path")
    }

    fn by_hand(&self, cx: &HandCx<'_>) -> ByHand {
        crate::by_hand::properties(cx)
    }
}

#[async_trait]
impl StateKind for Properties {
    async fn check(&self, cx: &CheckCx<'_>) -> Result<Check, Fault> {
        let wanted = Wanted::of(&cx.step)?;
        let path = &wanted.path;
        if regular(cx.host, path).await?.is_none() {
            return Ok(Check::Unknown {
                why: format!("{path} is not there yet"),
                diff: wanted.diff(&Map::new()),
            });
        }
        let bytes = cx.host.read(path).await?.unwrap_or_default();
        let diff = wanted.diff(&parse(path, &bytes)?.effective());
        if diff.is_empty() {
            return Ok(Check::Satisfied(Outputs::new()));
        }
        Ok(Check::Drift {
            change: Change::Update,
            why: match diff.len() {
                1 => "1 property differs".to_owned(),
                count => format!("{count} properties differ"),
            },
            diff,
        })
    }

    async fn apply(&self, cx: &ApplyCx<'_>) -> Result<Outputs, Fault> {
        let wanted = Wanted::of(&cx.step)?;
        let path = wanted.path.clone();
        let (Some(stat), Some(bytes)) =
            (regular(cx.host, &path).await?, cx.host.read(&path).await?)
        else {
            return Err(Fault::new(FaultCode::Io, "the properties file is missing")
                .at(&path)
                .hint("Let an earlier step of the runbook make it, `file_clone` for one."));
        };
        let mut document = parse(&path, &bytes)?;
        wanted.write_into(&mut document);
        cx.host
            .perform(Effect::WriteFile {
                path,
                content: Content::new(document.to_bytes()),
                mode: stat.mode,
                owner: Some((stat.uid, stat.gid)),
            })
            .await?;
        Ok(Outputs::new())
    }

    async fn foresee(&self, cx: &ApplyCx<'_>) -> Result<Option<Outputs>, Fault> {
        self.apply(cx).await.map(Some)
    }
}

/// What the step asks for, as text.
struct Wanted {
    path: Utf8PathBuf,
    set: Map<String>,
    remove: Vec<String>,
}

impl Wanted {
    fn of(step: &StepRef<'_>) -> Result<Self, Fault> {
        let Args { path, set, remove } = step.args()?;
        let set = set
            .into_iter()
            .map(|(key, value)| match text(&value) {
                Some(text) => Ok((key, text)),
                None => Err(
                    Fault::new(FaultCode::Script, "a property's value has the wrong type")
                        .at(step.address)
                        .because(format!("`{key}` is neither text, number nor bool")),
                ),
            })
            .collect::<Result<_, _>>()?;
        Ok(Self {
            path,
            set,
            remove: remove.unwrap_or_default(),
        })
    }

    /// The keys that differ from what a file holds: those to set, then those to remove.
    fn diff(&self, there: &Map<String>) -> Vec<DiffLine> {
        let set = self
            .set
            .iter()
            .filter(|(key, value)| there.get(*key) != Some(value))
            .map(|(key, value)| {
                DiffLine::new(key, there.get(key).map(String::as_str), value.clone())
            });
        let removed = self.remove.iter().filter_map(|key| {
            Some(DiffLine {
                key: key.clone(),
                before: Some(there.get(key)?.clone()),
                after: After::Gone,
            })
        });
        set.chain(removed).collect()
    }

    /// Changes the keys that differ; an entry that is as wanted keeps its bytes.
    fn write_into(&self, document: &mut Document) {
        for (key, value) in &self.set {
            if document.get(key).as_ref() != Some(value) {
                document.set(key, value);
            }
        }
        for key in &self.remove {
            document.remove(key);
        }
    }
}

/// A scalar as it stands in a properties file.
fn text(value: &serde_json::Value) -> Option<String> {
    match value {
        serde_json::Value::String(text) => Some(text.clone()),
        serde_json::Value::Number(number) => Some(number.to_string()),
        serde_json::Value::Bool(bool) => Some(bool.to_string()),
        _ => None,
    }
}

fn parse(path: &Utf8Path, bytes: &[u8]) -> Result<Document, Fault> {
    Document::parse(bytes).map_err(|error| {
        Fault::new(
            FaultCode::Conflict,
            "a properties file is not one that Java would read",
        )
        .at(format!("{path}:{}:{}", error.line, error.column))
        .because(error.what)
        .hint("Correct that line, or move the file away.")
    })
}
