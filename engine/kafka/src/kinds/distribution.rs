//! `kafka::distribution`: libs, config and bin of a version of Kafka.

use async_trait::async_trait;
use camino::Utf8PathBuf;
use krun_model::{
    Address, ByHand, Fault, FaultCode, HandCx, Map, Outputs, StepKind, Target, Value,
    kind::{ApplyCx, Check, CheckCx, Declared, KindSpec, Needs, StateKind, UndoClass},
    schema::{ArgSpec, ArgType},
};
use serde::Deserialize;

use super::args::text;
use crate::{
    distribution::{
        Folders,
        archive::Archive,
        existing,
        layout::Layout,
        source::{Found, Source},
    },
    versions::{self, KafkaVersion},
};

/// The kind.
pub struct Distribution;

#[derive(Deserialize)]
struct Args {
    version: String,
    to: Utf8PathBuf,
    home: Option<Utf8PathBuf>,
    from: Option<String>,
    checksum: Option<String>,
    #[serde(default)]
    unverified: bool,
    data: Option<Utf8PathBuf>,
    java: Utf8PathBuf,
}

static SPEC: KindSpec = KindSpec {
    name: "kafka::distribution",
    doc: "A distribution of Kafka with its ZooKeeper: `libs`, `config` and `bin`. Either the unpacked \
          archive that `home` names, which is looked at and never changed by this step, or one that is \
          made in `to`: jars from what `from` names, else through Maven; default configuration; \
          launchers for the usual tools. Configuration files are written only where they are missing. \
          The step has the properties `home`, `libs`, `config` and `bin`, which are paths that are known \
          at once.",
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
            "The folder of an unpacked archive of Apache's that is there already and is used as it stands.",
        ),
        ArgSpec::optional(
            "from",
            ArgType::Str,
            "Where the distribution comes from: the path or the http(s) URL of a .tgz, or the folder of an unpacked one, which is left as it is. Apache's layout and Confluent's. Maven if not given.",
        ),
        ArgSpec::optional(
            "checksum",
            ArgType::Str,
            "What `from` must add up to: a SHA-512 or SHA-256 in any form that checksum files have, or the absolute path or URL of such a file. If not given, the .sha512 beside the archive.",
        ),
        ArgSpec::optional(
            "unverified",
            ArgType::Bool,
            "Whether a URL is taken for which there is no checksum at all; false if not given.",
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

/// The jars of 3.9.1 take 56 MB, and as much again in Maven's own cache; an archive takes 120 MB and
/// as much again unpacked.
const DISK: u64 = 250 * 1024 * 1024;

/// Arguments that say where a distribution comes from, as far as they are known.
fn source(
    row: &'static KafkaVersion,
    from: Option<&str>,
    checksum: Option<&str>,
    unverified: bool,
) -> Result<Source, Fault> {
    match from {
        Some(from) => {
            let archive = Archive::new(from, checksum, unverified, row)?;
            Ok(Source::Packed(archive, row))
        }
        None if checksum.is_some() || unverified => Err(Fault::new(
            FaultCode::Script,
            "`checksum` and `unverified` say how `from` is checked, and `from` is not given",
        )
        .hint("Name the archive as `from`, or leave them out.")),
        None => Ok(Source::Maven),
    }
}

impl Args {
    fn source(&self, row: &'static KafkaVersion) -> Result<Source, Fault> {
        let checksum = self.checksum.as_deref();
        source(row, self.from.as_deref(), checksum, self.unverified)
    }

    fn layout<'a>(
        &'a self,
        row: &KafkaVersion,
        source: &'a Source,
        folders: &'a Folders,
    ) -> Layout<'a> {
        Layout {
            product: row.product(),
            source,
            folders,
            java: &self.java,
            data: self.data.as_deref(),
        }
    }
}

impl StepKind for Distribution {
    fn spec(&self) -> &KindSpec {
        &SPEC
    }

    fn declare(&self, step: &Address, _: &str, args: &Map<Value>) -> Result<Declared, Fault> {
        if text(args, "home").is_some() && args.contains_key("from") {
            return Err(Fault::new(
                FaultCode::Script,
                "`home` and `from` both say where Kafka is",
            )
            .at(step)
            .because("`home` is a folder that is used as it stands, `from` one to make a distribution of")
            .hint("Give one of the two."));
        }
        if let Some(version) = text(args, "version") {
            let row = versions::find(version).map_err(|fault| fault.at(step))?;
            let unverified = matches!(args.get("unverified"), Some(Value::Bool(true)));
            source(row, text(args, "from"), text(args, "checksum"), unverified)
                .map_err(|fault| fault.at(step))?;
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
        Folders::of(home).values()
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
        let source = args.source(row)?;
        let layout = args.layout(row, &source, &folders);
        layout.check(cx.host).await
    }

    async fn apply(&self, cx: &ApplyCx<'_>) -> Result<Outputs, Fault> {
        let args: Args = cx.step.args()?;
        let row = versions::find(&args.version)?;
        if let Some(home) = &args.home {
            existing::look(cx.host, home, row).await?;
            return Ok(Outputs::new());
        }
        let folders = Folders::of(&args.to);
        let source = args.source(row)?;
        let layout = args.layout(row, &source, &folders);
        cx.progress.say(&source.title(&row.product()));
        layout.make(cx.host, cx.progress).await?;
        Ok(Outputs::new())
    }

    /// All but the jars: those are known once they are downloaded.
    async fn foresee(&self, cx: &ApplyCx<'_>) -> Result<Option<Outputs>, Fault> {
        let args: Args = cx.step.args()?;
        if args.home.is_none() {
            let row = versions::find(&args.version)?;
            let folders = Folders::of(&args.to);
            let source = args.source(row)?;
            let layout = args.layout(row, &source, &folders);
            let found = source.look(cx.host).await?;
            if found == Found::NotYet {
                return Ok(None);
            }
            layout.make_files(cx.host, &found).await?;
        }
        Ok(Some(Outputs::new()))
    }
}
