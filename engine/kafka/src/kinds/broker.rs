//! `kafka::broker`: a broker that runs, is registered and has its replicas in sync.

mod adopt;
mod args;
mod leaving;
mod lifecycle;
mod probe;

use std::sync::Arc;

use async_trait::async_trait;
use krun_model::{
    Address, ByHand, Change, Fault, FaultCode, HandCx, Map, Outputs, StepKind, Target, Value,
    kind::{
        Adoption, ApplyCx, Check, CheckCx, Declared, KindSpec, LeaveCx, Needs, StateKind, UndoClass,
    },
    schema::{ArgSpec, ArgType, OutputSpec},
};

use self::{args::Args, lifecycle::Lifecycle, probe::BrokerProbe};
use super::args::{int, text, texts};
use crate::{
    clusters::Clusters,
    diagnosis::Patterns,
    process::{
        Heap, ReadyProbe as _, Standing, Wanted, absent, archive, not_serving, outdated, standing,
        wanted,
    },
};

/// The kind.
pub struct Broker {
    patterns: Arc<Patterns>,
    clusters: Arc<dyn Clusters>,
}

impl Broker {
    /// The kind; the patterns say what a dying broker's log means.
    pub fn new(patterns: Arc<Patterns>, clusters: Arc<dyn Clusters>) -> Self {
        Self { patterns, clusters }
    }
}

static SPEC: KindSpec = KindSpec {
    name: "kafka::broker",
    doc: "Runs a broker in the background and waits until it is registered, a controller is known, and \
          all partitions that it hosts are in sync. The process goes on when krun ends. It is restarted \
          when Java, heap, jars or effective settings differ from those it was started with: one broker \
          of a cluster at a time, and only while every other replica is in sync.",
    args: &[
        ArgSpec::required("id", ArgType::Int, "Its broker.id."),
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
            "A host name or address at which it listens.",
        ),
        ArgSpec::required("port", ArgType::Port, "The port at which it listens."),
        ArgSpec::required(
            "log_dirs",
            ArgType::List(&ArgType::Path),
            "Its log.dirs: the folders of its records.",
        ),
        ArgSpec::required(
            "log_dir",
            ArgType::Path,
            "The folder for its output, `kafkaServer.out`, and its logs.",
        ),
        ArgSpec::required(
            "cluster",
            ArgType::Str,
            "A name for the cluster: its brokers are restarted one at a time.",
        ),
        ArgSpec::required(
            "peers",
            ArgType::List(&ArgType::Str),
            "host:port of all brokers of the cluster, this one included.",
        ),
        ArgSpec::optional(
            "heap",
            ArgType::Str,
            "Its heap, such as 512m; 1g if not given.",
        ),
        ArgSpec::optional(
            "env",
            ArgType::MapOf(&ArgType::Str),
            "Variables of its environment beside PATH and LANG; secrets may stand in a value. With \
             `config.providers` its properties file can take values from there (Kafka 3.5).",
        )
        .or_secret(),
        ArgSpec::optional(
            "timeout_s",
            ArgType::Int,
            "How long it may take to start, and how long replicas may take to be in sync, in seconds each; 120 if not given.",
        ),
    ],
    outputs: &[
        OutputSpec::new("digest", "Of what the process was started with."),
        OutputSpec::new("endpoint", "host:port."),
        OutputSpec::new("heap", "Its heap."),
        OutputSpec::new("id", "Its broker.id."),
        OutputSpec::new("jars", "A digest of names and sizes of the jars."),
        OutputSpec::new("java", "The program."),
        OutputSpec::new("log", "The file with its output."),
        OutputSpec::new("settings", "The effective settings, without secrets."),
    ],
    undo: UndoClass::Compensable,
    examples: &[include_str!("examples/broker.rhai")],
};

impl StepKind for Broker {
    fn spec(&self) -> &KindSpec {
        &SPEC
    }

    fn declare(
        &self,
        step: &Address,
        deployment: &str,
        args: &Map<Value>,
    ) -> Result<Declared, Fault> {
        let heap = text(args, "heap").unwrap_or(args::HEAP);
        let heap = Heap::parse(heap).map_err(|fault| fault.at(step))?;
        refuse_bad_names(step, args)?;
        let id = krun_model::ProcessId {
            deployment: deployment.to_owned(),
            step: step.clone(),
        };
        let mut writes = vec![Target::Process(id)];
        let mut folders = texts(args, "log_dirs").unwrap_or_default();
        folders.extend(text(args, "log_dir").map(str::to_owned));
        writes.extend(
            folders
                .into_iter()
                .map(|path| Target::Contents(path.into())),
        );
        Ok(Declared {
            writes,
            reads: text(args, "config").map(Into::into).into_iter().collect(),
            restart_group: text(args, "cluster").map(str::to_owned),
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
        crate::by_hand::broker(cx)
    }
}

/// Refuses variables that no environment has, or that are krun's own.
fn refuse_bad_names(step: &Address, args: &Map<Value>) -> Result<(), Fault> {
    let Some(Value::Map(env)) = args.get("env") else {
        return Ok(());
    };
    let is_name = |name: &&String| {
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '_';
        !name.is_empty()
            && name.chars().all(plain)
            && !name.starts_with(|c: char| c.is_ascii_digit())
            && !name.starts_with("KRUN_")
    };
    match env.keys().find(|name| !is_name(name)) {
        None => Ok(()),
        Some(name) => Err(Fault::new(
            FaultCode::Script,
            format!("`{name}` can't be a variable of a process"),
        )
        .at(step)
        .hint("Use letters, digits and `_`, and none that begins with KRUN_.")),
    }
}

#[async_trait]
impl StateKind for Broker {
    async fn check(&self, cx: &CheckCx<'_>) -> Result<Check, Fault> {
        let args: Args = cx.step.args()?;
        let heap = args.heap()?;
        let started = match wanted(cx.host, &cx.step, &args.server(&heap)).await? {
            Wanted::Known(started) => started,
            Wanted::Missing(why) => return Ok(Check::Unknown { why, diff: vec![] }),
        };
        let outputs = args.outputs(&started, &heap);
        let remembered = cx.step.memory.map(|memory| &memory.outputs);
        Ok(match standing(cx.host, &started, &cx.step).await? {
            Standing::Ready => Check::Satisfied(outputs),
            Standing::Unseen => {
                let mut probe = BrokerProbe::new(&args, &*self.clusters);
                if probe.ask().await?.is_some() {
                    return Ok(Check::Satisfied(outputs));
                }
                not_serving(&probe.missing())
            }
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
        let standing = standing(cx.host, &started, &cx.step).await?;
        let life = Lifecycle {
            cx,
            args: &args,
            spec: &started.spec,
            patterns: &self.patterns,
            clusters: &*self.clusters,
        };
        match standing {
            Standing::Absent => life.create().await?,
            Standing::Other(_) => life.restart().await?,
            // It runs with what is wanted, but a file that it read was changed since.
            Standing::Ready | Standing::Unseen if cx.change == Change::Restart => {
                life.restart().await?;
            }
            Standing::Ready | Standing::Unseen => life.await_serving().await?,
        }
        Ok(args.outputs(&started, &heap))
    }

    async fn adopt(&self, cx: &CheckCx<'_>) -> Result<Adoption, Fault> {
        adopt::adopt(&*self.clusters, cx).await
    }

    async fn may_leave(&self, cx: &LeaveCx<'_>) -> Result<(), Fault> {
        leaving::may_leave(&*self.clusters, cx).await
    }
}
