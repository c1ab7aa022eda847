//! What krun adds to wasmtime: loading a compiled plugin, making an instance and calling it, beside a bare
//! wasmtime program with the same component, in turns; and the memory that an idle plugin takes.
//!
//! `cargo run --release -p krun-plugin --example load_cost -- COMPONENT…` prints a line of JSON for each
//! component, times in µs. `cargo figures plugins` makes rows of them.

#![expect(clippy::print_stdout, reason = "a program that prints figures")]

use std::{
    fs,
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
    Clusters, Limits, Plugin, Runtime,
    clusters::{Cluster, Group, Setting},
};
use serde_json::json;
use wasmtime::{
    Config, Engine, Store,
    component::{Component, ComponentExportIndex, Instance, InstancePre, Linker, Val},
};

const ROUNDS: usize = 201;
/// How many times a plugin is opened to see what one takes.
const IDLE: u64 = 16;

type Failed = Box<dyn std::error::Error>;

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

fn main() -> Result<(), Failed> {
    for file in std::env::args().skip(1) {
        println!("{}", figures(&Utf8PathBuf::from(file))?);
    }
    Ok(())
}

fn figures(file: &Utf8Path) -> Result<serde_json::Value, Failed> {
    let folder = tempfile::tempdir()?;
    let folder = Utf8Path::from_path(folder.path()).ok_or("a folder that is not UTF-8")?;
    let bare = Bare::new(file, folder)?;
    // A copy whose last change is long enough ago to be known again.
    let copy = folder.join("plugin.wasm");
    fs::copy(file, &copy)?;
    std::thread::sleep(Duration::from_secs(5));
    let runtime = Runtime::new(Some(folder.join("cache")), Limits::default())?;
    let plugin = runtime.open(&copy, None)?;
    let clusters: Arc<dyn Clusters> = Arc::new(Nowhere);
    // Anew for each call: what it answered about some arguments is remembered.
    let kinds = || plugin.kinds(&[], &clusters).into_iter().next();
    let kind = kinds().ok_or("a plugin without kinds")?;
    let name = kind.spec().name.rsplit("::").next().unwrap_or_default();
    let step = "step".parse().map_err(|_| "no address")?;
    let nothing: Map<Value> = Map::new();

    let (pre, pinned) = (bare.load()?, plugin.sha256().to_owned());
    let validate = Bare::function(&pre).ok_or("no `validate`")?;
    let mut load = Pair::default();
    let mut instance = Pair::default();
    let mut call = Pair::default();
    let (mut hashed, mut runtimes) = (Times::default(), Times::default());
    for _ in 0..ROUNDS {
        load.bare.time(|| bare.load().map(drop))?;
        load.krun
            .time(|| runtime.open(&copy, Some(&pinned)).map(drop))?;
        instance.bare.time(|| bare.instance(&pre).map(drop))?;
        instance.krun.time(|| plugin.instance())?;
        call.bare.time(|| bare.validate(&pre, validate, name))?;
        let kind = kinds().ok_or("a plugin without kinds")?;
        // What the guest says of no arguments is its own; that it was asked is what is measured.
        call.krun.time(|| {
            drop(kind.common().declare(&step, "id", &nothing));
            Ok::<_, Fault>(())
        })?;
    }
    for _ in 0..ROUNDS / 10 {
        hashed.time(|| runtime.open_anew(&copy, Some(&pinned)).map(drop))?;
        runtimes.time(|| Runtime::new(None, Limits::default()).map(drop))?;
    }
    let (resident, own) = idle(&runtime, &copy)?;
    Ok(json!({
        "component": file.file_name(), "kib": fs::metadata(&copy)?.len() >> 10, "rounds": ROUNDS,
        "load": load.json(), "instance": instance.json(), "call": call.json(),
        "load_hashed": hashed.json(), "runtime": runtimes.json(),
        "idle": {"resident_kib": resident, "own_kib": own},
    }))
}

/// wasmtime alone, with krun's settings for epochs, and imports that trap.
struct Bare {
    engine: Engine,
    linker: Linker<()>,
    compiled: Utf8PathBuf,
}

