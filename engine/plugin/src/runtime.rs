//! wasmtime's engine as krun sets it up: what guests can use, and the clock that interrupts them.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::Duration,
};

use camino::{Utf8Path, Utf8PathBuf};
use krun_model::Fault;
use wasmtime::{
    Config, Engine,
    component::{HasSelf, Linker},
};

use crate::{Limits, bindings::StepPlugin, cache::Cache, guest::Guest, patience::Told, pool::Pool};

/// How often a computing guest is looked at.
const TICK: Duration = Duration::from_millis(10);

/// What all plugins of a process run on.
#[derive(Clone)]
pub struct Runtime {
    pub(crate) engine: Engine,
    pub(crate) linker: Arc<Linker<Guest>>,
    pub(crate) cache: Option<Arc<Cache>>,
    pub(crate) limits: Limits,
    pub(crate) told: Option<Told>,
    pub(crate) pool: Arc<Pool>,
    busy: Arc<Busy>,
}

/// How many guests compute now; the clock stands still while none does.
#[derive(Debug)]
struct Busy {
    calls: AtomicUsize,
    clock: thread::Thread,
}

/// A call under way: the clock runs while there is one.
pub(crate) struct Call(Arc<Busy>);

impl Drop for Call {
    fn drop(&mut self) {
        self.0.calls.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Runtime {
    /// A runtime that keeps compiled code in a folder, or nowhere.
    ///
    /// # Errors
    /// wasmtime can't be set up on this machine.
    pub fn new(cache: Option<Utf8PathBuf>, limits: Limits) -> Result<Self, Fault> {
        let failed = |error: wasmtime::Error| {
            Fault::internal("WebAssembly can't be run on this machine")
                .because(format!("{error:#}"))
        };
        let engine = engine(&limits).map_err(failed)?;
        let mut linker = Linker::new(&engine);
        StepPlugin::add_to_linker::<_, HasSelf<_>>(&mut linker, |guest| guest).map_err(failed)?;
        Ok(Self {
            cache: cache.map(|folder| Arc::new(Cache::new(folder, &engine))),
            busy: clock(&engine)?,
            engine,
            linker: Arc::new(linker),
            limits,
            told: None,
            pool: Arc::new(Pool::new()),
        })
    }

    /// The same, which says of what file it compiles the component, if that takes longer than a moment.
    pub fn telling(self, told: impl Fn(&Utf8Path) + Send + Sync + 'static) -> Self {
        let told = Some(Told(Arc::new(told)));
        Self { told, ..self }
    }

    /// Lets the clock run.
    pub(crate) fn begin_call(&self) -> Call {
        self.busy.calls.fetch_add(1, Ordering::SeqCst);
        self.busy.clock.unpark();
        Call(self.busy.clone())
    }
}

/// An engine with room for all guests, or, where the machine does not give that many addresses, without: each
/// instance is mapped by itself then.
fn engine(limits: &Limits) -> wasmtime::Result<Engine> {
    let mut pooled = config();
    pooled.allocation_strategy(Pool::room(limits));
    Engine::new(&pooled).or_else(|_| Engine::new(&config()))
}

fn config() -> Config {
    let mut config = Config::new();
    config
        .epoch_interruption(true)
        .wasm_component_model(true)
        // Names of functions are enough for a backtrace; lines would need the guest's debug information.
        .wasm_backtrace_details(wasmtime::WasmBacktraceDetails::Disable)
        .max_wasm_stack(512 << 10)
        .async_stack_size(2 << 20);
    // A guest that asks for NaN bits gets the same ones everywhere.
    #[cfg(feature = "compiler")]
    config.cranelift_nan_canonicalization(true);
    config
}

/// A thread that moves the engine's epoch on while calls are under way, and ends with the engine.
fn clock(engine: &Engine) -> Result<Arc<Busy>, Fault> {
    let weak = engine.weak();
    let (send, receive) = std::sync::mpsc::channel::<std::sync::Weak<Busy>>();
    let thread = thread::Builder::new()
        .name("krun-plugin-clock".into())
        .spawn(move || {
            let Ok(busy) = receive.recv() else { return };
            loop {
                let Some(busy) = busy.upgrade() else { return };
                if busy.calls.load(Ordering::SeqCst) == 0 {
                    drop(busy);
                    thread::park_timeout(Duration::from_secs(1));
                    continue;
                }
                drop(busy);
                thread::sleep(TICK);
                match weak.upgrade() {
                    Some(engine) => engine.increment_epoch(),
                    None => return,
                }
            }
        })
        .map_err(|error| Fault::internal(format!("no thread for the plugins' clock: {error}")))?;
    let busy = Arc::new(Busy {
        calls: AtomicUsize::new(0),
        clock: thread.thread().clone(),
    });
    let _ = send.send(Arc::downgrade(&busy));
    Ok(busy)
}
