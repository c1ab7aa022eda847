//! `zookeeper::server`: a ZooKeeper that runs and serves.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use camino::{Utf8Path, Utf8PathBuf};
use krun_model::{
    Address, ByHand, Change, Effect, Fault, FaultCode, HandCx, Map, Outputs, ReadHost, StepKind,
    Target, Text, Value, WriteHost,
    kind::{Adoption, ApplyCx, Check, CheckCx, Declared, KindSpec, Needs, StateKind, UndoClass},
    schema::{ArgSpec, ArgType, OutputSpec},
};
use krun_steps::folders::ensure_dir;
use serde::Deserialize;
use serde_json::json;

use super::args::{int, text};
use crate::{
    aside,
    clusters::Clusters,
    diagnosis::Patterns,
    distribution,
    process::{
        self, Foreign, Heap, ReadyProbe, Standing, Started, Wanted, absent, archive, await_ready,
        log_size, not_serving, outdated, port_free, standing, wanted,
    },
    versions::Program,
};

const HEAP: &str = "256m";
const TIMEOUT_S: u64 = 60;
/// ZooKeeper writes its transaction log before it answers, so it may be ended at any time.
const GRACE_MS: u64 = 20_000;

/// The kind.
pub struct Server {
    patterns: Arc<Patterns>,
    clusters: Arc<dyn Clusters>,
}

impl Server {
    /// The kind; the patterns say what a dying server's log means.
    pub fn new(patterns: Arc<Patterns>, clusters: Arc<dyn Clusters>) -> Self {
        Self { patterns, clusters }
    }
}

#[derive(Deserialize)]
struct Args {
    config: Utf8PathBuf,
    home: Utf8PathBuf,
    java: String,
    heap: Option<String>,
    address: String,
    port: u16,
    data_dir: Utf8PathBuf,
    data_log_dir: Utf8PathBuf,
    log_dir: Utf8PathBuf,
    timeout_s: Option<u64>,
}

/// Nothing beside what every server has.
static NO_ENV: Map<Text> = Map::new();

impl Args {
    fn heap(&self) -> Result<Heap, Fault> {
        Heap::parse(self.heap.as_deref().unwrap_or(HEAP))
    }

    fn limit(&self) -> Duration {
        Duration::from_secs(self.timeout_s.unwrap_or(TIMEOUT_S))
    }

    fn server<'a>(&'a self, heap: &'a Heap) -> process::Server<'a> {
        process::Server {
            program: Program::ZooKeeper,
            home: &self.home,
            java: &self.java,
            heap,
            config: &self.config,
            log_dir: &self.log_dir,
            grace_ms: GRACE_MS,
            env: &NO_ENV,
        }
    }

    fn outputs(&self, started: &Started, heap: &Heap) -> Outputs {
        let endpoint = format!("{}:{}", self.address, self.port);
        let mut outputs = process::outputs(started, heap, &endpoint);
        // Which server leads an ensemble changes by itself; whether it is one does not.
        let peers = started
            .settings
            .keys()
            .filter(|key| key.starts_with("server."));
        let mode = if peers.count() > 1 {
            "ensemble"
        } else {
            "standalone"
        };
        outputs.insert("mode".to_owned(), json!(mode));
        outputs
    }
}

