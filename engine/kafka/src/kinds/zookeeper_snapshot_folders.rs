//! `zookeeper::snapshot_folders`: where ZooKeeper keeps what it remembers.

use async_trait::async_trait;
use camino::Utf8PathBuf;
use krun_model::{
    Address, ByHand, Fault, FaultCode, HandCx, Map, Outputs, StepKind, Value,
    kind::{ApplyCx, Check, CheckCx, Declared, KindSpec, StateKind, UndoClass},
    schema::{ArgSpec, ArgType, OutputSpec},
};
use serde::Deserialize;
use serde_json::json;

use super::args::text;
use crate::process::effective;

/// The kind.
pub struct SnapshotFolders;

#[derive(Deserialize)]
struct Args {
    config: Utf8PathBuf,
}

static SPEC: KindSpec = KindSpec {
    name: "zookeeper::snapshot_folders",
    doc: "Reads from ZooKeeper's configuration where its snapshots (`dataDir`) and its transaction logs \
          (`dataLogDir`, else the same folder) lie. Changes nothing.",
    args: &[ArgSpec::required(
        "config",
        ArgType::Path,
        "ZooKeeper's properties file.",
    )],
    outputs: &[
        OutputSpec::new("data_dir", "ZooKeeper's dataDir."),
        OutputSpec::new(
            "data_log_dir",
            "Its dataLogDir, or dataDir where it has none.",
        ),
    ],
    undo: UndoClass::Nothing,
    examples: &[include_str!("examples/zookeeper_snapshot_folders.rhai")],
};

impl StepKind for SnapshotFolders {
    fn spec(&self) -> &KindSpec {
        &SPEC
    }

    fn declare(&self, _: &Address, _: &str, args: &Map<Value>) -> Result<Declared, Fault> {
        Ok(Declared {
            reads: text(args, "config").map(Into::into).into_iter().collect(),
            ..Declared::default()
        })
    }

    fn by_hand(&self, cx: &HandCx<'_>) -> ByHand {
        crate::by_hand::zookeeper_snapshot_folders(cx)
    }
}

fn folders(args: &Args, settings: &Map<String>) -> Result<Outputs, Fault> {
    let absolute = |key: &str| match settings.get(key).map(|value| value.trim()) {
        None | Some("") => Ok(None),
        Some(path) if path.starts_with('/') => Ok(Some(path.to_owned())),
        Some(path) => Err(Fault::new(
            FaultCode::Conflict,
            format!("{key} is `{path}`, which depends on where ZooKeeper is started"),
        )
        .at(&args.config)
        .hint("Write it as an absolute path.")),
    };
    let data = absolute("dataDir")?.ok_or_else(|| {
        Fault::new(FaultCode::Conflict, "the file names no dataDir")
            .at(&args.config)
            .hint("Add a line such as `dataDir=/var/lib/zookeeper`.")
    })?;
    let logs = absolute("dataLogDir")?.unwrap_or_else(|| data.clone());
    Ok([("data_dir", data), ("data_log_dir", logs)]
        .map(|(key, value)| (key.to_owned(), json!(value)))
        .into())
}

#[async_trait]
impl StateKind for SnapshotFolders {
    async fn check(&self, cx: &CheckCx<'_>) -> Result<Check, Fault> {
        let args: Args = cx.step.args()?;
        match effective(cx.host, &args.config).await? {
            Some(settings) => Ok(Check::Satisfied(folders(&args, &settings)?)),
            None => Ok(Check::Unknown {
                why: format!("{} is not there yet", args.config),
                diff: vec![],
            }),
        }
    }

    async fn apply(&self, cx: &ApplyCx<'_>) -> Result<Outputs, Fault> {
        let args: Args = cx.step.args()?;
        let settings = effective(cx.host, &args.config).await?.ok_or_else(|| {
            Fault::new(FaultCode::Io, "ZooKeeper's configuration is not there").at(&args.config)
        })?;
        folders(&args, &settings)
    }

    async fn foresee(&self, cx: &ApplyCx<'_>) -> Result<Option<Outputs>, Fault> {
        self.apply(cx).await.map(Some)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_it_remembers() {
        let of = |settings: &[(&str, &str)]| {
            let settings = settings
                .iter()
                .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()));
            let config = "/z.properties".into();
            folders(&Args { config }, &settings.collect())
        };
        assert_eq!(of(&[("dataDir", "/d ")]).unwrap()["data_log_dir"], "/d");
        let both = of(&[("dataDir", "/d"), ("dataLogDir", "/l")]).unwrap();
        assert_eq!(
            (&both["data_dir"], &both["data_log_dir"]),
            (&json!("/d"), &json!("/l"))
        );
        assert!(of(&[]).unwrap_err().what.contains("no dataDir"));
        assert!(of(&[("dataDir", "data")]).is_err());
    }
}
