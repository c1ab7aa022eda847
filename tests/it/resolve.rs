//! Effects in doubt: krun is killed between intent and effect, somebody alters the target, and a person
//! decides. What follows is right whatever was decided, and when the decision itself is cut off.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    process::{Command, Stdio},
};

use krun_tests::{
    lab::{Done, Lab},
    tree::listing,
};
use serde_json::Value;

/// A runbook that writes one file, after which there is another.
fn runbook(lab: &Lab) -> String {
    let script = format!(
        "runbook(#{{ name: \"doubted\", version: \"1\", summary: \"files\" }});\n\
         let f = file(\"f\", #{{ path: \"{root}/f\", content: \"new\\nline\\n\" }});\n\
         file(\"g\", #{{ path: \"{root}/g\", content: \"g\", after: f }});\n",
        root = lab.path("root").display()
    );
    let path = lab.write("doubted.rhai", &script);
    path.to_str().expect("UTF-8").to_owned()
}

/// A lab in which `f` is in doubt: it was `old`, `new` is wanted, and somebody wrote something else.
fn in_doubt() -> (Lab, String, String) {
    let lab = Lab::default();
    let runbook = runbook(&lab);
    lab.write("root/f", "old\nline\n");
    let before = listing(&lab.path("root"));
    killed(lab.krun(&[&runbook]), "after:2:f");
    assert_eq!(text(&lab, "f"), "old\nline\n");
    lab.write("root/f", "third\nline\n");
    (lab, runbook, before)
}

/// Runs krun until it ends itself with SIGKILL at a point.
#[track_caller]
fn killed(mut command: Command, point: &str) {
    let done = Done::of({
        command.env("KRUN_KILL_AT", point);
        command
    });
    assert_eq!(done.code(), -1, "{point} was not reached: {}", done.err());
}

fn text(lab: &Lab, name: &str) -> String {
    fs::read_to_string(lab.path("root").join(name)).unwrap_or_default()
}

fn kept(lab: &Lab, content: &str) -> bool {
    let blobs = Command::new("grep")
        .args(["-rlxF", content])
        .arg(lab.path("state/blobs"))
        .output();
    !blobs.expect("grep").stdout.is_empty()
}

#[test]
fn all_three_states_are_shown_and_nothing_is_done() {
    let (lab, runbook, _) = in_doubt();
    let stopped = lab.run(&[&runbook]).expect(9);
    let shown = stopped.err();
    for line in [
        "krun::in-doubt",
        "before: file",
        "wanted: file",
        "found:  file",
        "owner 0:0",
        "- new",
        "+ third",
        "krun resolve f --adopt",
    ] {
        assert!(shown.contains(line), "{line} in {shown}");
    }
    lab.run(&["rollback", "--yes"]).expect(9);
    let asked = lab.run(&["resolve", "f"]).expect(10);
    for flag in ["--adopt", "--redo", "--undo"] {
        let command = format!("krun resolve f {flag}");
        assert!(asked.err().contains(&command), "{}", asked.err());
    }
    let listed = lab.run(&["resolve", "--json"]).expect(9);
    let effect = &listed.events()[0]["effects"][0];
    assert_eq!(effect["step"], "f");
    assert_eq!(effect["since_before"][0], "- old", "{effect}");
    lab.run(&["resolve", "g", "--redo"]).expect(2);
    lab.run(&["resolve", "f", "--redo", "--undo"]).expect(2);
    assert_eq!(text(&lab, "f"), "third\nline\n");
    // A file for its owner alone may hold a secret.
    let private = fs::Permissions::from_mode(0o600);
    fs::set_permissions(lab.path("root/f"), private).expect("chmod");
    let stopped = lab.run(&[&runbook]).expect(9);
    assert!(!stopped.err().contains("third"), "{}", stopped.err());
    assert!(stopped.err().contains("mode 0600"), "{}", stopped.err());
}

