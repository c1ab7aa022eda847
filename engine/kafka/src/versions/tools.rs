//! The command-line tools of Kafka and the classes that they start, which move between versions.
//!
//! Every class was looked up in the jars that a distribution of krun has. Left out are the tools of
//! Connect, Streams and the KRaft shell, whose jars are not among them.
//!
//! `kafka-server-stop` and `zookeeper-server-stop` are left out on purpose: they end every broker, or
//! every ZooKeeper, of the host. krun ends the one process it means (`krun stop`).

/// A command-line tool.
#[derive(Clone, Copy, Debug)]
pub struct Tool {
    /// Its name, without `.sh`.
    pub name: &'static str,
    /// The Java class.
    pub class: &'static str,
    /// Heap options where `KAFKA_HEAP_OPTS` says none.
    pub heap: &'static str,
    /// An argument that comes before the user's.
    pub first: Option<&'static str>,
    /// For a server: the name of its console output with `-daemon`.
    pub daemon: Option<&'static str>,
}

/// A tool with the heap of `kafka-run-class.sh`.
const fn tool(name: &'static str, class: &'static str) -> Tool {
    Tool {
        name,
        class,
        heap: "-Xmx256M",
        first: None,
        daemon: None,
    }
}

/// A tool that reads or writes records, with the heap that its own script gives it.
const fn wide(name: &'static str, class: &'static str) -> Tool {
    Tool {
        heap: "-Xmx512M",
        ..tool(name, class)
    }
}

const fn shell(class: &'static str) -> Tool {
    Tool {
        first: Some("-server"),
        ..tool("zookeeper-shell", class)
    }
}

/// In all versions from 1.0 to 3.9.
pub const ALWAYS: &[Tool] = &[
    tool("kafka-acls", "kafka.admin.AclCommand"),
    tool(
        "kafka-broker-api-versions",
        "kafka.admin.BrokerApiVersionsCommand",
    ),
    tool("kafka-configs", "kafka.admin.ConfigCommand"),
    wide("kafka-console-producer", "kafka.tools.ConsoleProducer"),
    tool("kafka-dump-log", "kafka.tools.DumpLogSegments"),
    tool("kafka-mirror-maker", "kafka.tools.MirrorMaker"),
    wide(
        "kafka-producer-perf-test",
        "org.apache.kafka.tools.ProducerPerformance",
    ),
    Tool {
        heap: "-Xmx1G -Xms1G",
        daemon: Some("kafkaServer"),
        ..tool("kafka-server-start", "kafka.Kafka")
    },
    tool(
        "zookeeper-security-migration",
        "kafka.admin.ZkSecurityMigrator",
    ),
    Tool {
        heap: "-Xmx512M -Xms512M",
        daemon: Some("zookeeper"),
        ..tool(
            "zookeeper-server-start",
            "org.apache.zookeeper.server.quorum.QuorumPeerMain",
        )
    },
    ZK_CLI,
];

/// ZooKeeper's own command line.
pub const ZK_CLI: Tool = tool("zkCli", "org.apache.zookeeper.ZooKeeperMain");

/// From 1.0 to 3.5. `kafka-get-offsets` had no script before 3.0; its class was always there.
pub const TO_3_5: &[Tool] = &[
    wide("kafka-console-consumer", "kafka.tools.ConsoleConsumer"),
    tool("kafka-consumer-groups", "kafka.admin.ConsumerGroupCommand"),
    tool("kafka-delete-records", "kafka.admin.DeleteRecordsCommand"),
    tool("kafka-get-offsets", "kafka.tools.GetOffsetShell"),
    tool("kafka-log-dirs", "kafka.admin.LogDirsCommand"),
    tool(
        "kafka-reassign-partitions",
        "kafka.admin.ReassignPartitionsCommand",
    ),
    tool(
        "kafka-replica-verification",
        "kafka.tools.ReplicaVerificationTool",
    ),
    tool("kafka-topics", "kafka.admin.TopicCommand"),
];

