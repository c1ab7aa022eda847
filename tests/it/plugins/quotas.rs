//! The plugin `client-quota` and its runbook, on a real cluster that Kafka's own tool looks into.

use super::*;
use crate::topics::tool;

/// The quotas of clients, as Kafka's own tool shows them: one line for each that has some.
fn quotas(cluster: &Cluster) -> Vec<String> {
    let kinds: [&[&str]; 3] = [&["users"], &["clients"], &["users", "clients"]];
    let all = kinds.map(|kinds| {
        let mut args = vec!["--describe"];
        kinds
            .iter()
            .for_each(|kind| args.extend(["--entity-type", kind]));
        let text = tool(cluster, "kafka-configs.sh", &args);
        let lines = text
            .lines()
            .filter(|line| line.starts_with("Quota configs"));
        lines.map(sorted).collect::<Vec<_>>()
    });
    let mut all = all.concat();
    all.sort();
    all.dedup();
    all
}

/// The tool shows keys in any order.
fn sorted(line: &str) -> String {
    let (whose, list) = line.split_once(" are ").unwrap_or((line, ""));
    let mut keys: Vec<_> = list.split(", ").collect();
    keys.sort_unstable();
    format!("{whose}: {}", keys.join(" "))
}

fn alter(cluster: &Cluster, change: &[&str]) {
    let mut args = vec!["--alter"];
    args.extend(change);
    tool(cluster, "kafka-configs.sh", &args);
}

/// A folder with the shipped runbook and the plugin, granted the cluster.
fn shipped(cluster: &Cluster, grants: &[&str]) -> PathBuf {
    let folder = cluster.lab.path("books");
    fs::create_dir_all(&folder).expect("a folder");
    let runbook = repository().join("runbooks/client-quotas.rhai");
    fs::copy(runbook, folder.join("client-quotas.rhai")).expect("the runbook");
    let grants: Vec<_> = grants
        .iter()
        .map(|grant| format!("{grant}:{}", cluster.bootstrap()))
        .collect();
    add(&cluster.lab, &folder, &component("client-quota"), &grants).expect(0);
    folder
}

fn on_quotas(cluster: &Cluster, verb: &str, more: &[&str]) -> Done {
    let bootstrap = format!("bootstrap={}", cluster.bootstrap());
    let mut arguments = vec![verb, "books/client-quotas.rhai"];
    arguments.extend(["--param", &bootstrap, "--param", "client_ids=reports,batch"]);
    arguments.extend(more);
    cluster.lab.run(&arguments)
}

