//! The guide's commands, taken from the page as a reader sees it and typed into a real bash, make the
//! cluster that krun makes.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
    process::Command,
};

use krun_properties::Document;
use krun_tests::lab::{Done, repository};
use serde_json::{Value, json};

use crate::cluster::{Cluster, kcat};

#[test]
fn the_guide_typed_by_hand_makes_krun_s_cluster() {
    let by_krun = {
        let cluster = Cluster::new(3);
        let run = cluster.run().expect(0);
        the_capture_is_what_krun_says(&cluster, &run);
        let facts = Facts::of(&cluster);
        cluster.lab.run(&["rollback", "--yes"]).expect(0);
        facts
    };

    let mut cluster = Cluster::new(3);
    let page = cluster.on_runbook("doc", &[]).expect(0).out();
    let guide = Commands::of(&page);
    let mirror = mirror_of_apache(&cluster, &page);
    leave_an_earlier_cluster(&cluster);
    type_it(&cluster, &guide.apply, &mirror);
    let by_hand = Facts::of(&cluster);
    assert_eq!(by_hand, by_krun);
    krun_finds_it_as_wanted(&mut cluster);
    type_it(
        &cluster,
        &[&guide.shell[..], &guide.take_back].concat(),
        &mirror,
    );
    assert_eq!(
        processes(&cluster),
        BTreeMap::new(),
        "nothing runs any more"
    );
}

/// The commands of a guide.
struct Commands {
    /// Variables and functions.
    shell: Vec<String>,
    /// All up to where things are taken back, the shell's included.
    apply: Vec<String>,
    /// Those that take it back.
    take_back: Vec<String>,
}

impl Commands {
    /// The blocks of bash on a page, in order.
    fn of(page: &str) -> Self {
        let (mut shell, mut apply, mut take_back) = (vec![], vec![], vec![]);
        let (mut section, mut open): (&str, Option<Vec<&str>>) = ("", None);
        for line in page.lines() {
            match (&mut open, line) {
                (None, "```bash") => open = Some(vec![]),
                (None, line) => {
                    if let Some((_, anchor)) =
                        line.strip_prefix("## ").and_then(|l| l.split_once("{#"))
                    {
                        section = anchor;
                    }
                }
                (Some(lines), "```") => {
                    let block = lines.join("\n");
                    match section {
                        "take-it-back}" => take_back.push(block),
                        "before-you-type}" => {
                            shell.push(block.clone());
                            apply.push(block);
                        }
                        _ => apply.push(block),
                    }
                    open = None;
                }
                (Some(lines), line) => lines.push(line),
            }
        }
        assert!(
            shell.len() > 3 && apply.len() > 15 && !take_back.is_empty(),
            "{page}"
        );
        Self {
            shell,
            apply,
            take_back,
        }
    }
}

