//! The shipped runbooks, under all faults.
#![expect(clippy::print_stdout, reason = "figures for whoever asks for them")]

use std::sync::{Arc, atomic::AtomicBool};

use async_trait::async_trait;
use camino::Utf8Path;
use krun_kafka::{
    Network,
    clusters::{Clusters, records},
    diagnosis::Patterns,
};
use krun_model::{
    Address, Digest, Effect, Fault, History, Journal as _, Map, Outputs, StepKind,
    Value as ArgValue,
    event::RunStatus,
    kind::{ApplyCx, CheckCx, Declared, Kind, KindSpec, Kinds, OnceKind},
    topic::{Acks, TopicRef},
};
use krun_script::{Loader, PathBase};
use krun_simulate::{
    Blows, Command, End, Fate, Faults, Node, Place, Soak, Strike, Subject, World, deployment, krun,
    refuse, runtime,
};
use serde_json::{Value, json};

mod soaked;

use soaked::held;

fn kinds(patterns: &Arc<Patterns>, clusters: Arc<dyn Clusters>) -> Kinds {
    let kafka = krun_kafka::kinds(patterns.clone(), clusters);
    Kinds::new(kafka.into_iter().chain(krun_steps::kinds()))
}

/// As krun itself has it: half of a schedule is small allocations.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// A shipped runbook on a machine with nothing but a home.
fn subject(name: &str, params: &[(&str, Value)]) -> Subject {
    let patterns = Arc::new(Patterns::builtin());
    let loading = kinds(&patterns, Arc::new(Network));
    let home = Utf8Path::new("/home/somebody");
    let base = PathBase {
        cwd: home.to_owned(),
        home: Some(home.to_owned()),
    };
    let path = Utf8Path::new(env!("CARGO_MANIFEST_DIR")).join("../../runbooks");
    let given: Map<_> = params
        .iter()
        .map(|(name, value)| ((*name).to_owned(), value.clone()))
        .collect();
    let runbook = Loader::new(&loading, base)
        .load(&path.join(name), &given)
        .unwrap_or_else(|wrong| panic!("{wrong:?}"));
    refuse(&runbook, |_| false).unwrap_or_else(|wrong| panic!("{wrong:?}"));
    let mut world = World::new();
    world.files.plant(home, Node::dir(0o755));
    Subject::alone(runbook, move |clusters| kinds(&patterns, clusters), world)
}

/// Seeds that found a defect once.
#[test]
fn single_host_where_it_once_broke() {
    let seeds = [
        // A broker whose start failed late is still starting when a rollback looks into its folder,
        // which is empty, and writes into it before the rollback stops it.
        7533,
        // A broker that is still starting has read a configuration that was deleted since, and written again.
        7860,
        // A topic that somebody deletes is shown for a moment longer, and nobody knows its offsets.
        9640,
    ];
    let subject = subject("single-host-3-broker.rhai", &[]);
    let soak = Soak::new(subject, Faults::all()).unwrap_or_else(|f| panic!("{f:?}"));
    for seed in seeds {
        let soaked = soak.run(seed, 1, 1, &AtomicBool::new(false));
        assert!(soaked.failure.is_none(), "seed {seed}");
    }
}

/// A number from the environment: `KRUN_SIMULATE_SEEDS`, how many; `KRUN_SIMULATE_FROM`, the first.
fn from_env(name: &str, usual: u64) -> u64 {
    let given = std::env::var(name).ok();
    given.and_then(|text| text.parse().ok()).unwrap_or(usual)
}

fn soak(name: &str, params: &[(&str, Value)], usual: u64) {
    let soak = Soak::new(subject(name, params), Faults::all()).unwrap_or_else(|f| panic!("{f:?}"));
    let first = from_env("KRUN_SIMULATE_FROM", 0);
    let count = from_env("KRUN_SIMULATE_SEEDS", usual);
    let soaked = soak.run(first, count, 2, &AtomicBool::new(false));
    held(&format!("{name} {params:?}"), &soak, &soaked);
}

#[test]
fn single_host() {
    soak("single-host-3-broker.rhai", &[], 10_000);
}

#[test]
fn single_host_with_all_proofs() {
    let params = [
        ("proofs", json!("full")),
        ("topic_configs", json!(["retention.ms=86400000"])),
        ("zookeeper_version", json!("3.8.4")),
    ];
    soak("single-host-3-broker.rhai", &params, 1_000);
}

