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

/// Runs a compiler to its end; what it has to say goes to standard error.
fn compile(mut command: Command, folder: &Utf8Path, missing: Fault) -> Result<(), Fault> {
    let output = command
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output();
    match output {
        Ok(output) if output.status.success() => Ok(()),
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
