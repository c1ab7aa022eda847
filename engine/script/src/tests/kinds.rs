//! Small kinds to declare steps of.

use std::sync::Arc;

use async_trait::async_trait;
use camino::Utf8PathBuf;
use krun_model::{
    Address, Fault, FaultCode, Kind, Map, Outputs, StepKind, Target, Value,
    kind::{ApplyCx, Check, CheckCx, Declared, KindSpec, Kinds, StateKind, UndoClass},
    schema::{ArgSpec, ArgType, OutputSpec},
};

struct Test(KindSpec);

impl StepKind for Test {
    fn spec(&self) -> &KindSpec {
        &self.0
    }

    fn declare(&self, _: &Address, _: &str, args: &Map<Value>) -> Result<Declared, Fault> {
        let mut writes = vec![];
        if let Some(Value::Str(path)) = args.get("path") {
            if path == "/" {
                return Err(Fault::new(FaultCode::Script, "a file can't be the root")
                    .because("it is a folder")
                    .hint("Name a file below it."));
            }
            writes.push(Target::Path(Utf8PathBuf::from(path)));
        }
        Ok(Declared {
            writes,
            ..Declared::default()
        })
    }

    fn computed(&self, args: &Map<Value>) -> Map<Value> {
        let path = args.iter().find(|(key, _)| *key == "path");
        path.map(|(key, value)| (key.clone(), value.clone()))
            .into_iter()
            .collect()
    }
}

#[async_trait]
impl StateKind for Test {
    async fn check(&self, _: &CheckCx<'_>) -> Result<Check, Fault> {
        Ok(Check::Satisfied(Outputs::new()))
    }

    async fn apply(&self, _: &ApplyCx<'_>) -> Result<Outputs, Fault> {
        Ok(Outputs::new())
    }
}

const FILE: &[ArgSpec] = &[
    ArgSpec::required("path", ArgType::Path, "where it is"),
    ArgSpec::optional("content", ArgType::Scalar, "what is in it").or_secret(),
    ArgSpec::optional("labels", ArgType::List(&ArgType::Str), ""),
    ArgSpec::optional("mode", ArgType::OneOf(&["0600", "0644"]), ""),
];
const DIRECTORY: &[ArgSpec] = &[ArgSpec::required("path", ArgType::Path, "where it is")];
const PACKAGE: &[ArgSpec] = &[ArgSpec::required("names", ArgType::List(&ArgType::Str), "")];
const BROKER: &[ArgSpec] = &[
    ArgSpec::required("config", ArgType::Path, "its properties file"),
    ArgSpec::optional("port", ArgType::Port, ""),
    ArgSpec::optional("default", ArgType::Bool, ""),
];
const TOPIC: &[ArgSpec] = &[
    ArgSpec::required("name", ArgType::Str, ""),
    ArgSpec::optional("cluster", ArgType::Str, ""),
    ArgSpec::optional("config", ArgType::MapOf(&ArgType::Scalar), ""),
];

const DIGEST_TAG: &[OutputSpec] = &[OutputSpec::new("digest", ""), OutputSpec::new("tag", "")];
const CLUSTER_PID: &[OutputSpec] = &[
    OutputSpec::new("cluster_id", ""),
    OutputSpec::new("pid", ""),
];

/// The kinds that test scripts may use.
pub(super) fn kinds() -> Kinds {
    let kind = |name, args, outputs| {
        Kind::State(Arc::new(Test(KindSpec {
            name,
            doc: "",
            args,
            outputs,
            undo: UndoClass::Reversible,
            examples: &[],
        })))
    };
    Kinds::new([
        kind("file", FILE, DIGEST_TAG),
        kind("directory", DIRECTORY, &[]),
        kind("package", PACKAGE, &[]),
        kind("kafka::broker", BROKER, CLUSTER_PID),
        kind("kafka::topic::check", TOPIC, &[]),
    ])
}
