//! The jars of a version of Kafka or ZooKeeper, through Maven, kept for all tests of this build.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

/// Kafka 1.0.0 with ZooKeeper 3.4.10.
pub const KAFKA_1_0: (&str, &[&str]) = ("kafka-1.0.0", &["org.apache.kafka:kafka_2.11:1.0.0"]);
/// Kafka 2.8.0 with ZooKeeper 3.5.9.
pub const KAFKA_2_8: (&str, &[&str]) = (
    "kafka-2.8.0",
    &[
        "org.apache.kafka:kafka_2.13:2.8.0",
        "org.slf4j:slf4j-log4j12:1.7.30",
    ],
);
/// Kafka 3.5.1 with ZooKeeper 3.6.4.
pub const KAFKA_3_5: (&str, &[&str]) = (
    "kafka-3.5.1",
    &[
        "org.apache.kafka:kafka_2.13:3.5.1",
        "org.slf4j:slf4j-reload4j:1.7.36",
    ],
);
/// Kafka 3.9.1 with ZooKeeper 3.8.4, and its tools.
pub const KAFKA_3_9: (&str, &[&str]) = (
    "kafka-3.9.1",
    &[
        "org.apache.kafka:kafka_2.13:3.9.1",
        "org.apache.kafka:kafka-tools:3.9.1",
        "org.slf4j:slf4j-reload4j:1.7.36",
    ],
);
/// ZooKeeper 3.8.4 with the web server that its AdminServer wants.
pub const ZOOKEEPER_WITH_JETTY: (&str, &[&str]) = (
    "zookeeper-3.8.4-jetty",
    &[
        "org.apache.zookeeper:zookeeper:3.8.4",
        "org.eclipse.jetty:jetty-server:9.4.53.v20231009",
        "org.eclipse.jetty:jetty-servlet:9.4.53.v20231009",
        "com.fasterxml.jackson.core:jackson-databind:2.15.2",
        "io.dropwizard.metrics:metrics-core:4.1.12.1",
        "org.xerial.snappy:snappy-java:1.1.10.5",
        "org.slf4j:slf4j-reload4j:1.7.36",
    ],
);

/// The folder with the jars of some coordinates and of all that they need.
pub fn of((name, coordinates): (&str, &[&str])) -> PathBuf {
    let all = Path::new(env!("CARGO_TARGET_TMPDIR")).join("jars");
    let folder = all.join(name);
    if folder.is_dir() {
        return folder;
    }
    fs::create_dir_all(&all).expect("a folder for jars");
    let work = tempfile::tempdir_in(&all).expect("a folder");
    let dependencies: String = coordinates
        .iter()
        .map(|coordinate| {
            let parts: Vec<_> = coordinate.split(':').collect();
            format!(
                "<dependency><groupId>{}</groupId><artifactId>{}</artifactId><version>{}</version></dependency>",
                parts[0], parts[1], parts[2]
            )
        })
        .collect();
    let pom = format!(
        "<project><modelVersion>4.0.0</modelVersion><groupId>krun</groupId>\
         <artifactId>{name}</artifactId><version>1</version><packaging>pom</packaging>\
         <dependencies>{dependencies}</dependencies></project>"
    );
    fs::write(work.path().join("pom.xml"), pom).expect("a pom");
    let output = Command::new("mvn")
        .args([
            "-B",
            "-q",
            "dependency:copy-dependencies",
            "-DoutputDirectory=jars",
        ])
        .current_dir(work.path())
        .output()
        .expect("mvn is installed");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stdout)
    );
    // Whole or not at all; of two tests at once the first wins.
    let _ = fs::rename(work.path().join("jars"), &folder);
    folder
}