static SPEC: KindSpec = KindSpec {
    name: "zookeeper::server",
    doc: "Runs a ZooKeeper server in the background and waits until it serves, as it says itself when \
          asked `srvr`. The process goes on when krun ends. It is restarted when Java, heap, jars or \
          effective settings differ from those it was started with.",
    args: &[
        ArgSpec::required("config", ArgType::Path, "Its properties file."),
        ArgSpec::required(
            "home",
            ArgType::Path,
            "The distribution: `home` of kafka::distribution.",
        ),
        ArgSpec::required(
            "java",
            ArgType::Str,
            "The Java program: output `bin` of kafka::java.",
        ),
        ArgSpec::required(
            "address",
            ArgType::Str,
            "A host name or address at which it is asked whether it serves.",
        ),
        ArgSpec::required("port", ArgType::Port, "Its clientPort."),
        ArgSpec::required("data_dir", ArgType::Str, "Its dataDir, an absolute path."),
        ArgSpec::required(
            "data_log_dir",
            ArgType::Str,
            "Its dataLogDir, an absolute path; dataDir again where it has none.",
        ),
        ArgSpec::required(
            "log_dir",
            ArgType::Path,
            "The folder for its output, `zookeeper.out`, and its logs.",
        ),
        ArgSpec::optional(
            "heap",
            ArgType::Str,
            "Its heap, such as 512m; 256m if not given.",
        ),
        ArgSpec::optional(
            "timeout_s",
            ArgType::Int,
            "How long it may take to serve, in seconds; 60 if not given.",
        ),
    ],
    outputs: &[
        OutputSpec::new("digest", "Of what the process was started with."),
        OutputSpec::new("endpoint", "host:port."),
        OutputSpec::new("heap", "Its heap."),
        OutputSpec::new("jars", "A digest of names and sizes of the jars."),
        OutputSpec::new("java", "The program."),
        OutputSpec::new("log", "The file with its output."),
        OutputSpec::new("mode", "`standalone` or `ensemble`."),
        OutputSpec::new("settings", "The effective settings, without secrets."),
    ],
    undo: UndoClass::Compensable,
    examples: &[include_str!("examples/zookeeper_server.rhai")],
};

impl StepKind for Server {
    fn spec(&self) -> &KindSpec {
        &SPEC
    }

    fn declare(
        &self,
        step: &Address,
        deployment: &str,
        args: &Map<Value>,
    ) -> Result<Declared, Fault> {
        let heap =
            Heap::parse(text(args, "heap").unwrap_or(HEAP)).map_err(|fault| fault.at(step))?;
        let id = krun_model::ProcessId {
            deployment: deployment.to_owned(),
            step: step.clone(),
        };
        let mut writes = vec![Target::Process(id)];
        let folders = ["data_dir", "data_log_dir", "log_dir"].map(|name| text(args, name));
        writes.extend(
            folders
                .into_iter()
                .flatten()
                .map(|path| Target::Contents(path.into())),
        );
        writes.dedup();
        Ok(Declared {
            writes,
            reads: text(args, "config").map(Into::into).into_iter().collect(),
            restart_group: None,
            needs: Needs {
                memory: heap.memory(),
                ports: int(args, "port")
                    .and_then(|port| u16::try_from(port).ok())
                    .into_iter()
                    .collect(),
                ..Needs::default()
            },
        })
    }

    fn by_hand(&self, cx: &HandCx<'_>) -> ByHand {
        crate::by_hand::zookeeper_server(cx)
    }
}

struct Probe<'a> {
    clusters: &'a dyn Clusters,
    args: &'a Args,
    missing: String,
}

#[async_trait]
impl ReadyProbe for Probe<'_> {
    type Ready = String;

    async fn ask(&mut self) -> Result<Option<String>, Fault> {
        let Args { address, port, .. } = self.args;
        match self.clusters.zookeeper_mode(address, *port).await {
            Ok(mode) => Ok(Some(mode)),
            Err(missing) => {
                self.missing = missing;
                Ok(None)
            }
        }
    }

    fn missing(&self) -> String {
        self.missing.clone()
    }
}

#[async_trait]
impl StateKind for Server {
    async fn check(&self, cx: &CheckCx<'_>) -> Result<Check, Fault> {
        let args: Args = cx.step.args()?;
        let heap = args.heap()?;
        let started = match wanted(cx.host, &cx.step, &args.server(&heap)).await? {
            Wanted::Known(started) => started,
            Wanted::Missing(why) => return Ok(Check::Unknown { why, diff: vec![] }),
        };
        let outputs = args.outputs(&started, &heap);
        let remembered = cx.step.memory.map(|memory| &memory.outputs);
        let serves = || self.clusters.zookeeper_mode(&args.address, args.port);
        Ok(match standing(cx.host, &started, &cx.step).await? {
            Standing::Ready => Check::Satisfied(outputs),
            Standing::Unseen => match serves().await {
                Ok(_) => Check::Satisfied(outputs),
                Err(why) => not_serving(&why),
            },
            Standing::Absent => absent(),
            Standing::Other(_) => outdated(remembered, &outputs),
        })
    }

