//! `krun simulate`: a runbook under thousands of schedules of faults, on a machine in memory.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    process::ExitCode,
    sync::{Arc, atomic::AtomicBool},
};

use camino::{Utf8Path, Utf8PathBuf};
use krun_model::{Fault, Map, kind::Kinds};
use krun_script::{Loader, PathBase};
use krun_simulate::{
    Broken, Faults, Guests, Node, Page, Soak, Soaked, Start, Subject, World, refuse,
};
use serde_json::{Value as Json, json};

use super::Outcome;
use crate::{
    args::SimulateArgs,
    context::{Context, absolute},
    errors::CliError,
    registry::{self, Brought},
    runbooks::RunbookFile,
    select,
};

pub fn simulate(context: &Context, args: SimulateArgs) -> Outcome {
    let base = context.path_base()?;
    let world = machine(&base, args.start_from.as_deref(), &args.answers)?;
    let mut start = Start {
        world,
        theirs: vec![],
    };
    if let Some(before) = &args.after {
        let given = select::given(&args.after_param, None)?;
        start = Start::after(&subject(context, before, &given, start)?)?;
    }
    let given = select::given(&args.runbook.params, args.runbook.params_file.as_deref())?;
    let subject = subject(context, &args.runbook.runbook, &given, start)?;
    let soak = Soak::new(subject, args.faults.unwrap_or_else(Faults::all))?;
    if let Some(seed) = args.seed {
        return Ok(tell(context, &soak, seed));
    }
    let jobs = args.jobs.map_or_else(
        || std::thread::available_parallelism().map_or(1, usize::from),
        |jobs| jobs as usize,
    );
    let soaked = soak.run(args.from, args.seeds, jobs, &AtomicBool::new(false));
    context.print(&shown(context, &args, &soak, &soaked));
    Ok(ExitCode::from(u8::from(soaked.failure.is_some())))
}

/// A runbook with its plugins, where it is to begin.
fn subject(
    context: &Context,
    path: &str,
    given: &Map<Json>,
    start: Start,
) -> Result<Subject, CliError> {
    let file = RunbookFile::open(context, path)?;
    let Brought {
        kinds,
        plugins,
        more,
    } = registry::kinds_for(context, &file)?;
    let loader = Loader::new(&kinds, context.path_base()?);
    let runbook = file.load(&loader, given)?;
    let simulated: Vec<_> = plugins
        .iter()
        .filter(|plugin| plugin.is_simulated)
        .map(|plugin| plugin.module.clone())
        .collect();
    refuse(&runbook, |kind| {
        let module = kind.split_once("::").map(|(module, _)| module);
        module.is_some_and(|module| simulated.iter().any(|one| one == module))
    })?;
    let patterns = context.patterns()?;
    let guests = Guests::default();
    Ok(Subject {
        runbook,
        kinds: Arc::new(move |clusters| {
            let builtin = registry::kinds_on(patterns.clone(), clusters.clone());
            let theirs = more(clusters)
                .into_iter()
                .map(|kind| guests.simulated(kind));
            Kinds::new(builtin.iter().cloned().chain(theirs))
        }),
        plugins: registry::hands(context)?,
        start,
    })
}

/// One seed, with all that happens.
fn tell(context: &Context, soak: &Soak, seed: u64) -> ExitCode {
    let (lines, broken) = match soak.tell(seed) {
        Ok(lines) => (lines, None),
        Err(Broken { what, said }) => (said, Some(what)),
    };
    if context.global.json {
        let object = json!({
            "event": "simulated_seed", "seed": seed, "schedule": lines, "broken": broken,
        });
        context.print(&format!("{object}\n"));
    } else {
        let end = match &broken {
            None => format!("seed {seed}: every promise held"),
            Some(what) => format!("seed {seed}: BROKEN: {what}"),
        };
        context.print(&format!("{}\n{end}\n", lines.join("\n")));
    }
    ExitCode::from(u8::from(broken.is_some()))
}

