//! Schedules of runbooks: thousands of seeds hold every promise, each seed is the same every time, and
//! a step that does something twice is caught.

#![expect(clippy::print_stdout, reason = "figures for whoever asks for them")]

#[path = "model/kinds.rs"]
mod kinds;
mod soaked;

use std::sync::{Arc, atomic::AtomicBool};

use krun_model::{Digest, Runbook, runbook::SourceFile};
use krun_script::{Loader, PathBase};
use krun_simulate::{Faults, Node, Soak, Subject, World};
use soaked::held;

const FILES: &str = include_str!("files.rhai");

const SERVERS: &str = r#"
runbook(#{ name: "servers", version: "1", summary: "s" });
let files = [];
for n in 0..3 {
    let config = file(`config-${n}`, #{ path: `/w/${n}.properties`, content: `id=${n}\n` });
    files.push(server(`server-${n}`, #{ config: `/w/${n}.properties`, after: config }));
}
act("act", #{ path: "/w/acted", after: files });
"#;

const TWICE: &str = r#"
runbook(#{ name: "twice", version: "1", summary: "s" });
let one = file("one", #{ path: "/w/one", content: "one" });
twice("twice", #{ path: "/w/two", after: one });
"#;

fn subject(runbook: &str) -> Subject {
    let base = PathBase {
        cwd: "/".into(),
        home: None,
    };
    let source = SourceFile {
        path: "runbook.rhai".into(),
        digest: Digest::of(runbook),
        text: runbook.into(),
    };
    let runbook: Runbook = Loader::new(&kinds::kinds(), base)
        .load_sources(vec![source], &Default::default())
        .unwrap_or_else(|wrong| panic!("{wrong:?}"));
    let mut start = World::new();
    let before = Node::file(*b"# ours\nx=0\n", 0o640);
    start.files.plant("/etc/app.properties".into(), before);
    start.files.plant("/log".into(), Node::dir(0o755));
    start
        .files
        .plant(kinds::GENERATION.into(), Node::file(*b"1", 0o644));
    Subject::alone(runbook, |_| kinds::kinds(), start)
}

fn soak(runbook: &str, faults: Faults, seeds: u64) {
    let soak = Soak::new(subject(runbook), faults).unwrap_or_else(|fault| panic!("{fault:?}"));
    let soaked = soak.run(0, seeds, 2, &AtomicBool::new(false));
    held("files", &soak, &soaked);
    assert_eq!(soaked.seeds, seeds);
}

#[test]
fn promises_hold_whatever_befalls_krun() {
    let faults = Faults {
        outside: false,
        ..Faults::all()
    };
    soak(FILES, faults, 1_500);
}

#[test]
fn promises_hold_though_somebody_else_changes_files() {
    soak(FILES, Faults::all(), 1_500);
}

#[test]
fn a_seed_is_the_same_every_time() {
    let soak = Arc::new(Soak::new(subject(FILES), Faults::all()).unwrap_or_else(|f| panic!("{f}")));
    let mut different = std::collections::BTreeSet::new();
    for seed in 0..50 {
        let told = soak.tell(seed);
        assert!(told.as_ref().is_ok_and(|lines| lines.len() > 5), "{told:?}");
        let again = std::thread::spawn({
            let soak = soak.clone();
            move || soak.tell(seed)
        });
        assert_eq!(told, again.join().expect("no panic"), "seed {seed}");
        different.insert(format!("{told:?}"));
    }
    assert_eq!(different.len(), 50);
}

#[test]
fn promises_hold_though_servers_die() {
    soak(SERVERS, Faults::all(), 1_500);
}

#[test]
fn what_is_done_twice_is_caught() {
    let faults = "kill".parse().unwrap_or_else(|why| panic!("{why}"));
    let soak = Soak::new(subject(TWICE), faults).unwrap_or_else(|fault| panic!("{fault}"));
    let soaked = soak.run(0, 200, 2, &AtomicBool::new(false));
    let failure = soaked
        .failure
        .expect("a step that begins anew after each kill");
    assert_eq!(
        failure.broken.what,
        "done 5 times instead of 3: write /w/two"
    );
    let told = &failure.broken.said;
    assert!(told.iter().any(|line| line.contains("killed")), "{told:#?}");
    assert_eq!(soak.tell(failure.seed).err(), Some(failure.broken));
}