/// Decides, and says what `krun resolve --json` said.
#[track_caller]
fn decide(lab: &Lab, flag: &str) -> Value {
    let done = lab.run(&["resolve", "f", flag, "--json"]).expect(0);
    let said = done.events().pop().expect("an object");
    assert_eq!(said["event"], "resolved");
    said
}

#[test]
fn adopted_it_is_krun_s_and_the_before_image_comes_back() {
    let (lab, runbook, before) = in_doubt();
    assert_eq!(decide(&lab, "--adopt")["decision"], "adopt");
    assert_eq!(text(&lab, "f"), "third\nline\n");
    lab.run(&["rollback", "--yes"]).expect(0);
    assert_eq!(listing(&lab.path("root")), before);
    // The other way: the run goes on, and repairs what differs.
    lab.run(&[&runbook]).expect(0);
    assert_eq!(text(&lab, "f"), "new\nline\n");
    lab.run(&["rollback", "--yes"]).expect(0);
    assert_eq!(listing(&lab.path("root")), before);
}

#[test]
fn redone_it_is_as_wanted_and_nothing_is_lost() {
    let (lab, runbook, before) = in_doubt();
    decide(&lab, "--redo");
    assert_eq!(text(&lab, "f"), "new\nline\n");
    assert!(kept(&lab, "third"), "what was overwritten is a blob");
    let run = lab.run(&[&runbook, "--json"]).expect(0);
    assert_eq!(run.changes(), [("g".to_owned(), "create".to_owned())]);
    lab.run(&["rollback", "--yes"]).expect(0);
    assert_eq!(listing(&lab.path("root")), before);
}

#[test]
fn undone_nothing_of_it_is_left() {
    let (lab, runbook, before) = in_doubt();
    decide(&lab, "--undo");
    assert_eq!(listing(&lab.path("root")), before);
    assert!(kept(&lab, "third"), "what was overwritten is a blob");
    let plan = lab.run(&["rollback", "--plan"]).expect(0);
    assert!(
        plan.err().contains("nothing to take back"),
        "{}",
        plan.err()
    );
    lab.run(&[&runbook]).expect(0);
    assert_eq!(text(&lab, "f"), "new\nline\n");
    lab.run(&["rollback", "--yes"]).expect(0);
    assert_eq!(listing(&lab.path("root")), before);
}

#[test]
fn who_decided_what_and_when_is_in_the_journal() {
    let (lab, _, _) = in_doubt();
    decide(&lab, "--redo");
    let history = lab.run(&["history", "--json"]).expect(0);
    let changes = history.events()[0]["changes"].clone();
    let all = changes.as_array().expect("changes");
    let entry = all.iter().find(|change| change["decision"] == "redo");
    let entry = entry.expect("the decision");
    assert!(
        entry["at_ms"].is_i64() && entry["who"]["pid"].is_u64(),
        "{entry}"
    );
    let shown = lab.run(&["show", "1"]).expect(0).out();
    assert!(shown.contains("in doubt, decided: redo"), "{shown}");
}

/// The decision is durable before it is carried out: whoever comes next carries it out.
#[test]
fn a_decision_that_is_cut_off_is_carried_out_by_the_next_krun() {
    for (flag, wanted) in [("--redo", "new\nline\n"), ("--undo", "old\nline\n")] {
        for point in [
            "before:1:f",
            "after:1:f",
            "acted:1:f",
            "before:2:f",
            "after:2:f",
        ] {
            let (lab, runbook, before) = in_doubt();
            killed(lab.krun(&["resolve", "f", flag]), point);
            if point == "before:1:f" {
                lab.run(&[&runbook]).expect(9);
                decide(&lab, flag);
                assert_eq!(text(&lab, "f"), wanted, "{flag} {point}");
            }
            let run = lab.run(&[&runbook, "--json"]).expect(0);
            let acts = run.changes().iter().filter(|(step, _)| step == "f").count();
            assert_eq!(acts, usize::from(flag == "--undo"), "{flag} {point}");
            assert_eq!(text(&lab, "f"), "new\nline\n");
            lab.run(&["rollback", "--yes"]).expect(0);
            assert_eq!(listing(&lab.path("root")), before, "{flag} {point}");
        }
    }
}

