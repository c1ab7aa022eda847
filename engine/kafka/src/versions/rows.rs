//! The rows of the version table, oldest first.

use super::{JavaRange, KafkaVersion, Launcher, defaults};

/// All versions that krun knows.
pub static VERSIONS: &[KafkaVersion] = &[KafkaVersion {
    version: "3.9.1",
    scala: "2.13",
    zookeeper: "3.8.4",
    // https://kafka.apache.org/39/documentation.html#java names 8, 11, 17 and 21.
    java: JavaRange {
        min: 8,
        max: 23,
        too_old: "Kafka 3.9 needs Java 8 or newer",
        too_new: "Kafka 3.9 is documented for Java 8, 11, 17 and 21; Java 24 took away the Security \
                  Manager that its SASL code was written for",
    },
    java_packages: &[
        "openjdk-17-jre-headless",
        "openjdk-21-jre-headless",
        "openjdk-11-jre-headless",
    ],
    // kafka-tools brings the tools that moved out of kafka_2.13, slf4j-reload4j the logging backend
    // that the archive has in libs/.
    coordinates: &[
        "org.apache.kafka:kafka_2.13:3.9.1",
        "org.apache.kafka:kafka-tools:3.9.1",
        "org.slf4j:slf4j-reload4j:1.7.36",
    ],
    launchers: LAUNCHERS_3_9,
    jvm_flags: &[
        "-server",
        "-XX:+UseG1GC",
        "-XX:MaxGCPauseMillis=20",
        "-XX:InitiatingHeapOccupancyPercent=35",
        "-XX:+ExplicitGCInvokesConcurrent",
        "-XX:MaxInlineLevel=15",
        "-Djava.awt.headless=true",
    ],
    config: defaults::KAFKA_3_9,
}];

/// The classes were looked up in the jars of 3.9.1 and in `bin/*.sh` of its source.
///
/// `kafka-server-stop.sh` and `zookeeper-server-stop.sh` are left out on purpose: they end every
/// broker, or every ZooKeeper, of the host. krun ends the one process it means.
const LAUNCHERS_3_9: &[Launcher] = &[
    tool("kafka-configs.sh", "kafka.admin.ConfigCommand", "-Xmx256M"),
    tool(
        "kafka-console-consumer.sh",
        "org.apache.kafka.tools.consumer.ConsoleConsumer",
        "-Xmx512M",
    ),
    tool(
        "kafka-console-producer.sh",
        "kafka.tools.ConsoleProducer",
        "-Xmx512M",
    ),
    tool(
        "kafka-consumer-groups.sh",
        "org.apache.kafka.tools.consumer.group.ConsumerGroupCommand",
        "-Xmx256M",
    ),
    tool(
        "kafka-get-offsets.sh",
        "org.apache.kafka.tools.GetOffsetShell",
        "-Xmx256M",
    ),
    tool(
        "kafka-reassign-partitions.sh",
        "org.apache.kafka.tools.reassign.ReassignPartitionsCommand",
        "-Xmx256M",
    ),
    server(
        "kafka-server-start.sh",
        "kafka.Kafka",
        "-Xmx1G -Xms1G",
        "kafkaServer",
    ),
    tool(
        "kafka-topics.sh",
        "org.apache.kafka.tools.TopicCommand",
        "-Xmx256M",
    ),
    server(
        "zookeeper-server-start.sh",
        "org.apache.zookeeper.server.quorum.QuorumPeerMain",
        "-Xmx512M -Xms512M",
        "zookeeper",
    ),
    Launcher {
        name: "zookeeper-shell.sh",
        class: "org.apache.zookeeper.ZooKeeperMainWithTlsSupportForKafka",
        heap: "-Xmx256M",
        args: &["-server"],
        daemon: None,
    },
];

const fn tool(name: &'static str, class: &'static str, heap: &'static str) -> Launcher {
    Launcher {
        name,
        class,
        heap,
        args: &[],
        daemon: None,
    }
}

const fn server(
    name: &'static str,
    class: &'static str,
    heap: &'static str,
    daemon: &'static str,
) -> Launcher {
    Launcher {
        name,
        class,
        heap,
        args: &[],
        daemon: Some(daemon),
    }
}