#[test]
fn set_put_back_and_killed_anywhere() {
    let mut cluster = Cluster::of_one(1);
    cluster.set("records=5");
    cluster.run().expect(0);
    alter(
        &cluster,
        &["--entity-type", "clients", "--entity-name", "reports"]
            .iter()
            .chain(&[
                "--add-config",
                "producer_byte_rate=5000,request_percentage=12.5",
            ])
            .copied()
            .collect::<Vec<_>>(),
    );
    let before = quotas(&cluster);
    assert_eq!(
        before,
        [
            "Quota configs for client-id 'reports': producer_byte_rate=5000.0 request_percentage=12.5"
        ]
    );

    // Looking is granted, changing is not.
    shipped(&cluster, &["kafka"]);
    let said = flat(&on_quotas(&cluster, "run", &[]).expect(1).err());
    assert!(
        said.contains("add the line `- change-kafka:") && said.contains("client-quota"),
        "{said}"
    );
    assert_eq!(quotas(&cluster), before);
    shipped(&cluster, &["kafka", "change-kafka"]);

    let plan = on_quotas(&cluster, "plan", &["-v"]).expect(0).out();
    assert!(plan.contains("the quotas are others"), "{plan}");
    on_quotas(&cluster, "run", &[]).expect(0);
    let wanted = [
        "Quota configs for client-id 'batch': consumer_byte_rate=4194304.0 producer_byte_rate=1048576.0",
        "Quota configs for client-id 'reports': consumer_byte_rate=4194304.0 producer_byte_rate=1048576.0 request_percentage=12.5",
        "Quota configs for the default client-id: consumer_byte_rate=4.194304E7 producer_byte_rate=1.048576E7",
    ];
    assert_eq!(quotas(&cluster), wanted);
    let again = on_quotas(&cluster, "run", &["--json"]).expect(0);
    assert_eq!(again.finished()["changed"], 0);

    // Somebody else's quota is in the way of a rollback only where krun set that very key.
    let reports = ["--entity-type", "clients", "--entity-name", "reports"];
    let set = |change: &str| {
        let args: Vec<_> = reports
            .iter()
            .chain(&["--add-config", change])
            .copied()
            .collect();
        alter(&cluster, &args);
    };
    set("producer_byte_rate=7000");
    let said = cluster.lab.run(&["rollback", "client-quotas", "--yes"]);
    assert_ne!(said.code(), 0);
    assert!(
        said.err().contains("producer_byte_rate=7000"),
        "{}",
        said.err()
    );
    set("producer_byte_rate=1048576,request_percentage=33");
    cluster
        .lab
        .run(&["rollback", "client-quotas", "--yes"])
        .expect(0);
    assert_eq!(
        quotas(&cluster),
        [
            "Quota configs for client-id 'reports': producer_byte_rate=5000.0 request_percentage=33.0"
        ]
    );

    // Killed at every record, gone on, taken back: nothing is left.
    set("request_percentage=12.5");
    let scratch = cluster.lab.path("scratch");
    let scratch = scratch.to_str().expect("UTF-8");
    let sweep = [
        "--crash-at-every-record",
        "--json",
        "--scratch",
        scratch,
        "--allow-outside",
        "--jobs",
        "1",
    ];
    let done = on_quotas(&cluster, "test", &sweep).expect(0);
    let last = done.events().pop().expect("totals");
    assert_eq!(last["failed"], 0, "{last}");
    assert!(
        last["trials"].as_u64().is_some_and(|trials| trials > 50),
        "{last}"
    );
    assert_eq!(quotas(&cluster), before);

    // Users, users with client ids, defaults, and quotas that are taken away.
    let step = |name: &str, args: &str| {
        format!(
            "client_quota::quota(\"{name}\", #{{ bootstrap: [\"{}\"], {args} }});\n",
            cluster.bootstrap()
        )
    };
    let steps = [
        step("a", "user: \"alice\", request_percentage: \"0.5\""),
        step(
            "b",
            "user: \"alice\", client_id: \"x\", producer_byte_rate: 10",
        ),
        step(
            "c",
            "user: \"alice\", default_client_id: true, producer_byte_rate: 20",
        ),
        step("d", "default_user: true, consumer_byte_rate: 30"),
        step(
            "e",
            "client_id: \"reports\", consumer_byte_rate: 40, without: [\"producer_byte_rate\"]",
        ),
    ];
    fs::write(
        cluster.lab.path("books/test.rhai"),
        format!(
            "runbook(#{{ name: \"test\", version: \"1\", summary: \"a test\" }});\nuse_plugin(\"client-quota\");\n{}",
            steps.concat()
        ),
    )
    .expect("a runbook");
    cluster.lab.run(&["run", "books/test.rhai"]).expect(0);
    let text = quotas(&cluster).join("\n");
    for line in [
        "for user-principal 'alice': request_percentage=0.5",
        "for user-principal 'alice', client-id 'x': producer_byte_rate=10.0",
        "for user-principal 'alice', the default client-id: producer_byte_rate=20.0",
        "for the default user-principal: consumer_byte_rate=30.0",
        "for client-id 'reports': consumer_byte_rate=40.0 request_percentage=12.5",
    ] {
        assert!(text.contains(line), "no {line:?} in:\n{text}");
    }
    cluster.lab.run(&["rollback", "test", "--yes"]).expect(0);
    assert_eq!(quotas(&cluster), before);

    // The plugin's own examples, on this cluster.
    let (file, bootstrap) = (component("client-quota"), cluster.bootstrap());
    let mut arguments = vec!["plugin", "test", file.to_str().expect("UTF-8")];
    arguments.extend(["--bootstrap", &bootstrap, "--one-of-each"]);
    cluster.lab.run(&arguments).expect(0);
    assert_eq!(quotas(&cluster), before);
}

/// Brokers before 2.6 have no request for it, and krun says so.
#[test]
fn brokers_that_are_too_old() {
    let mut cluster = Cluster::of_one(1);
    cluster.set("records=5").set("kafka_version=2.5.0");
    cluster
        .on_runbook("run", &["--allow-untested-java"])
        .expect(0);
    shipped(&cluster, &["kafka", "change-kafka"]);
    let said = flat(&on_quotas(&cluster, "run", &[]).expect(1).err());
    assert!(
        said.contains("they came with Kafka 2.6 (KIP-546)"),
        "{said}"
    );
}

#[test]
fn arguments_that_contradict_each_other() {
    let lab = lab_with("client-quota", &[]);
    for (args, wrong) in [
        (
            "producer_byte_rate: 1",
            "it does not say for whom the quota is",
        ),
        ("user: \"a\"", "no quota is given"),
        (
            "user: \"a\", default_user: true, producer_byte_rate: 1",
            "a quota is for one user, or for the default of all",
        ),
        ("user: \"a\", producer_byte_rate: 0", "is greater than 0"),
        ("user: \"a\", request_percentage: \"much\"", "is a number"),
        ("user: \"a\", without: [\"bytes\"]", "can't be taken away"),
        (
            "user: \"a\", producer_byte_rate: 1, without: [\"producer_byte_rate\"]",
            "it is set by the same step",
        ),
    ] {
        let step =
            format!("client_quota::quota(\"q\", #{{ bootstrap: [\"127.0.0.1:1\"], {args} }});\n");
        runbook(&lab, "client-quota", &step);
        let said = flat(&lab.run(&["check", "test.rhai"]).expect(3).err());
        assert!(said.contains(wrong), "no {wrong:?} in {said}");
    }
    let twice = "client_quota::quota(\"NAME\", #{ bootstrap: [\"127.0.0.1:1\"], user: \"a\", producer_byte_rate: 1 });\n";
    let steps = ["one", "two"].map(|name| twice.replace("NAME", name));
    runbook(&lab, "client-quota", &steps.concat());
    let said = flat(&lab.run(&["check", "test.rhai"]).expect(3).err());
    assert!(said.contains("both write"), "{said}");
}
