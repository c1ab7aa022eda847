//! The plugin `topic-policy`: its arguments checked like a built-in kind's, its lock kept, its proofs on a
//! real cluster.

use super::*;
use crate::cluster::kcat;

const STEP: &str = "topic_policy::check_topic(\"allowed\", #{ bootstrap: [\"127.0.0.1:1\"], name: \"shop.orders\", partitions: 6, replication_factor: 3, min_insync_replicas: 2 });";

fn lab() -> Lab {
    lab_with("topic-policy", &["kafka:127.0.0.1:*".to_owned()])
}

/// What `krun check` says of a step.
fn checked(lab: &Lab, step: &str) -> Done {
    runbook(lab, "topic-policy", step);
    lab.run(&["check", "test.rhai"])
}

#[test]
fn arguments_are_checked_like_those_of_built_in_kinds() {
    let lab = lab();
    checked(&lab, STEP).expect(0);
    for (from, to, wrong) in [
        (
            "partitions: 6",
            "partition: 6",
            "has no argument `partition`",
        ),
        (
            "partitions: 6",
            "partitions: \"6\"",
            "`partitions` of `topic_policy::check_topic` must be an int",
        ),
        (", name: \"shop.orders\"", "", "must be given `name`"),
        ("check_topic", "check_topics", "check_topics"),
        ("shop.orders", "shop.orders_v2", "it has both `.` and `_`"),
        (
            "replication_factor: 3",
            "replication_factor: 2",
            "is not above min.insync.replicas 2",
        ),
        (
            "partitions: 6",
            "partitions: 60, max_partitions: 48",
            "at most 48 are wanted",
        ),
    ] {
        let done = checked(&lab, &STEP.replacen(from, to, 1)).expect(3);
        assert!(
            flat(&done.err()).contains(wrong),
            "no {wrong:?} in {}",
            done.err()
        );
        assert!(done.err().contains("test.rhai:3:"), "{}", done.err());
    }
}

#[test]
fn plugins_that_the_lock_does_not_have() {
    let lab = lab();
    lab.write("test.rhai", "runbook(#{ name: \"t\", version: \"1\", summary: \"t\" });\nuse_plugin(\"topic-polizy\");\n");
    let done = lab.run(&["check", "test.rhai"]).expect(3);
    assert!(
        done.err()
            .contains("krun.lock, beside the runbook, has no plugin `topic-polizy`"),
        "{}",
        done.err()
    );
    // Without `use_plugin` its module is not there.
    lab.write(
        "test.rhai",
        &format!("runbook(#{{ name: \"t\", version: \"1\", summary: \"t\" }});\n{STEP}\n"),
    );
    lab.run(&["check", "test.rhai"]).expect(3);
}

#[test]
fn a_plan_shows_what_a_plugin_may_touch() {
    let lab = lab();
    runbook(&lab, "topic-policy", STEP);
    let plan = lab.run(&["plan", "test.rhai"]).expect(0).out();
    assert!(plan.contains("plugin topic-policy 0.1.0 ("), "{plan}");
    assert!(
        plan.contains(" may: look at the cluster at 127.0.0.1:*"),
        "{plan}"
    );
    let json = lab
        .run(&["plan", "test.rhai", "--json"])
        .expect(0)
        .events()
        .remove(0);
    assert_eq!(json["plugins"][0]["grants"][0], "kafka:127.0.0.1:*");
}

#[test]
fn a_changed_file_is_refused() {
    let lab = lab();
    runbook(&lab, "topic-policy", STEP);
    lab.run(&["plugin", "verify"]).expect(0);
    let file = lab.path("plugins/topic-policy.wasm");
    let mut bytes = fs::read(&file).expect("the component");
    *bytes.last_mut().expect("bytes") ^= 1;
    fs::write(&file, bytes).expect("a changed file");
    for arguments in [
        &["plugin", "verify"][..],
        &["plan", "test.rhai"],
        &["check", "test.rhai"],
    ] {
        let done = lab.run(arguments).expect(1);
        assert!(
            done.err()
                .contains("the plugin's file is not the one in krun.lock"),
            "{}",
            done.err()
        );
    }
    // A runbook that does not use it is none the wiser.
    lab.write(
        "other.rhai",
        "runbook(#{ name: \"t\", version: \"1\", summary: \"t\" });\n",
    );
    lab.run(&["check", "other.rhai"]).expect(0);
}

