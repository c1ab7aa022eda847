//! A part of what was done is taken back: one run, or what came after a checkpoint. What rests on it, and
//! what somebody else changed, stands in the way.

use std::{
    fs,
    os::unix::fs::{PermissionsExt as _, chown, symlink},
    process::Command,
    time::{Duration, Instant},
};

use krun_tests::{
    lab::{Done, Lab},
    tree::listing,
};
use serde_json::Value;

use crate::{cluster::Cluster, faults::in_own_mounts};

/// A runbook over `ROOT` whose files depend on parameters.
fn runbook(lab: &Lab) -> String {
    write(
        lab,
        "let text = param(\"text\", #{ type: \"string\", default: \"one\" });\n\
         let extra = param(\"extra\", #{ type: \"bool\", default: false });\n\
         let a = file(\"a\", #{ path: \"ROOT/a\", content: text });\n\
         checkpoint(\"files\");\n\
         let b = file(\"b\", #{ path: \"ROOT/b\", content: \"b\" });\n\
         if extra { file(\"c\", #{ path: \"ROOT/c\", content: \"c\", after: a }); }\n",
    )
}

fn write(lab: &Lab, steps: &str) -> String {
    let steps = steps.replace("ROOT", &lab.path("root").display().to_string());
    let head = "runbook(#{ name: \"parts\", version: \"1\", summary: \"files\" });\n";
    let path = lab.write("parts.rhai", &format!("{head}{steps}"));
    path.to_str().expect("UTF-8").to_owned()
}

fn text(lab: &Lab, name: &str) -> String {
    fs::read_to_string(lab.path("root").join(name)).unwrap_or_default()
}

#[test]
fn runs_are_taken_back_newest_first() {
    let lab = Lab::default();
    lab.write("root/a", "before");
    let before = listing(&lab.path("root"));
    let runbook = runbook(&lab);
    lab.run(&[&runbook]).expect(0);
    lab.run(&[&runbook, "-p", "text=two"]).expect(0);
    lab.run(&[&runbook, "-p", "extra=true"]).expect(0);
    let after = listing(&lab.path("root"));

    // What later runs rest on stays, whatever is forced.
    let plan = lab.run(&["rollback", "--run", "2", "--plan"]).expect(6);
    assert!(
        plan.out().contains("rested on by c of run 3"),
        "{}",
        plan.out()
    );
    let refused = lab
        .run(&["rollback", "--run", "1", "--yes", "--force"])
        .expect(6);
    for line in ["a of run 2", "c of run 3", "`--run 3`, `--run 2`"] {
        assert!(refused.err().contains(line), "{line} in {}", refused.err());
    }
    assert_eq!(listing(&lab.path("root")), after);

    lab.run(&["rollback", "--run", "last", "--yes"]).expect(0);
    assert!(!lab.path("root/c").exists());
    lab.run(&["rollback", "--run", "2", "--yes"]).expect(0);
    assert_eq!(text(&lab, "a"), "one");
    assert_eq!(text(&lab, "b"), "b");
    let again = lab.run(&["rollback", "--run", "2", "--yes"]).expect(0);
    assert!(
        again.err().contains("nothing to take back"),
        "{}",
        again.err()
    );
    for wrong in ["99", "5", "x"] {
        lab.run(&["rollback", "--run", wrong, "--yes"]).expect(2);
    }
    // It can be done again, and gone on from there.
    let run = lab
        .run(&[&runbook, "-p", "text=two", "-p", "extra=false", "--json"])
        .expect(0);
    assert_eq!(run.changes(), [("a".to_owned(), "update".to_owned())]);
    lab.run(&["rollback", "--run", "last", "--yes"]).expect(0);
    lab.run(&["rollback", "--run", "1", "--yes"]).expect(0);
    assert_eq!(listing(&lab.path("root")), before);
    let left = lab.run(&["rollback", "--yes"]).expect(0);
    assert!(
        left.err().contains("nothing to take back"),
        "{}",
        left.err()
    );
}

