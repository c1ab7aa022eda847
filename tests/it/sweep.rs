//! `krun test --crash-at-every-record`: krun is ended at every record of runbooks, goes on or rolls
//! back, and is compared with an undisturbed run.

use std::{
    collections::BTreeSet,
    fs,
    io::{BufRead as _, BufReader},
    os::unix::fs::PermissionsExt as _,
    process::{Command, Stdio},
    sync::atomic::{AtomicBool, Ordering},
};

use krun_tests::{
    lab::{Done, Lab},
    procs,
};
use serde_json::Value;

use crate::cluster::Cluster;

/// All kinds that need nothing but files, ZooKeeper's and Kafka's cleaning among them.
const FILES: &str = r#"
runbook(#{ name: "files", version: "1.0.0", summary: "files" });
let root = param("root", #{ type: "path", default: "/var/empty/krun-sweep", identity: true });
let text = param("text", #{ type: "string", default: "one" });
let many = param("many", #{ type: "int", default: 3 });
let top = directory("top", #{ path: root });
for i in 0..many {
    let d = directory(`d-${i}`, #{ path: `${root}/d${i}`, after: top });
    let f = file(`f-${i}`, #{ path: `${root}/d${i}/f`, content: `${text} ${i}\n`, after: d });
    let c = file_clone(`c-${i}`, #{ from: `${root}/d${i}/f`, to: `${root}/d${i}/c.properties`, after: f });
    properties(`p-${i}`, #{ path: `${root}/d${i}/c.properties`, set: #{ "a.b": text }, after: c });
}
let clean = zookeeper::clean("clean", #{ data_dir: `${root}/zk`, data_log_dir: `${root}/zk`, after: top });
kafka::clean_logs("clean-logs", #{ log_dir: `${root}/log`, generation: clean.generation, after: top });
"#;

/// What was there before.
fn earlier(lab: &Lab) -> String {
    lab.write("earlier/root/d0/f", "was here before\n");
    lab.write("earlier/root/d1/c.properties", "x=1\n# kept\n");
    lab.write("earlier/root/zk/version-2/snapshot.0", "an old snapshot");
    lab.write("earlier/root/zk/version-2/log.1", "an old log");
    lab.write("earlier/root/zk/myid", "1\n");
    lab.write(
        "earlier/root/log/meta.properties",
        "version=0\nbroker.id=7\ncluster.id=AnotherCluster\n",
    );
    lab.write("earlier/root/log/old-0/0.log", "records");
    lab.write("earlier/root/notes", "not krun's business\n");
    let mode = fs::Permissions::from_mode(0o640);
    fs::set_permissions(lab.path("earlier/root/d0/f"), mode).expect("mode");
    lab.path("earlier").to_str().expect("UTF-8").to_owned()
}

fn sweep(lab: &Lab, runbook: &str, more: &[&str]) -> Command {
    let scratch = lab.path("scratch");
    let mut arguments = vec!["test", runbook, "--crash-at-every-record", "--json"];
    arguments.extend(["--scratch", scratch.to_str().expect("UTF-8")]);
    arguments.extend(more);
    lab.krun(&arguments)
}

/// The last line of a sweep in which nothing was wrong.
#[track_caller]
fn survived(done: Done) -> Value {
    let wrong: Vec<String> = done
        .out()
        .lines()
        .filter(|line| line.contains("\"ok\":false"))
        .map(str::to_owned)
        .collect();
    assert_eq!(wrong, Vec::<String>::new(), "{}", done.err());
    let events = done.expect(0).events();
    let last = events.last().expect("a line").clone();
    assert_eq!(last["event"], "sweep_finished", "{last}");
    assert_eq!(last["failed"], 0, "{last}");
    last
}

fn classes(last: &Value) -> BTreeSet<&str> {
    let classes = last["classes"].as_object().expect("classes");
    classes.keys().map(String::as_str).collect()
}

#[test]
fn files_survive_every_kill() {
    let lab = Lab::default();
    let runbook = lab.write("files.rhai", FILES);
    let runbook = runbook.to_str().expect("UTF-8");
    let earlier = earlier(&lab);
    let (mut kills, mut seen) = (0, BTreeSet::new());
    for more in [
        &["-p", "many=2"][..],
        &["--start-from", &earlier],
        &[
            "--start-from",
            &earlier,
            "--then",
            "text=two",
            "--then",
            "many=4",
        ],
    ] {
        let last = survived(Done::of(sweep(&lab, runbook, more)));
        assert_eq!(last["trials"], last["all"], "{last}");
        kills += last["trials"].as_u64().expect("a number");
        seen.extend(classes(&last).into_iter().map(str::to_owned));
        assert!(!lab.path("scratch").exists(), "nothing is left of it");
    }
    for class in [
        "make_dir",
        "write_file",
        "remove_file",
        "remove_dir",
        "move",
    ] {
        assert!(seen.contains(class), "{class} in {seen:?}");
    }
    assert!(kills > 900, "{kills} kills");
}

/// Steps without any order that all miss the same folders.
const SAME: &str = r#"
runbook(#{ name: "same", version: "1.0.0", summary: "files in the same folders" });
let root = param("root", #{ type: "path", default: "/var/empty/krun-sweep", identity: true });
for i in 0..6 {
    file(`f-${i}`, #{ path: `${root}/a/b/f${i}`, content: `${i}\n` });
}
file("deeper", #{ path: `${root}/a/b/c/d/f`, content: "deeper\n" });
"#;

/// Which of the steps makes a folder is up to chance; that it is made once, taken back once, and that krun is
/// killed there, is not. So every trial is made and survived, each time.
#[test]
fn who_makes_a_folder_does_not_matter() {
    let lab = Lab::default();
    let runbook = lab.write("same.rhai", SAME);
    let runbook = runbook.to_str().expect("UTF-8");
    let of_folders = ["--only", "make dir", "--only", "remove dir"];
    let of_folders = [&of_folders[..], &["--only", "./root · undone"]].concat();
    for more in [&[][..], &of_folders, &of_folders, &of_folders] {
        let last = survived(Done::of(sweep(&lab, runbook, more)));
        assert_eq!(last["missed"], 0, "{last}");
        // Intent and outcome, each killed at before and after, and the effect without an outcome: what
        // follows is one of two. Of the rollback's records there is one of each.
        let folders = 5;
        assert_eq!(last["classes"]["make_dir"], folders * 5 * 2, "{last}");
        assert_eq!(last["classes"]["remove_dir"], folders * 5, "{last}");
    }
}

/// Nor does it matter where one of them wants it with a mode: made with another, it gets it by one more effect.
/// Where that was never needed again a trial finds no record.
#[test]
fn a_folder_gets_the_mode_that_is_wanted_whoever_makes_it() {
    let lab = Lab::default();
    let private = r#"directory("private", #{ path: `${root}/a`, mode: "0700" });"#;
    let runbook = lab.write("same.rhai", &format!("{SAME}{private}\n"));
    let runbook = runbook.to_str().expect("UTF-8");
    for _ in 0..2 {
        let only = ["--only", "private", "--only", "./root/a ·"];
        let last = survived(Done::of(sweep(&lab, runbook, &only)));
        let made = last["trials"].as_u64().expect("a number");
        assert!(
            last["missed"].as_u64().expect("a number") < made / 2,
            "{last}"
        );
    }
}

/// A sweep that was broken off goes on with what is left, and with what went wrong.
#[test]
fn a_sweep_goes_on_where_it_was_broken_off() {
    let lab = Lab::default();
    let runbook = lab.write("files.rhai", FILES);
    let runbook = runbook.to_str().expect("UTF-8");
    let first = Done::of(sweep(&lab, runbook, &["-p", "many=1", "--sample", "20"])).expect(0);
    let said = first.out();
    let lines: Vec<&str> = said.lines().collect();
    let (wrong, cut) = (
        lines[3].replace("\"ok\":true", "\"ok\":false"),
        &lines[5][..40],
    );
    let stopped =
        r#"{"event":"error","fault":{"code":"cancelled","what":"the sweep was stopped"}}"#;
    let said = [lines[0], lines[1], lines[2], &wrong, lines[4], stopped, cut].join("\n");
    let said = lab.write("rows.jsonl", &said);
    let said = said.to_str().expect("UTF-8");
    let rest = ["-p", "many=1", "--continue", said];
    let all = Done::of(sweep(&lab, runbook, &["-p", "many=1", "--list"])).expect(0);
    let left = Done::of(sweep(&lab, runbook, &[&rest[..], &["--list"]].concat())).expect(0);
    assert_eq!(
        left.events().len(),
        all.events().len() - 4,
        "{}",
        left.out()
    );
    let last = survived(Done::of(sweep(
        &lab,
        runbook,
        &[&rest[..], &["--sample", "5"]].concat(),
    )));
    assert_eq!(last["trials"], 5, "{last}");
    lab.write("rows.jsonl", "nonsense\n");
    let refused = Done::of(sweep(&lab, runbook, &rest)).expect(2);
    assert!(refused.err().contains("rows.jsonl:1"), "{}", refused.err());
}

/// A sweep in which somebody else puts a file where krun's are: it must tell.
#[test]
fn what_is_wrong_is_told() {
    let lab = Lab::default();
    let runbook = lab.write("files.rhai", FILES);
    let runbook = runbook.to_str().expect("UTF-8");
    let mut krun = sweep(&lab, runbook, &["-p", "many=1", "--jobs", "1"])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("krun starts");
    let mut wrong: Vec<Value> = vec![];
    let mut lines = BufReader::new(krun.stdout.take().expect("stdout")).lines();
    let first = lines.next().expect("a line").expect("a line");
    assert!(first.contains("\"ok\":true"), "{first}");
    let meddling = AtomicBool::new(true);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while meddling.load(Ordering::Relaxed) {
                let _ = fs::write(lab.path("scratch/1/world/root/d0/foreign"), "mine");
                std::thread::yield_now();
            }
        });
        for line in lines.map_while(Result::ok) {
            let row: Value = serde_json::from_str(&line).unwrap_or_default();
            if row["ok"] == false {
                wrong.push(row);
            }
            if wrong.len() == 4 {
                break;
            }
        }
        meddling.store(false, Ordering::Relaxed);
    });
    procs::signal(krun.id(), rustix::process::Signal::INT);
    let code = krun.wait().expect("krun ends").code();
    assert_eq!(wrong.len(), 4, "it is noticed again and again");
    assert_eq!(code, Some(130), "stopped by Ctrl-C");
    let text = wrong[0]["wrong"].to_string();
    assert!(text.contains("foreign"), "{text}");
    let kept = wrong.iter().filter_map(|row| row["kept"].as_str());
    for path in kept.clone() {
        assert!(
            fs::exists(path).expect("a look"),
            "{path} is there for a look"
        );
    }
    assert_eq!(kept.count(), 3, "the first three are kept");
    assert!(!lab.path("scratch/1").exists(), "nothing else is");
}

#[test]
fn what_is_real_is_not_touched() {
    let lab = Lab::default();
    let runbook = lab.write("files.rhai", FILES);
    let runbook = runbook.to_str().expect("UTF-8");
    let real = format!("root={}", lab.path("real").display());
    let refused = Done::of(sweep(&lab, runbook, &["-p", &real])).expect(2);
    assert!(refused.err().contains("scratch"), "{}", refused.err());
    assert!(!lab.path("real").exists());
    assert!(!lab.path("scratch").exists());
    let there = Done::of(sweep(&lab, runbook, &["--list", "-p", "many=1"])).expect(0);
    assert!(there.events().len() > 50, "{}", there.out());
    fs::create_dir(lab.path("scratch")).expect("a folder");
    lab.write("scratch/mine", "mine");
    Done::of(sweep(&lab, runbook, &[])).expect(1);
    assert!(
        lab.path("scratch/mine").exists(),
        "a folder that is there is refused"
    );
}

/// Every class of effect that a cluster knows, killed between effect and outcome and before the effect.
/// The Java that is started counts itself: the sweep's own witness must have seen each start.
#[test]
fn clusters_survive_a_kill_at_every_class_of_effect() {
    let mut cluster = Cluster::of_one(2);
    cluster
        .set("records=20")
        .set("topic_configs=retention.ms=86400000");
    let fresh = |class: &str| {
        let moment = match class {
            "link" | "claim" => "no outcome",
            _ => "middle",
        };
        format!("{class} {moment}")
    };
    let first: Vec<String> = [
        "claim",
        "start process",
        "create topic",
        "produce",
        "stop process",
    ]
    .into_iter()
    .chain(["delete topic", "release", "link"])
    .map(fresh)
    .collect();
    let first: Vec<&str> = first.iter().flat_map(|only| ["--only", only]).collect();
    let mut seen = of_cluster(&cluster, &first);
    let mut second = vec!["--then", "topic_configs=retention.ms=172800000"];
    second.extend(["--then", "heap=272m", "--then", "partitions=3"]);
    for class in ["alter configs", "add partitions", "stop process"] {
        let only: &'static str = match class {
            "alter configs" => "alter configs no outcome",
            "add partitions" => "add partitions no outcome",
            _ => "stop process no outcome run",
        };
        second.extend(["--only", only]);
    }
    seen.extend(of_cluster(&cluster, &second));
    for class in [
        "claim",
        "start_process",
        "create_topic",
        "produce",
        "stop_process",
        "delete_topic",
        "release",
        "link",
        "alter_configs",
        "add_partitions",
    ] {
        assert!(seen.contains(class), "{class} in {seen:?}");
    }
}

/// A broker joins: replicas move to it, and leaders with them.
#[test]
fn a_joining_broker_survives_a_kill_at_every_class_of_effect() {
    let mut cluster = Cluster::new(3);
    let ports: Vec<String> = cluster.lab.ports.list[1..]
        .iter()
        .map(ToString::to_string)
        .collect();
    cluster
        .set(&format!("broker_ports={}", ports[..2].join(",")))
        .set("rebalance=even")
        .set("replication_factor=2")
        .set("transaction_replication_factor=2")
        .set("transaction_min_isr=2")
        .set("records=20");
    let joined = format!("broker_ports={}", ports.join(","));
    let second = ["--then", &joined, "--only", "reassign middle"];
    let second = [&second[..], &["--only", "elect leaders middle"]].concat();
    let seen = of_cluster(&cluster, &second);
    for class in ["reassign", "elect_leaders"] {
        assert!(seen.contains(class), "{class} in {seen:?}");
    }
}

/// What the proofs commit for consumer groups is forgotten again. On one broker, where no leader can move:
/// what is sent with acks=1 may be lost when one does, and a busy machine moves them.
#[test]
fn groups_survive_a_kill_at_every_class_of_effect() {
    let mut cluster = Cluster::of_one(3);
    cluster.set("records=20").set("proofs=full");
    // Killed in its middle, the proof begins anew and commits a second time: by design.
    let moments = [
        "delete group no outcome",
        "intent commit offsets middle rolled",
        "intent commit offsets before",
    ];
    let only: Vec<_> = moments.iter().flat_map(|only| ["--only", only]).collect();
    let seen = of_cluster(&cluster, &only);
    for class in ["delete_group", "commit_offsets"] {
        assert!(seen.contains(class), "{class} in {seen:?}");
    }
}

/// A topic that is being created when krun is killed is krun's, however far that had come: brokers learn
/// of it only a moment after the controller.
#[test]
fn a_topic_half_created_is_taken_back() {
    let mut cluster = Cluster::of_one(1);
    cluster.set("records=1");
    cluster.run().expect(0);
    let script = format!(
        "runbook(#{{ name: \"one-topic\", version: \"1.0.0\", summary: \"a topic\" }});\n\
         kafka::topic(\"topic\", #{{ bootstrap: [\"{}\"], name: \"half\", partitions: 20, \
         replication_factor: 1 }});\n",
        cluster.bootstrap()
    );
    let runbook = cluster.lab.write("one-topic.rhai", &script);
    let runbook = runbook.to_str().expect("UTF-8");
    let mut recovered = 0;
    for ms in (0..40).step_by(2) {
        let mut killed = cluster.lab.krun(&["run", runbook, "--json"]);
        killed.env("KRUN_KILL_AT", format!("during-{ms}:2:topic"));
        let killed = Done::of(killed);
        if killed.code() == 0 {
            // It was through before that: there is no such moment.
            cluster
                .lab
                .run(&["rollback", "--as", "one-topic", "--yes"])
                .expect(0);
            break;
        }
        assert_eq!(killed.code(), -1, "ended by a signal");
        let again = cluster.lab.run(&["run", runbook, "--json"]).expect(0);
        recovered += usize::from(again.out().contains("it had happened"));
        let back = ["rollback", "--as", "one-topic", "--yes", "--json"];
        let back = cluster.lab.run(&back).expect(0);
        assert!(
            back.out().contains("topic half"),
            "after {ms} ms it was forgotten whose it is: {}\n{}",
            again.out(),
            back.out()
        );
        let shown = crate::cluster::kcat(&["-b", &cluster.bootstrap(), "-L"]);
        assert!(
            !shown.contains("\"half\""),
            "after {ms} ms it is still there"
        );
    }
    assert!(
        recovered > 0,
        "some of the kills came when it was there already"
    );
}

/// Sweeps the shipped runbook; the classes of effect that were tried.
fn of_cluster(cluster: &Cluster, more: &[&str]) -> BTreeSet<String> {
    let scratch = cluster.lab.path("scratch");
    let mut command = cluster.scratch_command(scratch.to_str().expect("UTF-8"));
    command.args(["--one-of-each"]).args(more);
    let before = cluster.starts(".properties");
    let last = survived(Done::of(command));
    let started = cluster.starts(".properties") - before;
    assert_eq!(
        last["starts"], started,
        "the witness saw each start: {last}"
    );
    assert_eq!(cluster.lab.pids().len(), 0, "nothing is left running");
    classes(&last).into_iter().map(str::to_owned).collect()
}
