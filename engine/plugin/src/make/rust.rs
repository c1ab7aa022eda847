//! Rust: cargo for the core module, then the component around it.
//!
//! Owns which toolchain builds guests. Where rustup has the target `wasm32-unknown-unknown`, that; else
//! Debian's `rustc-web` with `rust-web-src`, of which cargo builds the standard library.

use std::{
    collections::BTreeSet,
    fs,
    process::{Command, Stdio},
};

use camino::{Utf8Path, Utf8PathBuf};
use krun_model::{Fault, FaultCode};
use serde_json::Value;
use wit_component::ComponentEncoder;

use super::COMPONENT;

const TARGET: &str = "wasm32-unknown-unknown";

/// Which compiler makes guests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Toolchain {
    /// The user's own, which has the target.
    Rustup,
    /// Debian's, in /usr/bin, which builds the standard library too.
    Debian,
}

/// Builds all plugins of a cargo package or workspace.
pub(super) fn build(folder: &Utf8Path, target: &Utf8Path) -> Result<Vec<Utf8PathBuf>, Fault> {
    let manifest = folder.join("Cargo.toml");
    let mut cargo = cargo(toolchain()?);
    cargo
        .args([
            "build",
            "--release",
            "--target",
            TARGET,
            "--manifest-path",
            manifest.as_str(),
        ])
        .args(["--target-dir", target.as_str()])
        .env_remove("CARGO_ENCODED_RUSTFLAGS");
    let output = cargo
        .arg("--message-format=json-render-diagnostics")
        .stderr(Stdio::inherit())
        .output()
        .map_err(|error| Fault::io("could not start cargo", folder, &error))?;
    if !output.status.success() {
        return Err(Fault::new(FaultCode::Command, "the plugin does not build")
            .at(folder)
            .because(format!("cargo ended with {}", output.status))
            .hint("What is wrong stands above."));
    }
    let said = String::from_utf8_lossy(&output.stdout);
    modules(&said)
        .iter()
        .map(|module| component(module))
        .collect()
}

/// The core modules that cargo says it made, or found made, sorted.
fn modules(said: &str) -> BTreeSet<Utf8PathBuf> {
    let artifacts = said
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let files = artifacts.filter_map(|artifact| artifact["filenames"].as_array().cloned());
    files
        .flatten()
        .filter_map(|file| file.as_str().map(Utf8PathBuf::from))
        .filter(|file| file.extension() == Some("wasm"))
        .collect()
}

/// Makes a component of a core module, beside it.
fn component(module: &Utf8Path) -> Result<Utf8PathBuf, Fault> {
    let failed = |error: &std::io::Error| Fault::io("could not make the component", module, error);
    let bytes = fs::read(module).map_err(|error| failed(&error))?;
    let made = encode(&bytes).map_err(|fault| fault.at(module))?;
    let name = module.file_stem().unwrap_or("plugin").replace('_', "-");
    let file = module.with_file_name(format!("{name}{COMPONENT}"));
    fs::write(&file, made).map_err(|error| failed(&error))?;
    Ok(file)
}

/// The component of a core module that `wit-bindgen` wrote its world into.
///
/// # Errors
/// [`FaultCode::Plugin`] where the module has none.
pub fn encode(module: &[u8]) -> Result<Vec<u8>, Fault> {
    ComponentEncoder::default()
        .validate(true)
        .module(module)
        .and_then(|mut encoder| encoder.encode())
        .map_err(|error| {
            Fault::new(FaultCode::Plugin, "no component can be made of the module")
                .because(format!("{error:#}"))
        })
}

fn toolchain() -> Result<Toolchain, Fault> {
    let sysroot = Command::new("rustc").args(["--print", "sysroot"]).output();
    let has_target = sysroot.is_ok_and(|output| {
        let sysroot = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        Utf8Path::new(&sysroot)
            .join("lib/rustlib")
            .join(TARGET)
            .is_dir()
    });
    if has_target {
        return Ok(Toolchain::Rustup);
    }
    let debian = ["/usr/bin/rustc", "/usr/bin/cargo", "/usr/bin/wasm-ld"];
    let is_there = |path: &&str| Utf8Path::new(path).exists();
    if debian.iter().all(is_there) {
        return Ok(Toolchain::Debian);
    }
    Err(
        Fault::new(FaultCode::Prerequisite, "nothing here can build a plugin")
            .because(format!(
                "the Rust in use has no target {TARGET}, and Debian's is not there"
            ))
            .hint(format!("With rustup: `rustup target add {TARGET}`."))
            .hint("On Debian: `apt-get install rustc-web rust-web-src cargo-web lld`."),
    )
}

fn cargo(toolchain: Toolchain) -> Command {
    match toolchain {
        Toolchain::Rustup => Command::new("cargo"),
        Toolchain::Debian => {
            let mut cargo = Command::new("/usr/bin/cargo");
            let path = std::env::var("PATH").unwrap_or_default();
            cargo
                .args(["-Z", "build-std=std,panic_abort"])
                // Other variables of a rustup that runs krun would lead back to it.
                .env_remove("RUSTUP_TOOLCHAIN")
                .env_remove("RUSTUP_HOME")
                .env("PATH", format!("/usr/bin:{path}"))
                .env("RUSTC", "/usr/bin/rustc")
                .env("RUSTC_BOOTSTRAP", "1")
                .env("RUSTFLAGS", "-C linker=wasm-ld");
            cargo
        }
    }
}
