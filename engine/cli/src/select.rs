//! Which runbook, which deployment, which parameters.

use camino::Utf8Path;
use krun_journal::Store;
use krun_model::{
    DeploymentName, Fault, FaultCode, History, Journal as _, Map, Runbook, journal::Pin,
    kind::Kinds,
};
use krun_script::Loader;

use crate::{
    args::{RunbookArgs, SelectArgs},
    context::{Context, absolute},
    errors::CliError,
    registry,
    runbooks::RunbookFile,
};

/// A runbook, evaluated for a deployment.
pub struct Selected {
    pub runbook: Runbook,
    pub name: DeploymentName,
    /// The parameters that were given, now or in the last run.
    pub given: Map<serde_json::Value>,
    /// Those of them that come from the last run.
    pub kept: Map<serde_json::Value>,
    /// What the last run pinned, where it is another runbook or has other parameters.
    pub before: Option<Runbook>,
}

/// Evaluates a runbook with what was given now and what the deployment's last run was given.
pub fn runbook(
    context: &Context,
    args: &RunbookArgs,
    file: &RunbookFile,
    kinds: &Kinds,
) -> Result<Selected, CliError> {
    let loader = Loader::new(kinds, context.path_base()?);
    let mut given = given(&args.params, args.params_file.as_deref())?;
    if args.allow_untested_java {
        let params = file.describe(&loader)?.params;
        if !params.iter().any(|param| param.name == UNTESTED_JAVA) {
            return Err(no_untested_java(&args.runbook).into());
        }
        given.insert(UNTESTED_JAVA.to_owned(), true.into());
    }
    let name = match &args.name {
        Some(name) => deployment_name(name)?,
        None => deployment_name(&file.name(&loader)?)?,
    };
    let mut kept = Map::new();
    let mut known = None;
    if let Some(store) = context.store_to_read()? {
        let history = store.history(&name)?;
        if let Some(pin) = history.pin.as_ref().filter(|_| !history.is_baseline()) {
            for param in pin.given.keys() {
                // As it was bound: a relative path means what it meant then.
                let Some(value) = pin.params.get(param) else {
                    continue;
                };
                if !given.contains_key(param) {
                    kept.insert(param.clone(), value.clone());
                    given.insert(param.clone(), value.clone());
                }
            }
        }
        known = Some((store, history));
    }
    let runbook = file.load(&loader, &given)?;
    let before =
        known.and_then(|(store, history)| before(context, &store, &history, kinds, &runbook));
    Ok(Selected {
        runbook,
        name,
        given,
        kept,
        before,
    })
}

/// What a deployment's last run pinned, where it is another runbook or has other parameters; none where
/// this krun can't read it any more.
pub fn before(
    context: &Context,
    store: &Store,
    history: &History,
    kinds: &Kinds,
    runbook: &Runbook,
) -> Option<Runbook> {
    let pin = history.pin.as_ref().filter(|_| !history.is_baseline())?;
    let sources = runbook.sources.iter();
    let same = sources.map(|source| (&source.path, &source.digest));
    let pinned_sources = pin.sources.iter().map(|(path, digest)| (path, digest));
    if same.eq(pinned_sources) && pin.params == runbook.values {
        return None;
    }
    pinned(context, store, history, kinds)
        .ok()
        .map(|(runbook, ..)| runbook)
}

/// The parameter that `--allow-untested-java` sets.
const UNTESTED_JAVA: &str = "allow_untested_java";

fn no_untested_java(runbook: &str) -> Fault {
    Fault::new(
        FaultCode::Usage,
        "`--allow-untested-java` means nothing to this runbook",
    )
    .at(runbook)
    .because(format!("it has no parameter `{UNTESTED_JAVA}`"))
    .hint(format!(
        "Leave the flag out; `krun help {runbook}` shows the parameters that the runbook has."
    ))
}

/// Says which parameters are the last run's.
pub fn remark_kept(context: &Context, kept: &Map<serde_json::Value>) {
    if !kept.is_empty() && !context.global.json {
        let list: Vec<_> = kept
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        context.remark(&format!(
            "parameters kept from the last run: {}",
            list.join(", ")
        ));
    }
}

