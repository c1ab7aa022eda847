//! Runbooks of files only: cheap enough to be tried in every corner.

use std::{
    fs,
    io::{BufRead as _, BufReader},
    os::unix::fs::PermissionsExt as _,
    process::Stdio,
    time::{Duration, Instant},
};

use krun_tests::{
    lab::{Done, Lab},
    tree::listing,
};

fn runbook(lab: &Lab, files: usize) -> String {
    let root = lab.path("root");
    let script = format!(
        "runbook(#{{ name: \"files\", version: \"1.0.0\", summary: \"files\" }});\n\
         let root = param(\"root\", #{{ type: \"path\", default: \"{}\", identity: true }});\n\
         let text = param(\"text\", #{{ type: \"string\", default: \"one\" }});\n\
         let top = directory(\"top\", #{{ path: root }});\n\
         for i in 0..{files} {{\n\
           let d = directory(`d-${{i}}`, #{{ path: `${{root}}/d${{i}}`, after: top }});\n\
           let f = file(`f-${{i}}`, #{{ path: `${{root}}/d${{i}}/f`, content: `${{text}} ${{i}}\\n`, after: d }});\n\
           let c = file_clone(`c-${{i}}`, #{{ from: `${{root}}/d${{i}}/f`, to: `${{root}}/d${{i}}/c.properties`, after: f }});\n\
           properties(`p-${{i}}`, #{{ path: `${{root}}/d${{i}}/c.properties`, set: #{{ \"a.b\": text }}, after: c }});\n\
         }}\n",
        root.display()
    );
    lab.write("files.rhai", &script)
        .to_str()
        .expect("UTF-8")
        .to_owned()
}

#[test]
fn made_once_and_taken_back() {
    let lab = Lab::default();
    lab.write("root/d0/f", "was here before\n");
    fs::set_permissions(lab.path("root/d0/f"), fs::Permissions::from_mode(0o640)).expect("mode");
    let before = listing(&lab.path("root"));
    let runbook = runbook(&lab, 3);
    let first = lab.run(&[&runbook, "--json"]).expect(0).finished();
    assert_eq!(
        (&first["status"], &first["failed"]),
        (&"succeeded".into(), &0.into())
    );
    let again = lab.run(&[&runbook, "--json"]).expect(0).finished();
    assert_eq!(again["changed"], 0);
    let changed = lab.run(&[&runbook, "--json", "-p", "text=two"]).expect(0);
    assert_eq!(changed.finished()["changed"], 6);
    // Not given again, and so kept.
    assert_eq!(
        lab.run(&[&runbook, "--json"]).expect(0).finished()["changed"],
        0
    );
    lab.run(&["rollback", "--yes"]).expect(0);
    assert_eq!(listing(&lab.path("root")), before);
}

/// Ended with SIGKILL after each of its first events, the next run goes on, and a rollback that is
/// ended in the same way goes on too.
#[test]
fn killed_after_any_event() {
    let lab = Lab::default();
    let runbook = runbook(&lab, 2);
    lab.write("root/d1/c.properties", "x=1\n# kept\n");
    let before = listing(&lab.path("root"));
    let mut finished = false;
    for cut in 1..60 {
        if kill_after(&lab, &[&runbook, "--json"], cut) {
            finished = true;
            break;
        }
    }
    assert!(finished, "it gets on, however often it is killed");
    let last = lab.run(&[&runbook, "--json"]).expect(0).finished();
    assert_eq!(last["changed"], 0, "{last}");
    let undisturbed = Lab::default();
    let other = self::runbook(&undisturbed, 2);
    undisturbed.write("root/d1/c.properties", "x=1\n# kept\n");
    undisturbed.run(&[&other]).expect(0);
    assert_eq!(
        listing(&lab.path("root")),
        listing(&undisturbed.path("root"))
    );
    for cut in 1..60 {
        if kill_after(&lab, &["rollback", "--yes", "--json"], cut) {
            break;
        }
    }
    lab.run(&["rollback", "--yes"]).expect(0);
    assert_eq!(listing(&lab.path("root")), before);
}

/// Starts krun and ends it with SIGKILL after some events; whether it came to its end before.
fn kill_after(lab: &Lab, arguments: &[&str], events: usize) -> bool {
    let mut krun = lab
        .krun(arguments)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("krun starts");
    let lines = BufReader::new(krun.stdout.take().expect("stdout")).lines();
    for line in lines.map_while(Result::ok).take(events) {
        if line.contains("\"run_finished\"") {
            return krun.wait().expect("krun ends").success();
        }
    }
    krun.kill().expect("SIGKILL");
    krun.wait().expect("krun is gone");
    false
}

/// Hundreds of steps that run at once: none waits for another one that waits for it.
#[test]
fn many_steps_at_once_come_to_an_end() {
    for _ in 0..5 {
        let lab = Lab::default();
        let text = "runbook(#{ name: \"many\", version: \"1.0.0\", summary: \"many\" });\n\
            for n in 0..300 { file(`f-${n}`, #{ path: `PATH/${n}`, content: \"x\" }); }\n";
        fs::create_dir(lab.path("out")).expect("a folder");
        let text = text.replace("PATH", lab.path("out").to_str().expect("UTF-8"));
        let runbook = lab.write("many.rhai", &text);
        let mut krun = lab
            .krun(&["run", runbook.to_str().expect("UTF-8"), "--quiet"])
            .spawn()
            .expect("krun starts");
        let since = Instant::now();
        let status = loop {
            if let Some(status) = krun.try_wait().expect("a child") {
                break status;
            }
            if since.elapsed() > Duration::from_secs(120) {
                krun.kill().expect("SIGKILL");
                krun.wait().expect("krun is gone");
                panic!("krun does not come to an end");
            }
            std::thread::sleep(Duration::from_millis(20));
        };
        assert!(status.success());
        assert_eq!(fs::read_dir(lab.path("out")).expect("out").count(), 300);
    }
}

