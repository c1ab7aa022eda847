//! Plans that see what earlier steps will have written, plans in files, and runs of exactly those.

use std::{fs, os::unix::fs::PermissionsExt as _};

use krun_tests::{
    lab::{Done, Lab},
    tree::listing,
};
use serde_json::Value;

/// A file, a copy of it, and settings in the copy; `extra` stands at the end.
fn runbook(lab: &Lab, extra: &str) -> String {
    let root = lab.path("root");
    let script = format!(
        "runbook(#{{ name: \"plans\", version: \"1.0.0\", summary: \"plans\" }});\n\
         let root = param(\"root\", #{{ type: \"path\", default: \"{}\" }});\n\
         let text = param(\"text\", #{{ type: \"string\", default: \"one\" }});\n\
         let top = directory(\"top\", #{{ path: root }});\n\
         let f = file(\"file\", #{{ path: `${{root}}/f`, content: \"a=\" + text + \"\\n# kept\\n\", after: top }});\n\
         let c = file_clone(\"clone\", #{{ from: `${{root}}/f`, to: `${{root}}/c`, after: f }});\n\
         let p = properties(\"config\", #{{ path: `${{root}}/c`, set: #{{ \"a\": \"two\", \"b\": 3 }}, after: c }});\n\
         {extra}\n",
        root.display()
    );
    let path = lab.write("plans.rhai", &script);
    path.to_str().expect("UTF-8").to_owned()
}

/// The steps of a plan: address, change, and differences as text.
fn steps(plan: &Value) -> Vec<(String, String, String)> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let steps = plan["steps"].as_array().expect("steps");
    steps
        .iter()
        .map(|step| {
            let diff = step["diff"].as_array().cloned().unwrap_or_default();
            let lines: Vec<String> = diff
                .iter()
                .map(|line| {
                    let after = text(&line["after"]["value"]);
                    format!(
                        "{}: {} > {after}",
                        text(&line["key"]),
                        text(&line["before"])
                    )
                })
                .collect();
            let change = text(&step["change"]);
            (text(&step["address"]), change, lines.join("; "))
        })
        .collect()
}

fn planned(done: &Done) -> Value {
    let events = done.events();
    let plan = events
        .iter()
        .find(|event| event["event"] == "plan" || event["event"] == "planned");
    plan.expect("a plan")["plan"].clone()
}

#[test]
fn a_first_plan_shows_what_later_steps_will_do() {
    let lab = Lab::default();
    let runbook = runbook(&lab, "");
    let plan = lab.run(&["plan", &runbook, "--json"]).expect(0);
    let config = steps(&planned(&plan)).pop().expect("the last step");
    assert_eq!(
        config,
        (
            "config".to_owned(),
            "update".to_owned(),
            "a: one > two; b:  > 3".to_owned()
        )
    );
    let dry = lab.run(&["run", &runbook, "--dry-run", "--json"]).expect(0);
    assert_eq!(dry.out(), plan.out(), "a dry run is the plan");
    assert!(!lab.path("root").exists() && !lab.path("state").exists());
    let run = lab.run(&[&runbook, "--json"]).expect(0);
    assert_eq!(planned(&run), planned(&plan), "the run plans the same");
    let done: Vec<String> = run
        .changes()
        .into_iter()
        .map(|(_, change)| change)
        .collect();
    assert_eq!(done, ["create", "create", "create", "update"]);
}

/// Two steps that want different things of one file: the second undoes the first each time. A plan that
/// looked only at the machine would leave the second alone.
#[test]
fn a_step_sees_what_one_before_it_will_take_away() {
    let lab = Lab::default();
    let extra = "file(\"last\", #{ path: `${root}/f`, content: \"other\\n\", after: p });";
    let runbook = runbook(&lab, extra);
    lab.run(&[&runbook]).expect(0);
    let plan = lab.run(&["plan", &runbook, "--json"]).expect(0);
    let last = steps(&planned(&plan)).pop().expect("the last step");
    assert_eq!(last.1, "update", "{last:?}");
    let again = lab.run(&[&runbook, "--json"]).expect(0);
    assert_eq!(again.finished()["changed"], 2);
    let text = fs::read_to_string(lab.path("root/f")).expect("the file");
    assert_eq!(text, "other\n");
}

