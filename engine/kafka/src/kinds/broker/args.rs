//! The arguments of a broker, with their defaults.

use std::time::Duration;

use camino::Utf8PathBuf;
use krun_model::{Fault, Map, Outputs, Text};
use serde::Deserialize;
use serde_json::json;

use crate::{
    process::{self, Heap, Started},
    versions::Program,
};

/// The heap of Kafka's own start script.
pub const HEAP: &str = "1g";
const TIMEOUT_S: u64 = 120;
/// A broker hands over its leaderships and flushes its logs before it ends.
pub const GRACE_MS: u64 = 60_000;

/// The arguments.
#[derive(Deserialize)]
pub struct Args {
    pub id: i32,
    pub config: Utf8PathBuf,
    pub home: Utf8PathBuf,
    pub java: String,
    pub heap: Option<String>,
    pub address: String,
    pub port: u16,
    pub log_dirs: Vec<Utf8PathBuf>,
    pub log_dir: Utf8PathBuf,
    pub peers: Vec<String>,
    pub timeout_s: Option<u64>,
    #[serde(default)]
    pub env: Map<Text>,
}

impl Args {
    /// Its heap.
    pub fn heap(&self) -> Result<Heap, Fault> {
        Heap::parse(self.heap.as_deref().unwrap_or(HEAP))
    }

    /// How long starting may take, and being in sync.
    pub fn limit(&self) -> Duration {
        Duration::from_secs(self.timeout_s.unwrap_or(TIMEOUT_S))
    }

    /// Where it listens.
    pub fn endpoint(&self) -> String {
        format!("{}:{}", self.address, self.port)
    }

    /// What it is started with.
    pub fn server<'a>(&'a self, heap: &'a Heap) -> process::Server<'a> {
        process::Server {
            program: Program::Broker,
            home: &self.home,
            java: &self.java,
            heap,
            config: &self.config,
            log_dir: &self.log_dir,
            grace_ms: GRACE_MS,
            env: &self.env,
        }
    }

    /// What its step says.
    pub fn outputs(&self, started: &Started, heap: &Heap) -> Outputs {
        let mut outputs = process::outputs(started, heap, &self.endpoint());
        outputs.insert("id".to_owned(), json!(self.id));
        outputs
    }
}
