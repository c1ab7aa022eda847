//! Every target with its corpus and random changes of it, on any toolchain: what cargo-fuzz does
//! better with more time. `KRUN_FUZZ_INPUTS` is how many for each target.
//!
//! An input that breaks a promise is kept in the target's corpus, and tried first from then on.

use std::{
    fs,
    panic::{AssertUnwindSafe, catch_unwind},
    path::PathBuf,
};

use krun_fuzz::TARGETS;

fn corpus(target: &str) -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/corpus")).join(target)
}

fn seeds(target: &str) -> Vec<Vec<u8>> {
    let files = fs::read_dir(corpus(target)).expect("a corpus");
    let mut paths: Vec<_> = files.map(|file| file.expect("a file").path()).collect();
    paths.sort();
    let seeds: Vec<_> = paths
        .iter()
        .map(|path| fs::read(path).expect("bytes"))
        .collect();
    assert!(!seeds.is_empty(), "the corpus of {target} is empty");
    seeds
}

/// Pieces that mean something to one of the readers.
const PIECES: [&[u8]; 28] = [
    b"\\",
    b"\\u00e9",
    b"\\\n",
    b"\r\n",
    b"=",
    b":",
    b"#",
    b"!",
    b"\"",
    b"`",
    b"${",
    b"#{",
    b"}",
    b"(",
    b")",
    b"- ",
    b"&a ",
    b"*a",
    b"|\n",
    b"\xc3\xa9",
    b"\xff",
    b"null",
    b"1e999",
    b"{\"file\":",
    b"\\u001b",
    b"\\\"",
    b"\"\",",
    b"[[[",
];

/// Another input, from those that are there.
fn changed(rng: &mut fastrand::Rng, seeds: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = seeds[rng.usize(..seeds.len())].clone();
    for _ in 0..rng.usize(1..=6) {
        let at = rng.usize(..=bytes.len());
        let end = (at + rng.usize(..16)).min(bytes.len());
        match rng.u8(..6) {
            0 if at < bytes.len() => bytes[at] ^= 1 << rng.u8(..8),
            1 => drop(bytes.drain(at..end)),
            2 => bytes.insert(at, rng.u8(..)),
            3 => {
                let piece = PIECES[rng.usize(..PIECES.len())];
                bytes.splice(at..at, piece.iter().copied());
            }
            4 => {
                let other = &seeds[rng.usize(..seeds.len())];
                let from = rng.usize(..=other.len());
                let piece = &other[from..(from + rng.usize(..64)).min(other.len())];
                bytes.splice(at..end, piece.iter().copied());
            }
            _ => {
                let again = bytes[at..end].to_vec();
                bytes.splice(at..at, again);
            }
        }
    }
    bytes
}

#[test]
fn no_input_breaks_a_promise() {
    let inputs = std::env::var("KRUN_FUZZ_INPUTS").map_or(4_000, |n| n.parse().expect("a number"));
    for (name, any) in TARGETS {
        let seeds = seeds(name);
        let mut rng = fastrand::Rng::with_seed(5);
        let since = std::time::Instant::now();
        // A script, also a declared one, is read on a thread of its own, and a store from a disk, each time.
        let inputs = match name {
            "guest" | "script" | "store" => inputs / 8,
            _ => inputs,
        };
        for number in 0..inputs + seeds.len() {
            let seed = seeds.get(number).cloned();
            let input = seed.unwrap_or_else(|| changed(&mut rng, &seeds));
            if catch_unwind(AssertUnwindSafe(|| any(&input))).is_err() {
                let path = corpus(name).join(format!("broken-{number}"));
                fs::write(&path, &input).expect("kept");
                panic!("{name} breaks a promise: {}", path.display());
            }
        }
        println!("{name}: {inputs} inputs in {:?}", since.elapsed());
    }
}