#[test]
fn exactly_the_plan_is_done() {
    let lab = Lab::default();
    let runbook = runbook(&lab, "");
    let out = lab.path("a.krunplan");
    let out = out.to_str().expect("UTF-8");
    let plan = lab
        .run(&["plan", &runbook, "-p", "text=three", "--out", out])
        .expect(0);
    assert!(plan.err().contains("krun run"), "{}", plan.err());
    let mode = fs::metadata(out).expect("the plan").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    assert!(!lab.path("state").exists(), "a plan leaves no state");

    // What is done is what was planned, even where the runbook is another one by now, or gone.
    fs::remove_file(&runbook).expect("remove");
    let more = lab.run(&["run", out, "-p", "text=four"]).expect(2);
    assert!(more.err().contains("--param"), "{}", more.err());
    let run = lab.run(&["run", out, "--json"]).expect(0);
    assert_eq!(run.finished()["changed"], 4);
    let text = fs::read_to_string(lab.path("root/f")).expect("the file");
    assert_eq!(text, "a=three\n# kept\n");

    // Done once, it rests on what is no longer so.
    let again = lab.run(&["run", out]).expect(6);
    assert!(again.err().contains("krun::plan-stale"), "{}", again.err());
    lab.run(&["rollback", "--yes"]).expect(0);
    assert!(!lab.path("root").exists());
}

#[test]
fn a_moved_world_is_refused() {
    let lab = Lab::default();
    let runbook = runbook(&lab, "");
    let out = lab.path("plan");
    let out = out.to_str().expect("UTF-8");
    lab.write("root/f", "a=zero\n");
    lab.run(&["plan", &runbook, "--out", out]).expect(0);

    for (name, text, said) in [
        (
            "root/c",
            "a=two\nb=3\n",
            vec!["clone: create", "now it is no-op"],
        ),
        (
            "root/f",
            "a=other\n",
            vec![
                "file: update",
                "then line 1: a=zero",
                "now  line 1: a=other",
            ],
        ),
    ] {
        let before = fs::read(lab.path(name)).ok();
        lab.write(name, text);
        let world = listing(&lab.path("root"));
        let refused = lab.run(&["run", out]).expect(6);
        for text in said.into_iter().chain(["krun::plan-stale", "--out"]) {
            assert!(
                refused.err().contains(text),
                "`{text}` in\n{}",
                refused.err()
            );
        }
        assert_eq!(listing(&lab.path("root")), world, "nothing was touched");
        match before {
            Some(bytes) => fs::write(lab.path(name), bytes).expect("write"),
            None => fs::remove_file(lab.path(name)).expect("remove"),
        }
    }
    lab.run(&["run", out]).expect(0);
}

/// Beyond what a plan shows of a long file, too.
#[test]
fn what_is_not_shown_may_not_move_either() {
    let lab = Lab::default();
    let runbook = runbook(&lab, "");
    let out = lab.path("plan");
    let out = out.to_str().expect("UTF-8");
    let long = "x\n".repeat(200);
    lab.write("root/f", &long);
    lab.run(&["plan", &runbook, "--out", out]).expect(0);
    // Further down than a plan shows, and the line is one of many.
    let moved = format!(
        "{}y
{}",
        "x
"
        .repeat(150),
        "x
"
        .repeat(49)
    );
    lab.write("root/f", &moved);
    let refused = lab.run(&["run", out]).expect(6);
    assert!(
        refused.err().contains("krun::plan-stale"),
        "{}",
        refused.err()
    );
    lab.write("root/f", &long);
    lab.run(&["run", out]).expect(0);
}

#[test]
fn a_plan_for_what_is_no_longer_there() {
    let lab = Lab::default();
    let runbook = runbook(&lab, "");
    let out = lab.path("plan");
    let out = out.to_str().expect("UTF-8");
    lab.run(&["plan", &runbook, "--out", out]).expect(0);
    lab.run(&[&runbook]).expect(0);
    let refused = lab.run(&["run", out]).expect(6);
    assert!(
        refused.err().contains("another deployment"),
        "{}",
        refused.err()
    );
    lab.run(&["plan", &runbook, "--out", out]).expect(0);
    lab.run(&["stop"]).expect(0);
    let refused = lab.run(&["run", out]).expect(6);
    assert!(refused.err().contains("krun has run"), "{}", refused.err());
}

#[test]
fn damaged_and_newer_plans_are_refused() {
    let lab = Lab::default();
    let runbook = runbook(&lab, "");
    let out = lab.path("plan.krunplan");
    let path = out.to_str().expect("UTF-8");
    lab.run(&["plan", &runbook, "--out", path]).expect(0);
    let good = fs::read_to_string(&out).expect("the plan");
    let newer = good.replace("\"krun_plan\": 1", "\"krun_plan\": 2");
    for (text, said) in [
        (&good[..good.len() / 2], "damaged"),
        ("", "damaged"),
        (&*good.replace("# kept", "# evil"), "damaged"),
        (&*newer, "newer krun"),
    ] {
        assert_ne!(text, good);
        fs::write(&out, text).expect("write");
        let refused = lab.run(&["run", path]).expect(2);
        assert!(refused.err().contains(said), "{}", refused.err());
    }
    assert!(!lab.path("root").exists());
    let nowhere = lab
        .run(&["plan", &runbook, "--out", "/nonexistent/plan"])
        .expect(1);
    assert!(nowhere.err().contains("/nonexistent"), "{}", nowhere.err());
}
