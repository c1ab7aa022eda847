//! `kafka::java`: a Java that fits the version of Kafka.

use std::time::Duration;

use async_trait::async_trait;
use krun_model::{
    Address, ByHand, Change, Effect, Fault, FaultCode, HandCx, Map, Outputs, ReadHost, StepKind,
    Value,
    kind::{ApplyCx, Check, CheckCx, Declared, KindSpec, StateKind, UndoClass},
    plan::DiffLine,
    schema::{ArgSpec, ArgType, OutputSpec},
};
use serde::Deserialize;
use serde_json::json;

use super::args::text;
use crate::{
    java::{self, Java},
    versions::{self, KafkaVersion},
};

/// The kind.
pub struct JavaKind;

#[derive(Deserialize)]
struct Args {
    kafka_version: String,
    install: Option<bool>,
    allow_untested: Option<bool>,
}

impl Args {
    fn untested(&self) -> bool {
        self.allow_untested.unwrap_or(false)
    }
}

static SPEC: KindSpec = KindSpec {
    name: "kafka::java",
    doc: "Finds a Java that the version of Kafka runs on: JAVA_HOME, the search path, then /usr/lib/jvm; \
          the first that fits is taken. A Java fits if the documentation of that version of Kafka names \
          it, or an older and a newer one; `allow_untested` also lets in newer ones than it names, where \
          nothing better is found (see [Versions](versions.md)). Without a Java that fits the step \
          installs the operating system's package, where krun runs as root and apt-get is there.",
    args: &[
        ArgSpec::required(
            "kafka_version",
            ArgType::Str,
            "The version of Kafka, such as 3.9.1.",
        ),
        ArgSpec::optional(
            "install",
            ArgType::Bool,
            "Whether a package may be installed where no Java fits; true if not given.",
        ),
        ArgSpec::optional(
            "allow_untested",
            ArgType::Bool,
            "Whether a Java that is newer than the documented ones may be taken; false if not given. One that is known not to work is never taken.",
        ),
    ],
    outputs: &[
        OutputSpec::new("bin", "The program."),
        OutputSpec::new("home", "Its folder, as JAVA_HOME would name it."),
        OutputSpec::new("version", "Such as 17.0.15."),
    ],
    undo: UndoClass::Kept,
    examples: &[include_str!("examples/java.rhai")],
};

impl StepKind for JavaKind {
    fn spec(&self) -> &KindSpec {
        &SPEC
    }

    fn declare(&self, step: &Address, _: &str, args: &Map<Value>) -> Result<Declared, Fault> {
        if let Some(version) = text(args, "kafka_version") {
            versions::find(version).map_err(|fault| fault.at(step))?;
        }
        Ok(Declared::default())
    }

    fn by_hand(&self, cx: &HandCx<'_>) -> ByHand {
        crate::by_hand::java(cx)
    }
}

fn outputs(java: &Java) -> Outputs {
    [
        ("bin", json!(java.bin)),
        ("home", json!(java.home)),
        ("version", json!(java.version.text)),
    ]
    .map(|(key, value)| (key.to_owned(), value))
    .into()
}

/// The package to install; none where krun can't install any.
async fn package(
    host: &dyn ReadHost,
    row: &KafkaVersion,
    found: &[Java],
) -> Result<Option<String>, Fault> {
    let short = Duration::from_secs(10);
    let ask = |argv: &[&str]| argv.iter().map(|&arg| arg.to_owned()).collect::<Vec<_>>();
    if host.which("apt-get").await?.is_none() {
        return Ok(None);
    }
    let user = host.ask(&ask(&["id", "-u"]), short).await?;
    if user.stdout.trim() != "0" {
        return Ok(None);
    }
    for name in row.java_packages {
        let known = host.ask(&ask(&["apt-cache", "show", name]), short).await?;
        // It ends with 0 and says nothing of a name that is only mentioned by other packages.
        if known.code == Some(0) && !known.stdout.trim().is_empty() {
            return Ok(Some((*name).to_owned()));
        }
    }
    // The lists of packages may just never have been fetched. But where a Java is there that the user
    // may allow, saying so is better than fetching lists for a package that hardly exists.
    if java::any_untested(found, &row.java) {
        return Ok(None);
    }
    Ok(row.java_packages.first().map(|&name| name.to_owned()))
}

fn none_fits(row: &KafkaVersion, found: &[Java], untested: bool) -> Fault {
    let range = &row.java;
    let fault = Fault::new(
        FaultCode::Prerequisite,
        format!("no Java was found that Kafka {} runs on", row.version),
    )
    .because(format!("it is documented for Java {}", range.in_words()))
    .evidence(java::refusals(found, range, untested));
    let fault = match row.java_packages.first() {
        Some(package) => fault.hint(format!("Install one: `sudo apt-get install {package}`.")),
        None => fault,
    };
    let fault = fault.hint("Or set JAVA_HOME to the folder of one that fits.");
    if !untested && java::any_untested(found, range) {
        return fault.hint(
            "Or take the newer one untested: `--allow-untested-java` (argument `allow_untested`).",
        );
    }
    fault
}

#[async_trait]
impl StateKind for JavaKind {
    async fn check(&self, cx: &CheckCx<'_>) -> Result<Check, Fault> {
        let args: Args = cx.step.args()?;
        let row = versions::find(&args.kafka_version)?;
        let found = java::find_all(cx.host).await?;
        if let Some(java) = java::choose(&found, &row.java, args.untested()) {
            return Ok(Check::Satisfied(outputs(java)));
        }
        let package = match args.install {
            Some(false) => None,
            _ => package(cx.host, row, &found).await?,
        };
        let package = package.ok_or_else(|| none_fits(row, &found, args.untested()))?;
        let refused = java::refusals(&found, &row.java, args.untested());
        Ok(Check::Drift {
            change: Change::Create,
            why: match refused.first() {
                Some(first) => format!("no Java fits: {first}"),
                None => "there is no Java".to_owned(),
            },
            diff: vec![DiffLine::new("package", None, package)],
        })
    }

    async fn apply(&self, cx: &ApplyCx<'_>) -> Result<Outputs, Fault> {
        let args: Args = cx.step.args()?;
        let row = versions::find(&args.kafka_version)?;
        let found = java::find_all(cx.host).await?;
        if let Some(java) = java::choose(&found, &row.java, args.untested()) {
            return Ok(outputs(java));
        }
        let package = package(cx.host, row, &found)
            .await?
            .ok_or_else(|| none_fits(row, &found, args.untested()))?;
        cx.progress.say(&format!("installing {package}"));
        cx.host
            .perform(Effect::InstallPackages {
                names: vec![package],
            })
            .await?;
        let found = java::find_all(cx.host).await?;
        java::choose(&found, &row.java, args.untested())
            .map(outputs)
            .ok_or_else(|| none_fits(row, &found, args.untested()))
    }
}