#[test]
fn a_folder_that_a_later_run_wrote_into_stays() {
    let lab = Lab::default();
    fs::create_dir(lab.path("root")).expect("a folder");
    let dir = "directory(\"d\", #{ path: \"ROOT/d\" });\n";
    lab.run(&[&write(&lab, dir)]).expect(0);
    // No edge leads from the one to the other in the journal but the path.
    lab.run(&[&write(
        &lab,
        "file(\"f\", #{ path: \"ROOT/d/f\", content: \"f\" });\n",
    )])
    .expect(0);
    let refused = lab
        .run(&["rollback", "--run", "1", "--yes", "--force"])
        .expect(6);
    assert!(refused.err().contains("f of run 2"), "{}", refused.err());
    assert_eq!(text(&lab, "d/f"), "f");
    lab.run(&["rollback", "--run", "2", "--yes"]).expect(0);
    lab.run(&["rollback", "--run", "1", "--yes"]).expect(0);
    assert!(!lab.path("root/d").exists());
}

/// Content, rights, owner, kind: whatever somebody else changed is seen, and nothing is touched.
#[test]
fn what_somebody_else_changed_is_a_conflict() {
    type Meddle = fn(&Lab);
    let file = |lab: &Lab| lab.path("root/a");
    let all: [(Meddle, &str); 5] = [
        (
            |lab| fs::write(lab.path("root/a"), "mine").expect("write"),
            "found file",
        ),
        (
            |lab| {
                let mode = fs::Permissions::from_mode(0o600);
                fs::set_permissions(lab.path("root/a"), mode).expect("chmod");
            },
            "mode 0600",
        ),
        (
            |lab| chown(lab.path("root/a"), Some(12), Some(34)).expect("chown"),
            "of owner 12:34, which was 0:0",
        ),
        (
            |lab| {
                fs::remove_file(lab.path("root/a")).expect("rm");
                symlink("b", lab.path("root/a")).expect("a link");
            },
            "found link to b",
        ),
        (
            |lab| {
                let mode = fs::Permissions::from_mode(0o700);
                fs::set_permissions(lab.path("root/d"), mode).expect("chmod");
            },
            "found folder mode 0700",
        ),
    ];
    for (meddle, shown) in all {
        let lab = Lab::default();
        lab.write("root/a", "before");
        let before = listing(&lab.path("root"));
        let runbook = write(
            &lab,
            "let text = param(\"text\", #{ type: \"string\", default: \"one\" });\n\
             file(\"a\", #{ path: \"ROOT/a\", content: text });\n\
             directory(\"d\", #{ path: \"ROOT/d\" });\n",
        );
        lab.run(&[&runbook]).expect(0);
        meddle(&lab);
        let seen = listing(&lab.path("root"));
        for part in [&[][..], &["--run", "1"]] {
            let plan = [&["rollback", "--plan"], part].concat();
            let plan = lab.run(&plan).expect(6);
            assert!(plan.out().contains(shown), "{shown} in {}", plan.out());
            lab.run(&[&["rollback", "--yes"], part].concat()).expect(6);
            assert_eq!(listing(&lab.path("root")), seen);
        }
        if file(&lab).is_symlink() {
            // A file is not written through what stands in its place.
            fs::remove_file(file(&lab)).expect("rm");
        }
        lab.run(&["rollback", "--run", "1", "--yes", "--force"])
            .expect(0);
        assert_eq!(text(&lab, "a"), "before", "{shown}");
        assert_eq!(
            listing(&lab.path("root")).lines().count(),
            before.lines().count()
        );
    }
}

