//! `krun plugin test`: a plugin's examples, each a step, in the sweep of `krun test`.
//!
//! The runbook around them is written here; that a step which was applied is satisfied, that a second run
//! changes nothing, that a rollback gives everything back to the byte, and all of this at every record at
//! which krun can be killed, is what the sweep looks for. That `check` changes nothing it sees, too: there is
//! nothing in a scratch deployment that a rollback does not account for.

use std::fs;

use camino::{Utf8Path, Utf8PathBuf};
use krun_model::{Fault, FaultCode, Kind};
use krun_plugin::{Grant, Granted, LOCK, Lock, Locked, Plugin};

use super::{Outcome, test::test};
use crate::{
    args::{PluginTestArgs, RunbookArgs, TestArgs},
    context::{Context, absolute},
    plugins,
};

pub fn plugin_test(context: &Context, args: PluginTestArgs) -> Outcome {
    let folder = absolute(&args.folder)?;
    let lock = plugins::lock_of(&folder)?.unwrap_or_else(Lock::empty);
    let locked = lock.plugins.get(&args.plugin);
    let file = match locked {
        Some(locked) => plugins::file_of(&folder, locked),
        None => absolute(&args.plugin)?,
    };
    let pinned = locked.map(|locked| locked.sha256.as_str());
    let plugin = plugins::runtime(context)?.open(&file, pinned)?;
    if !plugin.has_kinds() {
        return Err(
            Fault::new(FaultCode::Usage, "the plugin has no kinds to test")
                .at(plugin.name())
                .because("it is a whole runbook of krun's own kinds")
                .hint(format!("Test it like a script: `krun test {file}`."))
                .into(),
        );
    }
    let script = script(&plugin, &args)?;
    let made = tempfile::Builder::new().prefix("krun-plugin-").tempdir();
    let made = made.map_err(|error| Fault::io("could not make a folder", "$TMPDIR", &error))?;
    let place = Utf8PathBuf::from_path_buf(made.path().to_owned()).map_err(|path| {
        Fault::new(FaultCode::Usage, "the temporary folder's name is not UTF-8").at(path.display())
    })?;
    let scratch = match &args.scratch {
        Some(scratch) => absolute(scratch)?,
        // Outside of the test's own folder, so that what is kept of failed trials stays.
        None => format!("{place}-scratch").into(),
    };
    let mut grants = locked
        .map(|locked| locked.grants.clone())
        .unwrap_or_default();
    grants.push(Granted::here(Grant::Write(scratch.clone())));
    for server in &args.bootstrap {
        for verb in ["kafka", "change-kafka"] {
            grants.push(super::plugin::grant(&format!("{verb}:{server}"))?);
        }
    }
    for text in &args.grant {
        grants.push(super::plugin::grant(text)?);
    }
    let runbook = written(&place, &plugin, &file, grants, &script)?;
    let mut params = vec![];
    if !args.bootstrap.is_empty() {
        params.push(format!("bootstrap={}", args.bootstrap.join(",")));
    }
    test(
        context,
        TestArgs {
            runbook: RunbookArgs {
                runbook: runbook.to_string(),
                name: None,
                params,
                params_file: None,
                allow_untested_java: false,
            },
            crash_at_every_record: true,
            then: vec![],
            start_from: None,
            scratch: Some(scratch.to_string()),
            only: vec![],
            one_of_each: args.one_of_each,
            from: 1,
            earlier: None,
            sample: None,
            jobs: None,
            limit: 600,
            list: args.list,
            // What is in a cluster lies outside of every folder.
            allow_outside: !args.bootstrap.is_empty(),
        },
    )
}

/// A runbook of all examples, one after the other, in a folder of their own.
fn script(plugin: &Plugin, args: &PluginTestArgs) -> Result<String, Fault> {
    let kinds: Vec<Kind> = plugin.kinds(&[], &plugins::clusters());
    let is_chosen = |kind: &&Kind| {
        let name = kind.spec().name;
        args.kind.is_empty()
            || args
                .kind
                .iter()
                .any(|one| name == one || name.ends_with(&format!("::{one}")))
    };
    let chosen: Vec<&Kind> = kinds.iter().filter(is_chosen).collect();
    if chosen.is_empty() {
        let names: Vec<_> = kinds.iter().map(|kind| kind.spec().name).collect();
        return Err(Fault::new(FaultCode::Usage, "the plugin has no such kind")
            .at(args.kind.join(", "))
            .hint(format!("It has {}.", names.join(", "))));
    }
    let mut text = format!(
        "runbook(#{{ name: \"{0}-test\", version: \"1\", summary: \"the examples of {0}\" }});\nuse_plugin(\"{0}\");\n\
         let root = param(\"root\", #{{ type: \"path\", identity: true }});\n",
        plugin.name()
    );
    if !args.bootstrap.is_empty() {
        text.push_str("let bootstrap = param(\"bootstrap\", #{ type: \"list<string>\" });\n");
    }
    text.push_str(
        "directory(\"scratch/root\", #{ path: root });\ngate(\"the folder is there\");\n",
    );
    for kind in chosen {
        let spec = kind.spec();
        if spec.examples.is_empty() {
            return Err(Fault::new(FaultCode::Usage, "a kind has no example to test it with")
                .at(spec.name)
                .hint("Let its description give statements of a runbook, each declaring one step: `examples`.")
                .hint("Or test others alone: `--kind NAME`."));
        }
        let is_in_cluster = spec
            .examples
            .iter()
            .any(|example| words(example).any(|word| word == "bootstrap"));
        if is_in_cluster && args.bootstrap.is_empty() {
            return Err(Fault::new(FaultCode::Usage, "a kind can't be tested without a cluster")
                .at(spec.name)
                .because("its examples use `bootstrap`")
                .hint("Name one of which anything may be changed and taken back many times: `--bootstrap HOST:PORT`.")
                .hint("Or test others alone: `--kind NAME`."));
        }
        for example in spec.examples {
            text.push_str(example.trim_end());
            text.push('\n');
        }
    }
    Ok(text)
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_alphanumeric() && c != '_')
}

/// Writes runbook, component and lock into a folder; the runbook's file.
fn written(
    place: &Utf8Path,
    plugin: &Plugin,
    file: &Utf8Path,
    grants: Vec<Granted>,
    script: &str,
) -> Result<Utf8PathBuf, Fault> {
    let failed =
        |error: &std::io::Error| Fault::io("could not write the test's runbook", place, error);
    let mut lock = Lock::empty();
    let locked = Locked {
        file: "plugin.wasm".into(),
        sha256: plugin.sha256().to_owned(),
        version: plugin.version().to_owned(),
        api: plugin.api().to_owned(),
        grants,
    };
    lock.plugins.insert(plugin.name().to_owned(), locked);
    let runbook = place.join("examples.rhai");
    fs::copy(file, place.join("plugin.wasm")).map_err(|error| failed(&error))?;
    fs::write(place.join(LOCK), lock.text()?).map_err(|error| failed(&error))?;
    fs::write(&runbook, script).map_err(|error| failed(&error))?;
    Ok(runbook)
}
