//! The one table of what differs between versions of Kafka.
//!
//! Owns every fact that depends on a version: which Java, Maven coordinates, main classes, JVM flags,
//! the bundled ZooKeeper and the default files. Code elsewhere asks a row and never compares version
//! numbers. A further version is a further row.

mod defaults;
mod rows;

use krun_model::{Fault, FaultCode};

pub use defaults::DefaultFile;
pub use rows::VERSIONS;

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
    /// `group:artifact:version` of what, with all it depends on, makes a distribution.
    pub coordinates: &'static [&'static str],
    /// The tools and servers that get a launcher in `bin/`.
    pub launchers: &'static [Launcher],
    /// The JVM flags of `kafka-run-class.sh`, beside heap, logging and class path.
    pub jvm_flags: &'static [&'static str],
    /// The files of `config/`.
    pub config: &'static [DefaultFile],
}

/// The Java versions that a version of Kafka runs on.
#[derive(Clone, Copy, Debug)]
pub struct JavaRange {
    /// The oldest major version.
    pub min: u32,
    /// The newest major version.
    pub max: u32,
    /// Why an older one is refused, as a fragment.
    pub too_old: &'static str,
    /// Why a newer one is refused, as a fragment.
    pub too_new: &'static str,
}

impl JavaRange {
    /// Why a major version is refused; none if it fits.
    pub fn refuses(&self, major: u32) -> Option<&'static str> {
        if major < self.min {
            Some(self.too_old)
        } else if major > self.max {
            Some(self.too_new)
        } else {
            None
        }
    }
}

/// A script of `bin/`: a name and what it starts.
#[derive(Clone, Copy, Debug)]
pub struct Launcher {
    /// The script's name.
    pub name: &'static str,
    /// The Java class.
    pub class: &'static str,
    /// Heap options where `KAFKA_HEAP_OPTS` says none.
    pub heap: &'static str,
    /// Arguments that come before the user's.
    pub args: &'static [&'static str],
    /// For a server: the name of its console output with `-daemon`.
    pub daemon: Option<&'static str>,
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

/// The row that fits the jars of a distribution; the newest row for a version that has none, because
/// what a server is started with changes little.
pub fn of_jars<'a>(names: impl IntoIterator<Item = &'a str>) -> Option<&'static KafkaVersion> {
    let version = names.into_iter().find_map(of_jar)?;
    find(version).ok().or_else(|| VERSIONS.last())
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
    fn every_row_is_whole() {
        for row in VERSIONS {
            assert!(row.java.min <= row.java.max);
            for part in [".jar", "asc"] {
                assert!(!row.version.contains(part));
            }
            for server in ["kafka-server-start.sh", "zookeeper-server-start.sh"] {
                let launcher = row.launchers.iter().find(|l| l.name == server).unwrap();
                assert!(launcher.daemon.is_some());
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
    fn java_ranges() {
        let java = find("3.9.1").unwrap().java;
        assert!(java.refuses(17).is_none());
        assert!(java.refuses(7).is_some());
        assert!(java.refuses(25).is_some());
    }
}
