//! Runbooks around the examples of step kinds, so that an example can be evaluated as it stands.

/// What an example may use. All of it is real: the prelude is a runbook of its own.
const PRELUDE: &str = r#"
let root = "/srv/kafka";
let topic = "test";
let ui_url = "http://127.0.0.1:8080/";
let bootstrap = ["127.0.0.1:9091", "127.0.0.1:9092", "127.0.0.1:9093"];
let home = directory("given/root", #{ path: `${root}/given` });
let java = kafka::java("java-17", #{ kafka_version: "3.9.1" });
let kafka = kafka::distribution("given/kafka", #{ version: "3.9.1", to: `${root}/kafka`, java: java.bin, after: home });
let folders = zookeeper::snapshot_folders("folders", #{ config: `${kafka.config}/zookeeper.properties`, after: kafka });
let clean = zookeeper::clean("cleaned", #{ data_dir: folders.data_dir, data_log_dir: folders.data_log_dir });
let zookeeper = zookeeper::server("given/zookeeper", #{
    config: `${kafka.config}/zookeeper.properties`, home: kafka.home, java: java.bin,
    address: "127.0.0.1", port: 2181, data_dir: folders.data_dir, data_log_dir: folders.data_log_dir,
    log_dir: `${root}/given/logs/zookeeper`, after: clean,
});
let started = kafka::broker("given/broker", #{
    id: 1, config: `${kafka.config}/server.properties`, home: kafka.home, java: java.bin,
    address: "127.0.0.1", port: 9091, log_dirs: [`${root}/given/data`], log_dir: `${root}/given/logs/broker`,
    cluster: "given", peers: bootstrap, after: zookeeper,
});
let created = kafka::topic("created", #{
    bootstrap: bootstrap, name: "given", partitions: 1, replication_factor: 1, after: started,
});
let produced = kafka::produce("produced", #{
    bootstrap: bootstrap, topic: "given", topic_id: created.topic_id, records: 100, after: created,
});
let consumed = kafka::consume("given/consume", #{
    bootstrap: bootstrap, topic: "given", count: produced.count, checksum: produced.checksum,
});
"#;

/// The text of a runbook that ends with an example.
pub fn source(example: &str) -> String {
    format!(
        "runbook(#{{ name: \"example\", version: \"1.0.0\", summary: \"An example\" }});\n{PRELUDE}\n{example}"
    )
}
