//! What becomes of a run that fails, and of one that is stopped: the failure and how the rollback ended are
//! both said, and Ctrl-C loses nothing.

use std::{
    fs,
    io::{BufRead as _, BufReader},
    path::PathBuf,
    process::{Child, Stdio},
    time::{Duration, Instant},
};

use krun_tests::{
    lab::{Done, Lab},
    procs,
    tree::listing,
    web::{Reply, Web},
};
use rustix::process::Signal;
use serde_json::Value;

/// A lab with a file from before, and a server that is asked by the last step.
struct Case {
    lab: Lab,
    web: Web,
    before: String,
}

impl Case {
    /// The server says yes from its n-th answer on, and does something whenever it is asked.
    fn new(yes_from: usize, meddle: impl Fn(PathBuf) + Send + Sync + 'static) -> Self {
        let lab = Lab::default();
        lab.write("root/a", "before");
        let before = listing(&lab.path("root"));
        let root = lab.path("root");
        let web = Web::new(move |asked| {
            meddle(root.clone());
            match asked.number < yes_from {
                true => Reply::text("503 Service Unavailable", "not yet"),
                false => Reply::text("200 OK", "ok"),
            }
        });
        Self { lab, web, before }
    }

    fn failing() -> Self {
        Self::new(usize::MAX, |_| {})
    }

    /// A file, a checkpoint, another file, and a proof that fails; with what the head says besides.
    fn runbook(&self, head: &str, text: &str) -> String {
        let script = format!(
            "runbook(#{{ name: \"policy\", version: \"1\", summary: \"s\"{head} }});\n\
             let a = file(\"a\", #{{ path: \"{root}/a\", content: \"{text}\" }});\n\
             checkpoint(\"files\");\n\
             let b = file(\"b\", #{{ path: \"{root}/b\", content: \"b\" }});\n\
             http::shows(\"page\", #{{ url: \"{web}\", texts: [\"ok\"], timeout: \"300ms\", after: b }});\n\
             gate(\"page\");\ncheckpoint(\"all\");\n",
            root = self.lab.path("root").display(),
            web = self.web.url("/"),
        );
        let path = self.lab.write("policy.rhai", &script);
        path.to_str().expect("UTF-8").to_owned()
    }

    fn text(&self, name: &str) -> String {
        fs::read_to_string(self.lab.path("root").join(name)).unwrap_or_default()
    }
}

/// The verbs and ends of all runs.
fn runs(lab: &Lab) -> Vec<(String, String)> {
    let history = lab.run(&["history", "--json"]).expect(0).events();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let end = |run: &Value| (text(&run["verb"]), text(&run["status"]));
    history.iter().map(end).collect()
}

fn ends(list: &[(&str, &str)]) -> Vec<(String, String)> {
    let own = |(a, b): &(&str, &str)| ((*a).to_owned(), (*b).to_owned());
    list.iter().map(own).collect()
}

#[test]
fn by_default_a_run_stops_and_keeps_what_is_done() {
    let case = Case::failing();
    let failed = case.lab.run(&[&case.runbook("", "one")]).expect(1);
    assert!(
        failed.err().contains("what is done stays done"),
        "{}",
        failed.err()
    );
    assert_eq!((case.text("a"), case.text("b")), ("one".into(), "b".into()));
    assert_eq!(runs(&case.lab), ends(&[("run", "failed")]));
}

#[test]
fn rolled_back_with_both_said() {
    let case = Case::failing();
    let runbook = case.runbook("", "one");
    let failed = case
        .lab
        .run(&[&runbook, "--on-failure", "rollback"])
        .expect(1);
    for said in ["krun::timeout", "The run failed, and run 1 was taken back"] {
        assert!(failed.err().contains(said), "{said} in {}", failed.err());
    }
    assert_eq!(listing(&case.lab.path("root")), case.before);
    let both = [("run", "failed"), ("rollback", "succeeded")];
    assert_eq!(runs(&case.lab), ends(&both));
    // Programs see both runs, each with its end.
    let failed = case
        .lab
        .run(&[&runbook, "--on-failure", "rollback", "--json"])
        .expect(1);
    let events = failed.events();
    let finished: Vec<_> = events
        .iter()
        .filter(|event| event["event"] == "run_finished")
        .map(|event| event["status"].clone())
        .collect();
    assert_eq!(finished, ["failed", "succeeded"]);
    let mut started = events
        .iter()
        .filter(|event| event["event"] == "run_started");
    let back = started.next_back().expect("a rollback");
    assert_eq!(
        (&back["verb"], &back["part"]["run"]),
        (&"rollback".into(), &3.into())
    );
}

