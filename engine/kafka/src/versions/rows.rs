//! The rows of the version table, oldest first.
//!
//! Java: what the chapter "Java Version" of each version's documentation and the README of its source
//! name; class files (`javap -v`) of Kafka 1.0 are those of Java 7, of the others those of Java 8.
//! Flags: `bin/kafka-run-class.sh` of each version's source. Every one of them was started on JDK 17
//! and on JDK 25.

use super::{
    JavaRange, KafkaVersion, defaults,
    product::Jars,
    tools::{
        ALWAYS, FROM_2_5, FROM_2_5_TO_2_8, FROM_2_5_TO_3_5, FROM_2_8, FROM_2_8_TO_3_5, FROM_3_5,
        FROM_3_9, ONLY_1_0, ONLY_2_8, TO_2_8, TO_3_5,
    },
};

const NEEDS_8: &str = "its classes are compiled for Java 8, and an older one refuses to load them";

/// All versions that krun knows.
pub static VERSIONS: &[KafkaVersion] = &[
    KafkaVersion {
        version: "1.0.0",
        scala: "2.11",
        zookeeper: "3.4.10",
        java: JavaRange {
            documented: &[8],
            too_old: "Kafka 1.0 asks for Java 8",
            untested: "Kafka 1.0 is documented for Java 8; on newer ones its own start script may pass \
                       flags that Java refuses (krun starts it without that script), and from 24 on \
                       SASL fails",
            broken: None,
        },
        java_packages: &["openjdk-8-jre-headless"],
        jars: Jars {
            with_dependencies: &["org.apache.kafka:kafka_2.11:1.0.0"],
            // kafka-tools has the performance tests; it also depends on a whole web server.
            alone: &[
                "org.apache.kafka:kafka-tools:1.0.0",
                "net.sourceforge.argparse4j:argparse4j:0.7.0",
            ],
            megabytes: 20,
        },
        tools: &[ALWAYS, TO_3_5, TO_2_8, ONLY_1_0],
        jvm_flags: FLAGS_1_0,
        gc_log_size: "102400",
        config: defaults::KAFKA_1_0,
    },
    KafkaVersion {
        version: "2.5.0",
        scala: "2.12",
        zookeeper: "3.5.7",
        java: JavaRange {
            documented: &[8, 11],
            too_old: NEEDS_8,
            untested: "Kafka 2.5 is documented for Java 8 and 11; from 24 on SASL fails",
            broken: None,
        },
        java_packages: &["openjdk-11-jre-headless", "openjdk-8-jre-headless"],
        jars: Jars {
            with_dependencies: &[
                "org.apache.kafka:kafka_2.12:2.5.0",
                "org.slf4j:slf4j-log4j12:1.7.30",
            ],
            alone: &[
                "org.apache.kafka:kafka-tools:2.5.0",
                "net.sourceforge.argparse4j:argparse4j:0.7.0",
            ],
            megabytes: 31,
        },
        tools: &[
            ALWAYS,
            TO_3_5,
            TO_2_8,
            FROM_2_5,
            FROM_2_5_TO_2_8,
            FROM_2_5_TO_3_5,
        ],
        jvm_flags: FLAGS_2_5,
        gc_log_size: "102400",
        config: defaults::KAFKA_2_5,
    },
    KafkaVersion {
        version: "2.8.0",
        scala: "2.13",
        zookeeper: "3.5.9",
        java: JavaRange {
            documented: &[8, 11],
            too_old: NEEDS_8,
            untested: "Kafka 2.8 is documented for Java 8 and 11; from 24 on SASL fails",
            broken: None,
        },
        java_packages: &["openjdk-11-jre-headless", "openjdk-8-jre-headless"],
        jars: Jars {
            with_dependencies: &[
                "org.apache.kafka:kafka_2.13:2.8.0",
                "org.slf4j:slf4j-log4j12:1.7.30",
            ],
            alone: &["org.apache.kafka:kafka-tools:2.8.0"],
            megabytes: 36,
        },
        tools: &[
            ALWAYS,
            TO_3_5,
            TO_2_8,
            FROM_2_5,
            FROM_2_5_TO_2_8,
            FROM_2_5_TO_3_5,
            ONLY_2_8,
            FROM_2_8_TO_3_5,
            FROM_2_8,
        ],
        jvm_flags: FLAGS_2_5,
        gc_log_size: "100M",
        config: defaults::KAFKA_2_8,
    },
    KafkaVersion {
        version: "3.5.1",
        scala: "2.13",
        zookeeper: "3.6.4",
        java: JavaRange {
            documented: &[8, 11, 17],
            too_old: NEEDS_8,
            untested: "Kafka 3.5 is documented for Java 8, 11 and 17; from 24 on SASL fails",
            broken: None,
        },
        java_packages: &["openjdk-17-jre-headless", "openjdk-11-jre-headless"],
        // kafka-tools brings the tools that moved out of kafka_2.13, and slf4j-reload4j, the logging
        // backend that the archive has in libs/.
        jars: Jars {
            with_dependencies: &[
                "org.apache.kafka:kafka_2.13:3.5.1",
                "org.apache.kafka:kafka-tools:3.5.1",
            ],
            alone: &[],
            megabytes: 38,
        },
        tools: &[
            ALWAYS,
            TO_3_5,
            FROM_2_5,
            FROM_2_5_TO_3_5,
            FROM_2_8_TO_3_5,
            FROM_2_8,
            FROM_3_5,
        ],
        jvm_flags: FLAGS_2_5,
        gc_log_size: "100M",
        config: defaults::KAFKA_3_5,
    },
    KafkaVersion {
        version: "3.9.1",
        scala: "2.13",
        zookeeper: "3.8.4",
        java: JavaRange {
            documented: &[8, 11, 17, 21],
            too_old: NEEDS_8,
            untested: "Kafka 3.9 is documented for Java 8, 11, 17 and 21",
            broken: None,
        },
        java_packages: &[
            "openjdk-17-jre-headless",
            "openjdk-21-jre-headless",
            "openjdk-11-jre-headless",
        ],
        jars: Jars {
            with_dependencies: &[
                "org.apache.kafka:kafka_2.13:3.9.1",
                "org.apache.kafka:kafka-tools:3.9.1",
                "org.slf4j:slf4j-reload4j:1.7.36",
            ],
            alone: &[],
            megabytes: 56,
        },
        tools: &[ALWAYS, FROM_2_5, FROM_2_8, FROM_3_5, FROM_3_9],
        jvm_flags: FLAGS_2_5,
        gc_log_size: "100M",
        config: defaults::KAFKA_3_9,
    },
];

const FLAGS_1_0: &[&str] = &[
    "-server",
    "-XX:+UseG1GC",
    "-XX:MaxGCPauseMillis=20",
    "-XX:InitiatingHeapOccupancyPercent=35",
    "-XX:+ExplicitGCInvokesConcurrent",
    "-Djava.awt.headless=true",
];

const FLAGS_2_5: &[&str] = &[
    "-server",
    "-XX:+UseG1GC",
    "-XX:MaxGCPauseMillis=20",
    "-XX:InitiatingHeapOccupancyPercent=35",
    "-XX:+ExplicitGCInvokesConcurrent",
    "-XX:MaxInlineLevel=15",
    "-Djava.awt.headless=true",
];
