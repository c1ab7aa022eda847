//! `kafka::distribution`: libs, config and bin of a version of Kafka.

use async_trait::async_trait;
use camino::Utf8PathBuf;
use krun_model::{
    Address, ByHand, Change, Fault, HandCx, Map, Outputs, StepKind, Target, Value,
    kind::{ApplyCx, Check, CheckCx, Declared, KindSpec, Needs, StateKind, UndoClass},
    schema::{ArgSpec, ArgType},
};
use serde::Deserialize;

use super::args::text;
use crate::{
    distribution::{Folders, existing, layout::Layout},
    versions,
};

/// The kind.
pub struct Distribution;

#[derive(Deserialize)]
struct Args {
    version: String,
    to: Utf8PathBuf,
    home: Option<Utf8PathBuf>,
    data: Option<Utf8PathBuf>,
    java: Utf8PathBuf,
}

static SPEC: KindSpec = KindSpec {
    name: "kafka::distribution",
    doc: "A distribution of Kafka with its ZooKeeper: `libs`, `config` and `bin`. Either the unpacked \
          archive that `home` names, which is looked at and never changed by this step, or one that is \
          made in `to`: jars through Maven, default configuration, launchers for the usual tools. \
          Configuration files are written only where they are missing. The step has the properties \
          `home`, `libs`, `config` and `bin`, which are paths that are known at once.",
    args: &[
        ArgSpec::required(
            "version",
            ArgType::Str,
            "The version of Kafka, such as 3.9.1.",
        ),
        ArgSpec::required(
            "to",
            ArgType::Path,
            "The folder to make the distribution in; not used where `home` is given.",
        ),
        ArgSpec::required(
            "java",
            ArgType::Str,
            "The Java program that launchers start where JAVA_HOME is not set: output `bin` of kafka::java.",
        ),
        ArgSpec::optional(
            "home",
            ArgType::Path,
            "The folder of an unpacked archive that is there already.",
        ),
        ArgSpec::optional(
            "data",
            ArgType::Path,
            "The folder below which the default configuration keeps `zookeeper` and `kafka-logs`; /tmp if not given.",
        ),
    ],
    outputs: &[],
    undo: UndoClass::Reversible,
    examples: &[include_str!("examples/distribution.rhai")],
};

/// The jars of 3.9.1 take 56 MB, and as much again in Maven's own cache.
const DISK: u64 = 120 * 1024 * 1024;

impl StepKind for Distribution {
    fn spec(&self) -> &KindSpec {
        &SPEC
    }

    fn declare(&self, step: &Address, _: &str, args: &Map<Value>) -> Result<Declared, Fault> {
        if let Some(version) = text(args, "version") {
            versions::find(version).map_err(|fault| fault.at(step))?;
        }
        let made = text(args, "to").filter(|_| text(args, "home").is_none());
        Ok(Declared {
            writes: made.iter().map(|to| Target::Path((*to).into())).collect(),
            needs: Needs {
                disk: made.iter().map(|to| ((*to).into(), DISK)).collect(),
                ..Needs::default()
            },
            ..Declared::default()
        })
    }

    fn computed(&self, args: &Map<Value>) -> Map<Value> {
        let Some(home) = text(args, "home").or_else(|| text(args, "to")) else {
            return Map::new();
        };
        let folders = Folders::of(home);
        [
            ("home", folders.home),
            ("libs", folders.libs),
            ("config", folders.config),
            ("bin", folders.bin),
        ]
        .map(|(name, path)| (name.to_owned(), Value::Str(path.into_string())))
        .into()
    }

    fn by_hand(&self, cx: &HandCx<'_>) -> ByHand {
        crate::by_hand::distribution(cx)
    }
}

#[async_trait]
impl StateKind for Distribution {
    async fn check(&self, cx: &CheckCx<'_>) -> Result<Check, Fault> {
        let args: Args = cx.step.args()?;
        let row = versions::find(&args.version)?;
        if let Some(home) = &args.home {
            existing::look(cx.host, home, row).await?;
            return Ok(Check::Satisfied(Outputs::new()));
        }
        let folders = Folders::of(&args.to);
        let layout = Layout {
            row,
            folders: &folders,
            java: &args.java,
            data: args.data.as_deref(),
        };
        let diff = layout.differences(cx.host).await?;
        if diff.is_empty() {
            return Ok(Check::Satisfied(Outputs::new()));
        }
        let there = cx.host.stat(&folders.libs).await?.is_some();
        Ok(Check::Drift {
            change: if there {
                Change::Update
            } else {
                Change::Create
            },
            why: match (there, diff.len()) {
                (false, _) => "it is not there".to_owned(),
                (true, 1) => format!("{} differs", diff[0].key),
                (true, count) => format!("{count} of its files differ"),
            },
            diff,
        })
    }

    async fn apply(&self, cx: &ApplyCx<'_>) -> Result<Outputs, Fault> {
        let args: Args = cx.step.args()?;
        let row = versions::find(&args.version)?;
        if let Some(home) = &args.home {
            existing::look(cx.host, home, row).await?;
            return Ok(Outputs::new());
        }
        let folders = Folders::of(&args.to);
        let layout = Layout {
            row,
            folders: &folders,
            java: &args.java,
            data: args.data.as_deref(),
        };
        cx.progress
            .say(&format!("Kafka {} through Maven", row.version));
        layout.make(cx.host).await?;
        Ok(Outputs::new())
    }
}
