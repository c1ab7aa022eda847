//! The versions of ZooKeeper that can stand in for the one that Kafka brings.
//!
//! All five versions of Kafka were started on, and had a topic made, written and read with, a server
//! of 3.4.10, 3.8.4 and 3.9.0; so no pair is refused.

use krun_model::{Fault, FaultCode};

use super::{
    defaults,
    product::{Jars, Logging, Product, Runtime},
    tools::ZK_CLI,
};

/// What is true of one version of ZooKeeper.
#[derive(Clone, Copy, Debug)]
pub struct ZooKeeperVersion {
    /// Its number, such as `3.8.4`.
    pub version: &'static str,
    /// The jars of its `lib/`, as far as they are used here.
    pub jars: Jars,
    /// JVM flags of its `zkServer.sh`.
    pub flags: &'static [&'static str],
    /// The files of `conf/`.
    pub config: &'static [defaults::DefaultFile],
    /// See [`Product::started_already`].
    pub started_already: u8,
}

impl ZooKeeperVersion {
    /// What a distribution of it is made of.
    pub fn product(&self) -> Product {
        Product {
            name: "ZooKeeper",
            version: self.version,
            zookeeper: self.version,
            jars: self.jars,
            config_folder: "conf",
            config: self.config,
            tools: &[&[ZK_CLI]],
            runtime: Runtime {
                flags: self.flags,
                gc_log_size: None,
                logging: Logging::OnClassPath,
            },
            started_already: self.started_already,
        }
    }
}

/// All versions that krun knows as a distribution of their own, oldest first.
///
/// From 3.6 on the server also wants metrics-core and snappy-java, the shell commons-cli, and the
/// admin server, which is on unless it is switched off, Jetty and Jackson: the pom marks them as
/// provided, the archive has them in lib/. Versions are those of the archive's own pom.
pub static VERSIONS: &[ZooKeeperVersion] = &[
    ZooKeeperVersion {
        version: "3.4.10",
        jars: Jars {
            with_dependencies: &["org.apache.zookeeper:zookeeper:3.4.10"],
            alone: &[],
            megabytes: 4,
        },
        flags: &[],
        config: defaults::ZOOKEEPER_3_4,
        started_already: 0,
    },
    ZooKeeperVersion {
        version: "3.8.4",
        jars: Jars {
            with_dependencies: &[
                "org.apache.zookeeper:zookeeper:3.8.4",
                "commons-cli:commons-cli:1.5.0",
                "io.dropwizard.metrics:metrics-core:4.1.12.1",
                "org.xerial.snappy:snappy-java:1.1.10.5",
                "org.eclipse.jetty:jetty-server:9.4.53.v20231009",
                "org.eclipse.jetty:jetty-servlet:9.4.53.v20231009",
                "com.fasterxml.jackson.core:jackson-databind:2.15.2",
            ],
            alone: &[],
            megabytes: 17,
        },
        flags: FLAGS_3_5,
        config: defaults::ZOOKEEPER_3_8,
        started_already: 1,
    },
    ZooKeeperVersion {
        version: "3.8.6",
        jars: Jars {
            with_dependencies: &[
                "org.apache.zookeeper:zookeeper:3.8.6",
                "commons-cli:commons-cli:1.5.0",
                "io.dropwizard.metrics:metrics-core:4.1.12.1",
                "org.xerial.snappy:snappy-java:1.1.10.5",
                "org.eclipse.jetty:jetty-server:9.4.58.v20250814",
                "org.eclipse.jetty:jetty-servlet:9.4.58.v20250814",
                "com.fasterxml.jackson.core:jackson-databind:2.15.2",
            ],
            alone: &[],
            megabytes: 17,
        },
        flags: FLAGS_3_5,
        config: defaults::ZOOKEEPER_3_8,
        started_already: 1,
    },
    ZooKeeperVersion {
        version: "3.9.0",
        jars: Jars {
            with_dependencies: &[
                "org.apache.zookeeper:zookeeper:3.9.0",
                "commons-cli:commons-cli:1.5.0",
                "io.dropwizard.metrics:metrics-core:4.1.12.1",
                "org.xerial.snappy:snappy-java:1.1.10.1",
                "org.eclipse.jetty:jetty-server:9.4.51.v20230217",
                "org.eclipse.jetty:jetty-servlet:9.4.51.v20230217",
                "com.fasterxml.jackson.core:jackson-databind:2.15.2",
            ],
            alone: &[],
            megabytes: 24,
        },
        flags: FLAGS_3_5,
        config: defaults::ZOOKEEPER_3_8,
        started_already: 1,
    },
    ZooKeeperVersion {
        version: "3.9.5",
        jars: Jars {
            with_dependencies: &[
                "org.apache.zookeeper:zookeeper:3.9.5",
                // From here on the logging backend is no longer a dependency.
                "ch.qos.logback:logback-classic:1.3.15",
                "commons-cli:commons-cli:1.5.0",
                "io.dropwizard.metrics:metrics-core:4.1.12.1",
                "org.xerial.snappy:snappy-java:1.1.10.5",
                "org.eclipse.jetty:jetty-server:9.4.58.v20250814",
                "org.eclipse.jetty:jetty-servlet:9.4.58.v20250814",
                "com.fasterxml.jackson.core:jackson-databind:2.15.2",
            ],
            alone: &[],
            megabytes: 24,
        },
        flags: FLAGS_3_5,
        config: defaults::ZOOKEEPER_3_8,
        started_already: 1,
    },
];

const FLAGS_3_5: &[&str] = &[
    "-XX:+HeapDumpOnOutOfMemoryError",
    "-XX:OnOutOfMemoryError=kill -9 %p",
];

/// The row of a version.
///
/// # Errors
/// A version that the table does not have, with those that it has.
pub fn find(version: &str) -> Result<&'static ZooKeeperVersion, Fault> {
    VERSIONS
        .iter()
        .find(|row| row.version == version)
        .ok_or_else(|| {
            let known: Vec<_> = VERSIONS.iter().map(|row| row.version).collect();
            Fault::new(
                FaultCode::Script,
                format!("ZooKeeper {version} is not known to krun"),
            )
            .hint(format!("The versions it knows are: {}.", known.join(", ")))
            .hint("Without a version, the ZooKeeper that comes with Kafka is taken.")
        })
}

/// The version in the name of ZooKeeper's main jar, if that is what the name is.
pub fn of_jar(name: &str) -> Option<&str> {
    let version = name.strip_prefix("zookeeper-")?.strip_suffix(".jar")?;
    let plain = version.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    plain.then_some(version)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jar_names() {
        for (name, version) in [
            ("zookeeper-3.8.4.jar", Some("3.8.4")),
            ("zookeeper-jute-3.8.4.jar", None),
            ("zookeeper-3.9.0-sources.jar", None),
        ] {
            assert_eq!(of_jar(name), version, "{name}");
        }
    }

    #[test]
    fn an_unknown_version_names_the_known_ones() {
        let hints = find("3.0.0").unwrap_err().hints.join(" ");
        for known in ["3.4.10", "3.8.4", "3.9.0"] {
            assert!(hints.contains(known), "{hints}");
            assert_eq!(find(known).unwrap().product().version, known);
        }
    }
}