/// From 1.0 to 2.8.
pub const TO_2_8: &[Tool] = &[
    wide(
        "kafka-consumer-perf-test",
        "kafka.tools.ConsumerPerformance",
    ),
    tool(
        "kafka-preferred-replica-election",
        "kafka.admin.PreferredReplicaLeaderElectionCommand",
    ),
];

/// In 1.0.
pub const ONLY_1_0: &[Tool] = &[shell("org.apache.zookeeper.ZooKeeperMain")];

/// From 2.5 on.
pub const FROM_2_5: &[Tool] = &[shell(
    "org.apache.zookeeper.ZooKeeperMainWithTlsSupportForKafka",
)];

/// From 2.5 to 2.8.
pub const FROM_2_5_TO_2_8: &[Tool] = &[tool(
    "kafka-delegation-tokens",
    "kafka.admin.DelegationTokenCommand",
)];

/// From 2.5 to 3.5.
pub const FROM_2_5_TO_3_5: &[Tool] = &[tool(
    "kafka-leader-election",
    "kafka.admin.LeaderElectionCommand",
)];

/// In 2.8.
pub const ONLY_2_8: &[Tool] = &[tool("kafka-cluster", "kafka.tools.ClusterTool")];

/// From 2.8 to 3.5.
pub const FROM_2_8_TO_3_5: &[Tool] = &[tool("kafka-features", "kafka.admin.FeatureCommand")];

/// From 2.8 on.
pub const FROM_2_8: &[Tool] = &[tool("kafka-storage", "kafka.tools.StorageTool")];

/// From 3.5 on.
pub const FROM_3_5: &[Tool] = &[
    tool("kafka-cluster", "org.apache.kafka.tools.ClusterTool"),
    wide(
        "kafka-consumer-perf-test",
        "org.apache.kafka.tools.ConsumerPerformance",
    ),
    tool(
        "kafka-delegation-tokens",
        "org.apache.kafka.tools.DelegationTokenCommand",
    ),
    tool(
        "kafka-e2e-latency",
        "org.apache.kafka.tools.EndToEndLatency",
    ),
    tool("kafka-jmx", "org.apache.kafka.tools.JmxTool"),
    tool(
        "kafka-metadata-quorum",
        "org.apache.kafka.tools.MetadataQuorumCommand",
    ),
    tool(
        "kafka-transactions",
        "org.apache.kafka.tools.TransactionsCommand",
    ),
    wide(
        "kafka-verifiable-consumer",
        "org.apache.kafka.tools.VerifiableConsumer",
    ),
    wide(
        "kafka-verifiable-producer",
        "org.apache.kafka.tools.VerifiableProducer",
    ),
];

/// From 3.9 on.
pub const FROM_3_9: &[Tool] = &[
    tool(
        "kafka-client-metrics",
        "org.apache.kafka.tools.ClientMetricsCommand",
    ),
    wide(
        "kafka-console-consumer",
        "org.apache.kafka.tools.consumer.ConsoleConsumer",
    ),
    tool(
        "kafka-consumer-groups",
        "org.apache.kafka.tools.consumer.group.ConsumerGroupCommand",
    ),
    tool(
        "kafka-delete-records",
        "org.apache.kafka.tools.DeleteRecordsCommand",
    ),
    tool("kafka-features", "org.apache.kafka.tools.FeatureCommand"),
    tool("kafka-get-offsets", "org.apache.kafka.tools.GetOffsetShell"),
    tool(
        "kafka-leader-election",
        "org.apache.kafka.tools.LeaderElectionCommand",
    ),
    tool("kafka-log-dirs", "org.apache.kafka.tools.LogDirsCommand"),
    tool(
        "kafka-reassign-partitions",
        "org.apache.kafka.tools.reassign.ReassignPartitionsCommand",
    ),
    tool(
        "kafka-replica-verification",
        "org.apache.kafka.tools.ReplicaVerificationTool",
    ),
    tool("kafka-topics", "org.apache.kafka.tools.TopicCommand"),
];