/// What came of many seeds.
fn shown(context: &Context, args: &SimulateArgs, soak: &Soak, soaked: &Soaked) -> String {
    let seconds = soaked.time.as_secs_f64();
    let rate = (soaked.seeds as f64 / seconds.max(f64::EPSILON)).round();
    if context.global.json {
        let object = json!({
            "event": "simulated",
            "seeds": soaked.seeds,
            "seconds": seconds,
            "seeds_per_second": rate,
            "moments": soak.moments(),
            "failed_seed": soaked.failure.as_ref().map(|failure| failure.seed),
            "broken": soaked.failure.as_ref().map(|failure| &failure.broken.what),
            "schedule": soaked.failure.as_ref().map(|failure| &failure.broken.said),
        });
        return format!("{object}\n");
    }
    let mut text = String::new();
    if let Some(failure) = &soaked.failure {
        text.push_str(&failure.broken.said.join("\n"));
        text.push_str(&format!(
            "\nseed {}: BROKEN: {}\nonce more: {}\n",
            failure.seed,
            failure.broken.what,
            again(args, failure.seed)
        ));
    }
    let end = match soaked.failure {
        None => "every promise held",
        Some(_) => "a promise was broken",
    };
    text.push_str(&format!(
        "{} seeds in {seconds:.1} s, {rate} a second; {} moments in a run; {end}\n",
        soaked.seeds,
        soak.moments(),
    ));
    text
}

/// The command that lives through a seed again.
fn again(args: &SimulateArgs, seed: u64) -> String {
    let mut words = vec!["krun simulate".to_owned(), quoted(&args.runbook.runbook)];
    words.push(format!("--seed {seed}"));
    if let Some(faults) = args.faults {
        words.push(format!("--faults {faults}"));
    }
    if let Some(folder) = &args.start_from {
        words.push(format!("--start-from {}", quoted(folder)));
    }
    let pages = args.answers.iter().map(Page::to_string);
    words.extend(pages.map(|page| format!("--answers {}", quoted(&page))));
    if let Some(before) = &args.after {
        words.push(format!("--after {}", quoted(before)));
    }
    let params = args.after_param.iter();
    words.extend(params.map(|param| format!("--after-param {}", quoted(param))));
    if let Some(file) = &args.runbook.params_file {
        words.push(format!("--params {}", quoted(file)));
    }
    let params = args.runbook.params.iter();
    words.extend(params.map(|param| format!("--param {}", quoted(param))));
    words.join(" ")
}

/// A word as a shell takes it.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./=,:@~+".contains(c);
    match !word.is_empty() && word.chars().all(plain) {
        true => word.to_owned(),
        false => format!("'{}'", word.replace('\'', r"'\''")),
    }
}

/// The simulated machine as it is at first: the folders that paths of the runbook may start from, what a
/// folder of this machine holds, and the pages that answer.
fn machine(base: &PathBase, from: Option<&str>, pages: &[Page]) -> Result<World, Fault> {
    let mut world = World::new();
    pages.iter().cloned().for_each(|page| world.put_page(page));
    let folders = [Some(&base.cwd), base.home.as_ref()];
    for folder in folders.into_iter().flatten() {
        world.files.plant(folder, Node::dir(0o755));
    }
    if let Some(from) = from {
        let from = absolute(from)?;
        let mut open = vec![from.clone()];
        while let Some(folder) = open.pop() {
            open.extend(plant(&mut world, &from, &folder)?);
        }
    }
    Ok(world)
}

/// Takes over what is in one folder; the folders in it.
fn plant(world: &mut World, from: &Utf8Path, folder: &Utf8Path) -> Result<Vec<Utf8PathBuf>, Fault> {
    let failed = |path: &Utf8Path, error: std::io::Error| {
        Fault::io("could not read what the machine starts from", path, &error)
    };
    let mut folders = vec![];
    for entry in folder.read_dir_utf8().map_err(|e| failed(folder, e))? {
        let path = entry.map_err(|error| failed(folder, error))?.into_path();
        let there = path.symlink_metadata().map_err(|e| failed(&path, e))?;
        let mode = there.permissions().mode() & 0o7777;
        let node = if there.is_dir() {
            folders.push(path.clone());
            Node::dir(mode)
        } else if there.is_symlink() {
            let to = path.read_link_utf8().map_err(|e| failed(&path, e))?;
            Node::Link { to: to.into() }
        } else {
            Node::file(fs::read(&path).map_err(|e| failed(&path, e))?, mode)
        };
        let place = path.strip_prefix(from).unwrap_or(&path);
        world.files.plant(&Utf8Path::new("/").join(place), node);
    }
    Ok(folders)
}