    async fn apply(&self, cx: &ApplyCx<'_>) -> Result<Outputs, Fault> {
        let args: Args = cx.step.args()?;
        let heap = args.heap()?;
        let server = args.server(&heap);
        let mut started = wanted(cx.host, &cx.step, &server)
            .await?
            .required(cx.step.address)?;
        archive::take(cx.host, &server, &mut started).await;
        let spec = &started.spec;
        let standing = standing(cx.host, &started, &cx.step).await?;
        let log = log_size(cx.host, &spec.log).await?;
        match standing {
            Standing::Absent => {
                port_free(cx.host, args.port).await?;
                take_folders(cx.host, cx.step.address, &args).await?;
                cx.host.perform(Effect::StartProcess(spec.clone())).await?;
            }
            Standing::Ready | Standing::Unseen if cx.change != Change::Restart => {}
            // Also when it runs with what is wanted, but a file that it read was changed since.
            Standing::Ready | Standing::Unseen | Standing::Other(_) => {
                cx.progress.say("stopping");
                cx.host
                    .perform(Effect::StopProcess {
                        id: spec.id.clone(),
                        grace_ms: GRACE_MS,
                    })
                    .await?;
                // One that was adopted may have written its output elsewhere.
                ensure_dir(cx.host, &args.log_dir, distribution::FOLDER).await?;
                cx.host.perform(Effect::StartProcess(spec.clone())).await?;
            }
        }
        cx.progress.say("waiting until it serves");
        let mut probe = Probe {
            clusters: &*self.clusters,
            args: &args,
            missing: "nothing answers".to_owned(),
        };
        await_ready(cx.host, spec, log, args.limit(), &self.patterns, &mut probe).await?;
        Ok(args.outputs(&started, &heap))
    }

    async fn adopt(&self, cx: &CheckCx<'_>) -> Result<Adoption, Fault> {
        let args: Args = cx.step.args()?;
        let heap = args.heap()?;
        let server = args.server(&heap);
        let Wanted::Known(started) = wanted(cx.host, &cx.step, &server).await? else {
            return Ok(Adoption::Nothing);
        };
        let Some(foreign) = Foreign::at(cx.host, args.port, &started).await? else {
            return Ok(Adoption::Nothing);
        };
        foreign.must_share(&started.settings, &["dataDir", "dataLogDir"])?;
        self.clusters
            .zookeeper_mode(&args.address, args.port)
            .await
            .map_err(|why| {
                Fault::new(FaultCode::Conflict, "this ZooKeeper can't be adopted").because(why)
            })?;
        let outputs = args.outputs(&started, &heap);
        let found = foreign
            .found(cx.host, &server, cx.step.secrets, *started, outputs)
            .await?;
        Ok(Adoption::Process(Box::new(found)))
    }
}

/// Makes the folders and says that what will be in them belongs to the process.
async fn take_folders(host: &dyn WriteHost, step: &Address, args: &Args) -> Result<(), Fault> {
    let mut folders = vec![
        ("data", &args.data_dir),
        ("datalog", &args.data_log_dir),
        ("log", &args.log_dir),
    ];
    folders.dedup_by_key(|(_, path)| *path);
    for (what, path) in folders {
        claim(host, step, what, path).await?;
    }
    Ok(())
}

/// Makes a folder and says that what will be in it belongs to a step's process.
pub(super) async fn claim(
    host: &dyn WriteHost,
    step: &Address,
    what: &str,
    path: &Utf8Path,
) -> Result<(), Fault> {
    ensure_dir(host, path, distribution::FOLDER).await?;
    let reader: &dyn ReadHost = host;
    aside::unused(reader, path).await?;
    let quarantine = host.quarantine(path, &aside::name(step, what)).await?;
    let path = path.to_owned();
    host.perform(Effect::Claim { path, quarantine }).await?;
    Ok(())
}
