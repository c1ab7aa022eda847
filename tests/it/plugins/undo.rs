//! Plugins that take back by themselves what they did, and what plugins keep for it.

use super::{
    hostile::{holds, lab as hostile_lab, mine, tries},
    *,
};

fn lines_lab() -> Lab {
    lab_for_writing("shared-line", "etc")
}

fn with_lines(lab: &Lab, lines: &[&str]) {
    let file = lab.path("etc/hosts");
    let mut steps = String::new();
    let mut after = String::new();
    for (number, line) in lines.iter().enumerate() {
        steps.push_str(&format!(
            "let s{number} = shared_line::line(\"line-{number}\", #{{ file: \"{}\", line: \"{line}\"{after} }});\n",
            file.display()
        ));
        after = format!(", after: s{number}");
    }
    runbook(lab, "shared-line", &steps);
}

/// What others wrote since stays: that is what an undo of one's own is for.
#[test]
fn a_line_is_taken_out_and_others_stay() {
    let lab = lines_lab();
    lab.write("etc/hosts", "first\n");
    with_lines(&lab, &["10.0.0.1 one", "10.0.0.2 two"]);
    let plan = lab.run(&["plan", "test.rhai"]).expect(0).out();
    assert!(plan.contains("the line is not in the file"), "{plan}");
    lab.run(&["run", "test.rhai"]).expect(0);
    let again = lab.run(&["run", "test.rhai", "--json"]).expect(0);
    assert_eq!(again.finished()["changed"], 0);
    let there = text(&lab, "etc/hosts");
    assert_eq!(there, "first\n10.0.0.1 one\n10.0.0.2 two\n");
    lab.write("etc/hosts", &format!("{there}somebody else's\n"));
    // Neither the plugin's file nor its lock is needed any more.
    fs::remove_file(lab.path("krun.lock")).expect("the lock goes");
    fs::remove_dir_all(lab.path("plugins")).expect("the component goes");
    let plan = lab.run(&["rollback", "--plan"]).expect(0).out();
    assert!(
        plan.contains("taken back by the plugin's own undo"),
        "{plan}"
    );
    lab.run(&["rollback", "--yes"]).expect(0);
    assert_eq!(text(&lab, "etc/hosts"), "first\nsomebody else's\n");
    let left = lab.run(&["rollback", "--yes"]).expect(0).err();
    assert!(left.contains("nothing to take back"), "{left}");
}

/// A file that was made for the line goes with it: what the plugin kept says so.
#[test]
fn what_was_kept_decides() {
    let lab = lines_lab();
    with_lines(&lab, &["10.0.0.1 one"]);
    lab.run(&["run", "test.rhai"]).expect(0);
    let shown = lab.run(&["show", "last"]).expect(0).out();
    assert!(
        shown.contains("keep for plugin shared-line: file-was-there=false"),
        "{shown}"
    );
    assert!(shown.contains("let plugin shared-line 0.1.0"), "{shown}");
    lab.run(&["rollback", "--yes"]).expect(0);
    assert!(!lab.path("etc/hosts").exists());
}

/// Each change of the arguments is taken back, the last one first.
#[test]
fn arguments_that_changed() {
    let lab = lines_lab();
    lab.write("etc/hosts", "first\n");
    for line in ["one", "two", "one more"] {
        with_lines(&lab, &[line]);
        lab.run(&["run", "test.rhai"]).expect(0);
    }
    assert_eq!(text(&lab, "etc/hosts"), "first\none\ntwo\none more\n");
    lab.run(&["rollback", "--run", "last", "--yes"]).expect(0);
    assert_eq!(text(&lab, "etc/hosts"), "first\none\ntwo\n");
    // An earlier one can't go before what came on top of it.
    let refused = lab.run(&["rollback", "--run", "1", "--yes"]);
    assert_ne!(refused.code(), 0, "{}", refused.err());
    assert_eq!(text(&lab, "etc/hosts"), "first\none\ntwo\n");
    lab.run(&["rollback", "--yes"]).expect(0);
    assert_eq!(text(&lab, "etc/hosts"), "first\n");
}

