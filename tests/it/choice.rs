//! What is done at all: `when:`, `assert`, `--target`, `--tag`, and what `--detailed-exitcode` says.

use std::{collections::BTreeMap, fs};

use krun_tests::{
    lab::{Done, Lab},
    procs,
    web::{Reply, Web},
};
use serde_json::Value;

use crate::cluster::Cluster;

/// Steps that some are left out of: two folders with a file each, and a copy of the second file.
fn runbook(lab: &Lab, more: &str) -> String {
    let script = format!(
        "runbook(#{{ name: \"choice\", version: \"1\", summary: \"choice\" }});\n\
         let root = param(\"root\", #{{ type: \"path\", default: \"{root}\" }});\n\
         let both = param(\"both\", #{{ type: \"bool\", default: true }});\n\
         let top = directory(\"top\", #{{ path: root, tags: \"base\" }});\n\
         let a = file(\"a/file\", #{{ path: `${{root}}/a`, content: \"v=1\\n\", after: top, tags: [\"a\", \"files\"] }});\n\
         let b = file(\"b/file\", #{{ path: `${{root}}/b`, content: \"v=1\\n\", after: top, tags: \"files\", when: both }});\n\
         let c = file_clone(\"b/copy\", #{{ from: `${{root}}/b`, to: `${{root}}/c`, after: b, tags: \"copies\" }});\n\
         properties(\"b/settings\", #{{ path: `${{root}}/c`, set: #{{ \"v\": 2 }}, after: c }});\n\
         {more}\n",
        root = lab.path("root").display()
    );
    let path = lab.write("choice.rhai", &script);
    path.to_str().expect("UTF-8").to_owned()
}

/// The plan of a `plan --json` or a run.
fn plan_of(done: &Done) -> Value {
    let events = done.events();
    let has = |name: &str| events.iter().find(|event| event["event"] == name);
    let plan = has("plan").or(has("planned")).expect("a plan");
    plan["plan"].clone()
}

/// Step → its change, or why it is skipped.
fn said(plan: &Value) -> BTreeMap<String, String> {
    let steps = plan["steps"].as_array().expect("steps").iter();
    steps
        .map(|step| {
            let reason = match &step["reason"] {
                Value::Object(map) => map.keys().next().cloned().unwrap_or_default(),
                word => word.as_str().unwrap_or_default().to_owned(),
            };
            let skips = ["not_chosen", "tag_skipped", "when_false", "output_absent"];
            let word = match skips.contains(&&*reason) {
                true => reason,
                false => step["change"].as_str().unwrap_or_default().to_owned(),
            };
            (
                step["address"].as_str().unwrap_or_default().to_owned(),
                word,
            )
        })
        .collect()
}

fn chosen(plan: &Value) -> Vec<String> {
    let steps = said(plan).into_iter();
    let left = |word: &str| word == "not_chosen" || word == "tag_skipped";
    steps
        .filter(|(_, word)| !left(word))
        .map(|(step, _)| step)
        .collect()
}

