//! From a plugin's source to a component: by the compilers of its language, which are the author's.
//!
//! What a folder holds says which language it is. Nothing is installed here; what is missing is named with
//! the command that brings it.

mod javascript;
mod python;
mod rust;

use std::process::{Command, Stdio};

use camino::{Utf8Path, Utf8PathBuf};
use krun_model::{Fault, FaultCode};

pub use rust::encode;

/// The end of a component's file name.
const COMPONENT: &str = ".component.wasm";

/// Builds all plugins of a folder; the files of the components, sorted. They lie in `target`, or in the
/// folder's own `target`.
///
/// # Errors
/// [`FaultCode::Prerequisite`] where what builds that language is missing; [`FaultCode::Command`] where
/// it fails.
pub fn build(folder: &Utf8Path, target: Option<&Utf8Path>) -> Result<Vec<Utf8PathBuf>, Fault> {
    let target = target.map_or_else(|| folder.join("target"), Utf8Path::to_owned);
    let has = |name: &str| folder.join(name).is_file();
    if has("Cargo.toml") {
        return rust::build(folder, &target);
    }
    if has(javascript::SOURCE) {
        return javascript::build(folder, &target).map(|component| vec![component]);
    }
    if has(python::SOURCE) {
        return python::build(folder, &target).map(|component| vec![component]);
    }
    Err(Fault::new(FaultCode::Usage, "there is no plugin to build")
        .at(folder)
        .because(format!(
            "it has neither Cargo.toml, nor {}, nor {}",
            javascript::SOURCE,
            python::SOURCE
        )))
}

/// The contract that a plugin is built for: in its own folder, or beside it.
fn contract(folder: &Utf8Path) -> Result<Utf8PathBuf, Fault> {
    let own = folder.join("wit/1.0.0");
    let beside = folder.parent().map(|parent| parent.join("wit/1.0.0"));
    let found = [Some(own), beside]
        .into_iter()
        .flatten()
        .find(|wit| wit.is_dir());
    found.ok_or_else(|| {
        Fault::new(
            FaultCode::Prerequisite,
            "the contract of plugins is not there",
        )
        .at(folder.join("wit/1.0.0"))
        .hint("Copy the folder plugins/wit of krun's sources to there.")
    })
}

/// Where the component of a folder's plugin goes.
fn component_of(folder: &Utf8Path, target: &Utf8Path) -> Result<Utf8PathBuf, Fault> {
    std::fs::create_dir_all(target).map_err(|error| {
        Fault::io(
            "could not make the folder for the component",
            target,
            &error,
        )
    })?;
    Ok(target.join(format!(
        "{}{COMPONENT}",
        folder.file_name().unwrap_or("plugin")
    )))
}

/// The world of a plugin whose source exports these names, of which two are what its language calls the
/// contract's own. So nobody has to say twice what a plugin is.
fn world(
    source: &Utf8Path,
    exported: &[String],
    [steps, runbook]: [&str; 2],
) -> Result<&'static str, Fault> {
    let exports = |wanted: &str| exported.iter().any(|name| name == wanted);
    match (exports(steps), exports(runbook)) {
        (true, true) => Ok("runbook-step-plugin"),
        (true, false) => Ok("step-plugin"),
        (false, true) => Ok("runbook-plugin"),
        (false, false) => Err(Fault::new(
            FaultCode::Usage,
            "the plugin has neither step kinds nor a runbook",
        )
        .at(source)
        .because(format!("it exports neither `{steps}` nor `{runbook}`"))
        .hint("Export one of them, or both; `krun plugin new` makes a project that does.")),
    }
}

/// What a program that looks at a source prints: the names that it exports, a line each.
fn exported(command: Command, folder: &Utf8Path, missing: Fault) -> Result<Vec<String>, Fault> {
    let said = compile(command, folder, missing)?;
    Ok(said.lines().map(str::to_owned).collect())
}

/// Runs a compiler to its end, and gives what it printed; what else it has to say goes to standard error.
fn compile(mut command: Command, folder: &Utf8Path, missing: Fault) -> Result<String, Fault> {
    let output = command
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output();
    match output {
        Ok(output) if output.status.success() => {
            Ok(String::from_utf8_lossy(&output.stdout).into_owned())
        }
        Ok(output) => Err(Fault::new(FaultCode::Command, "the plugin does not build")
            .at(folder)
            .because(format!("its compiler ended with {}", output.status))
            .hint("What is wrong stands above.")
            .evidence(
                String::from_utf8_lossy(&output.stdout)
                    .lines()
                    .map(str::to_owned),
            )),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Err(missing),
        Err(error) => Err(Fault::io("could not start the compiler", folder, &error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_exported_says_the_world() {
        let names = ["stepKinds", "runbook"];
        let of = |exported: &[&str]| {
            let exported: Vec<_> = exported.iter().map(|name| (*name).to_owned()).collect();
            world(Utf8Path::new("plugin.js"), &exported, names)
        };
        assert_eq!(of(&["stepKinds"]).unwrap(), "step-plugin");
        assert_eq!(of(&["helper", "runbook"]).unwrap(), "runbook-plugin");
        assert_eq!(
            of(&["runbook", "stepKinds"]).unwrap(),
            "runbook-step-plugin"
        );
        let fault = of(&["Runbook"]).unwrap_err();
        assert_eq!(fault.place.as_deref(), Some("plugin.js"));
        assert_eq!(
            fault.why.as_deref(),
            Some("it exports neither `stepKinds` nor `runbook`")
        );
    }
}
