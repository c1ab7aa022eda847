//! A clock that is set back, in the middle of a run and between two: `faketime` tells krun another
//! time, read from a file at each look.

use std::{
    fs,
    process::Command,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use krun_tests::{
    lab::{Done, Lab},
    tree::listing,
};

use super::{begin, end, through};
use crate::state::chain;

/// Where a lab's clock stands, against the real one.
fn set(lab: &Lab, clock: &str) {
    lab.write("clock.new", clock);
    fs::rename(lab.path("clock.new"), lab.path("clock")).expect("at once");
}

fn krun(lab: &Lab, arguments: &[&str]) -> Command {
    let file = format!("FAKETIME_TIMESTAMP_FILE={}", lab.path("clock").display());
    // What the command line says would come before what the file says.
    let by_file = ["env", "-u", "FAKETIME", "FAKETIME_NO_CACHE=1", &file];
    let faketime = ["faketime", "-m", "-f", "+0d"];
    let mut command = through(&[&faketime[..], &by_file].concat(), &lab.krun(arguments));
    command.env("DONT_FAKE_MONOTONIC", "1");
    command
}

#[test]
fn the_clock_is_set_back() {
    let lab = Lab::default();
    let runbook = chain(&lab, 60);
    lab.write("root/f1", "was here before\n");
    let before = listing(&lab.path("root"));
    set(&lab, "+10d");
    let (child, lines) = begin(krun(&lab, &[&runbook, "--json"]), 15);
    set(&lab, "-400d");
    let (code, said) = end(child, lines);
    assert_eq!(code, 0, "{said}");
    let runs = lab.run(&["history", "--json"]).expect(0).events();
    let times: Vec<i64> = runs[0]["changes"]
        .as_array()
        .expect("changes")
        .iter()
        .map(|change| change["at_ms"].as_i64().expect("a time"))
        .collect();
    assert!(times.is_sorted(), "{times:?}");
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("now");
    let ahead = now + Duration::from_hours(9 * 24);
    assert!(
        u128::try_from(times[59]).is_ok_and(|last| last > ahead.as_millis()),
        "what came after the jump is not dated before what came earlier"
    );
    // Between two runs, further back: what happened later is still known to be later.
    set(&lab, "-800d");
    let late = Done::of(krun(&lab, &[&runbook, "-p", "text=two", "--json"])).expect(0);
    assert_eq!(late.finished()["changed"], 60);
    Done::of(krun(&lab, &["status", "--check"])).expect(0);
    lab.run(&["state", "check"]).expect(0);
    Done::of(krun(&lab, &["rollback", "--yes"])).expect(0);
    assert_eq!(listing(&lab.path("root")), before);
}
