//! Projects of one's own in JavaScript and Python: from `krun plugin new` to a rollback, by the commands that the
//! book and krun itself name.

use std::os::unix::fs::symlink;

use super::{
    hostile::holds,
    reaching::{Came, reaches},
    typed::{NODE, PYTHON, Shell, built, commands},
    *,
};

/// What the book types, each command by its place.
#[track_caller]
fn session<const N: usize>(heading: &str) -> [String; N] {
    let typed = commands(heading);
    typed
        .try_into()
        .unwrap_or_else(|typed| panic!("the book types something else: {typed:#?}"))
}

#[test]
fn a_runbook_in_javascript() {
    let lab = Lab::new(0);
    let mut shell = Shell::with(&lab, NODE);
    let [
        new,
        install,
        build,
        place,
        plan,
        run,
        again,
        other,
        rollback,
    ] = session("A whole runbook in JavaScript");
    let said = shell.types(&new);
    holds(&said, &["settings/plugin.js", &install, &build]);
    let (said, code) = shell.tries(&build);
    assert_eq!(code, "4", "{said}");
    holds(&said, &["componentize-js is not there", "`npm install`"]);
    shell.types(&install);
    holds(&shell.types(&build), &["settings.component.wasm"]);
    shell.types(&place);
    reaches_nothing(&lab, "settings");
    holds(
        &shell.types(&plan),
        &["plugin settings 0.1.0", "orders/producer", "may: nothing"],
    );
    assert!(!lab.path("clients").exists(), "a plan changes nothing");
    holds(&shell.types(&run), &["7 changed, 0 unchanged, 0 failed"]);
    assert_eq!(
        text(&lab, "clients/orders/producer.properties"),
        "bootstrap.servers=127.0.0.1:9091\nclient.id=orders\nacks=all\nenable.idempotence=true\ncompression.type=lz4\n"
    );
    holds(&shell.types(&again), &["0 changed, 7 unchanged, 0 failed"]);
    holds(&shell.types(&other), &["2 changed, 5 unchanged, 0 failed"]);
    let producer = text(&lab, "clients/billing/producer.properties");
    holds(&producer, &["acks=1\nenable.idempotence=false\n"]);
    let (said, code) = shell.tries(&format!("{again} -p apps=orders,orders"));
    assert_eq!(code, "3", "{said}");
    holds(&said, &["`orders` is given twice", "parameter apps"]);
    shell.types(&rollback);
    assert!(!lab.path("clients").exists(), "a rollback leaves nothing");
    let survives = "krun test plugins/settings.wasm --crash-at-every-record --one-of-each --json --scratch swept";
    let given = "-p bootstrap=127.0.0.1:9091 -p apps=orders";
    survived(&shell.types(&format!("{survives} {given}")));

    let worlds = ["step-plugin", "runbook-plugin"];
    reaches(
        &lab,
        &mut shell,
        "settings/plugin.js",
        &build,
        &worlds,
        &[
            ("clock", Came::Built),
            ("timer", Came::Ended),
            ("random", Came::Same),
            ("entropy", Came::Same),
            ("uuid", Came::Same),
            (
                "environment",
                Came::With("refused: ReferenceError: process is not defined"),
            ),
            ("console", Came::With("undefined")),
            ("errors", Came::With("undefined")),
            ("network", Came::Ended),
            ("sleep", Came::Ended),
        ],
    );
}

#[test]
fn a_runbook_in_python() {
    let lab = Lab::new(0);
    let mut shell = Shell::with(&lab, PYTHON);
    let [
        venv,
        new,
        install,
        build,
        place,
        plan,
        run,
        again,
        other,
        rollback,
    ] = session("A whole runbook in Python");
    shell.types(&venv);
    let said = shell.types(&new);
    holds(&said, &["metrics/plugin.py", &install, &build]);
    shell.types(&install);
    holds(&shell.types(&build), &["metrics.component.wasm"]);
    shell.types(&place);
    reaches_nothing(&lab, "metrics");
    holds(
        &shell.types(&plan),
        &["plugin metrics 0.1.0", "targets", "may: nothing"],
    );
    assert!(!lab.path("targets").exists(), "a plan changes nothing");
    holds(&shell.types(&run), &["2 changed, 0 unchanged, 0 failed"]);
    let targets = || -> serde_json::Value {
        serde_json::from_str(&text(&lab, "targets/shop.json")).expect("JSON")
    };
    let all = ["a.example:7071", "b.example:7071", "c.example:7071"];
    assert_eq!(
        targets(),
        serde_json::json!([{"targets": all, "labels": {"cluster": "shop"}}])
    );
    holds(&shell.types(&again), &["0 changed, 2 unchanged, 0 failed"]);
    holds(&shell.types(&other), &["1 changed, 1 unchanged, 0 failed"]);
    assert_eq!(
        targets()[0],
        serde_json::json!({"targets": [all[0], all[2]], "labels": {"cluster": "shop", "rack": "r1"}})
    );
    let (said, code) = shell.tries(&format!("{again} -p racks=r1"));
    assert_eq!(code, "3", "{said}");
    holds(
        &said,
        &["there are 3 brokers and 1 racks", "parameter racks"],
    );
    shell.types(&rollback);
    assert!(!lab.path("targets").exists(), "a rollback leaves nothing");
    let survives = "krun test plugins/metrics.wasm --crash-at-every-record --one-of-each --json --scratch swept";
    let given = "-p cluster=shop -p brokers=a -p folder=swept/1/targets";
    survived(&shell.types(&format!("{survives} {given}")));

    reaches(
        &lab,
        &mut shell,
        "metrics/plugin.py",
        &build,
        &["runbook-plugin"],
        &[
            ("clock", Came::Ended),
            ("timer", Came::Ended),
            ("sleep", Came::Ended),
            ("random", Came::Same),
            ("entropy", Came::Ended),
            ("environment", Came::With("None")),
            ("console", Came::Ended),
            ("errors", Came::Ended),
            ("input", Came::Ended),
            ("file", Came::Ended),
            ("folder", Came::Ended),
            ("written", Came::Ended),
            ("network", Came::Ended),
            (
                "command",
                Came::With("refused: OSError(58, 'wasi does not support processes.')"),
            ),
        ],
    );
}

