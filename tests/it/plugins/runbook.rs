//! Whole runbooks as components: `declares`, which has a kind of its own and tries what no runbook may do.

mod team_topics;

use std::time::{Duration, Instant};

use super::{hostile::holds, *};

/// The component in the lab's folder.
const FILE: &str = "plugins/declares.wasm";

/// A lab in which the runbook may write below `mine`.
fn lab() -> Lab {
    let lab = Lab::new(0);
    let grants = [format!("write:{}", lab.path("mine").display())];
    add(&lab, &lab.path(""), &component("declares"), &grants).expect(0);
    lab
}

/// A command on the component, with its parameters.
fn on(lab: &Lab, verb: &[&str], more: &[&str]) -> Done {
    let root = format!("root={}", lab.path("mine").display());
    let mut arguments = verb.to_vec();
    arguments.extend([FILE, "--param", &root]);
    arguments.extend(more);
    lab.run(&arguments)
}

fn mine(lab: &Lab, name: &str) -> String {
    text(lab, &format!("mine/{name}"))
}

/// Planned, run, run again, changed, and taken back, exactly like a script.
#[test]
fn planned_run_and_taken_back() {
    let lab = lab();
    let plan = on(&lab, &["plan"], &[]).expect(0).out();
    holds(
        &plan,
        &[
            "plugin declares 0.1.0 (",
            "may: change",
            "note",
            "below",
            "plain",
        ],
    );
    assert!(!lab.path("mine").exists(), "a plan changes nothing");
    // `krun FILE` is short for `krun run FILE`.
    let done = on(&lab, &["--json"], &["--param", "word=eins"]).expect(0);
    let changed: Vec<_> = done.changes().into_iter().map(|(step, _)| step).collect();
    assert_eq!(changed, ["folder", "note", "below", "plain"]);
    assert_eq!(mine(&lab, "note"), "eins");
    assert_eq!(
        mine(&lab, "plain"),
        "eins \"quoted\" ${word}\n`and` more\\n"
    );
    assert!(lab.path("mine/below").is_dir());
    let again = on(&lab, &["run", "--json"], &[]).expect(0);
    assert_eq!(again.finished()["changed"], 0);
    let other = on(&lab, &["run", "--json"], &["--param", "word=zwei"]).expect(0);
    let changed: Vec<_> = other.changes().into_iter().map(|(step, _)| step).collect();
    assert_eq!(changed, ["note", "plain"]);
    let status = lab.run(&["status", FILE]).expect(0).out();
    holds(
        &status,
        &["declares: everything is as wanted", "plugins/declares.wasm"],
    );
    lab.run(&["rollback", FILE, "--yes"]).expect(0);
    assert!(!lab.path("mine").exists(), "a rollback leaves nothing");
}

/// What a run pins is the text of what was declared, with the component's hash in it; it can be resumed and
/// taken back when the component is another one.
#[test]
fn a_run_pins_what_was_declared() {
    let lab = lab();
    on(&lab, &["run"], &[]).expect(0);
    let component = fs::read(lab.path(FILE)).expect("the component");
    let shown = lab
        .run(&["plugin", "inspect", "declares", "--json"])
        .expect(0)
        .events();
    let sha256 = shown[0]["sha256"].as_str().expect("a sum").to_owned();
    assert_eq!(
        shown[0]["worlds"],
        serde_json::json!(["step-plugin", "runbook-plugin"])
    );
    on(&lab, &["plan"], &["--out", "agreed.plan"]).expect(0);
    let agreed = text(&lab, "agreed.plan");
    holds(&agreed, &["Declared by the plugin declares 0.1.0", &sha256]);
    // Another file under its name: refused where it is looked at, and no matter to what was done with it.
    let mut other = component.clone();
    *other.last_mut().expect("bytes") ^= 1;
    fs::write(lab.path(FILE), other).expect("another file");
    let refused = on(&lab, &["plan"], &[]);
    assert_ne!(refused.code(), 0, "{}", refused.out());
    fs::write(lab.path(FILE), component).expect("the component");
    fs::write(lab.path("mine/note"), "somebody").expect("a change");
    lab.run(&["rollback", "declares", "--yes"]).expect(6);
    lab.run(&["rollback", "declares", "--yes", "--force"])
        .expect(0);
    assert!(!lab.path("mine/plain").exists());
}