#[test]
fn back_to_a_checkpoint() {
    let lab = Lab::default();
    lab.write("root/a", "before");
    let before = listing(&lab.path("root"));
    let runbook = runbook(&lab);
    lab.run(&[&runbook]).expect(0);
    // A run that changes nothing passes it too, and is no other place to go back to.
    lab.run(&[&runbook]).expect(0);
    let plan = lab
        .run(&["rollback", "--to", "files", "--plan", "--json"])
        .expect(0);
    let lines = plan.events()[0]["lines"].clone();
    let steps: Vec<_> = lines
        .as_array()
        .expect("lines")
        .iter()
        .map(|l| l["step"].clone())
        .collect();
    assert_eq!(steps, ["b"], "{lines}");
    lab.run(&["rollback", "--to", "files", "--yes"]).expect(0);
    assert_eq!(
        (text(&lab, "a"), text(&lab, "b")),
        ("one".into(), String::new())
    );
    let again = lab.run(&["rollback", "--to", "files", "--yes"]).expect(0);
    assert!(
        again.err().contains("nothing to take back"),
        "{}",
        again.err()
    );
    let wrong = lab.run(&["rollback", "--to", "file", "--yes"]).expect(2);
    assert!(wrong.err().contains("files"), "{}", wrong.err());
    let run = lab.run(&[&runbook, "--json"]).expect(0);
    assert_eq!(run.changes(), [("b".to_owned(), "create".to_owned())]);
    lab.run(&["rollback", "--yes"]).expect(0);
    assert_eq!(listing(&lab.path("root")), before);
}

/// Killed at each of its records, `krun resume` goes on with the same part and nothing else.
#[test]
fn a_rollback_of_a_part_that_is_cut_off_goes_on() {
    for point in [
        "after:1:",
        "before:1:b",
        "after:1:b",
        "acted:1:b",
        "after:2:b",
        "before:3:b",
        "after:3:b",
        "after:2:",
        "before:3:",
    ] {
        let lab = Lab::default();
        lab.write("root/a", "before");
        let before = listing(&lab.path("root"));
        let runbook = runbook(&lab);
        lab.run(&[&runbook]).expect(0);
        let mut krun = lab.krun(&["rollback", "--to", "files", "--yes"]);
        krun.env("KRUN_KILL_AT", point);
        assert_eq!(Done::of(krun).code(), -1, "{point}");
        lab.run(&["resume"]).expect(0);
        assert_eq!(
            (text(&lab, "a"), text(&lab, "b")),
            ("one".into(), String::new()),
            "{point}"
        );
        let history = lab.run(&["history", "--json"]).expect(0).events();
        assert_eq!(history.len(), 2, "{point}: it is one run: {history:#?}");
        lab.run(&["rollback", "--yes"]).expect(0);
        assert_eq!(listing(&lab.path("root")), before, "{point}");
    }
}

/// A failed undo keeps what depends on it, and nothing else.
#[test]
fn a_failed_undo_blocks_what_it_depends_on_and_nothing_else() {
    let lab = Lab::default();
    fs::create_dir(lab.path("root")).expect("a folder");
    let runbook = write(
        &lab,
        "let first = file(\"first\", #{ path: \"ROOT/first\", content: \"1\" });\n\
         let d = directory(\"d\", #{ path: \"ROOT/d\", after: first });\n\
         let f = file(\"d/f\", #{ path: \"ROOT/d/f\", content: \"f\", after: d });\n\
         file(\"behind\", #{ path: \"ROOT/behind\", content: \"b\", after: f });\n\
         let aside = file(\"aside\", #{ path: \"ROOT/aside\", content: \"a\" });\n\
         file(\"aside/behind\", #{ path: \"ROOT/aside-behind\", content: \"a\", after: aside });\n",
    );
    let done = in_own_mounts(
        &lab,
        &runbook,
        "step 0 $KRUN $RUNBOOK -q\n\
         mount --bind $ROOT/d $ROOT/d; mount -o remount,bind,ro $ROOT/d\n\
         step 7 $KRUN rollback --yes\n\
         ls -R $ROOT | tr '\\n' ' '\n\
         umount $ROOT/d\n\
         step 0 $KRUN rollback --yes -q\n\
         [ -z \"$(ls -A $ROOT)\" ] || { ls -la $ROOT; exit 96; }\n",
    )
    .expect(0);
    let out = done.out();
    assert!(
        out.contains(": d first "),
        "only what it depends on stays: {out}"
    );
    assert!(
        out.contains("what depends on it could not be taken back"),
        "{out}"
    );
}

