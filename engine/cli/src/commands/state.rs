//! `krun state`: looking after the store.

use std::{
    collections::BTreeSet,
    fs::File,
    io::{BufReader, BufWriter, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    process::ExitCode,
};

use camino::Utf8Path;
use krun_journal::{
    Store,
    care::{self, Health, Repair},
};
use krun_model::{DeploymentName, Digest, Fault, FaultCode, History, Journal as _};

use super::{Outcome, status::print_json};
use crate::{
    args::{SelectArgs, StateCommand},
    context::{Context, absolute},
    errors, prompt, registry, select,
    sizes::size,
};

pub fn state(context: &Context, command: StateCommand) -> Outcome {
    match command {
        StateCommand::Check => check(context),
        StateCommand::Repair { yes, plan } => repair(context, yes, plan),
        StateCommand::Backup { folder } => backup(context, &folder),
        StateCommand::Export { select, out } => export(context, &select, out.as_deref()),
        StateCommand::Import { file } => import(context, &file),
    }
}

/// The store, to be read.
fn store(context: &Context) -> Result<Store, Fault> {
    context.store_to_read()?.ok_or_else(|| {
        Fault::new(FaultCode::Usage, "there is no state store")
            .at(context.state_folder().unwrap_or_default())
            .hint("Name another state folder with `--state`.")
    })
}

fn check(context: &Context) -> Outcome {
    let store = store(context)?;
    let health = care::check(&store)?;
    let missing = missing_blobs(&store, &health)?;
    let sound = health.is_sound() && missing.is_empty();
    if context.global.json {
        let object = serde_json::json!({
            "event": "state_check", "sound": sound, "health": health, "missing_blobs": missing,
        });
        print_json(context, &object);
    } else {
        context.print(&words(&health, &missing));
    }
    if sound {
        return Ok(ExitCode::SUCCESS);
    }
    if !health.database.is_empty() || health.deployments.iter().any(|one| one.damage.is_some()) {
        context.remark(
            "`krun state repair --plan` says what a repair would keep; `krun state import` brings \
             back an export.",
        );
    }
    Ok(ExitCode::from(errors::STATE))
}

/// Blobs that a rollback or a resumed run would read, and that are not there.
fn missing_blobs(store: &Store, health: &Health) -> Result<Vec<String>, Fault> {
    let there: BTreeSet<Digest> = store.blobs()?.iter().map(|blob| blob.digest).collect();
    let mut missing = vec![];
    for deployment in health.deployments.iter().filter(|one| one.damage.is_none()) {
        let name: DeploymentName = deployment
            .name
            .parse()
            .map_err(|error| Fault::internal(format!("a name that was checked: {error}")))?;
        let needed = History::fold(&store.read(&name)?).needed_blobs();
        let gone = needed.difference(&there);
        missing.extend(gone.map(|digest| format!("{} needs {digest}", deployment.name)));
    }
    Ok(missing)
}

fn words(health: &Health, missing: &[String]) -> String {
    let mut text = format!(
        "format {}, {} deployments, {} blobs ({})\n",
        health.format,
        health.deployments.len(),
        health.blobs,
        size(health.blob_bytes)
    );
    for one in &health.deployments {
        let state = match &one.damage {
            None => format!("{} entries, sound", one.sound),
            Some(damage) => format!("{} of {} entries sound: {damage}", one.sound, one.entries),
        };
        text.push_str(&format!("  {}  {state}\n", one.name));
    }
    for problem in &health.database {
        text.push_str(&format!("damaged: {problem}\n"));
    }
    for path in &health.damaged_blobs {
        text.push_str(&format!("damaged: blob {path}\n"));
    }
    for line in missing {
        text.push_str(&format!("missing: {line}\n"));
    }
    text
}

fn repair(context: &Context, yes: bool, plan: bool) -> Outcome {
    let folder = context.state_folder()?;
    if let Ok(store) = store(context)
        && let Ok(health) = care::check(&store)
        && health.database.is_empty()
        && health.deployments.iter().all(|one| one.damage.is_none())
    {
        context.print("the journal is sound: nothing to repair\n");
        for path in &health.damaged_blobs {
            context.warn(&format!(
                "a blob is damaged, and only a backup has it: copy it from there to {path}"
            ));
        }
        return Ok(ExitCode::from(match health.damaged_blobs.is_empty() {
            true => errors::DONE,
            false => errors::STATE,
        }));
    }
    let repair = Repair::plan(&folder)?;
    let cuts = repair.cuts();
    if context.global.json {
        let object = serde_json::json!({
            "event": "state_repair", "cuts": cuts, "loses_log": repair.loses_log(),
        });
        print_json(context, &object);
    } else {
        context.print(&repair_words(&repair));
    }
    if plan {
        return Ok(ExitCode::SUCCESS);
    }
    prompt::confirm("Go on with what is sound?", yes)?;
    let copy = repair.act()?;
    context.remark(&format!(
        "repaired; the damaged journal is kept in {copy}. `krun plan` shows what a run would do now"
    ));
    Ok(ExitCode::SUCCESS)
}

fn repair_words(repair: &Repair) -> String {
    let mut text = String::new();
    for cut in repair.cuts() {
        text.push_str(&format!(
            "{}: {} of {} entries stay; what the others did is not known any more, and no rollback \
             takes it back\n",
            cut.name, cut.kept, cut.of
        ));
    }
    if repair.loses_log() {
        text.push_str(
            "the log beside the journal can't be read: the newest entries are lost, and how many \
             these are is not known\n",
        );
    }
    if text.is_empty() {
        text.push_str("the journal can be written anew without losing an entry\n");
    }
    text
}

fn backup(context: &Context, folder: &str) -> Outcome {
    let store = store(context)?;
    let copied = care::backup(&store, &absolute(folder)?)?;
    if context.global.json {
        print_json(
            context,
            &serde_json::json!({
                "event": "state_backup", "folder": copied.folder, "blobs": copied.blobs,
                "bytes": copied.bytes,
            }),
        );
    } else {
        context.print(&format!(
            "{}: {}, {} blobs; look into it with `krun history --state {}`\n",
            copied.folder,
            size(copied.bytes),
            copied.blobs,
            copied.folder
        ));
    }
    Ok(ExitCode::SUCCESS)
}

fn export(context: &Context, args: &SelectArgs, out: Option<&str>) -> Outcome {
    let kinds = registry::kinds(context.patterns()?);
    let store = store(context)?;
    let name = select::deployment(context, &store, args, &kinds)?;
    let Some(out) = out else {
        let mut to = BufWriter::new(std::io::stdout().lock());
        care::export(&store, &name, &mut to)?;
        to.flush()
            .map_err(|error| Fault::io("could not export", "standard output", &error))?;
        return Ok(ExitCode::SUCCESS);
    };
    let failed = |error: std::io::Error| Fault::io("could not export", out, &error);
    // Before-images are in it.
    let file = File::options()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(out)
        .map_err(failed)?;
    let mut to = BufWriter::new(file);
    care::export(&store, &name, &mut to)?;
    let file = to
        .into_inner()
        .map_err(|error| failed(error.into_error()))?;
    file.sync_all().map_err(failed)?;
    context.remark(&format!("{name}: exported to {out}"));
    Ok(ExitCode::SUCCESS)
}

fn import(context: &Context, file: &str) -> Outcome {
    let store = context.store_alone()?;
    let imported = if file == "-" {
        let mut from = std::io::stdin().lock();
        care::import(&store, &mut from, Utf8Path::new("standard input"))?
    } else {
        let from = File::open(file)
            .map_err(|error| Fault::io("could not read what is to be imported", file, &error))?;
        care::import(&store, &mut BufReader::new(from), Utf8Path::new(file))?
    };
    if context.global.json {
        print_json(
            context,
            &serde_json::json!({
                "event": "state_import", "deployment": imported.deployment,
                "entries": imported.entries, "blobs": imported.blobs,
            }),
        );
    } else {
        context.print(&format!(
            "{}: {} entries and {} blobs imported\n",
            imported.deployment, imported.entries, imported.blobs
        ));
    }
    Ok(ExitCode::SUCCESS)
}
