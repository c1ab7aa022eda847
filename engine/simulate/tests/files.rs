//! Schedules of a runbook of files: a thousand seeds hold every promise, each seed is the same every
//! time, and an engine that breaks a promise is caught.

use std::sync::{Arc, atomic::AtomicBool};

use krun_model::{Runbook, kind::Kinds};
use krun_script::{Loader, PathBase};
use krun_simulate::{Faults, Node, Soak, Subject, World};

fn kinds() -> Kinds {
    Kinds::new(krun_steps::kinds())
}

fn subject() -> Subject {
    let base = PathBase {
        cwd: "/".into(),
        home: None,
    };
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/files.rhai");
    let runbook: Runbook = Loader::new(&kinds(), base)
        .load(path.into(), &Default::default())
        .unwrap_or_else(|wrong| panic!("{wrong:?}"));
    let mut start = World::new();
    let before = Node::file(*b"# ours\nx=0\n", 0o640);
    start.files.plant("/etc/app.properties".into(), before);
    Subject {
        runbook,
        kinds: kinds(),
        start,
    }
}

fn soak(faults: Faults, seeds: u64) {
    let soak = Soak::new(subject(), faults).unwrap_or_else(|fault| panic!("{fault:?}"));
    let soaked = soak.run(0, seeds, 2, &AtomicBool::new(false));
    if let Some(failure) = &soaked.failure {
        panic!(
            "seed {}: {}\n{}",
            failure.seed,
            failure.broken.what,
            failure.broken.said.join("\n")
        );
    }
    assert_eq!(soaked.seeds, seeds);
    println!(
        "{seeds} seeds in {:?}: {:.0} a second, {} moments in a run",
        soaked.time,
        seeds as f64 / soaked.time.as_secs_f64(),
        soak.moments()
    );
}

#[test]
fn promises_hold_whatever_befalls_krun() {
    let faults = Faults {
        outside: false,
        ..Faults::all()
    };
    soak(faults, 3_000);
}

#[test]
fn promises_hold_though_somebody_else_changes_files() {
    soak(Faults::all(), 3_000);
}

#[test]
fn a_seed_is_the_same_every_time() {
    let soak = Arc::new(Soak::new(subject(), Faults::all()).unwrap_or_else(|f| panic!("{f}")));
    let mut different = std::collections::BTreeSet::new();
    for seed in 0..50 {
        let told = soak.tell(seed);
        assert!(told.as_ref().is_ok_and(|lines| lines.len() > 20), "{told:?}");
        let again = std::thread::spawn({
            let soak = soak.clone();
            move || soak.tell(seed)
        });
        assert_eq!(told, again.join().expect("no panic"), "seed {seed}");
        different.insert(format!("{told:?}"));
    }
    assert_eq!(different.len(), 50);
}
