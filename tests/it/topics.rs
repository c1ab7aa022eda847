//! Settings, partitions and proofs of topics on a real cluster, altered behind krun's back by Kafka's own
//! tools and by kcat.

use std::{
    fs,
    io::Write as _,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use krun_tests::{lab::Done, procs};
use serde_json::Value;

use crate::cluster::{Cluster, kcat};

/// One broker is enough for what a topic is.
fn one_broker() -> Cluster {
    let mut cluster = Cluster::of_one(2);
    cluster.set("records=20");
    cluster
}

/// Kafka's own tool, out of the cluster's own folder.
pub fn tool(cluster: &Cluster, name: &str, args: &[&str]) -> String {
    let output = Command::new(cluster.root().join("kafka/bin").join(name))
        .args(["--bootstrap-server", &cluster.bootstrap()])
        .args(args)
        .output()
        .expect("a launcher");
    let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
    assert!(output.status.success(), "{name}: {}", text(&output.stderr));
    text(&output.stdout)
}

/// What the topic `test` itself sets, as Kafka's own tool shows it.
fn settings(cluster: &Cluster, topic: &str) -> Vec<String> {
    let args = [
        "--describe",
        "--entity-type",
        "topics",
        "--entity-name",
        topic,
    ];
    let mut found: Vec<_> = tool(cluster, "kafka-configs.sh", &args)
        .lines()
        .filter_map(|line| Some(line.trim().split_once(" sensitive=")?.0.to_owned()))
        .collect();
    found.sort();
    found
}

fn set(cluster: &Cluster, topic: &str, change: &str) {
    let args = [
        "--alter",
        "--entity-type",
        "topics",
        "--entity-name",
        topic,
        "--add-config",
        change,
    ];
    tool(cluster, "kafka-configs.sh", &args);
}

/// The planned step of the topic.
fn planned(done: &Done) -> Value {
    let plan = done.events().pop().expect("a plan");
    let steps = plan["plan"]["steps"].as_array().expect("steps").clone();
    let topic = steps.into_iter().find(|step| step["address"] == "topic");
    topic.expect("the topic's step")
}

#[test]
fn settings_are_repaired_and_rolled_back() {
    let mut cluster = one_broker();
    // A topic that was there before krun came, with settings of its own.
    cluster.set("topic=first");
    cluster.run().expect(0);
    tool(
        &cluster,
        "kafka-topics.sh",
        &[
            "--create",
            "--topic",
            "mine",
            "--partitions",
            "2",
            "--config",
            "retention.ms=111",
            "--config",
            "flush.ms=222",
        ],
    );
    cluster.set("topic=mine");
    cluster
        .set("topic_configs=retention.ms=86400000,min.insync.replicas=1,max.message.bytes=2000000");
    let step = planned(&cluster.on_runbook("plan", &["--json"]).expect(0));
    assert_eq!(
        (&step["change"], &step["undo"]),
        (&"update".into(), &"reversible".into())
    );
    let line = &step["diff"][1];
    assert_eq!(
        (&line["key"], &line["before"], &line["after"]["value"]),
        (&"retention.ms".into(), &"111".into(), &"86400000".into())
    );
    cluster.run().expect(0);
    let left = [
        "flush.ms=222",
        "max.message.bytes=2000000",
        "retention.ms=86400000",
    ];
    assert_eq!(settings(&cluster, "mine"), left);
    assert_eq!(cluster.run().expect(0).finished()["changed"], 0);

    // Somebody sets one of them, and one that is none of krun's business.
    set(&cluster, "mine", "retention.ms=5,segment.ms=70000");
    let shown = cluster.on_runbook("plan", &[]).expect(0).out();
    assert!(shown.contains("retention.ms: 5 → 86400000"), "{shown}");
    let changes = cluster.run().expect(0).changes();
    assert_eq!(changes, [("topic".into(), "update".into())]);
    let all = [
        "flush.ms=222",
        "max.message.bytes=2000000",
        "retention.ms=86400000",
        "segment.ms=70000",
    ];
    assert_eq!(settings(&cluster, "mine"), all);

    // Misspelt and bad values are known before anything is done.
    cluster.set("topic_configs=retention.mss=1");
    let said = cluster.on_runbook("plan", &[]);
    assert_ne!(said.code(), 0);
    assert!(
        said.err().contains("Did you mean `retention.ms`?"),
        "{}",
        said.err()
    );
    cluster.set("topic_configs=retention.ms=-7");
    let said = cluster.on_runbook("run", &[]).expect(1);
    assert!(said.err().contains("at least -1"), "{}", said.err());

    // A rollback does not go over what somebody set since, and says what that is.
    set(&cluster, "mine", "retention.ms=6");
    let said = cluster.lab.run(&["rollback", "--yes"]).expect(6);
    assert!(
        said.err()
            .contains("krun left retention.ms=86400000, found retention.ms=6"),
        "{}",
        said.err()
    );
    set(&cluster, "mine", "retention.ms=86400000");
    // Only the topic's settings are asked for here: the brokers, which would go too, must stay to be asked.
    let plan = cluster.lab.run(&["rollback", "--plan"]).expect(0).out();
    assert!(plan.contains("settings of topic mine"), "{plan}");
}

/// Whether the journal holds a text, committed or about to be.
fn journaled(cluster: &Cluster, text: &str) -> bool {
    let files = fs::read_dir(cluster.lab.path("state")).expect("a state folder");
    files.flatten().any(|file| {
        let bytes = fs::read(file.path()).unwrap_or_default();
        bytes
            .windows(text.len())
            .any(|part| part == text.as_bytes())
    })
}

#[test]
fn killed_while_it_alters_it_recovers_and_goes_back() {
    let mut cluster = one_broker();
    cluster.run().expect(0);
    let mut cut_off = 0;
    for round in 0..6_u32 {
        let retention = format!("{}", 1_000_000 + round);
        cluster.set(&format!(
            "topic_configs=retention.ms={retention},flush.ms=9"
        ));
        let mut krun = cluster
            .command("run", &["--json"])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("krun starts");
        // The intent is in the journal; the outcome comes once the brokers show the settings.
        let intent = format!("\"retention.ms\":\"{retention}\"");
        let deadline = Instant::now() + Duration::from_secs(60);
        while !journaled(&cluster, &intent) && krun.try_wait().expect("a child").is_none() {
            assert!(Instant::now() < deadline, "no intent");
        }
        // Each round a little later: before the request, after it, after the outcome.
        std::thread::sleep(Duration::from_millis(u64::from(round) * 4));
        krun.kill().expect("SIGKILL");
        krun.wait().expect("krun is gone");
        let events = cluster.run().expect(0).events();
        let recovered = |event: &&Value| event["event"] == "recovered";
        cut_off += events.iter().filter(recovered).count();
        let wanted = ["flush.ms=9".to_owned(), format!("retention.ms={retention}")];
        assert_eq!(settings(&cluster, "test"), wanted);
        assert_eq!(cluster.run().expect(0).finished()["changed"], 0);
    }
    assert!(
        cut_off > 0,
        "no kill fell between an intent and its outcome"
    );
    cluster.lab.run(&["rollback", "--yes"]).expect(0);
    assert_eq!(cluster.lab.pids().len(), 0);
}

#[test]
fn partitions_grow_after_a_question() {
    let mut cluster = one_broker();
    cluster.run().expect(0);
    // krun's own topic goes as a whole: nothing to ask.
    cluster.set("partitions=3");
    let step = planned(&cluster.on_runbook("plan", &["--json"]).expect(0));
    assert_eq!(step["undo"], "contained");
    let reason = step["reason"].to_string();
    assert!(reason.contains("keys map to other partitions"), "{reason}");
    assert_eq!(cluster.run().expect(0).finished()["status"], "succeeded");

    // Fewer are refused with the reason.
    cluster.set("partitions=2");
    let said = cluster.on_runbook("run", &[]);
    assert_ne!(said.code(), 0);
    assert!(said.err().contains("never taken away"), "{}", said.err());

    // Somebody else's topic keeps them for ever: without a terminal and without --yes nothing is done.
    tool(
        &cluster,
        "kafka-topics.sh",
        &["--create", "--topic", "theirs", "--partitions", "2"],
    );
    cluster.set("topic=theirs").set("partitions=4");
    let shown = cluster.on_runbook("plan", &[]).expect(0).out();
    assert!(shown.contains("partitions: 2 → 4"), "{shown}");
    assert!(shown.contains("Cannot be taken back: topic"), "{shown}");
    let said = cluster.on_runbook("run", &[]).expect(10);
    assert!(
        said.err().contains("there is no terminal to ask on"),
        "{}",
        said.err()
    );
    let listed = |cluster: &Cluster| kcat(&["-b", &cluster.bootstrap(), "-L", "-t", "theirs"]);
    assert!(listed(&cluster).contains("with 2 partitions"));
    cluster.on_runbook("run", &["--yes"]).expect(0);
    assert!(listed(&cluster).contains("with 4 partitions"));

    // What shows only during the run is not done unasked either.
    cluster.set("partitions=5");
    cluster.lab.run(&["stop"]).expect(0);
    let said = cluster.on_runbook("run", &[]).expect(10);
    assert!(
        said.err()
            .contains("which was not known when the run began"),
        "{}",
        said.err()
    );
    assert!(listed(&cluster).contains("with 4 partitions"));
    cluster.on_runbook("run", &["--yes"]).expect(0);
    assert!(listed(&cluster).contains("with 5 partitions"));
}

#[test]
fn foreign_records_keep_their_topic() {
    let mut cluster = one_broker();
    cluster.run().expect(0);
    cluster.set("partitions=3");
    cluster.run().expect(0);
    let mut writer = Command::new("kcat")
        .args(["-b", &cluster.bootstrap(), "-P", "-t", "test", "-p", "2"])
        .stdin(Stdio::piped())
        .spawn()
        .expect("kcat is installed");
    let mut stdin = writer.stdin.take().expect("stdin");
    stdin.write_all(b"a person's\n").expect("a record");
    drop(stdin);
    assert!(writer.wait().expect("kcat ends").success());
    let said = cluster.lab.run(&["rollback", "--yes"]).expect(6);
    assert!(
        said.err().contains("1 records that krun did not write"),
        "{}",
        said.err()
    );
    assert_eq!(cluster.records().len(), 21, "nothing was touched");
}

#[test]
fn all_proofs_and_what_they_leave() {
    let mut cluster = one_broker();
    cluster.set("proofs=full").set("partitions=4");
    let began = Instant::now();
    let events = cluster.run().expect(0).events();
    println!("with all proofs: {:?}", began.elapsed());
    let outputs = |step: &str| {
        let of = |event: &&Value| event["event"] == "step_finished" && event["step"] == step;
        events.iter().find(of).unwrap_or_else(|| panic!("{step}"))["outputs"].clone()
    };
    assert_eq!(outputs("proofs/same-key")["keys"], 5);
    let groups = outputs("proofs/groups");
    assert_eq!(
        (&groups["first"], &groups["second"], &groups["late"]),
        (&20.into(), &20.into(), &10.into())
    );
    let shown = cluster.lab.run(&["status", "--cluster"]).expect(0).out();
    assert!(
        shown.contains("group") && shown.contains("-late") && shown.contains("lag"),
        "{shown}"
    );
    assert_eq!(cluster.run().expect(0).finished()["changed"], 0);

    // The groups go with a rollback, while the brokers still run.
    let ids: Vec<_> = groups["groups"].as_array().expect("ids").clone();
    let plan = cluster.lab.run(&["rollback", "--plan"]).expect(0).out();
    for id in ids {
        let id = id.as_str().expect("an id");
        assert!(
            plan.contains(&format!("group {id} in topic test")),
            "{plan}"
        );
    }
    cluster.lab.run(&["rollback", "--yes"]).expect(0);
    assert_eq!(
        procs::pids(cluster.root().to_str().expect("UTF-8")).len(),
        0
    );
}
