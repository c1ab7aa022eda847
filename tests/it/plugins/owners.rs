//! The plugin of the book's chapter: it writes files, and has no undo of its own.

use super::*;

fn lab() -> Lab {
    let lab = Lab::new(0);
    fs::create_dir_all(lab.path("folder")).expect("a folder");
    let grants = [format!("write:{}", lab.path("folder").display())];
    add(&lab, &lab.path(""), &component("owners"), &grants).expect(0);
    lab
}

fn owned_by(lab: &Lab, team: &str) {
    let folder = lab.path("folder");
    let step = format!(
        "owners::owner(\"owner\", #{{ folder: \"{}\", team: \"{team}\" }});\n",
        folder.display()
    );
    runbook(lab, "owners", &step);
}

#[test]
fn files_are_planned_written_and_taken_back() {
    let lab = lab();
    lab.write("folder/OWNER", "before");
    owned_by(&lab, "payments");
    let plan = lab.run(&["plan", "test.rhai"]).expect(0).out();
    assert!(plan.contains("another owner is named"), "{plan}");
    assert_eq!(text(&lab, "folder/OWNER"), "before");
    let done = lab.run(&["run", "test.rhai", "--json"]).expect(0);
    assert_eq!(done.changes(), [("owner".to_owned(), "update".to_owned())]);
    assert_eq!(text(&lab, "folder/OWNER"), "payments");
    assert_eq!(
        lab.run(&["run", "test.rhai", "--json"])
            .expect(0)
            .finished()["changed"],
        0
    );
    lab.run(&["rollback", "--yes"]).expect(0);
    assert_eq!(text(&lab, "folder/OWNER"), "before");
}

/// Steps of plugins and of krun know of each other's writes.
#[test]
fn two_steps_that_write_one_file() {
    let lab = lab();
    owned_by(&lab, "payments");
    let folder = lab.path("folder");
    let script = text(&lab, "test.rhai");
    let own = format!(
        "file(\"own\", #{{ path: \"{}/OWNER\", content: \"x\" }});\n",
        folder.display()
    );
    lab.write("test.rhai", &format!("{script}{own}"));
    let done = lab.run(&["check", "test.rhai"]).expect(3);
    assert!(done.err().contains("both write"), "{}", done.err());
}

/// A run has the plugins and the grants that it began with, whatever the lock says later.
#[test]
fn a_run_keeps_its_lock() {
    let lab = lab();
    owned_by(&lab, "payments");
    lab.run(&["run", "test.rhai"]).expect(0);
    let lock = text(&lab, "krun.lock");
    lab.write("krun.lock", &lock.replace("write:", "read:"));
    let status = lab.run(&["status", "test", "--json"]).expect(0).out();
    assert!(status.contains("owner"), "{status}");
    fs::write(lab.path("folder/OWNER"), "somebody").expect("a file");
    let done = lab.run(&["run", "test.rhai"]).expect(1);
    assert!(
        done.err().contains("the plugin `owners` may not change"),
        "{}",
        done.err()
    );
}

/// krun is killed at every record of a run with plugins, goes on, and rolls back.
#[test]
fn killed_anywhere() {
    let lab = lab();
    let script = "let root = param(\"root\", #{ type: \"path\", identity: true });\n\
         let at = directory(\"root\", #{ path: root });\n\
         owners::owner(\"a\", #{ folder: root, team: \"one\", after: at });\n\
         let below = directory(\"below\", #{ path: `${root}/below`, after: at });\n\
         owners::owner(\"b\", #{ folder: below.path, team: \"two\", after: below });\n";
    runbook(&lab, "owners", script);
    let scratch = lab.path("scratch");
    let grants = [format!("write:{}", scratch.display())];
    add(&lab, &lab.path(""), &component("owners"), &grants).expect(0);
    let scratch = scratch.to_str().expect("UTF-8");
    let done = lab.run(&[
        "test",
        "test.rhai",
        "--crash-at-every-record",
        "--json",
        "--scratch",
        scratch,
    ]);
    let done = done.expect(0);
    let last = done.events().pop().expect("totals");
    assert_eq!(last["failed"], 0, "{last}");
}

/// From nothing to a run: a new project builds, and does what its source says.
#[test]
fn a_project_of_ones_own() {
    let lab = lab();
    lab.run(&["plugin", "new", "rack-aware"]).expect(0);
    let target = guests_target();
    let build = [
        "plugin",
        "build",
        "rack-aware",
        "--target-dir",
        target.to_str().expect("UTF-8"),
    ];
    let built = lab.run(&build).expect(0).out();
    let component = Path::new(built.trim());
    let grants = [format!("write:{}", lab.path("folder").display())];
    add(&lab, &lab.path(""), component, &grants).expect(0);
    let step = format!(
        "rack_aware::owner(\"owner\", #{{ folder: \"{}\", team: \"me\" }});",
        lab.path("folder").display()
    );
    runbook(&lab, "rack-aware", &step);
    lab.run(&["run", "test.rhai"]).expect(0);
    assert_eq!(text(&lab, "folder/OWNER"), "me");
}