#[test]
fn one_krun_at_a_time() {
    let lab = Lab::default();
    let script = "runbook(#{ name: \"wait\", version: \"1.0.0\", summary: \"waits\" });\n\
        directory(\"d\", #{ path: \"PATH\" });\n"
        .replace("PATH", lab.path("root/d").to_str().expect("UTF-8"));
    let runbook = lab.write("wait.rhai", &script);
    let runbook = runbook.to_str().expect("UTF-8");
    lab.run(&[runbook]).expect(0);
    // A holder that is no krun: the lock is the kernel's, so anybody can hold it.
    let lock = fs::File::options()
        .read(true)
        .write(true)
        .open(lab.path("state/locks/wait.lock"))
        .expect("the lock's file");
    rustix::fs::flock(&lock, rustix::fs::FlockOperation::LockExclusive).expect("lock");
    let refused = lab.run(&[runbook]).expect(5);
    assert!(refused.err().contains("krun::locked"), "{}", refused.err());
    lab.run(&["status"]).expect(0);
    drop(lock);
    lab.run(&[runbook]).expect(0);
}

#[test]
fn an_identity_param_does_not_change() {
    let lab = Lab::default();
    let runbook = runbook(&lab, 1);
    lab.run(&[&runbook]).expect(0);
    let other = format!("root={}", lab.path("elsewhere").display());
    let refused = lab.run(&[&runbook, "-p", &other]).expect(2);
    assert!(
        refused.err().contains("krun::identity-changed"),
        "{}",
        refused.err()
    );
    assert!(refused.err().contains("--as"), "{}", refused.err());
    lab.run(&[&runbook, "-p", &other, "--as", "second"])
        .expect(0);
    let unclear = lab.run(&["rollback", "--yes"]).expect(2);
    assert!(unclear.err().contains("second"), "{}", unclear.err());
    lab.run(&["rollback", "--as", "second", "--yes"]).expect(0);
    assert!(!lab.path("elsewhere").exists());
    assert!(lab.path("root/d0/f").exists());
}

#[test]
fn a_damaged_or_newer_store_is_refused_and_left_alone() {
    let lab = Lab::default();
    let runbook = runbook(&lab, 1);
    lab.run(&[&runbook]).expect(0);
    let store = lab.path("state/journal.db");
    let good = fs::read(&store).expect("the store");
    fs::write(&store, "this is no database, but somebody's letter").expect("write");
    for verb in [vec!["status"], vec![&*runbook], vec!["rollback", "--yes"]] {
        let refused = lab.run(&verb).expect(8);
        assert!(
            refused.err().contains("krun::state-damaged"),
            "{}",
            refused.err()
        );
    }
    // `user_version` stands in bytes 60 to 63 of an SQLite file.
    let mut newer = good.clone();
    newer[60..64].copy_from_slice(&99_u32.to_be_bytes());
    fs::write(&store, &newer).expect("write");
    let refused = lab.run(&["status"]).expect(8);
    assert!(
        refused.err().contains("krun::state-newer"),
        "{}",
        refused.err()
    );
    assert!(refused.err().contains("99"), "{}", refused.err());
    fs::write(&store, good).expect("write");
    lab.run(&["status"]).expect(0);
}

#[test]
fn rollback_asks() {
    let lab = Lab::default();
    let runbook = runbook(&lab, 1);
    lab.run(&[&runbook]).expect(0);
    let refused = lab.run(&["rollback"]).expect(10);
    assert!(refused.err().contains("--yes"), "{}", refused.err());
    let plan = lab.run(&["rollback", "--plan"]).expect(0);
    assert!(plan.out().contains("removed"), "{}", plan.out());
    assert!(lab.path("root/d0/f").exists());
}

#[test]
fn what_somebody_changed_is_not_overwritten() {
    let lab = Lab::default();
    let runbook = runbook(&lab, 1);
    lab.run(&[&runbook]).expect(0);
    fs::write(lab.path("root/d0/f"), "mine now\n").expect("write");
    lab.write("root/d0/foreign", "mine too\n");
    let refused = lab.run(&["rollback", "--yes"]).expect(6);
    assert!(refused.err().contains("d0/f"), "{}", refused.err());
    assert!(refused.err().contains("foreign"), "{}", refused.err());
    fs::remove_file(lab.path("root/d0/foreign")).expect("remove");
    lab.run(&["rollback", "--yes", "--force"]).expect(0);
    assert!(!lab.path("root").exists());
}

#[test]
fn completions_and_version() {
    let lab = Lab::default();
    assert!(
        lab.run(&["completions", "bash"])
            .expect(0)
            .out()
            .contains("_krun")
    );
    assert!(lab.run(&["--version"]).expect(0).out().starts_with("krun "));
    let unknown: Done = lab.run(&["status", "--nonsense"]);
    unknown.expect(2);
}
