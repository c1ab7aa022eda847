//! What krun makes a distribution of, and how its programs are started: the same words for Kafka and
//! for a ZooKeeper of its own.

use super::{defaults::DefaultFile, tools::Tool};

/// What a distribution is made of.
#[derive(Clone, Copy, Debug)]
pub struct Product {
    /// `Kafka` or `ZooKeeper`.
    pub name: &'static str,
    /// Its version, such as `3.9.1`.
    pub version: &'static str,
    /// The version of the ZooKeeper in it.
    pub zookeeper: &'static str,
    /// The jars of `libs/`.
    pub jars: Jars,
    /// The folder of its configuration: `config` or `conf`.
    pub config_folder: &'static str,
    /// The files of that folder.
    pub config: &'static [DefaultFile],
    /// The command-line tools that get a name in `bin/`, in groups that versions share.
    pub tools: &'static [&'static [Tool]],
    /// How its servers are started.
    pub runtime: Runtime,
    /// The code with which `zkServer.sh start` ends where a server runs already: 0 up to 3.4, 1 from
    /// 3.5 on, as in ZooKeeper's own script.
    pub started_already: u8,
}

/// Jars, as Maven names them.
#[derive(Clone, Copy, Debug)]
pub struct Jars {
    /// `group:artifact:version` of what comes with all that it depends on.
    pub with_dependencies: &'static [&'static str],
    /// `group:artifact:version` of what comes alone: what it depends on for its use here is there.
    pub alone: &'static [&'static str],
    /// What they take together, in MiB.
    pub megabytes: u32,
}

/// How a server's Java is started.
#[derive(Clone, Copy, Debug)]
pub struct Runtime {
    /// JVM flags beside heap, garbage-collection log, logging and class path.
    pub flags: &'static [&'static str],
    /// The `filesize` of the garbage-collection log's files as Java 9 and later take it; none where
    /// the product's own script has no such log.
    pub gc_log_size: Option<&'static str>,
    /// Where logging is configured.
    pub logging: Logging,
}

/// Where logging is configured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Logging {
    /// By a file of log4j that is named on the command line, as Kafka's scripts do.
    Named,
    /// By a file in the folder of the configuration, which is on the class path, as ZooKeeper's
    /// scripts do.
    OnClassPath,
}

/// A server that a step can run. Neither class ever had another name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Program {
    /// A broker.
    Broker,
    /// A ZooKeeper server.
    ZooKeeper,
}

impl Product {
    /// Name and version, for people.
    pub fn title(&self) -> String {
        format!("{} {}", self.name, self.version)
    }
}

impl Program {
    /// Its main class.
    pub fn class(self) -> &'static str {
        match self {
            Self::Broker => "kafka.Kafka",
            Self::ZooKeeper => "org.apache.zookeeper.server.quorum.QuorumPeerMain",
        }
    }

    /// The name of its output, as `kafka-run-class.sh -daemon` names it.
    pub fn console(self) -> &'static str {
        match self {
            Self::Broker => "kafkaServer",
            Self::ZooKeeper => "zookeeper",
        }
    }
}
