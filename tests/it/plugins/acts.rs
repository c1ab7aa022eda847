//! A kind in the mode `Once`: done once for its arguments and what it acts on, whichever way that is reached.

use super::*;

/// Signs the book; how many steps that changed.
fn signed(lab: &Lab, line: &str, through: &str) -> u64 {
    let step = format!(
        "acts::sign(\"sign\", #{{ book: \"{}\", line: \"{line}\", through: \"{through}\" }});\n",
        lab.path("desk/book").display()
    );
    runbook(lab, "acts", &step);
    let done = lab.run(&["run", "test.rhai", "--json"]).expect(0);
    done.finished()["changed"].as_u64().expect("a number")
}

#[test]
fn an_act_is_done_once() {
    let lab = lab_for_writing("acts", "desk");
    lab.write("desk/book.edition", "first");
    for (line, through, edition, changed, book) in [
        ("me", "the door", "first", 1, "me\n"),
        ("me", "the door", "first", 0, "me\n"),
        // Another way to the same book.
        ("me", "the window", "first", 0, "me\n"),
        // Something else is done.
        ("you", "the window", "first", 1, "me\nyou\n"),
        // To something else of the same name.
        ("you", "the window", "second", 1, "me\nyou\nyou\n"),
        ("you", "the door", "second", 0, "me\nyou\nyou\n"),
    ] {
        lab.write("desk/book.edition", edition);
        let case = format!("{line} through {through}, {edition} edition");
        assert_eq!(signed(&lab, line, through), changed, "{case}");
        assert_eq!(text(&lab, "desk/book"), book, "{case}");
    }
    lab.run(&["rollback", "test", "--yes"]).expect(0);
    assert!(!lab.path("desk/book").exists());
}
