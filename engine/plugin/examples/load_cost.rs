//! What krun adds to wasmtime: loading a compiled plugin and calling it, beside a bare wasmtime program
//! with the same component.
//!
//! `cargo run --release -p krun-plugin --example load_cost -- COMPONENT`

#![expect(clippy::print_stdout, reason = "a program that prints a table")]

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use async_trait::async_trait;
use camino::{Utf8Path, Utf8PathBuf};
use krun_model::{
    Fault, Map, Value,
    configs::{ClientsOf, ConfigsOf},
};
use krun_plugin::{
    Clusters, Limits, Runtime,
    clusters::{Cluster, Group, Setting},
};
use wasmtime::{
    Config, Engine, Store,
    component::{Component, Linker},
};

const ROUNDS: usize = 200;

struct Nowhere;

#[async_trait]
impl Clusters for Nowhere {
    async fn look(&self, _: &[String]) -> Result<Cluster, Fault> {
        Err(Fault::internal("no cluster here"))
    }
    async fn settings(&self, _: &[String], _: &ConfigsOf) -> Result<Option<Vec<Setting>>, Fault> {
        Err(Fault::internal("no cluster here"))
    }
    async fn quotas(&self, _: &[String], _: &ClientsOf) -> Result<Vec<(String, f64)>, Fault> {
        Err(Fault::internal("no cluster here"))
    }
    async fn groups(&self, _: &[String]) -> Result<Vec<Group>, Fault> {
        Err(Fault::internal("no cluster here"))
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let file = Utf8PathBuf::from(std::env::args().nth(1).ok_or("which component?")?);
    let folder = tempfile::tempdir()?;
    let folder = Utf8Path::from_path(folder.path()).ok_or("a folder that is not UTF-8")?;
    bare(&file, folder)?;
    krun(&file, folder)?;
    Ok(())
}

/// wasmtime alone, with krun's settings for epochs, and imports that trap.
fn bare(file: &Utf8Path, folder: &Utf8Path) -> wasmtime::Result<()> {
    let mut config = Config::new();
    config.epoch_interruption(true).wasm_component_model(true);
    let engine = Engine::new(&config)?;
    let compiled = folder.join("bare.cwasm");
    std::fs::write(
        &compiled,
        engine.precompile_component(&std::fs::read(file)?)?,
    )?;
    #[expect(unsafe_code, reason = "this program wrote the file itself")]
    // SAFETY: see the reason.
    let load = || unsafe { Component::deserialize_file(&engine, &compiled) };
    say("bare: deserialize_file", median(|| load().map(drop)));
    let component = load()?;
    let mut linker = Linker::<()>::new(&engine);
    linker.define_unknown_imports_as_traps(&component)?;
    let pre = linker.instantiate_pre(&component)?;
    let instantiate = || {
        let mut store = Store::new(&engine, ());
        store.set_epoch_deadline(1_000_000);
        pre.instantiate(&mut store).map(drop)
    };
    say("bare: instantiate", median(instantiate));
    Ok(())
}

fn krun(file: &Utf8Path, folder: &Utf8Path) -> Result<(), Fault> {
    let cache = Some(folder.join("cache"));
    say(
        "krun: runtime",
        median(|| Runtime::new(None, Limits::default()).map(drop)),
    );
    let runtime = Runtime::new(cache, Limits::default())?;
    let plugin = runtime.open(file, None)?;
    let pinned = plugin.sha256().to_owned();
    say(
        "krun: open (hash, load, describe)",
        median(|| runtime.open(file, Some(&pinned)).map(drop)),
    );
    let clusters: Arc<dyn Clusters> = Arc::new(Nowhere);
    let kinds = plugin.kinds(&[], &clusters);
    let step = "step".parse().map_err(|_| Fault::internal("an address"))?;
    let nothing: Map<Value> = Map::new();
    let validate = || kinds[0].common().declare(&step, "id", &nothing).map(drop);
    say("krun: instantiate and validate", median(validate));
    Ok(())
}

fn median<E: std::fmt::Debug>(mut work: impl FnMut() -> Result<(), E>) -> Duration {
    let mut times: Vec<_> = (0..ROUNDS)
        .map(|_| {
            let began = Instant::now();
            #[expect(clippy::unwrap_used, reason = "what fails has no figure")]
            work().unwrap();
            began.elapsed()
        })
        .collect();
    times.sort();
    times[ROUNDS / 2]
}

fn say(what: &str, time: Duration) {
    println!("{what:<36} {:>9.1} µs", time.as_secs_f64() * 1e6);
}