// Without `rebalance=even`: what it moved can't be moved back to a broker that died before the rollback.
#[test]
fn five_brokers_and_a_new_data_dir() {
    let params = [
        ("broker_ports", json!([9091, 9092, 9093, 9094, 9095])),
        ("snapshots", json!("new_data_dir")),
        ("partitions", json!(7)),
    ];
    soak("single-host-3-broker.rhai", &params, 1_000);
}

/// The power fails when a topic was created and nobody has written that down. The brokers are down when
/// the next run begins, so that it can't see the topic then.
#[test]
fn what_could_not_be_seen_is_settled_by_its_step() {
    let subject = subject("single-host-3-broker.rhai", &[]);
    let runtime = runtime().unwrap_or_else(|fault| panic!("{fault}"));
    let place = Place::new(subject.start.world.clone());
    let run = |blows| {
        let fate = Arc::new(Fate::new(1, blows, None));
        krun(&runtime, &subject, &place, &fate, Command::Run, false)
    };
    let history = || {
        let records = place.journal.read(&deployment());
        History::fold(&records.unwrap_or_else(|fault| panic!("{fault}")))
    };
    let killed = run(Blows {
        kill: Some(Strike::Of(("acted", "create"), 1)),
        ..Blows::default()
    });
    assert!(matches!(killed, End::Killed), "{killed:?}");
    assert_eq!(history().pending.iter().count(), 1);
    place.world.lock().expect("no panic").reboot();
    let went_on = run(Blows::default());
    assert!(
        matches!(&went_on, End::Ended(ended) if ended.status == RunStatus::Succeeded),
        "{went_on:?}"
    );
    assert_eq!(history().pending.iter().count(), 0);
}

/// A krun that writes its records once more when it goes on after a kill.
struct Forgetful(Arc<dyn OnceKind>);

impl StepKind for Forgetful {
    fn spec(&self) -> &KindSpec {
        self.0.spec()
    }

    fn declare(
        &self,
        step: &Address,
        deployment: &str,
        args: &Map<ArgValue>,
    ) -> Result<Declared, Fault> {
        self.0.declare(step, deployment, args)
    }
}

#[async_trait]
impl OnceKind for Forgetful {
    async fn incarnation(&self, cx: &CheckCx<'_>) -> Result<Option<Digest>, Fault> {
        self.0.incarnation(cx).await
    }

    async fn apply(&self, cx: &ApplyCx<'_>) -> Result<Outputs, Fault> {
        let text = |name: &str| cx.step.args[name].as_str().unwrap_or_default().to_owned();
        let bootstrap = serde_json::from_value(cx.step.args["bootstrap"].clone());
        let topic = TopicRef {
            bootstrap: bootstrap.unwrap_or_default(),
            name: text("topic"),
        };
        let produce = |seed: &str| Effect::Produce {
            topic: topic.clone(),
            records: 100,
            seed: seed.to_owned(),
            keys: None,
            acks: Acks::All,
        };
        cx.host.perform(produce("records")).await?;
        if !cx.step.unfinished.is_empty() {
            cx.host.perform(produce("records once more")).await?;
        }
        let checksum = records::expected("records", 100, None);
        let outputs = [
            ("checksum", json!(checksum)),
            ("count", json!(100)),
            ("topic", json!(text("topic"))),
        ];
        Ok(outputs.map(|(name, value)| (name.to_owned(), value)).into())
    }
}

#[test]
fn records_that_are_written_twice_are_caught() {
    let mut subject = subject("single-host-3-broker.rhai", &[]);
    let whole = subject.kinds.clone();
    subject.kinds = Arc::new(move |clusters| {
        let kinds = whole(clusters);
        Kinds::new(kinds.iter().map(|kind| match kind {
            Kind::Once(once) if kind.spec().name == "kafka::produce" => {
                Kind::Once(Arc::new(Forgetful(once.clone())))
            }
            _ => kind.clone(),
        }))
    });
    let faults = "kill".parse().unwrap_or_else(|why| panic!("{why}"));
    let soak = Soak::new(subject, faults).unwrap_or_else(|fault| panic!("{fault:?}"));
    let soaked = soak.run(0, 2_000, 2, &AtomicBool::new(false));
    let failure = soaked.failure.expect("a kill while records are written");
    let what = failure.broken.what;
    assert!(what.starts_with("the clusters differ"), "{what}");
}
