//! A folder, a machine without a journal, and steps in it.

use camino::{Utf8Path, Utf8PathBuf};
use krun_agent::{LocalMachine, unjournaled::Unjournaled};
use krun_model::{
    Address, Change, Fault, Kind, Map, Outputs, Value,
    kind::{ApplyCx, Check, CheckCx, Declared, Kinds, Progress, StepRef},
    schema::check_args,
};
use serde_json::Value as Json;
use tokio::sync::watch;

/// What a test works with.
pub struct Lab {
    machine: LocalMachine,
    folder: tempfile::TempDir,
    address: Address,
}

struct Silent;

impl Progress for Silent {
    fn say(&self, _text: &str) {}
}

impl Lab {
    pub fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let cache = Utf8Path::from_path(folder.path()).unwrap().join("cache");
        Self {
            machine: LocalMachine::new(cache, watch::channel(false).1),
            folder,
            address: "step".parse().unwrap(),
        }
    }

    /// A path in the test's folder.
    pub fn path(&self, name: &str) -> Utf8PathBuf {
        Utf8Path::from_path(self.folder.path()).unwrap().join(name)
    }

    /// A file in the test's folder.
    pub fn file(&self, name: &str, text: &str) -> Utf8PathBuf {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
        path
    }

    pub fn host(&self) -> Unjournaled<'_> {
        Unjournaled::new(&self.machine, self.path("quarantine"))
    }

    pub fn declare(&self, kind: &str, args: Json) -> Result<Declared, Fault> {
        kind_of(kind)
            .common()
            .declare(&self.address, "d", &arguments(kind, &args))
    }

    pub async fn check(&self, kind: &str, args: &Json) -> Result<Check, Fault> {
        let Kind::State(of) = kind_of(kind) else {
            panic!("{kind} is no state");
        };
        arguments(kind, args);
        of.check(&self.check_cx(&self.host(), args)).await
    }

    /// What a check that must find a difference found: change, why, and the differences.
    pub async fn drift(&self, kind: &str, args: &Json) -> (Change, String, Vec<String>) {
        match self.check(kind, args).await.unwrap() {
            Check::Drift { change, why, diff } => (change, why, shown(&diff)),
            other => panic!("{other:?}"),
        }
    }

    /// Applies what must then be satisfied.
    pub async fn apply(&self, kind: &str, args: &Json) -> Outputs {
        let outputs = self.try_apply(kind, args).await.unwrap();
        let check = self.check(kind, args).await.unwrap();
        assert_eq!(check, Check::Satisfied(outputs.clone()));
        outputs
    }

    pub async fn try_apply(&self, kind: &str, args: &Json) -> Result<Outputs, Fault> {
        let Kind::State(of) = kind_of(kind) else {
            panic!("{kind} is no state");
        };
        of.apply(&ApplyCx {
            step: self.step(args),
            host: &self.host(),
            change: Change::Update,
            progress: &Silent,
        })
        .await
    }

    pub async fn prove(&self, kind: &str, args: &Json) -> Result<Outputs, Fault> {
        let Kind::Proof(of) = kind_of(kind) else {
            panic!("{kind} is no proof");
        };
        // A condition of `assert` has another shape once it is decided.
        if kind != "assert" {
            arguments(kind, args);
        }
        of.prove(&self.check_cx(&self.host(), args)).await
    }

    fn step<'a>(&'a self, args: &'a Json) -> StepRef<'a> {
        StepRef {
            address: &self.address,
            deployment: "d",
            args,
            memory: None,
            same_process: false,
            unfinished: &[],
            kept: &NOTHING,
            secrets: &krun_model::secret::NoSecrets,
        }
    }

    fn check_cx<'a>(&'a self, host: &'a Unjournaled<'_>, args: &'a Json) -> CheckCx<'a> {
        CheckCx {
            step: self.step(args),
            host,
            progress: &Silent,
        }
    }
}

fn kind_of(name: &str) -> Kind {
    Kinds::new(krun_steps::kinds()).get(name).unwrap().clone()
}

/// The arguments as a script gives them; they must fit the kind's schema.
fn arguments(kind: &str, args: &Json) -> Map<Value> {
    let Value::Map(map) = Value::from(args) else {
        panic!("arguments are a map");
    };
    assert_eq!(check_args(kind_of(kind).spec().args, &map), []);
    map
}

/// Differences as a line each.
pub fn shown(diff: &[krun_model::plan::DiffLine]) -> Vec<String> {
    use krun_model::plan::After;
    diff.iter()
        .map(|line| {
            let before = line.before.as_deref().unwrap_or("-");
            match &line.after {
                After::Value(after) => format!("{}: {before} -> {after}", line.key),
                After::Gone => format!("{}: {before} -> gone", line.key),
                After::KnownAfterApply => format!("{}: {before} -> ?", line.key),
            }
        })
        .collect()
}

/// What plugins keep for a step of a built-in kind.
static NOTHING: krun_model::plugin::KeptBy = krun_model::plugin::KeptBy::new();
