//! System calls that the kernel refuses while krun runs: `strace` puts the error in their place, so
//! that nothing of krun knows that it is a test.

use std::fs;

use krun_tests::{
    lab::{Done, Lab},
    tree::listing,
};

use super::through;
use crate::state::chain;

/// A krun whose so-manieth call (in each of its threads) is refused, and whether any was.
fn refused(lab: &Lab, call: &str, error: &str, nth: usize, arguments: &[&str]) -> (Done, bool) {
    let trace = lab.path("trace");
    let trace_name = trace.to_str().expect("UTF-8");
    let calls = format!("trace={call}");
    let inject = format!("inject={call}:error={error}:when={nth}");
    let strace = [
        "timeout",
        "60",
        "strace",
        "-f",
        "--seccomp-bpf",
        "-o",
        trace_name,
        "-e",
        &calls,
        "-e",
        &inject,
    ];
    let done = Done::of(through(&strace, &lab.krun(arguments)));
    let trace = fs::read_to_string(trace).expect("strace traces: it is installed, and may trace");
    (done, trace.contains("(INJECTED)"))
}

/// How a command that lives through refused calls may end, and the words for them.
struct Ends {
    codes: &'static [i32],
    words: &'static [&'static str],
}

const EIO: Ends = Ends {
    codes: &[1, 7, 8],
    words: &["nput/output error", "I/O error"],
};

const NO_ROOM: Ends = Ends {
    codes: &[4, 8],
    words: &["full", "No space left", "I/O error"],
};

impl Ends {
    /// Whether it failed; if so it said why, and ended with a code that the book has.
    #[track_caller]
    fn failed(&self, done: &Done, at: &str) -> bool {
        if done.code() == 0 {
            return false;
        }
        let said = done.out() + &done.err();
        assert!(self.codes.contains(&done.code()), "{at}: {said}");
        assert!(said.contains("error[krun::"), "{at}: {said}");
        assert!(!said.contains("succeeded in"), "{at}: {said}");
        assert!(
            self.words.iter().any(|word| said.contains(word)),
            "{at}: {said}"
        );
        true
    }
}

/// Runs with one call refused, then goes on or takes back what was done; how many runs failed.
fn runs(call: &str, error: &str, ends: &Ends, points: impl IntoIterator<Item = usize>) -> usize {
    let mut failures = 0;
    for nth in points {
        let at = format!("{call} {nth}: {error}");
        let lab = Lab::default();
        let runbook = chain(&lab, 3);
        lab.write("root/f1", "was here before\n");
        let before = listing(&lab.path("root"));
        let (done, injected) = refused(&lab, call, error, nth, &[&runbook]);
        let failed = ends.failed(&done, &at);
        assert!(injected || !failed, "{at}: {}", done.err());
        failures += usize::from(failed);
        if failed && nth % 2 == 1 {
            // What the journal does not know of is not taken back.
            let back = lab.run(&["rollback", "--yes"]);
            let nothing = back.err().contains("nothing was ever run");
            assert!(back.code() == 0 || nothing, "{at}: {}", back.err());
            assert_eq!(listing(&lab.path("root")), before, "{at}");
        }
        lab.run(&["state", "check"]);
        lab.run(&[&runbook]).expect(0);
        lab.run(&["state", "check"]).expect(0);
        lab.run(&["status", "--check"]).expect(0);
        lab.run(&["rollback", "--yes"]).expect(0);
        assert_eq!(listing(&lab.path("root")), before, "{at}");
    }
    failures
}

#[test]
fn a_sync_that_fails() {
    // The journal's, then those of blobs, folders and targets.
    assert!(runs("fdatasync", "EIO", &EIO, 1..=7) >= 4);
    assert!(runs("fsync", "EIO", &EIO, [1, 3, 4, 8, 11, 12]) >= 4);
}

#[test]
fn a_write_that_fails() {
    assert!(runs("pwrite64", "EIO", &EIO, [1, 13, 19, 22, 27, 33, 40, 47]) >= 7);
    assert!(runs("renameat", "EIO", &EIO, 1..=3) >= 1);
}

#[test]
fn a_write_without_room() {
    assert!(runs("pwrite64", "ENOSPC", &NO_ROOM, [15, 20, 33, 46]) >= 4);
}

#[test]
fn a_rollback_whose_calls_fail() {
    let mut failures = 0;
    for (call, nth) in [
        ("fdatasync", 2),
        ("fdatasync", 4),
        ("fsync", 2),
        ("pwrite64", 11),
        ("pwrite64", 24),
        ("unlink", 1),
    ] {
        let at = format!("{call} {nth}");
        let lab = Lab::default();
        let runbook = chain(&lab, 3);
        lab.write("root/f1", "was here before\n");
        let before = listing(&lab.path("root"));
        lab.run(&[&runbook]).expect(0);
        let (done, _) = refused(&lab, call, "EIO", nth, &["rollback", "--yes"]);
        failures += usize::from(EIO.failed(&done, &at));
        lab.run(&["rollback", "--yes"]).expect(0);
        lab.run(&["state", "check"]).expect(0);
        assert_eq!(listing(&lab.path("root")), before, "{at}");
    }
    assert!(failures >= 4, "{failures}");
}
