//! A desk on a machine of another name: this machine stands for it, since where questions go is not the desk's.

use async_trait::async_trait;
use camino::Utf8PathBuf;
use krun_agent::{LocalMachine, unjournaled::Unjournaled};
use krun_model::{
    Address, Digest, Fault, FaultCode, Map,
    configs::{ClientsOf, ConfigsOf},
    kind::{Progress, UndoClass},
    plugin::Kept,
};
use tokio::sync::watch;

use super::{Desk, Keeping};
use crate::{
    Clusters, Granted, Limits,
    clusters::{Cluster, Group, Setting},
    grant::MachineName,
};

/// A network without clusters: whoever gets as far as to ask for one was let through.
struct Nobody;

fn nobody<T>() -> Result<T, Fault> {
    Err(Fault::new(FaultCode::Cluster, "nobody answers"))
}

#[async_trait]
impl Clusters for Nobody {
    async fn look(&self, _: &[String]) -> Result<Cluster, Fault> {
        nobody()
    }

    async fn settings(&self, _: &[String], _: &ConfigsOf) -> Result<Option<Vec<Setting>>, Fault> {
        nobody()
    }

    async fn quotas(&self, _: &[String], _: &ClientsOf) -> Result<Vec<(String, f64)>, Fault> {
        nobody()
    }

    async fn groups(&self, _: &[String]) -> Result<Vec<Group>, Fault> {
        nobody()
    }
}

struct Silent;

impl Progress for Silent {
    fn say(&self, _: &str) {}
}

/// Asks on a machine of this name, with these lines granted.
async fn on<T>(
    machine: &str,
    grants: &[&str],
    work: impl AsyncFnOnce(&Desk<'_>, Utf8PathBuf) -> T,
) -> T {
    let folder = tempfile::tempdir().unwrap();
    let place = Utf8PathBuf::from_path_buf(folder.path().canonicalize().unwrap()).unwrap();
    std::fs::write(place.join("file"), "there").unwrap();
    let (_send, cancel) = watch::channel(false);
    let here = LocalMachine::new(place.join("cache"), cancel);
    let writer = Unjournaled::new(&here, place.join("quarantine"));
    let machine: MachineName = machine.parse().unwrap();
    let grants: Vec<Granted> = grants
        .iter()
        .map(|line| line.replace("FOLDER", place.as_str()).parse().unwrap())
        .collect();
    let step: Address = "step".parse().unwrap();
    let kept = Kept {
        version: "0.1.0".into(),
        component: Digest::of("component"),
        pairs: Map::new(),
    };
    let desk = Desk {
        plugin: "some-plugin",
        undo: UndoClass::Irreversible,
        grants: &grants,
        limits: Limits::default(),
        machine: &machine,
        look: &writer,
        act: Some(&writer),
        clusters: &Nobody,
        progress: &Silent,
        keeping: Keeping::new(&step, kept, None),
    };
    work(&desk, place).await
}

/// Tries everything that takes a grant; what was let through, by the verb.
async fn let_through(machine: &str, grants: &[&str]) -> Vec<&'static str> {
    on(machine, grants, async |desk, place| {
        let at = |name: &str| place.join(name).to_string();
        let words = |line: &str| line.split(' ').map(str::to_owned).collect::<Vec<_>>();
        let bootstrap = || vec!["127.0.0.1:1".to_owned()];
        let tried = [
            ("read", desk.read(at("file")).await.map(drop)),
            ("write", desk.write(at("new"), b"new".to_vec(), 0o644).await),
            (
                "command",
                desk.command(words("test -d /"), 10_000).await.map(drop),
            ),
            (
                "http",
                desk.get("http://127.0.0.1:1/".into(), vec![], 1_000)
                    .await
                    .map(drop),
            ),
            ("kafka", desk.cluster(bootstrap()).await.map(drop)),
            (
                "change-kafka",
                desk.add_partitions(bootstrap(), "t".into(), 2).await,
            ),
        ];
        let mut through = vec![];
        for (verb, result) in tried {
            match result {
                Err(fault) if fault.code == FaultCode::NotGranted => {
                    let hint = &fault.hints[0];
                    let line = match machine {
                        "local" => format!("add the line `- {verb}:"),
                        _ => format!("add the line `- {verb}@{machine}:"),
                    };
                    assert!(hint.contains(&line), "{hint}");
                }
                _ => through.push(verb),
            }
        }
        through
    })
    .await
}

const ALL: [&str; 6] = ["read", "write", "command", "http", "kafka", "change-kafka"];

/// Lines for all of it, on a machine.
fn lines(machine: &str) -> Vec<String> {
    let what = [
        "FOLDER/file",
        "FOLDER/new",
        "test -d *",
        "127.0.0.1:1",
        "127.0.0.1:*",
        "127.0.0.1:1",
    ];
    let lines = ALL.iter().zip(what);
    lines
        .map(|(verb, what)| format!("{verb}{machine}:{what}"))
        .collect()
}

#[tokio::test]
async fn each_question_is_held_against_its_machine() {
    for (machine, granted_on, is_granted) in [
        ("local", "", true),
        ("local", "@b-2.example", false),
        ("b-2.example", "", false),
        ("b-2.example", "@b-1.example", false),
        ("b-2.example", "@b-2.example", true),
        ("b-2.example", "@*", true),
        ("local", "@*", true),
    ] {
        let lines = lines(granted_on);
        let lines: Vec<_> = lines.iter().map(String::as_str).collect();
        let wanted: &[&str] = if is_granted { &ALL } else { &[] };
        let through = let_through(machine, &lines).await;
        assert_eq!(through, wanted, "{machine} with {granted_on}");
    }
}

/// A line for each machine: what one may have the other may not.
#[tokio::test]
async fn machines_do_not_lend_each_other_grants() {
    let grants = ["read:FOLDER", "command@b-2.example:test -d *"];
    assert_eq!(let_through("local", &grants).await, ["read"]);
    assert_eq!(let_through("b-2.example", &grants).await, ["command"]);
}

#[tokio::test]
async fn the_fault_names_the_machine_and_the_line() {
    let grants = ["write:FOLDER"];
    let fault = on("b-2.example", &grants, async |desk, place| {
        assert_eq!(desk.machine.as_str(), "b-2.example");
        let written = desk
            .write(place.join("new").to_string(), vec![], 0o644)
            .await;
        assert!(!place.join("new").exists());
        (written.unwrap_err(), place)
    });
    let (fault, place) = fault.await;
    assert_eq!(
        fault.what,
        format!("the plugin `some-plugin` may not change {place}/new on b-2.example")
    );
    assert_eq!(
        fault.why.unwrap(),
        format!("`write:{place}` in krun.lock is about another machine")
    );
    assert_eq!(
        fault.hints,
        [format!(
            "If it is meant to, add the line `- write@b-2.example:{place}/new` to `grants:` of `some-plugin` in krun.lock."
        )]
    );
}