#[test]
fn what_the_runbook_says_and_what_wins_over_it() {
    let case = Case::failing();
    let head = ", on_failure: \"rollback-to=files\"";
    let failed = case.lab.run(&[&case.runbook(head, "one")]).expect(1);
    assert!(
        failed.err().contains("after checkpoint `files`"),
        "{}",
        failed.err()
    );
    assert_eq!(
        (case.text("a"), case.text("b")),
        ("one".into(), String::new())
    );
    case.lab
        .run(&[&case.runbook(head, "one"), "--on-failure", "stop"])
        .expect(1);
    assert_eq!((case.text("a"), case.text("b")), ("one".into(), "b".into()));
    // Nothing is taken back to a checkpoint that the run did not get to.
    let failed = case
        .lab
        .run(&[&case.runbook("", "two"), "--on-failure", "rollback-to=all"])
        .expect(1);
    assert!(
        failed.err().contains("before it passed checkpoint `all`"),
        "{}",
        failed.err()
    );
    assert_eq!(case.text("a"), "two");
    for wrong in ["rollback-to=al", "undo", "rollback-to="] {
        case.lab
            .run(&[&case.runbook("", "two"), "--on-failure", wrong])
            .expect(2);
    }
    case.lab.run(&["rollback", "--yes"]).expect(0);
    assert_eq!(listing(&case.lab.path("root")), case.before);
}

#[test]
fn only_what_the_failed_run_did_is_taken_back() {
    let case = Case::new(2, |_| {});
    let retried = ", retries: #{times: 9, backoff: \"20ms\"}";
    let runbook = |text: &str, more: &str| {
        let script = fs::read_to_string(case.runbook("", text)).expect("a runbook");
        let script = script.replace(", after: b }", &format!(", after: b{more} }}"));
        let path = case.lab.write("policy.rhai", &script);
        path.to_str().expect("UTF-8").to_owned()
    };
    case.lab.run(&[&runbook("one", retried)]).expect(0);
    let first = listing(&case.lab.path("root"));
    // A proof that states something else fails now.
    let other = fs::read_to_string(runbook("two", "")).expect("a runbook");
    let path = case
        .lab
        .write("policy.rhai", &other.replace("[\"ok\"]", "[\"never\"]"));
    let path = path.to_str().expect("UTF-8");
    case.lab.run(&[path, "--on-failure", "rollback"]).expect(1);
    assert_eq!(listing(&case.lab.path("root")), first);
    case.lab.run(&[&runbook("one", retried)]).expect(0);
    case.lab.run(&["rollback", "--yes"]).expect(0);
    assert_eq!(listing(&case.lab.path("root")), case.before);
}

/// A run that was cut off behind its checkpoint and goes on is one run: all that it did there goes.
#[test]
fn a_run_that_was_cut_off_goes_back_to_where_it_first_passed() {
    let case = Case::failing();
    let runbook = case.runbook(", on_failure: \"rollback-to=files\"", "one");
    let mut krun = case.lab.krun(&[&runbook]);
    krun.env("KRUN_KILL_AT", "after:3:b");
    assert_eq!(Done::of(krun).code(), -1);
    assert_eq!(case.text("b"), "b");
    case.lab.run(&["resume"]).expect(1);
    assert_eq!(
        (case.text("a"), case.text("b")),
        ("one".into(), String::new())
    );
    case.lab.run(&["rollback", "--yes"]).expect(0);
    assert_eq!(listing(&case.lab.path("root")), case.before);
}

