//! Components that were built for `krun:plugin@1.0.0` once, as files: each goes on loading, describing itself,
//! checking, applying and being taken back, whatever becomes of their sources and of the SDK.
//!
//! `tests/fixtures/plugins/README.md` says what each was built of.

use super::{hostile::holds, *};

fn kept(name: &str) -> PathBuf {
    repository().join(format!("tests/fixtures/plugins/1.0.0/{name}.wasm"))
}

/// A lab with a kept component that may write to a folder there.
fn lab(name: &str, folder: &str) -> Lab {
    let lab = Lab::new(0);
    fs::create_dir_all(lab.path(folder)).expect("a folder");
    let grants = [format!("write:{}", lab.path(folder).display())];
    add(&lab, &lab.path(""), &kept(name), &grants).expect(0);
    lab.run(&["plugin", "verify"]).expect(0);
    lab
}

/// What a component says of itself, and the file that it is.
fn says(lab: &Lab, name: &str, parts: &[&str]) {
    let shown = lab.run(&["plugin", "inspect", name]).expect(0).out();
    holds(&shown, parts);
    let readme = repository().join("tests/fixtures/plugins/README.md");
    let readme = fs::read_to_string(readme).expect("a README");
    let lock = text(lab, "krun.lock");
    let sha256 = lock
        .lines()
        .find_map(|line| line.trim().strip_prefix("sha256: "));
    let sha256 = sha256.expect("a hash").trim_matches(['"', '\'']);
    assert!(readme.contains(sha256), "README.md does not name {sha256}");
}

fn run_twice(lab: &Lab, run: &[&str], changed: &[&str]) {
    lab.run(&[&["check"], run].concat()).expect(0);
    let done = lab.run(&[&["run", "--json"], run].concat()).expect(0);
    let steps: Vec<_> = done.changes().into_iter().map(|(step, _)| step).collect();
    assert_eq!(steps, changed);
    let again = lab.run(&[&["run", "--json"], run].concat()).expect(0);
    assert_eq!(again.finished()["changed"], 0);
}

#[test]
fn every_component_is_tried() {
    let folder = repository().join("tests/fixtures/plugins/1.0.0");
    let names = fs::read_dir(folder).expect("a folder").flatten();
    let mut names: Vec<_> = names.map(|entry| entry.file_name()).collect();
    names.sort();
    assert_eq!(names, ["declares.wasm", "owners.wasm", "shared-line.wasm"]);
}

/// Files, without an undo of its own.
#[test]
fn owners() {
    let lab = lab("owners", "folder");
    says(
        &lab,
        "owners",
        &[
            "owners 0.1.0",
            "Who owns what.",
            "owners::owner",
            "step-plugin",
        ],
    );
    let folder = lab.path("folder");
    let step = format!(
        "owners::owner(\"owner\", #{{ folder: \"{}\", team: \"payments\" }});\n",
        folder.display()
    );
    runbook(&lab, "owners", &step);
    lab.write("folder/OWNER", "before");
    run_twice(&lab, &["test.rhai"], &["owner"]);
    assert_eq!(text(&lab, "folder/OWNER"), "payments");
    lab.run(&["rollback", "--yes"]).expect(0);
    assert_eq!(text(&lab, "folder/OWNER"), "before");
}

/// An undo of its own, and what it keeps for it.
#[test]
fn shared_line() {
    let lab = lab("shared-line", "etc");
    says(
        &lab,
        "shared-line",
        &["shared-line 0.1.0", "shared_line::line", "key-value"],
    );
    let file = lab.path("etc/hosts");
    let step = format!(
        "shared_line::line(\"line\", #{{ file: \"{}\", line: \"10.0.0.1 one\" }});\n",
        file.display()
    );
    runbook(&lab, "shared-line", &step);
    lab.write("etc/hosts", "first\n");
    run_twice(&lab, &["test.rhai"], &["line"]);
    let there = text(&lab, "etc/hosts");
    assert_eq!(there, "first\n10.0.0.1 one\n");
    lab.write("etc/hosts", &format!("{there}others\n"));
    lab.run(&["rollback", "--yes"]).expect(0);
    assert_eq!(text(&lab, "etc/hosts"), "first\nothers\n");
}

/// A whole runbook, with a kind of its own.
#[test]
fn declares() {
    let lab = lab("declares", "mine");
    says(
        &lab,
        "declares",
        &["declares 0.1.0", "declares::note", "runbook-plugin"],
    );
    let root = format!("root={}", lab.path("mine").display());
    let run = ["plugins/declares.wasm", "--param", &root];
    run_twice(&lab, &run, &["note", "below", "plain"]);
    assert_eq!(text(&lab, "mine/note"), "one");
    lab.run(&["rollback", "plugins/declares.wasm", "--yes"])
        .expect(0);
    assert!(!lab.path("mine/note").exists() && !lab.path("mine/below").exists());
}
