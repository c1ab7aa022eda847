//! What a check finds, and what a step says and writes.

use serde_json::{Map, Value};

use crate::{Change, DiffLine, QuotaOf, bindings::exports::krun::plugin::step_kinds as wit};

/// What a step says: plain data by name. A kind names its outputs in `Kind::OUTPUTS`.
pub type Outputs = Map<String, Value>;

/// Outputs from pairs.
pub fn outputs<const N: usize>(pairs: [(&str, Value); N]) -> Outputs {
    pairs
        .map(|(name, value)| (name.to_owned(), value))
        .into_iter()
        .collect()
}

/// What differs.
#[derive(Debug)]
pub struct Drift {
    /// What applying would do.
    pub change: Change,
    /// Why, as a lower-case fragment: "the file is missing".
    pub why: String,
    /// Each difference.
    pub diff: Vec<DiffLine>,
}

/// What a check found.
#[derive(Debug)]
pub enum Finding {
    /// As wanted; with what the step says.
    Satisfied(Outputs),
    /// Not as wanted.
    Drift(Drift),
    /// It cannot be known before an earlier step ran.
    Unknown {
        /// What is missing, as a lower-case fragment.
        why: String,
        /// What is known of the difference already.
        diff: Vec<DiffLine>,
    },
}

impl Finding {
    pub(crate) fn into_wit(self) -> wit::Finding {
        match self {
            Self::Satisfied(outputs) => wit::Finding::Satisfied(Value::Object(outputs).to_string()),
            Self::Drift(drift) => wit::Finding::Drift(wit::Drift {
                change: drift.change,
                why: drift.why,
                diff: drift.diff,
            }),
            Self::Unknown { why, diff } => wit::Finding::Unknown(wit::NotKnown { why, diff }),
        }
    }
}

/// What a step writes.
#[derive(Debug)]
pub enum Target {
    /// An absolute path.
    Path(String),
    /// What lies in a folder, by its absolute path, where that belongs to something else, such as a process.
    Contents(String),
    /// Packages of the operating system.
    Packages(Vec<String>),
    /// A topic of the cluster at these bootstrap servers.
    Topic(Vec<String>, String),
    /// The settings of a topic.
    TopicSettings(Vec<String>, String),
    /// Records in a topic.
    Records(Vec<String>, String),
    /// Where the replicas of some partitions of a topic live.
    Replicas(Vec<String>, String, Vec<i32>),
    /// Who leads some partitions of a topic.
    Leaders(Vec<String>, String, Vec<i32>),
    /// Where a consumer group, by its id, is in a topic.
    Group(Vec<String>, String, String),
    /// The settings of a broker, by its id, of the cluster at these bootstrap servers.
    Broker(Vec<String>, i32),
    /// The settings that all brokers of the cluster at these bootstrap servers have by default.
    Brokers(Vec<String>),
    /// Quotas in the cluster at these bootstrap servers.
    Quotas(Vec<String>, QuotaOf),
}

impl Target {
    pub(crate) fn into_wit(self) -> wit::Target {
        match self {
            Self::Path(path) => wit::Target::Path(path),
            Self::Contents(path) => wit::Target::Contents(path),
            Self::Packages(names) => wit::Target::Packages(names),
            Self::Topic(bootstrap, name) => wit::Target::Topic((bootstrap, name)),
            Self::TopicSettings(bootstrap, name) => wit::Target::TopicSettings((bootstrap, name)),
            Self::Records(bootstrap, name) => wit::Target::Records((bootstrap, name)),
            Self::Replicas(bootstrap, topic, partitions) => {
                wit::Target::Replicas((bootstrap, topic, partitions))
            }
            Self::Leaders(bootstrap, topic, partitions) => {
                wit::Target::Leaders((bootstrap, topic, partitions))
            }
            Self::Group(bootstrap, id, topic) => wit::Target::Group((bootstrap, id, topic)),
            Self::Broker(bootstrap, id) => wit::Target::Broker((bootstrap, id)),
            Self::Brokers(bootstrap) => wit::Target::Brokers(bootstrap),
            Self::Quotas(bootstrap, of) => wit::Target::Quotas((bootstrap, of)),
        }
    }
}
