//! Guests that would take the host with them: the call ends with an error that says why, in time.

use std::time::{Duration, Instant};

use crate::lab::{Lab, describing, description, guest, real};

/// What is said of a guest, and that it was said soon.
#[track_caller]
fn ends(bytes: &[u8], with: &[&str]) {
    let began = Instant::now();
    let said = Lab::new().refusal(bytes);
    assert!(
        began.elapsed() < Duration::from_secs(30),
        "{:?}",
        began.elapsed()
    );
    for part in with {
        assert!(said.contains(part), "no {part:?} in {said}");
    }
}

#[test]
fn an_endless_loop() {
    ends(
        &describing("(loop $l (br $l)) unreachable", ""),
        &[
            "failed in `describe`",
            "it computed for longer than it may",
            "at describe",
        ],
    );
}

#[test]
fn a_start_function_without_an_end() {
    ends(
        &describing("unreachable", "(func $go (loop $l (br $l))) (start $go)"),
        &["it computed for longer than it may", "at go"],
    );
}

#[test]
fn a_trap_with_names() {
    ends(
        &describing("(call $deep)", "(func $deep (result i32) unreachable)"),
        &["it gave up", "at deep\n  at describe"],
    );
}

#[test]
fn memory_that_grows() {
    let grow = "(loop $l (drop (memory.grow (i32.const 64))) (br $l)) unreachable";
    ends(
        &describing(grow, ""),
        &["it wants more than 32 MiB of memory"],
    );
}

#[test]
fn memory_from_the_start() {
    let bytes = guest("(memory (export \"memory\") 60000)", "unreachable", "");
    ends(&bytes, &["it wants more than 32 MiB of memory"]);
}

#[test]
fn a_table_that_grows() {
    let grow =
        "(loop $l (drop (table.grow $t (ref.null func) (i32.const 5000))) (br $l)) unreachable";
    ends(
        &describing(grow, "(table $t 1 funcref)"),
        &["it wants tables of more than 100000 elements"],
    );
}

/// There is no room that such a table could be made in: the component is refused before it is called.
#[test]
fn tables_that_are_too_large_from_the_start() {
    let many = "(table 1 funcref)".repeat(17);
    for tables in ["(table $t 200000 funcref)", &many] {
        let refusal = Lab::new().refusal(&describing("unreachable", tables));
        let what = "the component is larger than one can be";
        assert!(refusal.starts_with(what), "{refusal}");
        assert!(refusal.contains("table"), "{refusal}");
    }
}

#[test]
fn calls_that_nest() {
    let nest = "(call $nest (i32.const 0))";
    let more =
        "(func $nest (param i32) (result i32) (i32.add (call $nest (local.get 0)) (i32.const 1)))";
    ends(
        &describing(nest, more),
        &["its calls nest too deep", "at nest", "more"],
    );
}

#[test]
fn texts_that_are_none() {
    let bad = description("\\ff\\fe", "1.0.0", (0, 0), (0, 0));
    ends(
        &describing("(i32.const 1024)", &bad),
        &["failed in `describe`", "utf-8"],
    );
}

#[test]
fn pointers_that_lead_nowhere() {
    let bad = description("a", "1.0.0", (4_000_000_000, 1000), (0, 0));
    ends(
        &describing("(i32.const 1024)", &bad),
        &["failed in `describe`"],
    );
    ends(
        &describing("(i32.const 70000)", ""),
        &["failed in `describe`"],
    );
    ends(
        &describing("(i32.const 1025)", ""),
        &["failed in `describe`"],
    );
}

/// A list of which each item is the same large text would be far more on this side than on the guest's.
#[test]
fn lists_that_multiply() {
    // 100,000 wants of 16 bytes from 65536 on, each of a text of 1 MiB at 2 MiB.
    let fill = "(local $at i32) (local.set $at (i32.const 65536))
        (loop $l
            (i32.store (local.get $at) (i32.const 2097152))
            (i32.store offset=4 (local.get $at) (i32.const 1048576))
            (i32.store offset=8 (local.get $at) (i32.const 2097152))
            (i32.store offset=12 (local.get $at) (i32.const 1048576))
            (local.set $at (i32.add (local.get $at) (i32.const 16)))
            (br_if $l (i32.lt_u (local.get $at) (i32.const 1665536))))
        (i32.const 1024)";
    let more = description("a", "1.0.0", (0, 0), (65536, 100_000));
    let bytes = guest("(memory (export \"memory\") 64)", fill, &more);
    ends(&bytes, &["failed in `describe`"]);
}

#[test]
fn descriptions_that_can_not_be() {
    for (name, version, why) in [
        ("Topic", "1.0.0", "its name is not made of"),
        ("a/../b", "1.0.0", "its name is not made of"),
        ("", "1.0.0", "its name is not made of"),
        ("topic-policy", "one", "its version is none"),
        ("topic-policy", "1.0.0", "it has 0 kinds"),
    ] {
        let said = description(name, version, (0, 0), (0, 0));
        ends(
            &describing("(i32.const 1024)", &said),
            &["what the plugin says of itself", why],
        );
    }
}

/// More calls at once than there are places for: the others wait, and all come to their end.
#[test]
fn more_calls_than_places() {
    let lab = Lab::new();
    let plugin = lab.open(&real()).unwrap();
    std::thread::scope(|scope| {
        let calls: Vec<_> = (0..200)
            .map(|_| scope.spawn(|| plugin.instance()))
            .collect();
        for call in calls {
            call.join().unwrap().unwrap();
        }
    });
}