/// The values that a file and the command line give.
pub fn given(
    params: &[String],
    params_file: Option<&str>,
) -> Result<Map<serde_json::Value>, CliError> {
    let mut given = match params_file {
        None => Map::new(),
        Some(file) => {
            let text = std::fs::read_to_string(file)
                .map_err(|error| Fault::io("could not read the parameters", file, &error))?;
            krun_script::given_from_yaml(&text, file)?
        }
    };
    for param in params {
        let (name, value) = param.split_once('=').ok_or_else(|| {
            Fault::new(FaultCode::Usage, format!("`--param {param}` has no value"))
                .hint("Write it as `--param NAME=VALUE`.")
        })?;
        given.insert(name.trim().to_owned(), value.into());
    }
    Ok(given)
}

/// A deployment's name from what a user or a runbook says.
pub fn deployment_name(text: &str) -> Result<DeploymentName, Fault> {
    text.parse().map_err(|error| {
        Fault::new(FaultCode::Usage, "this can't be a deployment's name")
            .because(error)
            .hint("Choose another with `--as NAME`.")
    })
}

/// The deployment that a command means: by name, by runbook, or the only one there is.
pub fn deployment(
    context: &Context,
    store: &Store,
    args: &SelectArgs,
    kinds: &Kinds,
) -> Result<DeploymentName, CliError> {
    let names = store.deployments()?;
    let wanted = match (&args.name, &args.deployment) {
        (Some(name), _) => deployment_name(name)?,
        (None, Some(text)) if Utf8Path::new(text).is_file() => {
            let loader = Loader::new(kinds, context.path_base()?);
            deployment_name(&RunbookFile::open(context, text)?.name(&loader)?)?
        }
        (None, Some(text)) => deployment_name(text)?,
        (None, None) => return Ok(only_one(store, &names)?),
    };
    if names.contains(&wanted) {
        return Ok(wanted);
    }
    Err(nothing_there(&format!("there is no deployment `{wanted}`"), store, &names).into())
}

fn only_one(store: &Store, names: &[DeploymentName]) -> Result<DeploymentName, Fault> {
    match names {
        [only] => Ok(only.clone()),
        [] => Err(nothing_there("nothing was ever run here", store, names)),
        _ => Err(nothing_there("there are several deployments", store, names)
            .hint("Say which one with `--as NAME`.")),
    }
}

fn nothing_there(what: &str, store: &Store, names: &[DeploymentName]) -> Fault {
    let fault = Fault::new(FaultCode::Usage, what).at(store.folder());
    if names.is_empty() {
        return fault.hint(
            "Run a runbook first, or name the state folder of the one you mean with `--state`.",
        );
    }
    fault.evidence(names.iter().map(ToString::to_string))
}

/// The runbook that a deployment's last run pinned, with the kinds that it is made of.
pub fn pinned(
    context: &Context,
    store: &Store,
    history: &History,
    kinds: &Kinds,
) -> Result<(Runbook, Pin, Kinds), CliError> {
    let pin = history.pin.clone().ok_or_else(|| {
        Fault::new(FaultCode::Usage, "no run of this deployment ever began")
            .hint("Run its runbook first.")
    })?;
    let mut sources = Vec::new();
    for (path, digest) in &pin.sources {
        let bytes = store.blob(digest)?;
        let text = String::from_utf8(bytes)
            .map_err(|_| Fault::new(FaultCode::StateDamaged, "a pinned source is not text"))?;
        sources.push(krun_model::runbook::SourceFile {
            path: path.clone(),
            digest: *digest,
            text: text.into(),
        });
    }
    let kinds = registry::kinds_pinned(context, kinds, &pin.path, &sources)?.kinds;
    let loader = Loader::new(&kinds, context.path_base()?);
    // Paths among the parameters were made absolute when the run began.
    let runbook = loader.load_sources(sources, &pin.params)?;
    Ok((runbook, pin, kinds))
}

/// The runbook's file, absolute, for the pin.
pub fn pinned_path(runbook: &str) -> Result<String, Fault> {
    Ok(absolute(runbook)?.to_string())
}