/// A run that failed goes on with what it pinned, by the component that it pinned.
#[test]
fn resumed() {
    let lab = lab();
    lab.write("mine/plain/in the way", "x");
    let failed = on(&lab, &["run"], &["--param", "word=eins"]);
    assert_ne!(failed.code(), 0, "{}", failed.out());
    assert_eq!(mine(&lab, "note"), "eins");
    fs::remove_dir_all(lab.path("mine/plain")).expect("a way");
    let component = fs::read(lab.path(FILE)).expect("the component");
    fs::write(lab.path(FILE), "something else").expect("another file");
    let refused = lab.run(&["resume", "declares"]).expect(1).err();
    holds(&flat(&refused), &["is not the one in krun.lock", FILE]);
    fs::write(lab.path(FILE), component).expect("the component");
    lab.run(&["resume", "declares"]).expect(0);
    assert!(mine(&lab, "plain").starts_with("eins"));
}

/// krun is killed at every record of a run and of its rollback, and goes on.
#[test]
fn killed_anywhere() {
    let lab = lab();
    let scratch = lab.path("scratch");
    let grants = [format!("write:{}", scratch.display())];
    add(&lab, &lab.path(""), &lab.path(FILE), &grants).expect(0);
    let scratch = scratch.to_str().expect("UTF-8");
    let sweep = [
        "test",
        FILE,
        "--crash-at-every-record",
        "--json",
        "--scratch",
        scratch,
    ];
    let last = lab.run(&sweep).expect(0).events().pop().expect("totals");
    assert_eq!(last["failed"], 0, "{last}");
    assert!(
        last["trials"].as_u64().is_some_and(|all| all > 10),
        "{last}"
    );
}

#[test]
fn parameters_that_are_wrong() {
    let lab = lab();
    let said = |arguments: &[&str]| {
        let done = lab.run(arguments);
        assert_ne!(done.code(), 0, "{}", done.out());
        flat(&done.err())
    };
    holds(
        &said(&["check", FILE]),
        &["krun::missing-param", "the parameter `root` must be given"],
    );
    holds(
        &said(&["check", FILE, "--param", "root=x", "--param", "wrod=x"]),
        &["krun::unknown-param", "wrod", "Did you mean `word`"],
    );
    holds(
        &flat(
            &on(&lab, &["check"], &["--param", "attack=refuse"])
                .expect(3)
                .err(),
        ),
        &[
            "nothing suits this runbook",
            "parameter attack",
            "it was asked to refuse",
            "Ask for something else.",
        ],
    );
    let help = lab.run(&["help", FILE]).expect(0).out();
    holds(
        &help,
        &[
            "declares 0.1.0: a runbook for krun's tests",
            "root <path>",
            "must be given",
            "The word.",
        ],
    );
}

/// What a hostile component declares, or does instead: each is refused by name, in bounded time, and nothing
/// is done.
#[test]
fn hostile_declarations() {
    let lab = lab();
    for (attack, wanted) in [
        (
            "loop",
            &[
                "the plugin declares 0.1.0 failed in `declare`",
                "it computed for longer than it may",
            ][..],
        ),
        (
            "memory",
            &[
                "failed in `declare`",
                "it wants more than 256 MiB of memory",
            ],
        ),
        (
            "panic",
            &[
                "failed in `declare`",
                "it gave up",
                "a runbook gives up on purpose",
            ],
        ),
        (
            "giant",
            &[
                "what the plugin declares 0.1.0 declares can't be",
                "8388608 are allowed",
            ],
        ),
        ("huge", &["failed in `declare`"]),
        ("many", &["krun::limit"]),
        (
            "bad_json",
            &["can't be: step `a`", "its arguments are no JSON object"],
        ),
        (
            "no_object",
            &["can't be: step `a`", "its arguments are no JSON object"],
        ),
        (
            "unknown_kind",
            &[
                "krun::unknown-function",
                "kafka::tropic",
                "Did you mean `kafka::topic`?",
                "The plugin declares 0.1.0 declares it",
            ],
        ),
        (
            "function",
            &[
                "krun::declared",
                "step `a` is of a kind `param`, which is none",
            ],
        ),
        ("code", &["krun::declared", "which is none"]),
        (
            "unknown_argument",
            &[
                "krun::unknown-arg",
                "`directory` has no argument `paht`",
                "directory(\"a\"",
                "The plugin declares 0.1.0 declares it",
            ],
        ),
        (
            "twice",
            &["krun::duplicate-address", "two steps have the address `a`"],
        ),
        ("bad_address", &["krun::bad-address", "directory(\"a b\""]),
        ("circle", &["krun::cycle"]),
        (
            "unknown_output",
            &[
                "krun::declared",
                "`path` of step `a` has an output of `nobody`",
            ],
        ),
    ] {
        let began = Instant::now();
        let done = on(
            &lab,
            &["run", "--yes"],
            &["--param", &format!("attack={attack}")],
        );
        assert!(
            began.elapsed() < Duration::from_secs(60),
            "{attack}: {:?}",
            began.elapsed()
        );
        assert!(
            ![0, 70, 101].contains(&done.code()),
            "{attack}: {}",
            done.err()
        );
        holds(&flat(&done.err()), wanted);
    }
    assert!(!lab.path("mine").exists());
    // A text that looks like code is a text.
    let plan = on(&lab, &["plan", "--json"], &["--param", "attack=quote"]).expect(0);
    let steps = plan.events()[0]["plan"]["steps"]
        .as_array()
        .expect("steps")
        .len();
    assert_eq!(steps, 1);
}

