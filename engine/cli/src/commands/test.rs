//! `krun test`: a runbook tried in scratch deployments.

use std::{
    collections::BTreeSet,
    process::ExitCode,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use camino::{Utf8Path, Utf8PathBuf};
use krun_kafka::view::ClusterView;
use krun_model::{Fault, FaultCode, Map};
use krun_script::Loader;
use krun_sweep::{Clusters, Place, Spec, Sweep, Trial};
use tokio::{runtime::Runtime, sync::watch};

use super::{Outcome, hear_signals, runtime};
use crate::{
    args::TestArgs,
    context::{Context, FENCE, KILL_AT, absolute, secret_option, secret_source},
    errors::CliError,
    registry,
    runbooks::RunbookFile,
    scratch::{self, Ports},
    select,
    survived::Survived,
    trial_view,
};

/// How long brokers have for an answer.
const PATIENCE: Duration = Duration::from_secs(10);
/// How many deployments of failed trials are kept for a look.
const KEPT: usize = 3;

pub fn test(context: &Context, args: TestArgs) -> Outcome {
    let earlier = args.earlier.as_deref().map(Survived::read).transpose()?;
    let folder = Folder::make(args.scratch.as_deref())?;
    let runtime = runtime()?;
    let stop = Arc::new(AtomicBool::new(false));
    hear(&runtime, stop.clone());
    let (spec, places) = prepare(context, &args, &folder.path)?;
    let sweep = Sweep {
        spec,
        places,
        clusters: &Live(&runtime),
        stop: &stop,
        keep: KEPT,
        starts: AtomicUsize::new(0),
    };
    context.remark(&format!(
        "living undisturbed first, in {} ({} at the same time)",
        folder.path,
        sweep.places.len()
    ));
    let undisturbed = sweep.undisturbed()?;
    let all = undisturbed.trials.len();
    let trials = chosen(&args, &earlier.unwrap_or_default(), &undisturbed.trials);
    if trials.is_empty() {
        return Err(Fault::new(FaultCode::Usage, "no trial is like that")
            .because(format!(
                "`--only`, `--from` and `--continue` leave out all {all}"
            ))
            .hint("`--list` shows them.")
            .into());
    }
    if args.list {
        for trial in &trials {
            context.print(&trial_view::listed(context, trial));
        }
        return Ok(ExitCode::SUCCESS);
    }
    context.remark(&format!("{} of {all} trials", trials.len()));
    context.print(&trial_view::heading(context));
    let totals = sweep.run(&undisturbed, trials, |row| {
        if row.kept.is_some() {
            folder.keep.store(true, Ordering::Relaxed);
        }
        if context.global.json || !context.global.quiet || !row.wrong.is_empty() {
            context.print(&trial_view::shown(context, row));
        }
    })?;
    context.print(&trial_view::closing(context, &totals, all));
    Ok(ExitCode::from(u8::from(totals.failed > 0)))
}

/// The runbook's scratch deployments, once it is certain that they are nothing else.
fn prepare(
    context: &Context,
    args: &TestArgs,
    folder: &Utf8Path,
) -> Result<(Spec, Vec<Place>), CliError> {
    let file = RunbookFile::open(context, &args.runbook.runbook)?;
    let kinds = registry::kinds_for(context, &file)?.kinds;
    let loader = Loader::new(&kinds, context.path_base()?);
    let description = file.describe(&loader)?;
    let given = select::given(&args.runbook.params, args.runbook.params_file.as_deref())?;
    let then = assignments(&args.then)?;
    let mut ports = Ports::new();
    let mut places = vec![];
    loop {
        let one = folder.join(format!("{}", places.len() + 1));
        std::fs::create_dir_all(&one)
            .map_err(|error| Fault::io("could not make a scratch folder", &one, &error))?;
        let mut place = scratch::place(&one, &description.params, &given, &then, &mut ports)?;
        for second in [&Map::new(), &then] {
            let mut given = given.clone();
            given.extend(assignments(&place.params)?);
            given.extend(second.clone());
            let runbook = file.load(&loader, &given)?;
            if !args.allow_outside {
                scratch::refuse_outside(&runbook, &kinds, &one, ports.given())?;
            }
        }
        place.params.extend(args.runbook.params.iter().cloned());
        places.push(place);
        if places.len() >= jobs(args, &ports) {
            break;
        }
    }
    let mut options = vec![];
    if let Some(file) = &args.runbook.params_file {
        options.extend(["--params".to_owned(), absolute(file)?.to_string()]);
    }
    if args.runbook.allow_untested_java {
        options.push("--allow-untested-java".to_owned());
    }
    let name = args.runbook.name.as_deref().unwrap_or(&description.name);
    let spec = Spec {
        krun: this_krun()?,
        runbook: absolute(&args.runbook.runbook)?,
        deployment: select::deployment_name(name)?,
        runbook_options: options,
        options: global_options(context)?,
        kill_variable: KILL_AT,
        fence_variable: FENCE,
        fenced: !args.allow_outside,
        start_from: args.start_from.as_deref().map(absolute).transpose()?,
        then: (!args.then.is_empty()).then(|| args.then.clone()),
        limit: Duration::from_secs(args.limit),
    };
    Ok((spec, places))
}

fn assignments(params: &[String]) -> Result<Map<serde_json::Value>, Fault> {
    let both = params.iter().map(|param| {
        let (name, value) = param.split_once('=').ok_or_else(|| {
            Fault::new(FaultCode::Usage, format!("`--then {param}` has no value"))
                .hint("Write it as `--then NAME=VALUE`.")
        })?;
        Ok((name.trim().to_owned(), value.into()))
    });
    both.collect()
}

fn jobs(args: &TestArgs, ports: &Ports) -> usize {
    match args.jobs {
        Some(jobs) => jobs as usize,
        None if !ports.given().is_empty() || args.allow_outside => 1,
        None => std::thread::available_parallelism().map_or(1, usize::from),
    }
}

fn this_krun() -> Result<Utf8PathBuf, Fault> {
    let failed = |why: String| Fault::internal(format!("krun does not know its own path: {why}"));
    let path = std::env::current_exe().map_err(|error| failed(error.to_string()))?;
    Utf8PathBuf::from_path_buf(path).map_err(|path| failed(path.display().to_string()))
}

/// What was said of every command is said to every krun that this one starts.
fn global_options(context: &Context) -> Result<Vec<String>, Fault> {
    let mut options = vec![];
    if context.global.offline {
        options.push("--offline".to_owned());
    }
    if let Some(file) = &context.global.patterns {
        options.extend(["--patterns".to_owned(), absolute(file)?.to_string()]);
    }
    // A file is named absolutely: each deployment has a folder of its own.
    for given in &context.global.secrets {
        let (name, source) = secret_source(given)?;
        options.extend(["--secret".to_owned(), secret_option(&name, &source)]);
    }
    Ok(options)
}

/// The trials that were asked for.
fn chosen(args: &TestArgs, earlier: &Survived, all: &[Trial]) -> Vec<Trial> {
    let has = |trial: &Trial, text: &String| {
        let line = trial.words();
        text.split_whitespace().all(|word| line.contains(word))
    };
    let mut sorts = BTreeSet::new();
    let mut trials: Vec<Trial> = all.to_vec();
    trials.retain(|trial| {
        trial.number >= args.from
            && !earlier.has(trial)
            && (args.only.is_empty() || args.only.iter().any(|text| has(trial, text)))
            && (!args.one_of_each || sorts.insert(trial.sort()))
    });
    match args.sample.map(|sample| sample as usize) {
        Some(sample) if sample < trials.len() => (0..sample)
            .map(|at| trials[at * trials.len() / sample].clone())
            .collect(),
        _ => trials,
    }
}

/// The folder that all scratch deployments are in; gone at the end, unless one of them is to be kept.
struct Folder {
    path: Utf8PathBuf,
    keep: AtomicBool,
}

impl Folder {
    fn make(asked: Option<&str>) -> Result<Self, Fault> {
        let failed = |path: &Utf8Path, error: std::io::Error| {
            Fault::io("could not make the scratch folder", path, &error)
                .hint("`--scratch` names a folder that does not exist yet.")
        };
        let path = match asked {
            Some(path) => {
                let path = absolute(path)?;
                std::fs::create_dir(&path).map_err(|error| failed(&path, error))?;
                path
            }
            None => {
                let made = tempfile::Builder::new().prefix("krun-test-").tempdir();
                let made = made.map_err(|error| failed("$TMPDIR".into(), error))?;
                Utf8PathBuf::from_path_buf(made.keep()).map_err(|path| {
                    Fault::new(FaultCode::Usage, "the temporary folder's name is not UTF-8")
                        .at(path.display())
                })?
            }
        };
        let keep = AtomicBool::new(false);
        // Markers are compared with the path as the kernel shows it.
        let path = path
            .canonicalize_utf8()
            .map_err(|error| failed(&path, error))?;
        Ok(Self { path, keep })
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if !self.keep.load(Ordering::Relaxed) {
            let _ = std::fs::remove_dir_all(&self.path);
            return;
        }
        let entries = self.path.read_dir_utf8().into_iter().flatten().flatten();
        for entry in entries.filter(|entry| !krun_sweep::is_kept(entry.file_name())) {
            let _ = std::fs::remove_dir_all(entry.path());
        }
    }
}

/// Ctrl-C: the krun in hand is ended, and everything that was started.
fn hear(runtime: &Runtime, stop: Arc<AtomicBool>) {
    let (tell, mut told) = watch::channel(false);
    runtime.spawn(hear_signals(tell));
    runtime.spawn(async move {
        if told.changed().await.is_ok() {
            stop.store(true, Ordering::Relaxed);
        }
    });
}

/// Clusters as their brokers show them.
struct Live<'a>(&'a Runtime);

impl Clusters for Live<'_> {
    fn topics(&self, bootstrap: &[String]) -> Result<Option<Map<String>>, Fault> {
        let view = match self.0.block_on(ClusterView::fetch(bootstrap, PATIENCE)) {
            Err(fault) if fault.code == FaultCode::Cluster => return Ok(None),
            view => view?,
        };
        let own = view
            .topics
            .into_iter()
            .filter(|(name, _)| !name.starts_with("__"));
        let words = own.map(|(name, partitions)| {
            let replicas = partitions.first().map_or(0, |one| one.replicas.len());
            let records: i64 = partitions
                .iter()
                .filter_map(|one| Some(one.end? - one.start?))
                .sum();
            let text = format!(
                "{} partitions × {replicas} replicas, {records} records",
                partitions.len()
            );
            (name, text)
        });
        Ok(Some(words.collect()))
    }
}
