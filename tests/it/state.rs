//! The state store in the hands of a user: damage, copies, old formats, and an audit log.

use std::{fs, path::Path};

use krun_tests::{
    lab::{Done, Lab, repository},
    tree::listing,
};
use serde_json::Value;

/// A runbook that writes some files, all at once.
pub fn runbook(lab: &Lab, files: usize) -> String {
    script(lab, files, "top")
}

/// A runbook that writes some files, one after the other.
pub fn chain(lab: &Lab, files: usize) -> String {
    script(lab, files, "last")
}

fn script(lab: &Lab, files: usize, after: &str) -> String {
    let script = format!(
        "runbook(#{{ name: \"kept\", version: \"1.0.0\", summary: \"files\" }});\n\
         let text = param(\"text\", #{{ type: \"string\", default: \"one\" }});\n\
         let top = directory(\"top\", #{{ path: \"{root}\" }});\n\
         let last = top;\n\
         for i in 0..{files} {{\n\
           last = file(`f-${{i}}`, #{{ path: `{root}/f${{i}}`, content: `${{text}} ${{i}}`, after: {after} }});\n\
         }}\n",
        root = lab.path("root").display()
    );
    let path = lab.write("kept.rhai", &script);
    path.to_str().expect("UTF-8").to_owned()
}

/// Overwrites a text in the database by another of the same length, at its last place.
fn alter(path: &Path, from: &str, to: &str) {
    let mut bytes = fs::read(path).expect("the journal");
    let at = bytes
        .windows(from.len())
        .rposition(|window| window == from.as_bytes())
        .expect("the text");
    bytes[at..at + to.len()].copy_from_slice(to.as_bytes());
    fs::write(path, bytes).expect("write");
}

#[test]
fn damage_is_named_repaired_and_the_copy_stays() {
    let lab = Lab::default();
    let runbook = runbook(&lab, 4);
    lab.run(&[&runbook]).expect(0);
    let sound = lab.run(&["state", "check"]).expect(0);
    assert!(sound.out().contains("sound"), "{}", sound.out());
    let journal = lab.path("state/journal.db");
    alter(&journal, "run_finished", "run_finiShed");
    let damaged = fs::read(&journal).expect("the journal");
    for verb in [&["status"][..], &[&runbook], &["rollback", "--yes"]] {
        let refused = lab.run(verb).expect(8);
        assert!(
            refused.err().contains("krun state repair"),
            "{}",
            refused.err()
        );
    }
    let check = lab.run(&["state", "check", "--json"]).expect(8);
    let check = &check.events()[0];
    assert_eq!(check["sound"], false);
    let health = &check["health"]["deployments"][0];
    assert_eq!(health["name"], "kept");
    let (all, kept) = (health["entries"].as_u64(), health["sound"].as_u64());
    assert_eq!(kept.map(|kept| kept + 1), all, "{health}");

    lab.run(&["state", "repair"]).expect(10);
    lab.run(&["state", "repair", "--plan"]).expect(0);
    assert_eq!(fs::read(&journal).expect("the journal"), damaged);
    let repaired = lab.run(&["state", "repair", "--yes"]).expect(0);
    assert!(
        repaired.out().contains("no rollback takes it back"),
        "{}",
        repaired.out()
    );
    let copies = lab.path("state/damaged");
    let copies = fs::read_dir(copies).expect("copies").flatten();
    assert!(
        copies
            .map(|copy| fs::read(copy.path().join("journal.db")).expect("a copy"))
            .all(|copy| copy == damaged)
    );
    lab.run(&["state", "check"]).expect(0);
    // Its last run has lost its end: it goes on, and all can be taken back.
    lab.run(&[&runbook]).expect(0);
    lab.run(&["rollback", "--yes"]).expect(0);
    assert!(!lab.path("root").exists());
}

#[test]
fn a_backup_and_an_export_can_take_everything_back() {
    for way in ["backup", "export"] {
        let lab = Lab::default();
        let runbook = runbook(&lab, 3);
        lab.write("root/f1", "was here before\n");
        let before = listing(&lab.path("root"));
        lab.run(&[&runbook]).expect(0);
        let state = lab.path("state");
        let saved = lab.path("saved");
        let saved_text = saved.to_str().expect("UTF-8").to_owned();
        if way == "backup" {
            lab.run(&["state", "backup", &saved_text]).expect(0);
            lab.run(&["state", "backup", &saved_text]).expect(2);
            let there = lab.run(&["--state", &saved_text, "history"]).expect(0);
            assert!(there.out().contains("succeeded"), "{}", there.out());
            fs::remove_dir_all(&state).expect("the state is lost");
            fs::rename(&saved, &state).expect("and restored");
        } else {
            lab.run(&["state", "export", "--out", &saved_text])
                .expect(0);
            fs::remove_dir_all(&state).expect("the state is lost");
            lab.run(&["state", "import", &saved_text]).expect(0);
            lab.run(&["state", "import", &saved_text]).expect(2);
        }
        lab.run(&["state", "check"]).expect(0);
        lab.run(&["status", "--check"]).expect(0);
        lab.run(&["rollback", "--yes"]).expect(0);
        assert_eq!(listing(&lab.path("root")), before, "{way}");
    }
}