impl Bare {
    fn new(file: &Utf8Path, folder: &Utf8Path) -> Result<Self, Failed> {
        let mut config = Config::new();
        config.epoch_interruption(true).wasm_component_model(true);
        let engine = Engine::new(&config)?;
        let compiled = folder.join("bare.cwasm");
        let code = engine.precompile_component(&fs::read(file)?)?;
        fs::write(&compiled, &code)?;
        let component = Self::compiled(&engine, &compiled)?;
        let mut linker = Linker::<()>::new(&engine);
        linker.define_unknown_imports_as_traps(&component)?;
        Ok(Self {
            engine,
            linker,
            compiled,
        })
    }

    fn compiled(engine: &Engine, file: &Utf8Path) -> wasmtime::Result<Component> {
        #[expect(unsafe_code, reason = "this program wrote the file itself")]
        // SAFETY: see the reason.
        unsafe {
            Component::deserialize_file(engine, file)
        }
    }

    /// From the compiled file to what instances are made of.
    fn load(&self) -> wasmtime::Result<InstancePre<()>> {
        let component = Self::compiled(&self.engine, &self.compiled)?;
        self.linker.instantiate_pre(&component)
    }

    fn instance(&self, pre: &InstancePre<()>) -> wasmtime::Result<(Instance, Store<()>)> {
        let mut store = Store::new(&self.engine, ());
        store.set_epoch_deadline(1_000_000);
        Ok((pre.instantiate(&mut store)?, store))
    }

    /// Where `validate` is, which is looked for once.
    fn function(pre: &InstancePre<()>) -> Option<ComponentExportIndex> {
        let component = pre.component();
        let (_, kinds) = component.get_export(None, "krun:plugin/step-kinds@1.0.0")?;
        component.get_export_index(Some(&kinds), "validate")
    }

    fn validate(
        &self,
        pre: &InstancePre<()>,
        function: ComponentExportIndex,
        kind: &str,
    ) -> wasmtime::Result<()> {
        let (instance, mut store) = self.instance(pre)?;
        let Some(function) = instance.get_func(&mut store, function) else {
            wasmtime::bail!("no `validate`");
        };
        let given = [kind, "{}"].map(|text| Val::String(text.to_owned()));
        function.call(&mut store, &given, &mut [Val::Bool(false)])
    }
}

/// What a plugin takes that is open and idle, after it was called: KiB of pages that are there, and of those
/// that are its own and not the file's.
fn idle(runtime: &Runtime, file: &Utf8Path) -> Result<(u64, u64), Failed> {
    let open = || -> Result<Plugin, Fault> {
        let plugin = runtime.open(file, None)?;
        plugin.instance()?;
        Ok(plugin)
    };
    let first = open()?;
    let before = memory()?;
    let more = (0..IDLE).map(|_| open()).collect::<Result<Vec<_>, _>>()?;
    let after = memory()?;
    drop((first, more));
    let each = |after: u64, before: u64| after.saturating_sub(before) / IDLE;
    Ok((each(after.0, before.0), each(after.1, before.1)))
}

fn memory() -> Result<(u64, u64), Failed> {
    let text = fs::read_to_string("/proc/self/smaps_rollup")?;
    let field = |name: &str| -> u64 {
        let line = text.lines().find_map(|line| line.strip_prefix(name));
        let number = line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok());
        number.unwrap_or_default()
    };
    Ok((field("Rss:"), field("Anonymous:")))
}

#[derive(Default)]
struct Times(Vec<Duration>);

impl Times {
    fn time<E>(&mut self, work: impl FnOnce() -> Result<(), E>) -> Result<(), E> {
        let began = Instant::now();
        work()?;
        self.0.push(began.elapsed());
        Ok(())
    }

    fn json(&mut self) -> serde_json::Value {
        self.0.sort();
        let micros = |time: Duration| (time.as_secs_f64() * 1e7).round() / 10.0;
        json!({"median": micros(self.0[self.0.len() / 2]), "least": micros(self.0[0])})
    }
}

/// The same work of the bare program and of krun.
#[derive(Default)]
struct Pair {
    bare: Times,
    krun: Times,
}

impl Pair {
    fn json(&mut self) -> serde_json::Value {
        json!({"bare": self.bare.json(), "krun": self.krun.json()})
    }
}
