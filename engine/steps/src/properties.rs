//! `properties`: keys of a properties file have the values that the runbook says.
//!
//! All else in the file, comments and order included, stays as it is. The bytes are read each time;
//! no time stamp is trusted.

use std::sync::Arc;

use async_trait::async_trait;
use camino::{Utf8Path, Utf8PathBuf};
use krun_model::{
    Address, ByHand, Change, Content, Effect, Fault, FaultCode, HandCx, Kind, Map, Outputs,
    StepKind, Text, Value,
    kind::{ApplyCx, Check, CheckCx, Declared, KindSpec, StateKind, StepRef, UndoClass},
    plan::{After, DiffLine},
    schema::{ArgSpec, ArgType},
    secret::{HIDDEN, is_secret_key},
};
use krun_properties::Document;
use serde::Deserialize;
use zeroize::Zeroizing;

use crate::{args, file::regular, mode};

static SPEC: KindSpec = KindSpec {
    name: "properties",
    doc: "Sets keys of a Java properties file that is there, and leaves every other byte as it is.",
    args: &[
        ArgSpec::required("path", ArgType::Path, "the file"),
        ArgSpec::required(
            "set",
            ArgType::MapOf(&ArgType::Scalar),
            "keys and the values they are to have; secrets may stand in a value, and then the file \
             is for its owner alone",
        )
        .or_secret(),
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
        if wanted.has_secret() {
            cx.step.secrets.guard(path);
        }
        let hidden = cx.step.secrets.guards(path);
        let Some(stat) = regular(cx.host, path).await? else {
            return Ok(Check::Unknown {
                why: format!("{path} is not there yet"),
                diff: wanted.diff(&Map::new(), hidden),
            });
        };
        let bytes = Zeroizing::new(cx.host.read(path).await?.unwrap_or_default());
        let mut diff = wanted.diff(&parse(path, &bytes)?.effective(), hidden);
        let mode = wanted.mode(stat.mode);
        if diff.is_empty() && mode != stat.mode {
            return Ok(Check::Drift {
                change: Change::Update,
                why: "others than its owner may read the file, which holds a secret".to_owned(),
                diff: vec![mode_line(stat.mode, mode)],
            });
        }
        if diff.is_empty() {
            return Ok(Check::Satisfied(Outputs::new()));
        }
        let count = diff.len();
        if mode != stat.mode {
            diff.push(mode_line(stat.mode, mode));
        }
        Ok(Check::Drift {
            change: Change::Update,
            why: match count {
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
                content: match wanted.has_secret() {
                    true => Content::with_secret(document.to_bytes()),
                    false => Content::new(document.to_bytes()),
                },
                mode: wanted.mode(stat.mode),
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
    set: Map<Wish>,
    remove: Vec<String>,
}

/// What a key is to have.
struct Wish {
    /// As people may see it.
    text: Text,
    value: Zeroizing<String>,
}

fn mode_line(there: u32, wanted: u32) -> DiffLine {
    DiffLine::new("mode", Some(&mode::show(there)), mode::show(wanted))
}

impl Wanted {
    fn of(step: &StepRef<'_>) -> Result<Self, Fault> {
        let Args { path, set, remove } = step.args()?;
        let set = set
            .into_iter()
            .map(|(key, value)| match text(&value) {
                Some(text) => {
                    let value = text.reveal(step.secrets)?;
                    Ok((key, Wish { text, value }))
                }
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

    fn has_secret(&self) -> bool {
        self.set.values().any(|wish| wish.text.has_secret())
    }

    /// The mode that the file is to have: nobody but its owner reads a secret.
    fn mode(&self, there: u32) -> u32 {
        match self.has_secret() {
            true => there & 0o700,
            false => there,
        }
    }

    /// The keys that differ from what a file holds: those to set, then those to remove. With `hidden`
    /// the file holds a secret, or held one, and what is there is shown only where it can't be one.
    fn diff(&self, there: &Map<String>, hidden: bool) -> Vec<DiffLine> {
        let shown = |key: &str, text: Option<&Text>, value: &str| {
            let secret = text.is_some_and(Text::has_secret) || is_secret_key(key);
            match hidden && secret {
                true => HIDDEN.to_owned(),
                false => value.to_owned(),
            }
        };
        let set = self
            .set
            .iter()
            .filter(|(key, wish)| there.get(*key).map(String::as_str) != Some(&*wish.value))
            .map(|(key, wish)| {
                let value = there.get(key);
                let before = value.map(|value| shown(key, Some(&wish.text), value));
                let after = match value {
                    Some(value) => wish.text.changed_from(value),
                    None => wish.text.to_string(),
                };
                DiffLine::new(key, before.as_deref(), after)
            });
        let removed = self.remove.iter().filter_map(|key| {
            Some(DiffLine {
                key: key.clone(),
                before: Some(shown(key, None, there.get(key)?)),
                after: After::Gone,
            })
        });
        set.chain(removed).collect()
    }

    /// Changes the keys that differ; an entry that is as wanted keeps its bytes.
    fn write_into(&self, document: &mut Document) {
        for (key, wish) in &self.set {
            if document.get(key).as_deref() != Some(&*wish.value) {
                document.set(key, &wish.value);
            }
        }
        for key in &self.remove {
            document.remove(key);
        }
    }
}

/// A scalar as it stands in a properties file.
fn text(value: &serde_json::Value) -> Option<Text> {
    match value {
        serde_json::Value::Number(number) => Some(number.to_string().as_str().into()),
        serde_json::Value::Bool(bool) => Some(bool.to_string().as_str().into()),
        value => Text::of_json(value),
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
