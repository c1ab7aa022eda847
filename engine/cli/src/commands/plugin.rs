//! `krun plugin`: what looks after `krun.lock` and the components it pins.

use std::{collections::BTreeSet, fs, io::Write as _, process::ExitCode};

use camino::{Utf8Path, Utf8PathBuf};
use krun_model::{Fault, FaultCode};
use krun_plugin::{
    Granted, LOCK, Lock, Locked, Plugin,
    new::{Language, Shape, project},
};
use serde_json::json;

use super::{Outcome, plugin_fetch, plugin_test::plugin_test, status::print_json};
use crate::{
    args::PluginCommand,
    context::{Context, absolute},
    plugins, registry,
};

pub fn plugin(context: &Context, command: PluginCommand) -> Outcome {
    match command {
        PluginCommand::Add {
            file,
            sha256,
            grant,
            folder,
        } => add(context, &file, sha256.as_deref(), &grant, &folder),
        PluginCommand::Build {
            package,
            target_dir,
        } => build(context, &package, target_dir.as_deref()),
        PluginCommand::Inspect { plugin, folder } => inspect(context, &plugin, &folder),
        PluginCommand::List { folder } => list(context, &folder),
        PluginCommand::New {
            name,
            lang,
            runbook,
        } => {
            let shape = match runbook {
                true => Shape::Runbook,
                false => Shape::Kinds,
            };
            new(context, &name, lang, shape)
        }
        PluginCommand::Test(args) => plugin_test(context, args),
        PluginCommand::Verify { folder } => verify(context, &folder),
    }
}

fn add(
    context: &Context,
    file: &str,
    sha256: Option<&str>,
    grants: &[String],
    folder: &str,
) -> Outcome {
    let grants = grants
        .iter()
        .map(|text| grant(text))
        .collect::<Result<Vec<_>, _>>()?;
    let folder = folder_of(folder)?;
    let fetched = plugin_fetch::fetched(context, file, sha256)?;
    let file = match &fetched {
        Some(fetched) => fetched.file.clone(),
        None => absolute(file)?,
    };
    let mut lock = plugins::lock_of(&folder)?.unwrap_or_else(Lock::empty);
    let plugin = plugins::runtime(context)?.open_anew(&file, None)?;
    plugin_fetch::is_wanted(&plugin, sha256)?;
    plugins::refuse_taken(&registry::kinds(context.patterns()?), &plugin)?;
    let name = plugin.name();
    let before = lock.plugins.remove(name);
    let mut granted = before.map(|locked| locked.grants).unwrap_or_default();
    granted.extend(grants);
    granted.sort();
    granted.dedup();
    let locked = Locked {
        file: placed(&folder, &file, name)?,
        sha256: plugin.sha256().to_owned(),
        version: plugin.version().to_owned(),
        api: plugin.api().to_owned(),
        grants: granted,
    };
    lock.plugins.insert(name.to_owned(), locked.clone());
    replace(&folder.join(LOCK), &lock.text()?)?;
    if context.global.json {
        print_json(
            context,
            &json!({"event": "plugin_added", "name": name, "plugin": locked}),
        );
        return Ok(ExitCode::SUCCESS);
    }
    context.print(&format!(
        "{name} {} is in {}\n",
        plugin.version(),
        folder.join(LOCK)
    ));
    context.print(&granted_text(&locked.grants));
    context.print(&missing_text(&plugin, &locked.grants));
    Ok(ExitCode::SUCCESS)
}

/// The folder of the runbooks, in its shortest words.
fn folder_of(text: &str) -> Result<Utf8PathBuf, Fault> {
    Ok(absolute(text)?.components().collect())
}

/// A grant as it is typed.
pub fn grant(text: &str) -> Result<Granted, Fault> {
    text.parse()
        .map_err(|why: String| Fault::new(FaultCode::Usage, "this is no grant").because(why))
}