#[test]
fn a_target_brings_what_it_comes_after() {
    let lab = Lab::default();
    let book = runbook(&lab, "");
    for (arguments, steps) in [
        (vec!["--target", "a/file"], vec!["a/file", "top"]),
        (
            vec!["--target", "b/*"],
            vec!["b/copy", "b/file", "b/settings", "top"],
        ),
        (vec!["--tag", "copies"], vec!["b/copy", "b/file", "top"]),
        (
            vec!["--tag", "a", "--target", "b/file"],
            vec!["a/file", "b/file", "top"],
        ),
        (
            vec!["--skip-tag", "copies"],
            vec!["a/file", "b/file", "b/settings", "top"],
        ),
        (
            vec!["--tag", "files", "--skip-tag", "a"],
            vec!["b/file", "top"],
        ),
    ] {
        let mut line = vec!["plan", &*book, "--json"];
        line.extend(&arguments);
        assert_eq!(
            chosen(&plan_of(&lab.run(&line).expect(0))),
            steps,
            "{arguments:?}"
        );
    }
    let run = lab.run(&[&book, "--target", "a/file", "--json"]).expect(0);
    assert_eq!(run.finished()["changed"], 2);
    assert!(lab.path("root/a").exists() && !lab.path("root/b").exists());
    let skipped = run
        .events()
        .into_iter()
        .find(|e| e["step"] == "b/file")
        .expect("an event");
    assert_eq!(
        (&skipped["event"], &skipped["reason"]),
        (&"step_skipped".into(), &"not_chosen".into())
    );
    let text = lab
        .run(&["plan", &book, "--target", "a/file"])
        .expect(0)
        .out();
    assert!(text.contains("2 steps as wanted, 3 not chosen"), "{text}");
    for (wrong, near) in [("a/fil", "`a/file`"), ("**/settigns", "settings")] {
        let refused = lab.run(&["plan", &book, "--target", wrong]).expect(2);
        let err = refused.err();
        assert!(err.contains("means no step") && err.contains(near), "{err}");
    }
    let refused = lab.run(&[&book, "--tag", "fils"]).expect(2);
    assert!(
        refused.err().contains("Did you mean `files`?"),
        "{}",
        refused.err()
    );
}

/// A copy of a file that the run leaves out finds what is there, not what the file's step would write.
#[test]
fn what_is_left_out_foresees_nothing() {
    let lab = Lab::default();
    lab.write("root/b", "v=old\n");
    let book = runbook(&lab, "");
    let settings = |arguments: &[&str]| {
        let mut line = vec!["plan", &*book, "--json"];
        line.extend(arguments);
        let plan = plan_of(&lab.run(&line).expect(0));
        let steps = plan["steps"].as_array().expect("steps");
        let step = steps
            .iter()
            .find(|step| step["address"] == "b/settings")
            .expect("it")
            .clone();
        step["diff"][0]["before"]
            .as_str()
            .unwrap_or("nothing")
            .to_owned()
    };
    assert_eq!(settings(&[]), "1");
    assert_eq!(settings(&["-p", "both=false"]), "old");
    let skipping = ["--skip-tag", "files"];
    assert_eq!(settings(&skipping), "old");
    let mut line = vec![&*book];
    line.extend(skipping);
    lab.run(&line).expect(0);
    assert_eq!(
        fs::read_to_string(lab.path("root/b")).expect("b"),
        "v=old\n"
    );
    assert_eq!(fs::read_to_string(lab.path("root/c")).expect("c"), "v=2\n");
}

#[test]
fn a_plan_in_a_file_keeps_its_choice() {
    let lab = Lab::default();
    let book = runbook(&lab, "");
    let out = lab.path("a.krunplan");
    let out = out.to_str().expect("UTF-8");
    lab.run(&["plan", &book, "--target", "a/file", "--out", out])
        .expect(0);
    let more = lab.run(&["run", out, "--tag", "files"]).expect(2);
    assert!(
        more.err().contains("--tag does not go with a plan"),
        "{}",
        more.err()
    );
    let run = lab.run(&["run", out, "--json"]).expect(0);
    assert_eq!(chosen(&plan_of(&run)), ["a/file", "top"]);
    assert!(lab.path("root/a").exists() && !lab.path("root/b").exists());
}

#[test]
fn resume_goes_on_with_the_choice() {
    let lab = Lab::default();
    let well = lab.path("well");
    let web = Web::new(move |_| match well.exists() {
        true => Reply::text("200 OK", "ok"),
        false => Reply::text("503 Service Unavailable", "not yet"),
    });
    let more = format!(
        "http::shows(\"page\", #{{url: \"{}\", texts: [\"ok\"], timeout_s: 1, after: a, tags: \"web\"}});",
        web.url("/")
    );
    let book = runbook(&lab, &more);
    lab.run(&[&book, "--tag", "web"]).expect(1);
    lab.write("well", "");
    let resumed = lab.run(&["resume", "--json"]).expect(0);
    assert_eq!(chosen(&plan_of(&resumed)), ["a/file", "page", "top"]);
    assert!(lab.path("root/a").exists() && !lab.path("root/b").exists());
    // Today's run is about everything again.
    lab.run(&[&book]).expect(0);
    assert!(lab.path("root/b").exists());
}

