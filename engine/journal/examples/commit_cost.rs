//! What a durable append costs beside the bare write and sync that it cannot do without.
//!
//! `cargo run --release -p krun-journal --example commit_cost [FOLDER] [N]`
#![expect(clippy::print_stdout, reason = "an example says what it measured")]

use std::{
    error::Error,
    fs::File,
    io::Write,
    thread,
    time::{Duration, Instant},
};

use camino::Utf8PathBuf;
use krun_journal::Store;
use krun_model::{Entry, Journal, RunId};

const THREADS: u32 = 8;

fn main() -> Result<(), Box<dyn Error>> {
    let mut args = std::env::args().skip(1);
    let parent = args.next().unwrap_or_else(|| ".".to_owned());
    let n: u32 = args.next().map_or(Ok(300), |n| n.parse())?;
    let folder = tempfile::tempdir_in(parent)?;
    let path = Utf8PathBuf::try_from(folder.path().to_owned())?;
    let store = Store::open(&path)?;
    let deployment = "cost".parse()?;
    let entry = Entry::Created {
        id: "x".repeat(400),
    };

    // The two alternate, so that a disk which changes its mind does so for both.
    let mut file = File::create(path.join("bare"))?;
    let (mut bare, mut durable, mut lazy) = (Duration::ZERO, Duration::ZERO, Duration::ZERO);
    for _ in 0..n {
        let start = Instant::now();
        file.write_all(&[b'x'; 400])?;
        file.sync_data()?;
        bare += start.elapsed();
        let start = Instant::now();
        store.append(&deployment, RunId(1), &entry, true)?;
        durable += start.elapsed();
        let start = Instant::now();
        store.append(&deployment, RunId(1), &entry, false)?;
        lazy += start.elapsed();
    }
    let start = Instant::now();
    thread::scope(|scope| {
        let append =
            || (0..n).try_for_each(|_| store.append(&deployment, RunId(1), &entry, true).map(drop));
        let threads: Vec<_> = (0..THREADS).map(|_| scope.spawn(append)).collect();
        threads
            .into_iter()
            .try_for_each(|thread| thread.join().unwrap_or(Ok(())))
    })?;
    let group = start.elapsed() / THREADS;
    let start = Instant::now();
    let entries = store.read(&deployment)?.len();
    let read = start.elapsed();

    println!("bare append and fdatasync    {:>9.1?}", bare / n);
    println!(
        "durable append               {:>9.1?}  × {:.2}",
        durable / n,
        durable.as_secs_f64() / bare.as_secs_f64()
    );
    println!("append that is not durable   {:>9.1?}", lazy / n);
    println!("durable, {THREADS} threads at once   {:>9.1?}", group / n);
    println!("read and verify {entries} entries in {read:.1?}");
    Ok(())
}
