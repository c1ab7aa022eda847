//! What can be seen of a cluster, whoever made it.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::PathBuf,
};

use krun_properties::Document;
use serde_json::{Value, json};

use crate::cluster::{Cluster, kcat};

/// What can be seen of a cluster without asking who made it; ports and folders by their names.
#[derive(Debug, PartialEq, Eq)]
pub struct Facts {
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
    pub fn of(cluster: &Cluster) -> Self {
        let mut settings = BTreeMap::new();
        for path in config_files(cluster) {
            let bytes = fs::read(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
            let effective = Document::parse(&bytes).expect("properties").effective();
            let values = effective.into_iter().map(|(k, v)| (k, named(cluster, &v)));
            settings.insert(named(cluster, &path.to_string_lossy()), values.collect());
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
pub fn named(cluster: &Cluster, text: &str) -> String {
    let root = cluster.root();
    let mut text = text.replace(root.to_str().expect("UTF-8"), "ROOT");
    for (index, port) in cluster.lab.ports.list.iter().enumerate() {
        text = text.replace(&port.to_string(), &format!("PORT{index}"));
    }
    text
}

/// The configuration of the servers: that of ZooKeeper is the one it runs with.
fn config_files(cluster: &Cluster) -> Vec<PathBuf> {
    let brokers = ["server", "server2", "server3"].into_iter();
    let brokers = brokers.take(cluster.lab.ports.list.len() - 1).map(|name| {
        cluster
            .root()
            .join(format!("kafka/config/{name}.properties"))
    });
    let own = cluster.root().join("apache-zookeeper/conf/zoo.cfg");
    let bundled = cluster.root().join("kafka/config/zookeeper.properties");
    let mut all = vec![if own.exists() { own } else { bundled }];
    all.extend(brokers);
    all
}

/// The servers that run out of the lab, as the operating system shows them.
pub fn processes(cluster: &Cluster) -> BTreeMap<String, Vec<String>> {
    let files = config_files(cluster);
    let mut found = BTreeMap::new();
    for entry in fs::read_dir("/proc").expect("/proc").flatten() {
        let command = fs::read(entry.path().join("cmdline")).unwrap_or_default();
        let command = String::from_utf8_lossy(&command);
        let words: Vec<&str> = command.trim_end_matches('\0').split('\0').collect();
        let [.., class, file] = words[..] else {
            continue;
        };
        // The last of several flags is the one that counts.
        let flag = |name: &str| words.iter().rfind(|word| word.starts_with(name)).copied();
        let (true, Some(most), Some(least)) = (
            files.contains(&PathBuf::from(file)),
            flag("-Xmx"),
            flag("-Xms"),
        ) else {
            continue;
        };
        // ZooKeeper's own scripts name the folder of its logs otherwise.
        let logs = flag("-Dkafka.logs.dir=").filter(|_| class == "kafka.Kafka");
        let said = [class, most, least].into_iter().chain(logs);
        let said = said.map(|word| named(cluster, word)).collect();
        assert_eq!(
            found.insert(named(cluster, file), said),
            None,
            "{file} runs twice"
        );
    }
    found
}