/// What needs a lock and what does not.
#[test]
fn pinned_where_it_has_kinds_of_its_own() {
    let lab = Lab::new(0);
    let files = ["declares", "team-topics", "owners"].map(|name| {
        let file = lab.path(&format!("{name}.wasm"));
        fs::copy(component(name), &file).expect("a copy");
        file.display().to_string()
    });
    let [declares, topics, owners] = &files;
    let done = lab.run(&["check", declares, "--param", "root=x"]).expect(3);
    holds(
        &flat(&done.err()),
        &[
            "krun::unknown-plugin",
            "has no plugin `declares`",
            "krun plugin add",
        ],
    );
    let given = [
        "--param",
        "bootstrap=127.0.0.1:1",
        "--param",
        "team=shop",
        "--param",
        "topics=orders:6:7d",
    ];
    let check = ["check", topics];
    lab.run(&[&check[..], &given].concat()).expect(0);
    let done = lab.run(&["check", owners]);
    assert_ne!(done.code(), 0);
    holds(
        &flat(&done.err()),
        &["the component is no runbook", "use_plugin(\"owners\")"],
    );
    // Once the lock names it, it must be that one.
    lab.run(&["plugin", "add", topics]).expect(0);
    // It has no kinds that a script could use.
    runbook(&lab, "team-topics", "");
    let done = lab.run(&["check", "test.rhai"]).expect(1);
    holds(
        &flat(&done.err()),
        &[
            "the plugin `team-topics` has no step kinds",
            "at: use_plugin(\"team-topics\")",
            "as `krun team-topics.wasm`",
        ],
    );
    lab.run(&[&check[..], &given].concat()).expect(0);
    let lock = text(&lab, "krun.lock");
    let (_, sum) = lock.split_once("sha256: ").expect("a sum");
    lab.write("krun.lock", &lock.replace(&sum[..64], &"0".repeat(64)));
    let done = lab.run(&[&check[..], &given].concat()).expect(1);
    holds(&flat(&done.err()), &["is not the one in krun.lock"]);
    let shown = lab.run(&["plugin", "inspect", topics]).expect(0).out();
    holds(
        &shown,
        &[
            "world runbook-plugin of krun:plugin@1.0.0",
            "parameter team: string",
            "parameter inventory: path, optional",
        ],
    );
    let said = lab.run(&["plugin", "test", topics]).expect(2).err();
    holds(&said, &["krun test"]);
}

/// What `krun doc` says of kinds and of a runbook.
#[test]
fn references() {
    let lab = lab();
    let page = |name: &str| lab.run(&["doc", "--plugin", name]).expect(0).out();
    let declares = page("declares");
    holds(
        &declares,
        &[
            "# Plugin `declares`",
            "| `write:FOLDER` | Notes are written into it |",
            "| **`root`** | `path` |",
            "### `declares::note`",
            "| **`word`** | string | The word |",
            "| `length` | The word's length |",
            "declares::note(\"note\", #{ path: `${root}/note`",
        ],
    );
    for name in [
        "client-quota",
        "owners",
        "shared-line",
        "team-topics",
        "topic-policy",
    ] {
        let text = page(component(name).to_str().expect("UTF-8"));
        holds(&text, &[&format!("# Plugin `{name}`")]);
        assert_eq!(text.contains("## A whole runbook"), name == "team-topics");
        assert_eq!(text.contains("use_plugin("), name != "team-topics");
    }
}