/// What somebody else did with the line is a conflict, found before anything is touched.
#[test]
fn somebody_else_was_there() {
    let lab = hostile_lab();
    let steps = format!("hostile::undo(\"a\", #{{ at: \"{}\" }});", mine(&lab, "a"));
    runbook(&lab, "hostile", &steps);
    lab.run(&["run", "test.rhai"]).expect(0);
    fs::write(lab.path("mine/a"), "somebody").expect("a file");
    let refused = lab.run(&["rollback", "--yes"]);
    assert_ne!(refused.code(), 0);
    holds(
        &flat(&refused.err()),
        &["would overwrite what somebody else changed"],
    );
    assert_eq!(text(&lab, "mine/a"), "somebody");
    lab.run(&["rollback", "--yes", "--force"]).expect(0);
    assert!(!lab.path("mine/a").exists());
}

/// krun is killed at every record of a run and of its rollback.
#[test]
fn killed_anywhere() {
    let lab = lines_lab();
    let script = "let root = param(\"root\", #{ type: \"path\", identity: true });\n\
         let at = directory(\"root\", #{ path: root });\n\
         let hosts = file(\"hosts\", #{ path: `${root}/hosts`, content: \"first\\n\", after: at });\n\
         let one = shared_line::line(\"one\", #{ file: `${root}/hosts2`, line: \"1\", after: at });\n\
         shared_line::line(\"two\", #{ file: `${root}/hosts2`, line: \"2\", after: one });\n";
    runbook(&lab, "shared-line", script);
    let scratch = lab.path("scratch");
    let grants = [format!("write:{}", scratch.display())];
    add(&lab, &lab.path(""), &component("shared-line"), &grants).expect(0);
    let done = lab.run(&[
        "test",
        "test.rhai",
        "--crash-at-every-record",
        "--json",
        "--scratch",
        scratch.to_str().expect("UTF-8"),
    ]);
    let done = done.expect(0);
    let last = done.events().pop().expect("totals");
    assert_eq!(last["failed"], 0, "{last}");
}

/// Runs one hostile step, with one before it that it depends on and one beside it, and rolls back. The
/// one beside is taken back, the one before stays.
#[track_caller]
fn undo_fails(kind: &str, more: &str) -> (Lab, String) {
    let lab = hostile_lab();
    let steps = format!(
        "let before = hostile::write(\"before\", #{{ at: \"{0}\" }});\n\
         hostile::{kind}(\"attack\", #{{ at: \"{1}\", words: [\"{more}\"], after: before }});\n\
         hostile::undo(\"beside\", #{{ at: \"{2}\" }});\n",
        mine(&lab, "before"),
        mine(&lab, "attack"),
        mine(&lab, "beside"),
    );
    runbook(&lab, "hostile", &steps);
    lab.run(&["run", "test.rhai"]).expect(0);
    let done = lab.run(&["rollback", "--yes"]);
    assert_ne!(done.code(), 0, "{kind}: {}", done.err());
    assert_ne!(done.code(), 70, "{kind}: {}", done.err());
    assert!(!lab.path("mine/beside").exists(), "{kind}");
    assert_eq!(text(&lab, "mine/before"), "written by a plugin", "{kind}");
    let said = flat(&done.err());
    holds(&said, &["what depends on it could not be taken back"]);
    (lab, said)
}

#[test]
fn undos_that_fail() {
    let (_lab, said) = undo_fails("endless_undo", "");
    holds(
        &said,
        &[
            "the plugin hostile 0.1.0 failed in `undo` of `hostile::endless_undo`",
            "it computed for longer than it may",
        ],
    );
    let (_lab, said) = undo_fails("panic_in_undo", "");
    holds(&said, &["failed in `undo`", "a guest gives up in its undo"]);
    let (_lab, said) = undo_fails("lie_in_undo", "");
    holds(&said, &["says that it took back what it did, and did not"]);
    let (_lab, said) = undo_fails("keep_in_undo", "");
    holds(&said, &["nothing can be kept now"]);
    let outside = tempfile::tempdir().expect("a folder");
    let secret = outside.path().join("secret");
    fs::write(&secret, "secret").expect("a file");
    let (_lab, said) = undo_fails("undo_outside", secret.to_str().expect("UTF-8"));
    holds(&said, &["the plugin `hostile` may not change"]);
    assert_eq!(fs::read_to_string(&secret).expect("a file"), "secret");
}

