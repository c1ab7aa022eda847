//! `package`: packages of the operating system are installed.

use std::sync::Arc;

use async_trait::async_trait;
use krun_model::{
    Address, ByHand, Change, Effect, Fault, FaultCode, HandCx, Kind, Map, Outputs, ReadHost,
    StepKind, Target, Value,
    kind::{ApplyCx, Check, CheckCx, Declared, KindSpec, StateKind, UndoClass},
    plan::DiffLine,
    schema::{ArgSpec, ArgType},
};
use serde::Deserialize;

static SPEC: KindSpec = KindSpec {
    name: "package",
    doc: "Installs packages of the operating system, unless the command they are wanted for is \
          there. A rollback leaves them installed.",
    args: &[
        ArgSpec::required(
            "names",
            ArgType::List(&ArgType::Str),
            "the packages, as Debian and Ubuntu name them",
        ),
        ArgSpec::optional(
            "command",
            ArgType::Str,
            "a program; where it is on the search path, nothing is installed",
        ),
    ],
    outputs: &[],
    undo: UndoClass::Kept,
    examples: &[include_str!("examples/package.rhai")],
};

/// Where the package manager writes what is installed: who can't write there can't install.
const DATABASE: &str = "/var/lib/dpkg";

#[derive(Deserialize)]
struct Args {
    names: Vec<String>,
    command: Option<String>,
}

struct Package;

/// The kind.
pub fn kind() -> Kind {
    Kind::State(Arc::new(Package))
}

impl StepKind for Package {
    fn spec(&self) -> &KindSpec {
        &SPEC
    }

    fn declare(
        &self,
        step: &Address,
        _deployment: &str,
        args: &Map<Value>,
    ) -> Result<Declared, Fault> {
        let Some(Value::List(names)) = args.get("names") else {
            return Ok(Declared::default());
        };
        let known: Vec<_> = names
            .iter()
            .filter_map(|name| match name {
                Value::Str(name) => Some(name.clone()),
                _ => None,
            })
            .collect();
        let refused = |why: String| {
            Err(Fault::new(FaultCode::Script, "packages are named wrongly")
                .at(step)
                .because(why))
        };
        if names.is_empty() {
            return refused("`names` is empty".to_owned());
        }
        if let Some(name) = known.iter().find(|name| !is_name(name)) {
            return refused(format!("`{name}` is no name of a package"));
        }
        let writes = if known.len() == names.len() {
            vec![Target::Packages(known)]
        } else {
            vec![]
        };
        Ok(Declared {
            writes,
            ..Declared::default()
        })
    }

    fn by_hand(&self, cx: &HandCx<'_>) -> ByHand {
        crate::by_hand::package(cx)
    }
}

#[async_trait]
impl StateKind for Package {
    async fn check(&self, cx: &CheckCx<'_>) -> Result<Check, Fault> {
        let Args { names, command } = cx.step.args()?;
        let missing = missing(cx.host, &names, command.as_deref()).await?;
        if missing.is_empty() {
            return Ok(Check::Satisfied(Outputs::new()));
        }
        refuse_if_not_installable(cx.host, &missing).await?;
        Ok(Check::Drift {
            change: Change::Create,
            why: format!("{} not installed", are(&missing)),
            diff: missing
                .into_iter()
                .map(|name| DiffLine::new(name, None, "installed"))
                .collect(),
        })
    }

    async fn apply(&self, cx: &ApplyCx<'_>) -> Result<Outputs, Fault> {
        let Args { names, command } = cx.step.args()?;
        if !missing(cx.host, &names, command.as_deref())
            .await?
            .is_empty()
        {
            cx.progress.say(&format!("installing {}", names.join(" ")));
            cx.host.perform(Effect::InstallPackages { names }).await?;
        }
        Ok(Outputs::new())
    }
}

/// The packages to install: none where the command that they are wanted for is there.
async fn missing(
    host: &dyn ReadHost,
    names: &[String],
    command: Option<&str>,
) -> Result<Vec<String>, Fault> {
    if let Some(command) = command
        && host.which(command).await?.is_some()
    {
        return Ok(vec![]);
    }
    host.missing_packages(names).await
}

async fn refuse_if_not_installable(host: &dyn ReadHost, missing: &[String]) -> Result<(), Fault> {
    let names = missing.join(" ");
    let fault = |why: &str, hint: String| {
        Err(
            Fault::new(FaultCode::Prerequisite, format!("{} missing", are(missing)))
                .because(why)
                .hint(hint),
        )
    };
    if host.which("apt-get").await?.is_none() {
        return fault(
            "krun installs packages with `apt-get`, which is not on this machine",
            format!("Install with the machine's own tools: {names}"),
        );
    }
    if !host.writable(DATABASE.into()).await? {
        return fault(
            "only root can install packages",
            format!("Run: sudo apt-get install -y {names}"),
        );
    }
    Ok(())
}

fn are(names: &[String]) -> String {
    let verb = if names.len() == 1 { "is" } else { "are" };
    format!("{} {verb}", names.join(", "))
}

/// Whether a text can be a package's name, with or without an architecture, and no option of a
/// command.
fn is_name(name: &str) -> bool {
    let good = |b: u8| b.is_ascii_alphanumeric() || b"+-.:".contains(&b);
    name.bytes()
        .next()
        .is_some_and(|b| b.is_ascii_alphanumeric())
        && name.bytes().all(good)
}