/// The component's path relative to the lock's folder; it is copied there if it lies elsewhere.
fn placed(folder: &Utf8Path, file: &Utf8Path, name: &str) -> Result<String, Fault> {
    let real = |path: &Utf8Path| {
        path.canonicalize_utf8()
            .map_err(|error| Fault::io("could not find it", path, &error))
    };
    if let Ok(below) = real(file)?.strip_prefix(real(folder)?) {
        return Ok(below.to_string());
    }
    let below = format!("plugins/{name}.wasm");
    let to = folder.join(&below);
    let failed = |error: &std::io::Error| Fault::io("could not copy the plugin", &to, error);
    fs::create_dir_all(folder.join("plugins")).map_err(|error| failed(&error))?;
    fs::copy(file, &to).map_err(|error| failed(&error))?;
    Ok(below)
}

/// Writes a file as a whole.
fn replace(path: &Utf8Path, text: &str) -> Result<(), Fault> {
    let failed =
        |error: &std::io::Error| Fault::io("could not write the plugins' lock", path, error);
    let folder = path.parent().unwrap_or(Utf8Path::new("/"));
    let mut file = tempfile::Builder::new()
        .permissions(std::os::unix::fs::PermissionsExt::from_mode(0o644))
        .tempfile_in(folder)
        .map_err(|error| failed(&error))?;
    file.write_all(text.as_bytes())
        .map_err(|error| failed(&error))?;
    file.persist(path).map_err(|error| failed(&error.error))?;
    Ok(())
}

fn granted_text(grants: &[Granted]) -> String {
    if grants.is_empty() {
        return "  may do nothing beyond its own arguments\n".into();
    }
    grants
        .iter()
        .map(|grant| format!("  may {}\n", grant.words()))
        .collect()
}

/// What the plugin says it needs and has no grant of that kind for.
fn missing_text(plugin: &Plugin, grants: &[Granted]) -> String {
    let verb = |text: &str| text.split([':', '@']).next().unwrap_or_default().to_owned();
    let is_missing = |wanted: &str| {
        grants
            .iter()
            .all(|grant| verb(&grant.to_string()) != verb(wanted))
    };
    plugin
        .wants()
        .iter()
        .filter(|want| is_missing(&want.grant))
        .map(|want| format!("  asks for `--grant {}`: {}\n", want.grant, want.why))
        .collect()
}

fn build(context: &Context, package: &str, target: Option<&str>) -> Outcome {
    let package = absolute(package)?;
    let target: Option<Utf8PathBuf> = target.map(absolute).transpose()?;
    for component in krun_plugin::make::build(&package, target.as_deref())? {
        context.print(&format!("{component}\n"));
    }
    Ok(ExitCode::SUCCESS)
}

fn new(context: &Context, name: &str, language: Language, shape: Shape) -> Outcome {
    let files = project(name, language, shape)?;
    let does = files
        .first()
        .map(|(path, _)| path.clone())
        .unwrap_or_default();
    let folder = absolute(name)?;
    fs::create_dir(&folder)
        .map_err(|error| Fault::io("could not make the project's folder", &folder, &error))?;
    for (path, text) in files {
        let path = folder.join(path);
        let failed =
            |error: &std::io::Error| Fault::io("could not write the project", &path, error);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).map_err(|error| failed(&error))?;
        }
        fs::write(&path, text).map_err(|error| failed(&error))?;
    }
    context.print(&format!("{folder}\n"));
    context.remark(&format!(
        "what it does is in {name}/{does}; these commands build it:\n  {}",
        language.commands(name).join("\n  ")
    ));
    Ok(ExitCode::SUCCESS)
}

fn inspect(context: &Context, plugin: &str, folder: &str) -> Outcome {
    let folder = folder_of(folder)?;
    let runtime = plugins::runtime(context)?;
    let lock = plugins::lock_of(&folder)?.unwrap_or_else(Lock::empty);
    let locked = lock.plugins.get(plugin);
    let file = match locked {
        Some(locked) => plugins::file_of(&folder, locked),
        None => absolute(plugin)?,
    };
    // Shown also of a component that krun can't use.
    let imports = krun_plugin::component::imports(&runtime, &file)?;
    let mut text = format!("{file}\nimports, which is all that it can call:\n");
    for import in &imports {
        text.push_str(&format!("  {import}\n"));
    }
    let opened = match locked {
        Some(locked) => plugins::open(&runtime, &folder, plugin, locked),
        None => runtime.open(&file, None),
    };
    let opened = match opened {
        Ok(opened) => opened,
        Err(fault) => {
            context.print(&text);
            return Err(fault.into());
        }
    };
    let locked = locked.or_else(|| {
        lock.plugins
            .get(opened.name())
            .filter(|locked| locked.sha256 == opened.sha256())
    });
    if context.global.json {
        print_json(context, &object(&opened, &imports, locked));
        return Ok(ExitCode::SUCCESS);
    }
    text.push_str(&described(&opened));
    match locked {
        Some(locked) => text.push_str(&format!("in krun.lock:\n{}", granted_text(&locked.grants))),
        None => text.push_str("not in krun.lock of this folder\n"),
    }
    context.print(&text);
    Ok(ExitCode::SUCCESS)
}