#[test]
fn a_condition_decides_with_what_is_known_then() {
    let lab = Lab::default();
    let web = Web::new(|_| Reply::text("200 OK", "ok"));
    let more = format!(
        "let page = http::shows(\"page\", #{{url: \"{url}\", texts: [\"ok\"]}});\n\
         file(\"up\", #{{path: `${{root}}/up`, content: \"x\", after: top, when: page.status == 200}});\n\
         let no = file(\"down\", #{{path: `${{root}}/down`, content: \"x\", after: top, when: page.status != 200}});\n\
         file(\"neither\", #{{path: `${{root}}/neither`, content: \"x\", after: top, when: all_of([page.status == 200, both])}});\n\
         assert(\"answered\", #{{that: page.status < 300, message: \"the page does not answer\"}});",
        url = web.url("/")
    );
    let book = runbook(&lab, &more);
    lab.write("root/b", "v=0\n");
    let first = said(&plan_of(
        &lab.run(&["plan", &book, "-p", "both=false", "--json"])
            .expect(0),
    ));
    let words = |plan: &BTreeMap<String, String>, steps: &[&str]| -> Vec<String> {
        steps.iter().map(|step| plan[*step].clone()).collect()
    };
    let steps = ["up", "down", "neither", "b/file", "answered"];
    assert_eq!(
        words(&first, &steps),
        ["create", "create", "when_false", "when_false", "prove"],
        "what the proof will say is not known yet"
    );
    let text = lab.run(&["plan", &book]).expect(0).out();
    assert!(
        text.contains("whether `when: page.status == 200` holds"),
        "{text}"
    );
    lab.run(&[&book, "-p", "both=false"]).expect(0);
    let there = ["up", "down", "neither"].map(|name| lab.path("root").join(name).exists());
    assert_eq!(there, [true, false, false]);
    let b = || fs::read_to_string(lab.path("root/b")).expect("b");
    assert_eq!(
        b(),
        "v=0
"
    );
    // A proof that stands still says what it said.
    let again = lab
        .run(&["plan", &book, "--json", "--detailed-exitcode"])
        .expect(0);
    assert_eq!(
        words(&said(&plan_of(&again)), &steps),
        ["no-op", "when_false", "when_false", "when_false", "no-op"]
    );
    // Skipped now, done before: what it made stays until rollback, and the plan says so.
    let all = lab.run(&[&book, "-p", "both=true", "--json"]).expect(0);
    assert_eq!(all.finished()["failed"], 0);
    let back = lab
        .run(&["plan", &book, "-p", "both=false"])
        .expect(0)
        .out();
    assert!(
        back.contains("Skipped now and done before") && back.contains("b/file"),
        "{back}"
    );
    lab.run(&["rollback", "--yes"]).expect(0);
    assert_eq!(b(), "v=0\n");
}

#[test]
fn an_assertion_ends_the_run_with_its_words() {
    let lab = Lab::default();
    let web = Web::new(|_| Reply::text("200 OK", "ok"));
    let more = format!(
        "let page = http::shows(\"page\", #{{url: \"{}\", texts: [\"ok\"]}});\n\
         let sure = assert(\"moved\", #{{that: page.status == 301, message: \"the page has not moved\"}});\n\
         file(\"late\", #{{path: `${{root}}/late`, content: \"x\", after: [top, sure]}});",
        web.url("/")
    );
    let book = runbook(&lab, &more);
    let failed = lab.run(&[&book]).expect(1);
    for text in [
        "the page has not moved",
        "page.status == 301",
        "`status` of page is 200",
    ] {
        assert!(failed.err().contains(text), "`{text}` in\n{}", failed.err());
    }
    assert!(!lab.path("root/late").exists());
    let known = runbook(&lab, "assert(both, \"both are needed\");");
    lab.run(&["check", &known]).expect(0);
    let wrong = lab.run(&["check", &known, "-p", "both=false"]).expect(3);
    assert!(wrong.err().contains("both are needed"), "{}", wrong.err());
}