#[test]
fn a_missing_before_image_is_said() {
    let lab = Lab::default();
    let runbook = runbook(&lab, 1);
    lab.write("root/f0", "was here before\n");
    lab.run(&[&runbook]).expect(0);
    let check = || lab.run(&["state", "check"]);
    check().expect(0);
    let blobs = walk(&lab.path("state/blobs"));
    let image = blobs
        .iter()
        .find(|path| fs::read_to_string(path).is_ok_and(|text| text == "was here before\n"))
        .expect("the before-image");
    fs::write(image, "was here behind\n").expect("write");
    let damaged = check().expect(8);
    assert!(damaged.out().contains("damaged: blob"), "{}", damaged.out());
    fs::remove_file(image).expect("remove");
    let missing = check().expect(8);
    assert!(
        missing.out().contains("missing: kept needs"),
        "{}",
        missing.out()
    );
}

fn walk(folder: &Path) -> Vec<std::path::PathBuf> {
    let mut files = vec![];
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        match path.is_dir() {
            true => files.extend(walk(&path)),
            false => files.push(path),
        }
    }
    files
}

/// State folders that a krun of each format left: they load, are migrated, and can be taken back.
#[test]
fn old_formats_load_forever() {
    let fixtures = repository().join("tests/fixtures/state");
    let mut formats = 0;
    for entry in fs::read_dir(fixtures).expect("fixtures").flatten() {
        let fixture = entry.path();
        let lab = Lab::default();
        let state = lab.path("state");
        copy(&fixture, &state);
        let history = lab.run(&["history", "--json"]).expect(0);
        assert!(!history.events().is_empty());
        let check = lab.run(&["state", "check", "--json"]).expect(0);
        let format = check.events()[0]["health"]["format"].as_u64();
        let name = fixture.file_name().and_then(|name| name.to_str());
        assert_eq!(name, format.map(|n| format!("format-{n}")).as_deref());
        // What it did is elsewhere, so all that a rollback finds is as before; it migrates first.
        let back = lab.run(&["rollback", "--yes"]).expect(0);
        let migrated = back.err().contains("is of format");
        let newest = check_format(&lab);
        assert_eq!(migrated, format != newest, "{}", back.err());
        let copy = state.join(format!("backups/format-{}.db", format.unwrap_or(0)));
        assert_eq!(copy.exists(), migrated);
        formats += 1;
    }
    assert!(formats >= 2, "{formats}");
}

fn check_format(lab: &Lab) -> Option<u64> {
    let check = lab.run(&["state", "check", "--json"]).expect(0);
    check.events()[0]["health"]["format"].as_u64()
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder");
    for entry in fs::read_dir(from).expect("a folder").flatten() {
        let target = to.join(entry.file_name());
        match entry.path().is_dir() {
            true => copy(&entry.path(), &target),
            false => drop(fs::copy(entry.path(), target).expect("a copy")),
        }
    }
}

/// Who, when, from what, and what changed; and nothing of what stands in the files.
#[test]
fn history_is_an_audit_log() {
    let lab = Lab::default();
    let runbook = runbook(&lab, 2);
    lab.write("root/f0", "hush-before\n");
    lab.run(&[&runbook, "-p", "text=hush-now"]).expect(0);
    lab.run(&["rollback", "--yes"]).expect(0);
    let history = lab.run(&["history", "--json"]).expect(0);
    assert!(!history.out().contains("hush"), "{}", history.out());
    let [run, rollback] = &history.events()[..] else {
        panic!("{}", history.out());
    };
    assert_eq!((&run["verb"], &run["run"]), (&"run".into(), &1.into()));
    assert!(run["who"]["host"].is_string() && run["who"]["user"].is_string());
    assert!(run["started_ms"].as_i64() > Some(1_600_000_000_000));
    let hex = |value: &Value| value.as_str().map(str::len) == Some(64);
    assert!(hex(&run["source"]["files"][0]["sha256"]), "{run}");
    assert!(hex(&run["source"]["params_sha256"]), "{run}");
    let changes = run["changes"].as_array().expect("changes");
    assert_eq!(changes.len(), 2, "{run}");
    for change in changes {
        assert_eq!(change["effect"], "write_file");
        assert_eq!(change["outcome"], "done");
        assert!(
            change["target"]
                .as_str()
                .is_some_and(|path| path.contains("/root/f"))
        );
    }
    let takes_back = rollback["changes"].as_array().expect("changes");
    assert!(
        takes_back
            .iter()
            .any(|change| change["takes_back"].is_array())
    );
    assert!(
        takes_back
            .iter()
            .any(|change| change["rolled_back"] == true)
    );
}

#[test]
fn status_check_says_drift_by_its_exit_code() {
    let lab = Lab::default();
    let runbook = runbook(&lab, 3);
    lab.run(&[&runbook]).expect(0);
    let state = listing(&lab.path("state"));
    let good = lab.run(&["status", "--check", "--json"]).expect(0);
    assert_eq!(good.events()[0]["as_wanted"], true);
    assert_eq!(listing(&lab.path("state")), state, "it writes nothing");
    lab.write("root/f1", "somebody's\n");
    fs::remove_file(lab.path("root/f2")).expect("remove");
    let drifted = lab.run(&["status", "--check", "--json"]).expect(6);
    let drifted = &drifted.events()[0];
    let steps = drifted["steps"].as_array().expect("steps");
    let steps: Vec<_> = steps.iter().map(|step| &step["address"]).collect();
    assert_eq!(steps, ["f-1", "f-2"]);
    let words: Done = lab.run(&["status", "--check"]).expect(6);
    assert!(words.out().contains("f-2: drifted"), "{}", words.out());
    lab.run(&[&runbook]).expect(0);
    lab.run(&["status", "--check"]).expect(0);
    lab.run(&["rollback", "--yes"]).expect(0);
    lab.run(&["status", "--check"]).expect(6);
}
