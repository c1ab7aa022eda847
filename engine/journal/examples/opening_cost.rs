//! How large a store with many entries is, and how long it takes until a deployment's history is
//! known: what a run, a plan or a status waits for before it looks at its first step.
//!
//! `cargo run --release -p krun-journal --example opening_cost [FOLDER] [STEPS] [TIMES]`
#![expect(clippy::print_stdout, reason = "an example says what it measured")]

use std::{
    error::Error,
    time::{Duration, Instant},
};

use camino::{Utf8Path, Utf8PathBuf};
use krun_journal::Store;
use krun_model::{
    Address, Change, Content, DeploymentName, Digest, Effect, Entry, Journal, Outputs, Reason,
    RunId, TargetState, Undo, journal::Outcome,
};

/// As in krun.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// As a run leaves them that writes a file.
const ENTRIES_A_STEP: usize = 4;

fn main() -> Result<(), Box<dyn Error>> {
    let mut args = std::env::args().skip(1);
    let parent = args.next().unwrap_or_else(|| ".".to_owned());
    let steps: usize = args.next().map_or(Ok(25_000), |n| n.parse())?;
    let times: usize = args.next().map_or(Ok(11), |n| n.parse())?;
    let folder = tempfile::tempdir_in(parent)?;
    let path = Utf8PathBuf::try_from(folder.path().to_owned())?;
    let deployment: DeploymentName = "cost".parse()?;
    let store = Store::open(&path)?;
    for n in 0..steps {
        step(&store, &deployment, n)?;
    }
    drop(store);
    let bytes = std::fs::metadata(path.join("journal.db"))?.len();
    println!(
        "{} entries, {} KiB for 1,000 steps",
        steps * ENTRIES_A_STEP,
        bytes * 1000 / 1024 / u64::try_from(steps.max(1))?
    );
    let say = |what: &str, mut took: Vec<Duration>| {
        took.sort();
        let (least, most) = (took[0], took[took.len() - 1]);
        println!("{what}: {:?} ({least:?} – {most:?})", took[took.len() / 2]);
    };
    let mut bare = vec![];
    for _ in 0..times {
        let since = Instant::now();
        let store = Store::open(&path)?;
        let _records = store.read(&deployment)?;
        bare.push(since.elapsed());
    }
    say("every entry read and verified", bare);
    // The first to ask leaves the snapshot.
    let effects = known(&path, &deployment)?.1;
    let took: Result<Vec<_>, _> = (0..times)
        .map(|_| known(&path, &deployment).map(|(took, _)| took))
        .collect();
    say(&format!("{effects} effects to take back"), took?);
    let store = Store::open(&path)?;
    store.append(&deployment, RunId(1), &Entry::RolledBack, true)?;
    drop(store);
    std::fs::remove_dir_all(path.join("snapshots"))?;
    let effects = known(&path, &deployment)?.1;
    let took: Result<Vec<_>, _> = (0..times)
        .map(|_| known(&path, &deployment).map(|(took, _)| took))
        .collect();
    say(&format!("{effects} effects to take back"), took?);
    Ok(())
}

/// How long it takes to open the store and know the history, and how many effects it has.
fn known(
    path: &Utf8Path,
    deployment: &DeploymentName,
) -> Result<(Duration, usize), Box<dyn Error>> {
    let since = Instant::now();
    let store = Store::open(path)?;
    let history = store.history(deployment)?;
    Ok((since.elapsed(), history.effects.len()))
}

/// The entries of a step that writes a file.
fn step(store: &Store, deployment: &DeploymentName, n: usize) -> Result<(), Box<dyn Error>> {
    let step: Address = format!("d-{n}/file-{n}").parse()?;
    let path = format!("/srv/kafka/broker-{n}/conf/file-{n}.properties");
    let digest = Digest::of(format!("{n}"));
    let put = |entry: &Entry| store.append(deployment, RunId(1), entry, false);
    put(&Entry::StepStarted {
        step: step.clone(),
        kind: "file".into(),
        change: Change::Create,
        reason: Reason::Drift("the file is missing".into()),
        after: vec![format!("d-{n}").parse()?],
    })?;
    let intent = put(&Entry::Intent {
        step: step.clone(),
        effect: Effect::WriteFile {
            path: path.clone().into(),
            content: Content::stored(digest),
            mode: 0o644,
            owner: None,
        },
        before: TargetState::Absent,
        undo: Undo::By(Effect::RemoveFile { path: path.into() }),
    })?
    .seq;
    let state = TargetState::File {
        digest,
        mode: 0o644,
        uid: 1000,
        gid: 1000,
    };
    put(&Entry::Outcome {
        intent,
        outcome: Outcome::Done(state),
    })?;
    put(&Entry::StepDone {
        step,
        kind: "file".into(),
        change: Change::Create,
        inputs: digest,
        key: None,
        outputs: Outputs::default(),
    })?;
    Ok(())
}