/// What can never be taken back is left by a person's decision, which is journaled; all else goes back.
#[test]
fn an_undo_that_always_fails_is_left() {
    let (lab, said) = undo_fails("panic_in_undo", "");
    holds(&said, &["leave it as it is: `krun resolve attack --leave`"]);
    let again = lab.run(&["rollback", "--yes"]).expect(7).err();
    holds(&flat(&again), &["a guest gives up in its undo"]);
    let nothing = lab.run(&["resolve", "beside", "--leave"]).expect(2).err();
    holds(
        &flat(&nothing),
        &["there is nothing of this step that a rollback would take back"],
    );
    let left = lab.run(&["resolve", "attack", "--leave"]).expect(0).err();
    holds(&left, &["attack: ", "left as it is"]);
    assert_eq!(text(&lab, "mine/before"), "written by a plugin");
    let plan = lab.run(&["rollback", "--plan"]).expect(0).out();
    assert!(!plan.contains("mine/attack"), "{plan}");
    lab.run(&["rollback", "--yes"]).expect(0);
    assert!(!lab.path("mine/before").exists(), "what it rests on goes");
    assert_eq!(text(&lab, "mine/attack"), "written by a plugin");
    let log = lab.run(&["history", "--json"]).expect(0).out();
    holds(&log, &["left as it is, as ", " decided"]);
}

/// An undo that was cut off half-way is called again, and nothing stands in its way.
#[test]
fn an_undo_goes_on() {
    let (lab, said) = undo_fails("undo_half", "");
    holds(&said, &["gives up half way in its undo"]);
    assert_eq!(text(&lab, "mine/attack"), "half undone");
    lab.run(&["rollback", "--yes"]).expect(0);
    for name in ["before", "attack", "attack.half"] {
        assert!(!lab.path("mine").join(name).exists(), "{name}");
    }
}

#[test]
fn what_is_kept_is_bounded() {
    let lab = hostile_lab();
    let said = tries(&lab, "keep_bomb", &mine(&lab, "a"));
    holds(
        &said,
        &[
            "the plugin wants to keep what can't be kept",
            "and 65536 are allowed",
        ],
    );
    lab.run(&["rollback", "--yes"]).expect(0);
    let said = tries(&lab, "keep_flood", &mine(&lab, "a"));
    holds(
        &said,
        &["into the journal in one call, and 1048576 are allowed"],
    );
}

/// Another component with the same code: a section that says nothing comes after it.
fn other_component(lab: &Lab, name: &str) -> PathBuf {
    let mut bytes = fs::read(component(name)).expect("a component");
    bytes.extend([0, 3, 1, b'x', 0]);
    let file = lab.path("other.component.wasm");
    fs::write(&file, bytes).expect("a component");
    file
}

/// What one component kept, another takes over by its `upgrade`; a rollback calls the first one.
#[test]
fn components_that_change() {
    let lab = hostile_lab();
    let keeps = |at: &str| {
        let said = lab.path("said").display().to_string();
        let steps = format!(
            "let kept = hostile::keep(\"a\", #{{ at: \"{at}\" }});\n\
             file(\"said\", #{{ path: \"{said}\", content: kept.said }});\n"
        );
        runbook(&lab, "hostile", &steps);
    };
    keeps("one");
    lab.run(&["run", "test.rhai"]).expect(0);
    add(&lab, &lab.path(""), &other_component(&lab, "hostile"), &[]).expect(0);
    assert_eq!(text(&lab, "said"), "one");
    // As wanted, as the new component understands it.
    lab.run(&["run", "test.rhai"]).expect(0);
    assert_eq!(text(&lab, "said"), "one, kept by 0.1.0");
    keeps("two");
    lab.run(&["run", "test.rhai"]).expect(0);
    assert_eq!(text(&lab, "said"), "two");
    // What the last run kept goes with it: what was kept before is there again.
    lab.run(&["rollback", "--run", "last", "--yes"]).expect(0);
    keeps("one");
    let back = lab.run(&["run", "test.rhai", "--json"]).expect(0);
    assert_eq!(back.changes(), [], "{}", back.out());
    assert_eq!(text(&lab, "said"), "one, kept by 0.1.0");
    lab.run(&["rollback", "--yes"]).expect(0);
    assert!(!lab.path("said").exists());
}

#[test]
fn upgrades_that_can_not_be() {
    for (kind, why) in [
        ("upgrade_doubles", "makes two values of one key"),
        ("upgrade_endless", "it computed for longer than it may"),
        ("upgrade_floods", "and 65536 are allowed"),
    ] {
        let lab = hostile_lab();
        runbook(
            &lab,
            "hostile",
            &format!("hostile::{kind}(\"attack\", #{{}});"),
        );
        lab.run(&["run", "test.rhai"]).expect(0);
        add(&lab, &lab.path(""), &other_component(&lab, "hostile"), &[]).expect(0);
        holds(&tries(&lab, kind, ""), &[why]);
    }
}
