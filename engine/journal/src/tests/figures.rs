//! Figures of a large store: how big it is, and how long it takes until its history is known.

use std::time::Instant;

use krun_model::{
    Address, Change, Content, Digest, Effect, History, Outputs, Reason, TargetState, Undo,
    journal::{Outcome, Seq},
};

use super::*;

/// A step's life: four entries, as a run that writes a file leaves them.
fn step(store: &Store, n: u64) {
    let step: Address = format!("d-{n}/file-{n}").parse().unwrap();
    let path = format!("/srv/kafka/broker-{n}/conf/file-{n}.properties");
    let digest = Digest::of(format!("{n}"));
    let put = |entry: &Entry, durable: bool| {
        store
            .append(&name("staging"), RunId(1), entry, durable)
            .unwrap()
            .seq
    };
    put(
        &Entry::StepStarted {
            step: step.clone(),
            kind: "file".into(),
            change: Change::Create,
            reason: Reason::Drift("the file is missing".into()),
            after: vec![format!("d-{n}").parse().unwrap()],
        },
        false,
    );
    let effect = Effect::WriteFile {
        path: path.clone().into(),
        content: Content::stored(digest),
        mode: 0o644,
        owner: None,
    };
    let Seq(intent) = put(
        &Entry::Intent {
            step: step.clone(),
            effect,
            before: TargetState::Absent,
            undo: Undo::By(Effect::RemoveFile { path: path.into() }),
        },
        false,
    );
    let state = TargetState::File {
        digest,
        mode: 0o644,
        uid: 1000,
        gid: 1000,
    };
    put(
        &Entry::Outcome {
            intent: Seq(intent),
            outcome: Outcome::Done(state),
        },
        false,
    );
    put(
        &Entry::StepDone {
            step,
            kind: "file".into(),
            change: Change::Create,
            inputs: digest,
            key: None,
            outputs: Outputs::default(),
        },
        false,
    );
}

#[test]
#[ignore = "takes long: run it with --release --ignored --nocapture"]
fn of_a_large_store() {
    let folder = TempDir::new().unwrap();
    let store = Store::open(utf8(&folder)).unwrap();
    let steps = 25_000;
    for n in 0..steps {
        step(&store, n);
    }
    drop(store);
    let bytes = std::fs::metadata(folder.path().join("journal.db"))
        .unwrap()
        .len();
    println!("{} KiB for 1,000 steps", bytes * 1000 / steps / 1024);
    for _ in 0..5 {
        let since = Instant::now();
        let store = Store::open(utf8(&folder)).unwrap();
        let opened = since.elapsed();
        let records = store.read(&name("staging")).unwrap();
        let read = since.elapsed();
        let history = History::fold(&records);
        let folded = since.elapsed();
        assert_eq!(history.effects.len() as u64, steps);
        println!(
            "{} entries: opened {opened:?}, read {read:?}, folded {folded:?}",
            records.len()
        );
    }
    // The state of a deployment that was run again and again: most of it was taken back or is as it
    // was.
    for baseline in [false, true] {
        let store = Store::open(utf8(&folder)).unwrap();
        if baseline {
            store
                .append(&name("staging"), RunId(1), &Entry::RolledBack, true)
                .unwrap();
            let _ = std::fs::remove_dir_all(folder.path().join("snapshots"));
        }
        store.history(&name("staging")).unwrap();
        for _ in 0..3 {
            let since = Instant::now();
            let store = Store::open(utf8(&folder)).unwrap();
            let history = store.history(&name("staging")).unwrap();
            println!(
                "{} effects to take back, with a snapshot: {:?}",
                history.effects.len(),
                since.elapsed()
            );
        }
    }
}
