//! `zookeeper::distribution`: a ZooKeeper of its own, beside or instead of the one that Kafka brings.

use async_trait::async_trait;
use camino::{Utf8Path, Utf8PathBuf};
use krun_model::{
    Address, ByHand, Fault, HandCx, Map, Outputs, StepKind, Target, Value,
    kind::{ApplyCx, Check, CheckCx, Declared, KindSpec, Needs, StateKind, UndoClass},
    schema::{ArgSpec, ArgType},
};
use serde::Deserialize;

use super::args::text;
use crate::{
    distribution::{Folders, layout::Layout, source::Source},
    versions::{Product, zookeeper},
};

/// The kind.
pub struct Distribution;

#[derive(Deserialize)]
struct Args {
    version: String,
    to: Utf8PathBuf,
    data: Option<Utf8PathBuf>,
    java: Utf8PathBuf,
}

impl Args {
    fn product(&self) -> Result<Product, Fault> {
        Ok(zookeeper::find(&self.version)?.product())
    }

    fn folders(&self) -> Folders {
        folders(&self.to)
    }

    fn layout<'a>(&'a self, product: Product, folders: &'a Folders) -> Layout<'a> {
        Layout {
            product,
            source: &Source::Maven,
            folders,
            java: &self.java,
            data: self.data.as_deref(),
        }
    }
}

fn folders(to: &Utf8Path) -> Folders {
    Folders::with_config(to, "conf")
}

static SPEC: KindSpec = KindSpec {
    name: "zookeeper::distribution",
    doc: "A ZooKeeper of another version than the one that Kafka brings: `libs` through Maven, default \
          configuration in `conf` (zoo.cfg and the one of its logging), and `bin` with zkServer.sh and \
          zkCli.sh. Configuration files are written only where they are missing. The step has the \
          properties `home`, `libs`, `config` and `bin`, which are paths that are known at once.",
    args: &[
        ArgSpec::required(
            "version",
            ArgType::Str,
            "The version of ZooKeeper, such as 3.8.4.",
        ),
        ArgSpec::required("to", ArgType::Path, "The folder to make it in."),
        ArgSpec::required(
            "java",
            ArgType::Str,
            "The Java program that launchers start where JAVA_HOME is not set: output `bin` of kafka::java.",
        ),
        ArgSpec::optional(
            "data",
            ArgType::Path,
            "The folder below which the default configuration keeps `zookeeper`; /tmp if not given.",
        ),
    ],
    outputs: &[],
    undo: UndoClass::Reversible,
    examples: &[include_str!("examples/zookeeper_distribution.rhai")],
};

impl StepKind for Distribution {
    fn spec(&self) -> &KindSpec {
        &SPEC
    }

    fn declare(&self, step: &Address, _: &str, args: &Map<Value>) -> Result<Declared, Fault> {
        let row = match text(args, "version") {
            Some(version) => Some(zookeeper::find(version).map_err(|fault| fault.at(step))?),
            None => None,
        };
        let to = text(args, "to");
        // The jars, and as much again in Maven's own cache.
        let disk = row.map_or(0, |row| u64::from(row.jars.megabytes) * 2 * 1024 * 1024);
        Ok(Declared {
            writes: to.iter().map(|to| Target::Path((*to).into())).collect(),
            needs: Needs {
                disk: to.iter().map(|to| ((*to).into(), disk)).collect(),
                ..Needs::default()
            },
            ..Declared::default()
        })
    }

    fn computed(&self, args: &Map<Value>) -> Map<Value> {
        let Some(to) = text(args, "to") else {
            return Map::new();
        };
        folders(Utf8Path::new(to)).values()
    }

    fn by_hand(&self, cx: &HandCx<'_>) -> ByHand {
        crate::by_hand::zookeeper_distribution(cx)
    }
}

#[async_trait]
impl StateKind for Distribution {
    async fn check(&self, cx: &CheckCx<'_>) -> Result<Check, Fault> {
        let args: Args = cx.step.args()?;
        let folders = args.folders();
        args.layout(args.product()?, &folders).check(cx.host).await
    }

    async fn apply(&self, cx: &ApplyCx<'_>) -> Result<Outputs, Fault> {
        let args: Args = cx.step.args()?;
        let product = args.product()?;
        cx.progress
            .say(&format!("{} through Maven", product.title()));
        args.layout(product, &args.folders())
            .make(cx.host, cx.progress)
            .await?;
        Ok(Outputs::new())
    }
}
