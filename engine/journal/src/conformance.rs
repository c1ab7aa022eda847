//! What every journal must do, whatever keeps it: the suite that each backend passes.
//!
//! Owns the promises of [`Journal`] as checks that panic. Never looks behind the trait; what a
//! backend promises beyond it (damage, versions, locks) its own tests show.

mod entries;

use std::{
    sync::atomic::{AtomicU64, Ordering},
    thread,
};

use krun_model::{
    DeploymentName, Digest, Entry, FaultCode, History, Journal, RunId,
    journal::{Record, Seq},
};
use proptest::test_runner::{Config, TestCaseError, TestRunner};

/// Runs all checks, each on a journal of its own.
///
/// # Panics
/// If a journal does not keep a promise, or reports a fault where it should not.
pub fn run(make: impl Fn() -> Box<dyn Journal>) {
    starts_empty(&*make());
    keeps_order(&*make());
    serves_threads(&*make());
    keeps_deployments_apart(&*make());
    keeps_time_in_order(&*make());
    keeps_blobs(&*make());
    keeps_history(&*make());
}

fn name(text: &str) -> DeploymentName {
    text.parse().expect("a name")
}

/// An entry that says which one it is.
fn note(text: String) -> Entry {
    Entry::Created { id: text }
}

fn read(journal: &dyn Journal, deployment: &DeploymentName) -> Vec<Record> {
    journal.read(deployment).expect("readable")
}

fn starts_empty(journal: &dyn Journal) {
    assert_eq!(journal.deployments(), Ok(vec![]));
    assert_eq!(read(journal, &name("nobody")), vec![]);
    assert_eq!(journal.deployments(), Ok(vec![]), "reading makes nothing");
}

/// Entries are read as appended, in order, and seen at once: durable or not.
fn keeps_order(journal: &dyn Journal) {
    let deployment = name("order");
    let mut appended = vec![];
    for (n, durable) in [true, false, false, true, false].into_iter().enumerate() {
        let entry = note(format!("{n}\n\u{0} ' ü"));
        let record = journal
            .append(&deployment, RunId(n as u64), &entry, durable)
            .expect("appended");
        assert_eq!(record.seq, Seq(n as u64 + 1));
        assert_eq!((record.run, &record.entry), (RunId(n as u64), &entry));
        appended.push(record);
        assert_eq!(read(journal, &deployment), appended);
    }
}

/// Appends from several threads get positions without gaps, and keep each thread's order.
fn serves_threads(journal: &dyn Journal) {
    const THREADS: u64 = 8;
    const EACH: u64 = 20;
    let deployment = name("threads");
    let append = |thread: u64| -> Vec<Record> {
        (0..EACH)
            .map(|n| {
                let entry = note(format!("{thread}/{n}"));
                let durable = !(n + thread).is_multiple_of(3);
                journal
                    .append(&deployment, RunId(thread), &entry, durable)
                    .expect("appended")
            })
            .collect()
    };
    let by_thread: Vec<Vec<Record>> = thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS)
            .map(|thread| scope.spawn(move || append(thread)))
            .collect();
        threads
            .into_iter()
            .map(|thread| thread.join().expect("no panic"))
            .collect()
    });
    for records in &by_thread {
        assert!(records.is_sorted_by(|a, b| a.seq < b.seq));
    }
    let mut all: Vec<Record> = by_thread.into_iter().flatten().collect();
    all.sort_by_key(|record| record.seq);
    let positions: Vec<u64> = all.iter().map(|record| record.seq.0).collect();
    assert_eq!(positions, (1..=THREADS * EACH).collect::<Vec<_>>());
    assert_eq!(read(journal, &deployment), all);
}

fn keeps_deployments_apart(journal: &dyn Journal) {
    let names = [name("b"), name("a.1"), name("a-1")];
    for round in 1..=2 {
        for deployment in &names {
            let entry = note(format!("{deployment} {round}"));
            let record = journal
                .append(deployment, RunId(round), &entry, false)
                .expect("appended");
            assert_eq!(record.seq, Seq(round));
        }
    }
    let mut sorted = names.to_vec();
    sorted.sort();
    assert_eq!(journal.deployments(), Ok(sorted));
    for deployment in &names {
        let records = read(journal, deployment);
        assert_eq!(records.len(), 2);
        assert_eq!(records[1].entry, note(format!("{deployment} 2")));
    }
}

fn keeps_time_in_order(journal: &dyn Journal) {
    let deployment = name("time");
    for n in 0..20 {
        journal
            .append(&deployment, RunId(1), &note(format!("{n}")), false)
            .expect("appended");
    }
    let records = read(journal, &deployment);
    assert!(records.is_sorted_by_key(|record| record.at_ms));
    assert!(records[0].at_ms > 0);
}

fn keeps_blobs(journal: &dyn Journal) {
    let large: Vec<u8> = (0..300_000u32).map(|n| (n % 251) as u8).collect();
    for bytes in [&b""[..], b"\0\xff", &large] {
        let digest = journal.put_blob(bytes).expect("kept");
        assert_eq!(digest, Digest::of(bytes));
        assert_eq!(journal.put_blob(bytes), Ok(digest), "keeping twice is fine");
        assert_eq!(journal.blob(&digest).as_deref(), Ok(bytes));
    }
    let missing = journal
        .blob(&Digest::of("never kept"))
        .expect_err("missing");
    assert_eq!(missing.code, FaultCode::StateDamaged);
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| journal.put_blob(b"at the same time").expect("kept"));
        }
    });
    let digest = Digest::of("at the same time");
    assert_eq!(
        journal.blob(&digest).as_deref(),
        Ok(&b"at the same time"[..])
    );
}

/// Whatever was appended, what is read folds to the same history.
fn keeps_history(journal: &dyn Journal) {
    let config = Config {
        cases: 48,
        failure_persistence: None,
        ..Config::default()
    };
    let cases = AtomicU64::new(1);
    TestRunner::new(config)
        .run(&entries::histories(), |entries| {
            let case = cases.fetch_add(1, Ordering::Relaxed);
            let deployment = name(&format!("case-{case}"));
            let appended = entries
                .iter()
                .map(|(run, entry, durable)| journal.append(&deployment, *run, entry, *durable))
                .collect::<Result<Vec<_>, _>>()
                .map_err(|fault| TestCaseError::fail(fault.to_string()))?;
            let read = journal
                .read(&deployment)
                .map_err(|fault| TestCaseError::fail(fault.to_string()))?;
            proptest::prop_assert_eq!(&read, &appended);
            proptest::prop_assert_eq!(History::fold(&read), History::fold(&appended));
            Ok(())
        })
        .unwrap_or_else(|failure| panic!("{failure}"));
}