/// A decision is about what was found: if that changes again, it is asked for again.
#[test]
fn a_decision_holds_for_what_it_was_made_on() {
    let (lab, runbook, _) = in_doubt();
    killed(lab.krun(&["resolve", "f", "--redo"]), "after:1:f");
    lab.write("root/f", "fourth\n");
    lab.run(&[&runbook]).expect(9);
    assert_eq!(text(&lab, "f"), "fourth\n");
    decide(&lab, "--adopt");
    lab.run(&[&runbook]).expect(0);
}

#[test]
fn a_folder_in_the_way_goes_only_if_it_is_empty() {
    let (lab, runbook, before) = in_doubt();
    fs::remove_file(lab.path("root/f")).expect("rm");
    lab.write("root/f/mine", "mine");
    let refused = lab.run(&["resolve", "f", "--redo"]).expect(1);
    assert!(
        refused.err().contains("krun resolve f"),
        "{}",
        refused.err()
    );
    assert_eq!(text(&lab, "f/mine"), "mine");
    fs::remove_file(lab.path("root/f/mine")).expect("rm");
    decide(&lab, "--undo");
    assert_eq!(listing(&lab.path("root")), before);
    lab.run(&[&runbook]).expect(0);
}

/// A rollback can be in doubt as well, and goes on once it is decided.
#[test]
fn a_rollback_in_doubt() {
    for (flag, code) in [("--redo", 0), ("--undo", 0), ("--adopt", 6)] {
        let lab = Lab::default();
        let runbook = runbook(&lab);
        lab.write("root/f", "old\nline\n");
        let before = listing(&lab.path("root"));
        lab.run(&[&runbook]).expect(0);
        killed(lab.krun(&["rollback", "--yes"]), "after:1:f");
        lab.write("root/f", "third\n");
        lab.run(&["rollback", "--yes"]).expect(9);
        lab.run(&[&runbook]).expect(9);
        decide(&lab, flag);
        // What was taken as it is found is somebody else's change to a rollback.
        lab.run(&["rollback", "--yes"]).expect(code);
        lab.run(&["rollback", "--yes", "--force"]).expect(0);
        assert_eq!(listing(&lab.path("root")), before, "{flag}");
    }
}

/// On a terminal the run itself asks.
#[test]
fn on_a_terminal_it_asks() {
    let (lab, runbook, _) = in_doubt();
    let krun = lab.krun(&[]);
    let line = format!("{} {runbook}", krun.get_program().to_str().expect("UTF-8"));
    let answer = |answer: &str| {
        let mut script = Command::new("script");
        script
            .args(["-qec", &line, "/dev/null"])
            .current_dir(lab.path(""))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped());
        for (name, value) in krun.get_envs() {
            match value {
                Some(value) => script.env(name, value),
                None => script.env_remove(name),
            };
        }
        let mut script = script.spawn().expect("script");
        let mut terminal = script.stdin.take().expect("a terminal");
        std::io::Write::write_all(&mut terminal, answer.as_bytes()).expect("typing");
        let output = script.wait_with_output().expect("its end");
        drop(terminal);
        let shown = String::from_utf8_lossy(&output.stdout).into_owned();
        (output.status.code(), shown)
    };
    let (code, shown) = answer("neither\n");
    assert_eq!(code, Some(130), "{shown}");
    assert_eq!(text(&lab, "f"), "third\nline\n");
    let (code, shown) = answer("redo\n");
    assert_eq!(code, Some(0), "{shown}");
    assert!(shown.contains("adopt/redo/undo"), "{shown}");
    assert_eq!(text(&lab, "f"), "new\nline\n");
}
