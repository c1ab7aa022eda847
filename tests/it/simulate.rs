//! `krun simulate`: schedules of faults from the command line, the refusal of what can't be simulated,
//! and the simulated cluster held against a real one.

use krun_tests::lab::{Lab, repository};
use serde_json::Value;

use crate::{cluster::Cluster, plugins::flat};

/// Files that are there before, folders that are cleaned once, and packages.
const RUNBOOK: &str = r#"
runbook(#{ name: "all", version: "1.0.0", summary: "all that can be simulated" });
let root = param("root", #{ type: "path", default: "~/all", identity: true });
let top = directory("top", #{ path: root });
package("tools", #{ names: ["jq"] });
let base = file("base", #{ path: `${root}/base.properties`, content: "a=1\n", after: top });
let copy = file_clone("copy", #{ from: `${root}/base.properties`, to: `${root}/copy.properties`, after: base });
properties("settings", #{ path: `${root}/copy.properties`, set: #{ "a": 2 }, after: copy });
properties("hosts", #{ path: "/etc/app.conf", set: #{ "x": "y" } });
let clean = zookeeper::clean("clean", #{ data_dir: `${root}/zk`, data_log_dir: `${root}/zk`, after: top });
kafka::clean_logs("clean-logs", #{ log_dir: `${root}/log`, generation: clean.generation, after: top });
"#;

#[test]
fn a_thousand_schedules_and_one_of_them_again() {
    let lab = Lab::default();
    let runbook = lab.write("all.rhai", RUNBOOK);
    let runbook = runbook.to_str().expect("UTF-8");
    lab.write("there/etc/app.conf", "# theirs\nx=0\n");
    lab.write("there/all/zk/version-2/snapshot.0", "old");
    lab.write("there/all/log/meta.properties", "cluster.id=Other\n");
    let there = lab.path("there");
    let start = [
        "--start-from",
        there.to_str().expect("UTF-8"),
        "--param",
        "root=/all",
    ];
    let simulate = |more: &[&str]| {
        let first = ["simulate", runbook];
        let all: Vec<_> = first.iter().chain(more).chain(&start).copied().collect();
        lab.run(&all)
    };
    let done = simulate(&["--seeds", "300", "--json"]).expect(0);
    let object: Value = serde_json::from_str(&done.out()).expect("an object");
    assert_eq!(object["seeds"], 300);
    assert_eq!(object["failed_seed"], Value::Null);
    assert!(
        object["moments"].as_u64().expect("a number") > 60,
        "{object}"
    );
    let few = simulate(&["--seeds", "20", "--faults", "kill,power"]).expect(0);
    assert!(few.out().contains("every promise held"), "{}", few.out());
    let one = simulate(&["--seed", "7", "--faults", "kill"])
        .expect(0)
        .out();
    assert!(
        one.contains("krun rollback") && one.contains("killed"),
        "{one}"
    );
    assert_eq!(
        simulate(&["--seed", "7", "--faults", "kill"])
            .expect(0)
            .out(),
        one
    );
    // Nothing real was touched, and there is no deployment.
    assert!(!lab.path("root").exists());
    assert!(lab.run(&["history"]).code() != 0);
}

#[test]
fn what_cant_be_simulated_is_refused_by_name() {
    let lab = Lab::default();
    let settings = "runbook(#{ name: \"settings\", version: \"1\", summary: \"s\" });\n\
                    kafka::broker_settings(\"all\", #{ bootstrap: [\"127.0.0.1:9091\"], broker: \"default\", configs: #{ \"log.cleaner.threads\": 2 } });\n";
    lab.write("settings.rhai", settings);
    let said = lab.run(&["simulate", "settings.rhai"]).expect(2).err();
    assert!(said.contains("all: kafka::broker_settings"), "{said}");
    let done = lab.run(&["simulate", "x.rhai", "--faults", "plague"]);
    assert!(
        done.err().contains("`plague` is no fault"),
        "{}",
        done.err()
    );
}

/// The shipped runbook with a console's page, which has the topic and a comma in it.
#[test]
fn a_page_that_is_named_answers() {
    let lab = Lab::default();
    let shipped = repository().join("runbooks/single-host-3-broker.rhai");
    let shipped = shipped.to_str().expect("UTF-8");
    let url = "http://localhost:8080/ui/topics?show=all";
    let simulate = |more: &[&str]| {
        let ui = format!("ui_url={url}");
        lab.run(&[&["simulate", shipped, "--param", &ui], more].concat())
    };
    let page = format!("{url}=200:<td>test</td>, 'one' topic=1:2");
    let answers = ["--answers", &page];
    let few = simulate(&[&answers[..], &["--seeds", "100"]].concat());
    let few = few.expect(0).out();
    assert!(few.contains("every promise held"), "{few}");
    let outage = ["--faults", "outage", "--seed"];
    let told: Vec<_> = (0..20)
        .map(|seed| seed.to_string())
        .map(|seed| simulate(&[&answers[..], &outage[..], &[&seed]].concat()))
        .map(|done| done.expect(0).out())
        .collect();
    let away = told.iter().filter(|one| one.contains("localhost:8080 "));
    let waited = away.filter(|one| one.contains(&format!("{url}: status 200")));
    assert!(waited.count() > 0, "{told:#?}");
    // The page is there, and not as it should be.
    let empty = format!("{url}=200:nothing");
    let said = flat(&simulate(&["--answers", &empty]).expect(1).err());
    assert!(said.contains("it does not hold `test`"), "{said}");
    let bad = simulate(&["--answers", "http://localhost/=ok"]).expect(2);
    assert!(bad.err().contains("URL=STATUS"), "{}", bad.err());
}

/// What a real machine says of a page that nobody serves, a simulated one says too.
#[test]
fn a_page_that_nobody_serves_is_refused_in_the_same_words() {
    let lab = Lab::default();
    let url = "http://127.0.0.1:1/health";
    let page = format!(
        "runbook(#{{ name: \"page\", version: \"1\", summary: \"s\" }});\n\
         http::shows(\"page\", #{{ url: \"{url}\", texts: [], timeout_s: 1 }});\n"
    );
    lab.write("page.rhai", &page);
    let real = flat(&lab.run(&["run", "page.rhai"]).expect(1).err());
    let words = "io: Connection refused (os error 111)";
    assert!(real.contains(words), "{real}");
    let done = lab.run(&["simulate", "page.rhai"]).expect(1);
    let said = flat(&done.err());
    for part in [
        "the runbook does not succeed on a simulated machine, even undisturbed",
        words,
        &format!("Nothing answers at {url}: say what does with `--answers '{url}=STATUS:TEXT'`."),
    ] {
        assert!(said.contains(part), "no {part:?} in {said}");
    }
}

/// What the shipped runbook does to real servers and to simulated ones, as the journals say: the same
/// effects of the same steps, with the same states after those on a cluster.
#[test]
fn the_simulated_cluster_is_as_the_real_one() {
    let mut cluster = Cluster::new(3);
    cluster.set("proofs=full");
    cluster.run().expect(0);
    cluster.run().expect(0);
    cluster.lab.run(&["rollback", "--yes"]).expect(0);
    let told = cluster.lab.run(&["history", "--json"]).expect(0).out();
    let real: Vec<_> = told.lines().map(really_done).collect();

    let once = ["--seed", "3", "--faults", "delay", "--json"];
    let told = cluster.on_runbook("simulate", &once).expect(0).out();
    let object: Value = serde_json::from_str(&told).expect("an object");
    let lines = object["schedule"].as_array().expect("lines").iter();
    let lines: Vec<_> = lines.filter_map(Value::as_str).collect();
    let mut simulated = simulated(&lines);
    simulated.truncate(3);
    assert_eq!(real.len(), 3, "a run, another, and a rollback");
    for (number, (real, simulated)) in real.iter().zip(&simulated).enumerate() {
        assert_eq!(real, simulated, "krun number {number}");
    }
    assert!(real[0].len() > 100 && real[1].is_empty() && real[2].len() > 50);
}

/// A change: its step, what it was done to, and what a cluster has after it.
type Done = (String, String, Option<String>);

fn change(step: &str, target: &str, after: Option<&str>) -> Option<Done> {
    // The simulated machine has no Maven at first.
    if step == "maven" {
        return None;
    }
    // Where krun sets things aside is its own affair.
    let target = target.split(" → ").next().unwrap_or(target);
    let in_cluster = ["topic ", "records ", "group "];
    let after = after.filter(|_| in_cluster.iter().any(|what| target.starts_with(what)));
    // Groups carry the deployment's id in their names.
    let target = match target.strip_prefix("group krun-") {
        Some(rest) => rest.get(8..).unwrap_or_default(),
        None => target,
    };
    Some((step.into(), target.into(), after.map(str::to_owned)))
}

/// The changes of a line of `krun history --json`.
fn really_done(line: &str) -> Vec<Done> {
    let run: Value = serde_json::from_str(line).expect("an object");
    let changes = run["changes"].as_array().expect("changes").iter();
    let mut done: Vec<_> = changes
        .filter_map(|one| {
            let step = one["step"].as_str()?;
            change(step, one["target"].as_str()?, one["after"].as_str())
        })
        .collect();
    done.sort();
    done
}

/// The changes of each krun in a told schedule.
fn simulated(lines: &[&str]) -> Vec<Vec<Done>> {
    let mut kruns: Vec<Vec<Done>> = vec![];
    for (at, line) in lines.iter().enumerate() {
        if line.starts_with("krun ") {
            kruns.push(vec![]);
        }
        let Some((before, rest)) = line.split_once(" is about to ") else {
            continue;
        };
        let mut words = before.split_whitespace();
        let (Some(number), Some(step)) = (words.next(), words.next()) else {
            continue;
        };
        let verbs = ["set aside ", "add partitions to ", "install "];
        let verb = verbs.iter().find(|verb| rest.starts_with(**verb));
        let target = match verb {
            Some(verb) => &rest[verb.len()..],
            None => rest.split_once(' ').map_or("", |(_, target)| target),
        };
        let ended = format!("effect {number} done: ");
        let mut later = lines[at..].iter();
        let after = later.find_map(|line| Some(line.split_once(&ended)?.1));
        if let (Some(krun), Some(done)) = (kruns.last_mut(), change(step, target, after)) {
            krun.push(done);
        }
    }
    for krun in &mut kruns {
        krun.sort();
    }
    kruns
}