fn object(
    plugin: &Plugin,
    imports: &BTreeSet<String>,
    locked: Option<&Locked>,
) -> serde_json::Value {
    let wants = plugin.wants().iter();
    json!({
        "event": "plugin", "name": plugin.name(), "version": plugin.version(),
        "sha256": plugin.sha256(), "api": plugin.api(), "worlds": plugin.worlds(), "imports": imports, "locked": locked,
        "wants": wants.map(|want| json!({"grant": want.grant, "why": want.why})).collect::<Vec<_>>(),
        "params": plugin.manifest().map(|manifest| manifest.params.iter().map(|param| &param.name).collect::<Vec<_>>()),
        "kinds": plugin.kinds(&[], &plugins::clusters()).iter().map(|kind| kind.spec().name).collect::<Vec<_>>(),
    })
}

/// What a plugin says of itself.
fn described(plugin: &Plugin) -> String {
    let (name, version) = (plugin.name(), plugin.version());
    let mut text = format!(
        "{name} {version}: {}\nsha256 {}\n",
        plugin.doc(),
        plugin.sha256()
    );
    for world in plugin.worlds() {
        text.push_str(&format!("world {world} of krun:plugin@{}\n", plugin.api()));
    }
    for param in plugin.manifest().iter().flat_map(|one| &one.params) {
        let needed = if param.default.is_some() {
            ", optional"
        } else {
            ""
        };
        text.push_str(&format!("parameter {}: {}{needed}\n", param.name, param.ty));
    }
    for kind in plugin.kinds(&[], &plugins::clusters()) {
        let spec = kind.spec();
        text.push_str(&format!("kind {}\n", spec.name));
        for arg in spec.args {
            let needed = if arg.required { "" } else { ", optional" };
            text.push_str(&format!("  {}: {}{needed}\n", arg.name, arg.ty.words()));
        }
    }
    for want in plugin.wants() {
        text.push_str(&format!("asks for {}: {}\n", want.grant, want.why));
    }
    text
}

fn list(context: &Context, folder: &str) -> Outcome {
    let lock = plugins::lock_of(&folder_of(folder)?)?.unwrap_or_else(Lock::empty);
    if context.global.json {
        print_json(
            context,
            &json!({"event": "plugins", "plugins": lock.plugins}),
        );
        return Ok(ExitCode::SUCCESS);
    }
    if lock.plugins.is_empty() {
        context.remark("no plugin; `krun plugin add FILE` adds one");
    }
    for (name, locked) in &lock.plugins {
        let digits = locked.sha256.get(..12).unwrap_or_default();
        context.print(&format!(
            "{name} {} ({digits}) {}\n",
            locked.version, locked.file
        ));
        context.print(&granted_text(&locked.grants));
    }
    Ok(ExitCode::SUCCESS)
}

fn verify(context: &Context, folder: &str) -> Outcome {
    let folder = folder_of(folder)?;
    let lock = plugins::lock_of(&folder)?.unwrap_or_else(Lock::empty);
    let runtime = plugins::runtime(context)?;
    let mut bad = None;
    for (name, locked) in &lock.plugins {
        match plugins::verify(&runtime, &folder, name, locked) {
            Ok(_) => context.remark(&format!("{name} {}: as pinned", locked.version)),
            Err(fault) => {
                context.warn(&krun_report::fault_text(&fault, context.err_style));
                bad = Some(fault);
            }
        }
    }
    match bad {
        None => Ok(ExitCode::SUCCESS),
        Some(fault) => Ok(ExitCode::from(crate::errors::exit_code(fault.code))),
    }
}