#[test]
fn inspecting_shows_what_can_be_called() {
    let lab = lab();
    let shown = lab
        .run(&["plugin", "inspect", "topic-policy"])
        .expect(0)
        .out();
    assert!(shown.contains("  krun:plugin/kafka@1.0.0\n"), "{shown}");
    for absent in ["kafka-changes", "file-changes", "commands", "http", "wasi"] {
        assert!(!shown.contains(absent), "{absent} in {shown}");
    }
    assert!(
        shown.contains(
            "kind topic_policy::check_topic\n  bootstrap: a list of which each is a string\n"
        ),
        "{shown}"
    );
    assert!(shown.contains("asks for kafka:HOST:PORT"), "{shown}");
    let listed = lab.run(&["plugin", "list"]).expect(0).out();
    assert!(
        listed.contains("  may look at the cluster at 127.0.0.1:*\n"),
        "{listed}"
    );
}

#[test]
fn on_a_real_cluster() {
    let mut cluster = Cluster::new(2);
    cluster.one_replica(2).set("records=5");
    cluster.run().expect(0);
    let folder = cluster.lab.path("books");
    fs::create_dir_all(&folder).expect("a folder");
    let shipped = repository().join("runbooks/topic-with-policy.rhai");
    fs::copy(shipped, folder.join("topic.rhai")).expect("the runbook");
    let (lab, bootstrap) = (&cluster.lab, cluster.bootstrap());
    let first = bootstrap.split(',').next().expect("a broker").to_owned();
    let on_topic = |verb: &str, replicas: u32, min: u32| {
        let params = [
            format!("bootstrap={bootstrap}"),
            "topic=shop.orders".to_owned(),
            format!("replication_factor={replicas}"),
            format!("min_insync_replicas={min}"),
        ];
        let mut arguments = vec![verb, "books/topic.rhai"];
        params
            .iter()
            .for_each(|param| arguments.extend(["--param", param]));
        lab.run(&arguments)
    };

    // Not granted: the reader is told so, with the line that would grant it.
    add(lab, &folder, &component("topic-policy"), &[]).expect(0);
    let said = on_topic("run", 2, 1).expect(1).err();
    let line = format!("add the line `- kafka:{first}` to `grants:` of `topic-policy`");
    assert!(said.contains(&line), "{said}");
    let grants: Vec<_> = bootstrap
        .split(',')
        .map(|server| format!("kafka:{server}"))
        .collect();
    add(lab, &folder, &component("topic-policy"), &grants).expect(0);

    // Two replicas of which two must be in sync: refused before anything runs.
    let said = flat(&on_topic("check", 2, 2).expect(3).err());
    assert!(
        said.contains("replication factor 2 is not above min.insync.replicas 2"),
        "{said}"
    );
    // Three replicas are well said, but the cluster has two brokers: only the cluster knows.
    on_topic("check", 3, 1).expect(0);
    let said = on_topic("run", 3, 1).expect(1).err();
    assert!(
        said.contains("3 replicas need as many brokers, and the cluster has 2"),
        "{said}"
    );

    on_topic("run", 2, 1).expect(0);
    let shown = kcat(&["-b", &first, "-L", "-t", "shop.orders"]);
    assert!(
        shown.contains("topic \"shop.orders\" with 6 partitions"),
        "{shown}"
    );

    // All topics that are there: the one that the cluster was proven with has too few replicas.
    let all = format!(
        "runbook(#{{ name: \"all\", version: \"1\", summary: \"all\" }});\nuse_plugin(\"topic-policy\");\n\
         topic_policy::check_cluster(\"all\", #{{ bootstrap: [\"{first}\"], max_partitions: 6 }});\n",
    );
    fs::write(folder.join("all.rhai"), &all).expect("a runbook");
    let said = lab.run(&["run", "books/all.rhai"]).expect(1).err();
    assert!(
        said.contains("test: its replication factor 1 is not above min.insync.replicas 1"),
        "{said}"
    );
    assert!(!said.contains("shop.orders:"), "{said}");
    let but = all.replace("max_partitions", "except: [\"test\"], max_partitions");
    fs::write(folder.join("all.rhai"), but).expect("a runbook");
    let done = lab.run(&["run", "books/all.rhai", "--json"]).expect(0);
    assert!(done.out().contains("\"topics\":1"), "{}", done.out());

    // The topic goes, and so does what the plugin proved: the run is pinned with its lock.
    lab.run(&["rollback", "topic-with-policy", "--yes"])
        .expect(0);
    assert!(!kcat(&["-b", &first, "-L"]).contains("shop.orders"));
}