#[test]
fn the_exit_code_says_what_the_plan_says() {
    let lab = Lab::default();
    let book = runbook(&lab, "");
    let plan = |more: &[&str], code: i32| {
        let mut line = vec!["plan", &*book, "--detailed-exitcode"];
        line.extend(more);
        lab.run(&line).expect(code)
    };
    plan(&[], 2);
    plan(&["--target", "nothing"], 1);
    plan(&["--nonsense"], 1);
    lab.run(&["plan", &book]).expect(0);
    lab.run(&[&book]).expect(0);
    plan(&[], 0);
    lab.write("root/a", "v=2\n");
    plan(&[], 2);
    plan(&["--target", "b/*"], 0);
    lab.write("choice.rhai", "let");
    plan(&[], 3);
}

/// The shipped runbook on a real cluster.
#[test]
fn a_choice_of_the_shipped_runbook() {
    let mut cluster = Cluster::of_one(2);
    cluster.set("records=20");
    let lab = &cluster.lab;
    let plan = |more: &[&str]| cluster.on_runbook("plan", more);
    let run_file = |file: &str| {
        let mut run = lab.krun(&["run", file, "--json"]);
        run.env("JAVA_HOME", lab.path("jdk"));
        Done::of(run)
    };
    let config = ["broker-1/config", "java", "kafka", "maven", "root"];
    let only = plan(&["--json", "--target", "broker-1/config"]).expect(0);
    assert_eq!(chosen(&plan_of(&only)), config);
    let mut tagged = [&config[..], &["zookeeper/config"]].concat();
    tagged.sort_unstable();
    let only = plan(&["--json", "--tag", "config"]).expect(0);
    assert_eq!(chosen(&plan_of(&only)), tagged);

    cluster
        .on_runbook("run", &["--target", "zookeeper"])
        .expect(0);
    let running: Vec<String> = lab.pids().into_keys().collect();
    assert_eq!(running, ["zookeeper"]);
    plan(&["--detailed-exitcode"]).expect(2);
    plan(&["--detailed-exitcode", "--target", "zookeeper"]).expect(0);
    // What is left, as agreed: what it can't know yet, it says so.
    let out = lab.path("rest.krunplan");
    let out = out.to_str().expect("UTF-8");
    plan(&["--out", out, "--detailed-exitcode"]).expect(2);
    run_file(out).expect(0);
    plan(&["--detailed-exitcode"]).expect(0);
    let before = lab.pids();

    // Exactly the chosen drift is repaired; the broker that reads the file is not touched.
    let file = cluster.root().join("kafka/config/server.properties");
    let good = fs::read_to_string(&file).expect("the file");
    fs::write(&file, good.replace("broker.id=1\n", "broker.id=7\n")).expect("write");
    plan(&["--detailed-exitcode", "--target", "zookeeper"]).expect(0);
    let out = lab.path("config.krunplan");
    let out = out.to_str().expect("UTF-8");
    plan(&["--tag", "config", "--out", out, "--detailed-exitcode"]).expect(2);
    let run = run_file(out).expect(0);
    assert_eq!(
        run.changes(),
        [("broker-1/config".to_owned(), "update".to_owned())]
    );
    assert_eq!(fs::read_to_string(&file).expect("the file"), good);
    assert_eq!(lab.pids(), before);
    let left = said(&plan_of(
        &plan(&["--json", "--detailed-exitcode"]).expect(2),
    ));
    assert_eq!(
        left["broker-1"], "restart",
        "it may have read what was there meanwhile"
    );
    cluster.run().expect(0);

    let broker = lab.pids()["broker-1"];
    assert!(procs::signal(broker, rustix::process::Signal::KILL));
    plan(&["--detailed-exitcode", "--tag", "config"]).expect(0);
    plan(&["--detailed-exitcode"]).expect(2);
    cluster.run().expect(0);
    plan(&["--detailed-exitcode"]).expect(0);
    assert_eq!(lab.pids()["zookeeper"], before["zookeeper"]);
    lab.run(&["rollback", "--yes"]).expect(0);
    assert_eq!(lab.pids(), BTreeMap::new());
}