/// Whether a client that is not krun's finds a leader for the topic; it waits a second for a broker.
fn answers(brokers: &str) -> bool {
    let client = Command::new("kcat")
        .args(["-b", brokers, "-L", "-t", "test", "-m", "1"])
        .output()
        .expect("kcat is installed");
    client.status.success() && String::from_utf8_lossy(&client.stdout).contains("leader 1")
}

/// A change of a real cluster is taken back: the setting, the configuration, and the process, which is
/// started again as it was before.
#[test]
fn one_run_of_a_cluster() {
    let mut cluster = Cluster::of_one(1);
    cluster.run().expect(0);
    let config = cluster.root().join("kafka/config/server.properties");
    let before = fs::read_to_string(&config).expect("a configuration");
    let first = cluster.lab.pids();
    cluster
        .set("heap=260m")
        .set("flush_messages=3")
        .set("topic_configs=retention.ms=3600000");
    cluster.run().expect(0);
    assert_ne!(
        fs::read_to_string(&config).expect("a configuration"),
        before
    );
    let second = cluster.lab.pids();
    assert_ne!(first["broker-1"], second["broker-1"]);

    cluster
        .lab
        .run(&["rollback", "--run", "1", "--yes"])
        .expect(6);
    let plan = cluster
        .lab
        .run(&["rollback", "--run", "2", "--plan"])
        .expect(0)
        .out();
    for line in [
        "settings of topic test",
        "stopped",
        "started as it was before",
        "restored, byte for byte",
    ] {
        assert!(plan.contains(line), "{line} in {plan}");
    }
    cluster
        .lab
        .run(&["rollback", "--run", "2", "--yes"])
        .expect(0);
    assert_eq!(
        fs::read_to_string(&config).expect("a configuration"),
        before
    );
    let third = cluster.lab.pids();
    assert_eq!(third["zookeeper"], first["zookeeper"]);
    assert_ne!(third["broker-1"], second["broker-1"]);

    // It was started, and nobody waited for it.
    let deadline = Instant::now() + Duration::from_secs(60);
    while !answers(&cluster.bootstrap()) {
        assert!(Instant::now() < deadline, "the broker does not come back");
    }
    cluster
        .set("heap=256m")
        .set("flush_messages=2")
        .set("topic_configs=");
    let run = cluster.run().expect(0);
    assert_eq!(run.changes(), [], "as the first run left it");
    assert_eq!(cluster.lab.pids(), third);
    assert_eq!(cluster.records().len(), 100);
    let show = cluster.lab.run(&["show", "3"]).expect(0).out();
    assert!(show.contains("takes back run 2"), "{show}");
    let history: Vec<Value> = cluster.lab.run(&["history", "--json"]).expect(0).events();
    assert_eq!(history.len(), 4);
    cluster.lab.run(&["rollback", "--yes"]).expect(0);
    assert!(cluster.lab.pids().is_empty());
}

/// A run that did nothing but restart a broker: it is ended and started as it was, one after the other.
#[test]
fn a_restart_alone_is_taken_back() {
    let mut cluster = Cluster::of_one(1);
    cluster.set("records=1");
    cluster.run().expect(0);
    let heap = || {
        let pid = cluster.lab.pids()["broker-1"];
        let line = fs::read_to_string(format!("/proc/{pid}/cmdline")).expect("a command line");
        line.split('\0')
            .find(|word| word.starts_with("-Xmx"))
            .map(str::to_owned)
    };
    let before = heap();
    let more = ["--json", "-p", "heap=272m"];
    cluster.on_runbook("run", &more).expect(0);
    assert_eq!(heap().as_deref(), Some("-Xmx272m"));
    let back = ["rollback", "--run", "last", "--yes", "--json"];
    cluster.lab.run(&back).expect(0);
    assert_eq!(heap(), before);
}