/// Types blocks into one bash with a scratch home. A block that fails ends it.
#[track_caller]
fn type_it(cluster: &Cluster, blocks: &[String], mirror: &str) {
    let lab = &cluster.lab;
    let script = lab.write("typed.sh", &blocks.join("\n"));
    let output = Command::new("bash")
        .args(["-e", script.to_str().expect("UTF-8")])
        .current_dir(lab.path(""))
        .env("HOME", lab.path("home"))
        .env("KAFKA_MIRROR", mirror)
        // What the lab ends when the test fails is what carries this marker.
        .env("KRUN_PROCESS", "by-hand/guide")
        .env_remove("JAVA_HOME")
        .output()
        .expect("bash");
    assert!(
        output.status.success(),
        "{}\n--- typed\n{}\n--- stdout\n{}\n--- stderr\n{}",
        output.status,
        blocks.join("\n"),
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
}

/// An archive in the place and of the shape of Apache's, made of the same jars: none of the registries
/// that tests may use has Apache's own.
fn mirror_of_apache(cluster: &Cluster, page: &str) -> String {
    let lab = &cluster.lab;
    let place = page
        .split("dist/kafka}/")
        .nth(1)
        .and_then(|rest| rest.split('"').next())
        .expect("the page says where the archive is");
    let (version, archive) = place.split_once('/').expect("a version's folder");
    let name = archive.strip_suffix(".tgz").expect("an archive");
    lab.write(
        "archive.rhai",
        &format!(
            "runbook(#{{ name: \"archive\", version: \"1\", summary: \"An archive\" }});\n\
             let java = kafka::java(\"java\", #{{ kafka_version: \"{version}\" }});\n\
             kafka::distribution(\"kafka\", #{{ version: \"{version}\", to: \"{}\", java: java.bin }});\n",
            lab.path(name).display()
        ),
    );
    lab.run(&["run", "archive.rhai"]).expect(0);
    let folder = lab.path("mirror").join(version);
    fs::create_dir_all(&folder).expect("a folder");
    let made = Command::new("tar")
        .args(["-chzf", folder.join(archive).to_str().expect("UTF-8")])
        .args(["-C", lab.path("").to_str().expect("UTF-8"), name])
        .status()
        .expect("tar");
    assert!(made.success());
    format!("file://{}", lab.path("mirror").display())
}

/// What an earlier Kafka left, so that the commands that clear it have something to do.
fn leave_an_earlier_cluster(cluster: &Cluster) {
    cluster
        .lab
        .write("root/zookeeper/version-2/snapshot.0", "an old snapshot");
    cluster.lab.write(
        "root/broker1/meta.properties",
        "version=0\nbroker.id=7\ncluster.id=AnotherClusterAltogether\n",
    );
}

/// What can be seen of a cluster without asking who made it; ports and folders by their names.
#[derive(Debug, PartialEq, Eq)]
struct Facts {
    /// The effective settings of each configuration file.
    settings: BTreeMap<String, BTreeMap<String, String>>,
    /// Main class, heap and log folder of each process, by its configuration file.
    processes: BTreeMap<String, Vec<String>>,
    /// Brokers, and each partition's replicas and in-sync replicas, as kcat sees them.
    brokers: BTreeSet<(i64, String)>,
    partitions: BTreeMap<i64, [BTreeSet<i64>; 2]>,
    records: usize,
}

impl Facts {
    fn of(cluster: &Cluster) -> Self {
        let config = cluster.root().join("kafka/config");
        let mut settings = BTreeMap::new();
        for name in [
            "zookeeper.properties",
            "server.properties",
            "server2.properties",
            "server3.properties",
        ] {
            let bytes = fs::read(config.join(name)).unwrap_or_else(|e| panic!("{name}: {e}"));
            let effective = Document::parse(&bytes).expect("properties").effective();
            let named = effective.into_iter().map(|(k, v)| (k, named(cluster, &v)));
            settings.insert(name.to_owned(), named.collect());
        }
        let seen = kcat(&["-b", &cluster.bootstrap(), "-L", "-J", "-t", "test"]);
        let seen: Value = serde_json::from_str(&seen).expect("kcat's JSON");
        let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
        let ids = |value: &Value| {
            list(value)
                .iter()
                .filter_map(|one| one["id"].as_i64())
                .collect()
        };
        let brokers = list(&seen["brokers"]);
        let partitions = list(&seen["topics"][0]["partitions"]);
        Self {
            settings,
            processes: processes(cluster),
            brokers: brokers
                .iter()
                .map(|broker| {
                    let name = broker["name"].as_str().unwrap_or_default();
                    (broker["id"].as_i64().unwrap_or(-1), named(cluster, name))
                })
                .collect(),
            partitions: partitions
                .iter()
                .map(|one| {
                    assert_ne!(one["leader"], json!(-1), "{one}");
                    let id = one["partition"].as_i64().unwrap_or(-1);
                    (id, [ids(&one["replicas"]), ids(&one["isrs"])])
                })
                .collect(),
            records: cluster.records().len(),
        }
    }
}

/// A text in which the lab's folder and ports have names.
fn named(cluster: &Cluster, text: &str) -> String {
    let root = cluster.root();
    let mut text = text.replace(root.to_str().expect("UTF-8"), "ROOT");
    for (index, port) in cluster.lab.ports.list.iter().enumerate() {
        text = text.replace(&port.to_string(), &format!("PORT{index}"));
    }
    text
}

/// The servers that run out of the lab, as the operating system shows them.
fn processes(cluster: &Cluster) -> BTreeMap<String, Vec<String>> {
    let config = cluster.root().join("kafka/config");
    let mut found = BTreeMap::new();
    for entry in fs::read_dir("/proc").expect("/proc").flatten() {
        let command = fs::read(entry.path().join("cmdline")).unwrap_or_default();
        let command = String::from_utf8_lossy(&command);
        let words: Vec<&str> = command.trim_end_matches('\0').split('\0').collect();
        let [.., class, file] = &words[..] else {
            continue;
        };
        let file = Path::new(file);
        // The witness that tests put in Java's place becomes Java; a shell is none.
        if file.parent() != Some(&config) || !words.iter().any(|word| word.starts_with("-Xmx")) {
            continue;
        }
        let flags = ["-Xmx", "-Xms", "-Dkafka.logs.dir="];
        let flags = words
            .iter()
            .filter(|w| flags.iter().any(|flag| w.starts_with(flag)));
        let said = flags
            .chain([class])
            .map(|word| named(cluster, word))
            .collect();
        let name = file
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        assert_eq!(
            found.insert(name, said),
            None,
            "{} runs twice",
            file.display()
        );
    }
    found
}

/// A krun that knows nothing of the cluster has nothing to change in its files and its topic.
fn krun_finds_it_as_wanted(cluster: &mut Cluster) {
    let home = cluster.root().join("kafka");
    cluster.set(&format!("kafka_home={}", home.display()));
    // The ports are taken, so a run would be refused; what it looks at is seen all the same.
    let plan = cluster.on_runbook("plan", &["--json"]).expect(4);
    let plan = plan.events().remove(0);
    let steps = plan["plan"]["steps"].as_array().expect("steps").clone();
    let mut looked = 0;
    for step in steps {
        let kind_of_file = |address: &str| {
            ["root", "kafka", "topic"].contains(&address)
                || address.ends_with("/config")
                || address.ends_with("/clone")
        };
        if kind_of_file(step["address"].as_str().unwrap_or_default()) {
            assert_eq!(step["change"], "no-op", "{step}");
            looked += 1;
        }
    }
    assert_eq!(looked, 3 + 4 + 2);
}

/// The run that is shown in the guide said what a run says now: the same steps, the same changes, the
/// same outputs, and the same values but for those that no two runs share.
fn the_capture_is_what_krun_says(cluster: &Cluster, run: &Done) {
    let events = cluster.lab.write("events", &run.out());
    let events = events.to_str().expect("UTF-8");
    let made = cluster.on_runbook("doc", &["--record", events]).expect(0);
    let made: Value = serde_json::from_str(&made.out()).expect("a capture");
    let path = "book/captures/single-host-3-broker.json";
    let there = fs::read_to_string(repository().join(path)).expect(path);
    let there: Value = serde_json::from_str(&there).expect(path);
    assert_eq!(
        told(&there),
        told(&made),
        "{path} is stale; `book/refresh --capture` makes it anew"
    );
}

/// What a capture tells of each step.
fn told(capture: &Value) -> BTreeMap<String, Value> {
    let steps = capture["steps"].as_object().expect("steps");
    steps
        .iter()
        .map(|(address, step)| {
            let mut outputs = step["outputs"].as_object().cloned().unwrap_or_default();
            for (name, value) in &mut outputs {
                // Which broker leads what is the cluster's choice; the Java is the machine's.
                if ["leaders", "partitions", "version"].contains(&name.as_str()) {
                    *value = json!("…");
                }
            }
            (address.clone(), json!([step["change"], outputs]))
        })
        .collect()
}