/// What was asked for on the command line holds when the run goes on, and a rollback that had not begun
/// when krun was killed is made up for.
#[test]
fn a_policy_outlives_krun() {
    for (policy, left) in [("rollback", "before"), ("rollback-to=files", "one")] {
        // Before it fails, around the record of that, and around the run's end, its fourth record.
        for point in [
            "after:3:b",
            "before:1:page",
            "after:1:page",
            "before:4:",
            "after:4:",
        ] {
            let case = Case::failing();
            let runbook = case.runbook("", "one");
            let mut krun = case.lab.krun(&[&runbook, "--on-failure", policy]);
            krun.env("KRUN_KILL_AT", point);
            assert_eq!(Done::of(krun).code(), -1, "{policy} {point}");
            assert_eq!(
                (case.text("a"), case.text("b")),
                ("one".into(), "b".into()),
                "{policy} {point}"
            );
            let resumed = case.lab.run(&["resume"]);
            assert!(
                resumed.err().contains("taken back"),
                "{policy} {point}: {}",
                resumed.err()
            );
            assert_eq!(
                (case.text("a"), case.text("b")),
                (left.into(), String::new()),
                "{policy} {point}"
            );
            let both = [("run", "failed"), ("rollback", "succeeded")];
            assert_eq!(runs(&case.lab), ends(&both), "{policy} {point}");
            case.lab.run(&["rollback", "--yes"]);
            assert_eq!(
                listing(&case.lab.path("root")),
                case.before,
                "{policy} {point}"
            );
        }
    }
}

#[test]
fn a_rollback_that_somebody_stands_in_the_way_of_is_said_too() {
    let case = Case::new(usize::MAX, |root| {
        fs::write(root.join("b"), "mine").expect("write");
    });
    let runbook = case.runbook("", "one");
    let failed = case
        .lab
        .run(&[&runbook, "--on-failure", "rollback"])
        .expect(7);
    for said in ["krun::timeout", "krun::drifted", "krun rollback --run 1"] {
        assert!(failed.err().contains(said), "{said} in {}", failed.err());
    }
    assert_eq!(
        (case.text("a"), case.text("b")),
        ("one".into(), "mine".into())
    );
    case.lab
        .run(&["rollback", "--run", "1", "--yes", "--force"])
        .expect(0);
    assert_eq!(listing(&case.lab.path("root")), case.before);
}

/// Runs krun with events until a line holds a text; with the rest of the lines.
fn until(lab: &Lab, args: &[&str], text: &str) -> (Child, BufReader<std::process::ChildStdout>) {
    let mut command = lab.krun(args);
    command.stdout(Stdio::piped()).stderr(Stdio::null());
    let mut krun = command.spawn().expect("krun starts");
    let mut lines = BufReader::new(krun.stdout.take().expect("stdout"));
    let mut line = String::new();
    while !line.contains(text) {
        line.clear();
        let read = lines.read_line(&mut line).expect("a line");
        assert_ne!(read, 0, "krun never said {text}");
    }
    (krun, lines)
}

/// Once: nothing further is begun, whatever the policy; the journal is closed, and the run can go on.
#[test]
fn stopped_once_it_closes_the_journal() {
    let case = Case::failing();
    let script = fs::read_to_string(case.runbook("", "one")).expect("a runbook");
    let long = script.replace("timeout: \"300ms\"", "timeout_s: 600");
    let path = case.lab.write("policy.rhai", &long);
    let runbook = path.to_str().expect("UTF-8");
    let args = [runbook, "--json", "--on-failure", "rollback"];
    let since = Instant::now();
    let (mut krun, lines) = until(&case.lab, &args, "\"step_started\",\"step\":\"page\"");
    assert!(procs::signal(krun.id(), Signal::INT));
    let last = lines.lines().last().expect("a line").expect("text");
    assert_eq!(krun.wait().expect("its end").code(), Some(130));
    assert!(since.elapsed() < Duration::from_secs(60), "it did not wait");
    assert!(last.contains("\"cancelled\""), "{last}");
    assert_eq!(runs(&case.lab), ends(&[("run", "cancelled")]));
    assert_eq!((case.text("a"), case.text("b")), ("one".into(), "b".into()));
    case.lab.run(&["rollback", "--yes"]).expect(0);
    assert_eq!(listing(&case.lab.path("root")), case.before);
}