/// Step kinds: the kind is asked whether arguments fit, and what it may not look at it does not see.
#[test]
fn kinds_in_python() {
    let lab = Lab::new(0);
    let mut shell = Shell::with(&lab, PYTHON);
    shell.types("python3 -m venv venv && . venv/bin/activate");
    let component = built(
        &lab,
        &mut shell,
        "krun plugin new topic-sizes --lang python",
    );
    add(&lab, &lab.path(""), &component, &[]).expect(0);
    let asks = |more: &str| {
        let step = format!(
            "topic_sizes::partitions(\"size\", #{{ bootstrap: [\"127.0.0.1:1\"], {more} }});"
        );
        runbook(&lab, "topic-sizes", &step);
    };
    asks("write_mb_s: 0");
    let said = flat(&lab.run(&["check", "test.rhai"]).expect(3).err());
    holds(&said, &["`write_mb_s` is at least 1"]);
    asks("write_mb_s: 120");
    lab.run(&["check", "test.rhai"]).expect(0);
    let said = flat(&lab.run(&["run", "test.rhai"]).expect(1).err());
    holds(
        &said,
        &["the plugin `topic-sizes` may not look at the cluster at 127.0.0.1:1"],
    );
}

/// What is not there is named, with what brings it.
#[test]
fn what_a_build_misses() {
    let lab = Lab::new(0);
    let builds = |name: &str, path: &str| {
        let mut build = lab.krun(&["plugin", "build", name]);
        build.env("PATH", lab.path(path));
        flat(&Done::of(build).expect(4).err())
    };
    for (name, language) in [("js", "js"), ("py", "python")] {
        lab.run(&["plugin", "new", name, "--lang", language])
            .expect(0);
    }
    holds(
        &builds("js", "nowhere"),
        &[
            "componentize-js is not there",
            "help: Install it in the plugin's folder: `npm install`.",
        ],
    );
    let package = "js/node_modules/@bytecodealliance/componentize-js";
    fs::create_dir_all(lab.path(package)).expect("a folder");
    holds(
        &builds("js", "nowhere"),
        &["node is not there", "help: Install Node.js."],
    );
    holds(
        &builds("py", "nowhere"),
        &["python3 is not there", "help: Install Python 3."],
    );
    let real = Command::new("python3")
        .args(["-c", "import sys; print(sys.executable)"])
        .output();
    let real = String::from_utf8(real.expect("python3").stdout).expect("UTF-8");
    fs::create_dir(lab.path("bin")).expect("a folder");
    symlink(real.trim(), lab.path("bin/python3")).expect("a link");
    holds(
        &builds("py", "bin"),
        &[
            "componentize-py is not there",
            "help: Install it: `pip install componentize-py`.",
        ],
    );
    // A plugin that exports nothing that krun knows.
    lab.write("py/plugin.py", "class StepKind:\n    pass\n");
    let said = flat(&lab.run(&["plugin", "build", "py"]).expect(2).err());
    holds(
        &said,
        &[
            "the plugin has neither step kinds nor a runbook",
            "it exports neither `StepKinds` nor `Runbook`",
        ],
    );
}

/// Every kill of a sweep was survived.
#[track_caller]
fn survived(said: &str) {
    let last = said.trim().lines().next_back().expect("totals");
    let last: serde_json::Value = serde_json::from_str(last).expect("JSON");
    assert_eq!(last["failed"], 0, "{said}");
    let all = last["trials"].as_u64();
    assert!(all.is_some_and(|all| all > 10), "{last}");
}

/// A runbook's component imports the log and its types, whatever its language brings with it.
#[track_caller]
fn reaches_nothing(lab: &Lab, name: &str) {
    let file = format!("plugins/{name}.wasm");
    let shown = lab.run(&["plugin", "inspect", &file, "--json"]).expect(0);
    let shown = &shown.events()[0];
    assert_eq!(
        shown["imports"],
        serde_json::json!(["krun:plugin/log@1.0.0", "krun:plugin/types@1.0.0"])
    );
    assert_eq!(shown["worlds"], serde_json::json!(["runbook-plugin"]));
}
