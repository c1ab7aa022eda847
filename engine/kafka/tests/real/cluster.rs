//! One ZooKeeper and some brokers as a runbook would declare them.

use std::fs;

use krun_model::{Fault, Outputs};
use krun_properties::Document;
use serde_json::{Value, json};

use super::lab::{Done, Lab};

pub struct Cluster<'a> {
    pub lab: &'a Lab,
    pub java: String,
    pub home: String,
    pub zookeeper_port: u16,
    pub broker_ports: Vec<u16>,
}

pub fn text(outputs: &Outputs, name: &str) -> String {
    outputs[name].as_str().unwrap().to_owned()
}

impl<'a> Cluster<'a> {
    pub async fn new(lab: &'a Lab, brokers: usize) -> Self {
        let version = json!({"kafka_version": "3.9.1"});
        let java = lab.run("kafka::java", "java", version).await.unwrap();
        let java = text(&java.outputs, "bin");
        let home = lab.path("kafka");
        let cluster = Self {
            lab,
            java,
            home,
            zookeeper_port: lab.port(),
            broker_ports: (0..brokers).map(|_| lab.port()).collect(),
        };
        let args = cluster.distribution();
        lab.run("kafka::distribution", "kafka", args).await.unwrap();
        cluster.configure();
        cluster
    }

    pub fn distribution(&self) -> Value {
        json!({
            "version": "3.9.1",
            "to": self.home,
            "java": self.java,
            "data": self.lab.path("data"),
        })
    }

    fn configure(&self) {
        let zookeeper = self.zookeeper_config();
        self.edit(
            &zookeeper,
            &zookeeper,
            &[("clientPort", self.zookeeper_port.to_string())],
        );
        for (id, port) in (1..).zip(&self.broker_ports) {
            self.edit(
                &format!("{}/config/server.properties", self.home),
                &self.broker_config(id),
                &[
                    ("broker.id", id.to_string()),
                    ("listeners", format!("PLAINTEXT://localhost:{port}")),
                    ("log.dirs", self.log_dir(id)),
                    (
                        "zookeeper.connect",
                        format!("localhost:{}", self.zookeeper_port),
                    ),
                    // A killed broker's session ends the sooner.
                    ("zookeeper.session.timeout.ms", "4000".to_owned()),
                ],
            );
        }
    }

    pub fn edit(&self, from: &str, to: &str, settings: &[(&str, String)]) {
        let mut document = Document::parse(&fs::read(from).unwrap()).unwrap();
        for (key, value) in settings {
            document.set(key, value);
        }
        fs::write(to, document.to_bytes()).unwrap();
    }

    pub fn zookeeper_config(&self) -> String {
        format!("{}/config/zookeeper.properties", self.home)
    }

    pub fn broker_config(&self, id: usize) -> String {
        format!("{}/config/server-{id}.properties", self.home)
    }

    pub fn log_dir(&self, id: usize) -> String {
        self.lab.path(&format!("data/broker-{id}"))
    }

    pub fn bootstrap(&self) -> Vec<String> {
        self.broker_ports
            .iter()
            .map(|port| format!("localhost:{port}"))
            .collect()
    }

    /// Cleans and starts ZooKeeper; the generation.
    pub async fn zookeeper(&self) -> Result<String, Fault> {
        let lab = self.lab;
        let config = json!({"config": self.zookeeper_config()});
        let folders = lab
            .run("zookeeper::snapshot_folders", "zookeeper/folders", config)
            .await?;
        let folders = json!(folders.outputs);
        let clean = lab
            .run("zookeeper::clean", "zookeeper/clean", folders)
            .await?;
        lab.run("zookeeper::server", "zookeeper", self.zookeeper_args())
            .await?;
        Ok(text(&clean.outputs, "generation"))
    }

    pub fn zookeeper_args(&self) -> Value {
        json!({
            "config": self.zookeeper_config(),
            "home": self.home,
            "java": self.java,
            "address": "localhost",
            "port": self.zookeeper_port,
            "data_dir": self.lab.path("data/zookeeper"),
            "data_log_dir": self.lab.path("data/zookeeper"),
            "log_dir": self.lab.path("logs/zookeeper"),
        })
    }

    pub async fn clean_logs(&self, id: usize, generation: &str) -> Result<Done, Fault> {
        let args = json!({"log_dir": self.log_dir(id), "generation": generation});
        self.lab
            .run("kafka::clean_logs", &format!("broker-{id}/clean"), args)
            .await
    }

    pub fn broker_args(&self, id: usize, heap: &str) -> Value {
        json!({
            "id": id,
            "config": self.broker_config(id),
            "home": self.home,
            "java": self.java,
            "heap": heap,
            "address": "localhost",
            "port": self.broker_ports[id - 1],
            "log_dirs": [self.log_dir(id)],
            "log_dir": self.lab.path(&format!("logs/broker-{id}")),
            "cluster": "main",
            "peers": self.bootstrap(),
        })
    }

    pub async fn broker(&self, id: usize, heap: &str) -> Result<Done, Fault> {
        let args = self.broker_args(id, heap);
        self.lab
            .run("kafka::broker", &format!("broker-{id}"), args)
            .await
    }
}
