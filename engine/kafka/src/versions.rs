//! The one table of what differs between versions of Kafka and of ZooKeeper.
//!
//! Owns every fact that depends on a version: which Java, Maven coordinates, main classes, JVM flags,
//! the bundled ZooKeeper and the default files. Code elsewhere asks a row and never compares version
//! numbers. A further version is a further row.

mod defaults;
mod java_range;
mod product;
mod rows;
mod tools;
pub mod zookeeper;

use krun_model::{Fault, FaultCode};

use crate::distribution::confluent;

pub use defaults::{DefaultFile, with_data};
pub use java_range::{Fit, JavaRange};
pub use product::{Jars, Logging, Product, Program, Runtime};
pub use rows::VERSIONS;
pub use tools::Tool;

/// What is true of one version of Kafka.
#[derive(Clone, Copy, Debug)]
pub struct KafkaVersion {
    /// Its number, such as `3.9.1`.
    pub version: &'static str,
    /// The Scala version in its jar's name.
    pub scala: &'static str,
    /// The ZooKeeper that comes with it.
    pub zookeeper: &'static str,
    /// Which Java runs it.
    pub java: JavaRange,
    /// Packages of Debian and its relatives that bring a Java that fits, the best first.
    pub java_packages: &'static [&'static str],
    /// The jars that make a distribution.
    pub jars: Jars,
    /// The command-line tools, in groups that versions share.
    pub tools: &'static [&'static [Tool]],
    /// The JVM flags of `kafka-run-class.sh`, beside heap, logging and class path.
    pub jvm_flags: &'static [&'static str],
    /// See [`Runtime::gc_log_size`]. In 1.0 and 2.5 it has no unit, so the files are of 100 KiB.
    pub gc_log_size: &'static str,
    /// The files of `config/`.
    pub config: &'static [DefaultFile],
}

impl KafkaVersion {
    /// What a distribution of it is made of.
    pub fn product(&self) -> Product {
        Product {
            name: "Kafka",
            version: self.version,
            zookeeper: self.zookeeper,
            jars: self.jars,
            config_folder: "config",
            config: self.config,
            tools: self.tools,
            runtime: Runtime {
                flags: self.jvm_flags,
                gc_log_size: Some(self.gc_log_size),
                logging: Logging::Named,
            },
            started_already: u8::from(!self.zookeeper.starts_with("3.4.")),
        }
    }
}

/// The row of a version.
///
/// # Errors
/// A version that the table does not have, with those that it has.
pub fn find(version: &str) -> Result<&'static KafkaVersion, Fault> {
    VERSIONS
        .iter()
        .find(|row| row.version == version)
        .ok_or_else(|| {
            let known: Vec<_> = VERSIONS.iter().map(|row| row.version).collect();
            Fault::new(
                FaultCode::Script,
                format!("Kafka {version} is not known to krun"),
            )
            .hint(format!("The versions it knows are: {}.", known.join(", ")))
        })
}

/// The version in the name of Kafka's main jar, if that is what the name is: `3.9.1` for
/// `kafka_2.13-3.9.1.jar`.
pub fn of_jar(name: &str) -> Option<&str> {
    let rest = name.strip_prefix("kafka_2.")?.strip_suffix(".jar")?;
    let (scala, version) = rest.split_once('-')?;
    let plain = version.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    (scala.bytes().all(|b| b.is_ascii_digit()) && plain).then_some(version)
}

/// What the jars of a folder are: Kafka, Apache's or Confluent's, or else a ZooKeeper of its own. For a
/// version without a row the newest row, because what a server is started with changes little.
pub fn of_jars<'a>(names: impl IntoIterator<Item = &'a str> + Clone) -> Option<Product> {
    if let Some(row) = names.clone().into_iter().find_map(confluent::row_of_jar) {
        return Some(row.product());
    }
    if let Some(version) = names.clone().into_iter().find_map(of_jar) {
        let row = find(version).ok().or_else(|| VERSIONS.last())?;
        return Some(row.product());
    }
    let version = names.into_iter().find_map(zookeeper::of_jar)?;
    let row = zookeeper::find(version).ok();
    Some(row.or_else(|| zookeeper::VERSIONS.last())?.product())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jar_names() {
        for (name, version) in [
            ("kafka_2.13-3.9.1.jar", Some("3.9.1")),
            ("kafka_2.11-1.0.0.jar", Some("1.0.0")),
            ("kafka_2.11-1.0.0-sources.jar", None),
            ("kafka-clients-3.9.1.jar", None),
            ("kafka_2.13-3.9.1.jar.asc", None),
        ] {
            assert_eq!(of_jar(name), version, "{name}");
        }
    }

    #[test]
    fn folders_of_jars() {
        let product = |names: &[&str]| {
            of_jars(names.iter().copied()).map(|found| (found.name, found.version))
        };
        let kafka = ["zookeeper-3.5.9.jar", "kafka_2.13-2.8.0.jar"];
        assert_eq!(product(&kafka), Some(("Kafka", "2.8.0")));
        assert_eq!(product(&["kafka_2.13-2.8.7.jar"]), Some(("Kafka", "3.9.1")));
        let zookeeper = ["zookeeper-jute-3.8.4.jar", "zookeeper-3.8.4.jar"];
        assert_eq!(product(&zookeeper), Some(("ZooKeeper", "3.8.4")));
        assert_eq!(product(&["slf4j-api-1.7.36.jar"]), None);
    }

    #[test]
    fn every_row_is_whole() {
        for row in VERSIONS {
            assert!(row.java.documented.is_sorted() && !row.java.documented.is_empty());
            let product = row.product();
            let names: Vec<_> = product
                .tools
                .iter()
                .copied()
                .flatten()
                .map(|t| t.name)
                .collect();
            let mut once = names.clone();
            once.sort_unstable();
            once.dedup();
            assert_eq!(once.len(), names.len(), "{} has a tool twice", row.version);
            for name in [
                "kafka-topics",
                "kafka-console-producer",
                "kafka-console-consumer",
                "kafka-consumer-groups",
                "kafka-reassign-partitions",
                "kafka-get-offsets",
                "zookeeper-shell",
                "zkCli",
            ] {
                assert!(names.contains(&name), "{} lacks {name}", row.version);
            }
            for program in [Program::Broker, Program::ZooKeeper] {
                let mut tools = product.tools.iter().copied().flatten();
                let server = tools.find(|tool| tool.class == program.class()).unwrap();
                assert_eq!(server.daemon, Some(program.console()));
            }
            for file in [
                "server.properties",
                "zookeeper.properties",
                "log4j.properties",
            ] {
                assert!(
                    row.config.iter().any(|config| config.name == file),
                    "{file}"
                );
            }
        }
        assert!(find("3.9.1").is_ok());
        assert!(find("0.1").unwrap_err().hints[0].contains("3.9.1"));
    }

    #[test]
    fn java_as_documented() {
        for (version, words) in [
            ("1.0.0", "8"),
            ("2.5.0", "8 and 11"),
            ("2.8.0", "8 and 11"),
            ("3.5.1", "8, 11 and 17"),
            ("3.9.1", "8, 11, 17 and 21"),
        ] {
            let java = find(version).unwrap().java;
            assert_eq!(java.in_words(), words);
            assert!(java.refuses(7, true).is_some(), "{version} on Java 7");
            assert!(java.refuses(25, false).is_some(), "{version} on Java 25");
            assert!(java.refuses(25, true).is_none(), "{version} on Java 25");
        }
    }
}
