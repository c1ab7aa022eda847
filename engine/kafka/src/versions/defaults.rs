//! The default files of `config/`, and of `conf/` for a ZooKeeper of its own.
//!
//! Keys, values, order and the settings that stand there as comments are those of the real files;
//! the explanations are krun's own words. A file is named for the first version that has it so; later
//! ones share it until it changes.

/// A file of `config/`.
#[derive(Clone, Copy, Debug)]
pub struct DefaultFile {
    /// Its name.
    pub name: &'static str,
    /// Its text.
    pub text: &'static str,
}

/// The files of 1.0.
pub const KAFKA_1_0: &[DefaultFile] = &[
    LOG4J_1_0,
    SERVER_1_0,
    TOOLS_LOG4J_1_0,
    ZOOKEEPER_PROPERTIES_1_0,
];

/// The files of 2.5.
pub const KAFKA_2_5: &[DefaultFile] = &[
    LOG4J_2_5,
    SERVER_2_5,
    TOOLS_LOG4J_1_0,
    ZOOKEEPER_PROPERTIES_2_5,
];

/// The files of 2.8.
pub const KAFKA_2_8: &[DefaultFile] = &[
    LOG4J_2_8,
    SERVER_2_5,
    TOOLS_LOG4J_1_0,
    ZOOKEEPER_PROPERTIES_2_5,
];

/// The files of 3.5; those of KRaft and Connect are not among them.
pub const KAFKA_3_5: &[DefaultFile] = &[
    LOG4J_3_5,
    SERVER_3_5,
    TOOLS_LOG4J_1_0,
    ZOOKEEPER_PROPERTIES_2_5,
];

/// The files of 3.9; those of KRaft and Connect are not among them.
pub const KAFKA_3_9: &[DefaultFile] = &[
    LOG4J_3_5,
    SERVER_3_5,
    TOOLS_LOG4J_3_9,
    ZOOKEEPER_PROPERTIES_2_5,
];

/// The files of ZooKeeper 3.4.
pub const ZOOKEEPER_3_4: &[DefaultFile] = &[
    file(
        "log4j.properties",
        include_str!("defaults/zookeeper/log4j-3.4.properties"),
    ),
    file("zoo.cfg", include_str!("defaults/zookeeper/zoo-3.4.cfg")),
];

/// The files of ZooKeeper 3.8 and 3.9.
pub const ZOOKEEPER_3_8: &[DefaultFile] = &[
    file(
        "logback.xml",
        include_str!("defaults/zookeeper/logback-3.8.xml"),
    ),
    file("zoo.cfg", include_str!("defaults/zookeeper/zoo-3.8.cfg")),
];

const LOG4J_1_0: DefaultFile = file(
    "log4j.properties",
    include_str!("defaults/kafka/log4j-1.0.properties"),
);
const LOG4J_2_5: DefaultFile = file(
    "log4j.properties",
    include_str!("defaults/kafka/log4j-2.5.properties"),
);
const LOG4J_2_8: DefaultFile = file(
    "log4j.properties",
    include_str!("defaults/kafka/log4j-2.8.properties"),
);
const LOG4J_3_5: DefaultFile = file(
    "log4j.properties",
    include_str!("defaults/kafka/log4j-3.5.properties"),
);
const SERVER_1_0: DefaultFile = file(
    "server.properties",
    include_str!("defaults/kafka/server-1.0.properties"),
);
const SERVER_2_5: DefaultFile = file(
    "server.properties",
    include_str!("defaults/kafka/server-2.5.properties"),
);
const SERVER_3_5: DefaultFile = file(
    "server.properties",
    include_str!("defaults/kafka/server-3.5.properties"),
);
const TOOLS_LOG4J_1_0: DefaultFile = file(
    "tools-log4j.properties",
    include_str!("defaults/kafka/tools-log4j-1.0.properties"),
);
const TOOLS_LOG4J_3_9: DefaultFile = file(
    "tools-log4j.properties",
    include_str!("defaults/kafka/tools-log4j-3.9.properties"),
);
const ZOOKEEPER_PROPERTIES_1_0: DefaultFile = file(
    "zookeeper.properties",
    include_str!("defaults/kafka/zookeeper-1.0.properties"),
);
const ZOOKEEPER_PROPERTIES_2_5: DefaultFile = file(
    "zookeeper.properties",
    include_str!("defaults/kafka/zookeeper-2.5.properties"),
);

const fn file(name: &'static str, text: &'static str) -> DefaultFile {
    DefaultFile { name, text }
}

impl DefaultFile {
    /// The text, with the folders below `/tmp` replaced by folders below `data` where it is given:
    /// `/tmp/zookeeper` and `/tmp/kafka-logs` are emptied by a restart of the machine.
    pub fn with_data(&self, data: Option<&str>) -> String {
        with_data(self.text, data)
    }
}

/// See [`DefaultFile::with_data`].
pub fn with_data(text: &str, data: Option<&str>) -> String {
    match data {
        None => text.to_owned(),
        Some(data) => text
            .replace("=/tmp/zookeeper", &format!("={data}/zookeeper"))
            .replace("=/tmp/kafka-logs", &format!("={data}/kafka-logs")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use krun_properties::Document;

    fn effective(name: &str, data: Option<&str>) -> std::collections::BTreeMap<String, String> {
        of(KAFKA_3_9, name, data)
    }

    fn of(
        files: &[DefaultFile],
        name: &str,
        data: Option<&str>,
    ) -> std::collections::BTreeMap<String, String> {
        let file = files.iter().find(|file| file.name == name).unwrap();
        let text = file.with_data(data);
        Document::parse(text.as_bytes()).unwrap().effective()
    }

    #[test]
    fn folders_follow_data() {
        for (file, key, plain, moved) in [
            (
                "server.properties",
                "log.dirs",
                "/tmp/kafka-logs",
                "/d/kafka-logs",
            ),
            (
                "zookeeper.properties",
                "dataDir",
                "/tmp/zookeeper",
                "/d/zookeeper",
            ),
        ] {
            assert_eq!(effective(file, None)[key], plain);
            assert_eq!(effective(file, Some("/d"))[key], moved);
        }
    }

    #[test]
    fn the_values_are_those_of_the_real_file() {
        let server = effective("server.properties", None);
        let text: Vec<_> = server.iter().map(|(k, v)| format!("{k}={v}")).collect();
        insta::assert_snapshot!(text.join("\n"), @r"
        broker.id=0
        group.initial.rebalance.delay.ms=0
        log.dirs=/tmp/kafka-logs
        log.retention.check.interval.ms=300000
        log.retention.hours=168
        num.io.threads=8
        num.network.threads=3
        num.partitions=1
        num.recovery.threads.per.data.dir=1
        offsets.topic.replication.factor=1
        socket.receive.buffer.bytes=102400
        socket.request.max.bytes=104857600
        socket.send.buffer.bytes=102400
        transaction.state.log.min.isr=1
        transaction.state.log.replication.factor=1
        zookeeper.connect=localhost:2181
        zookeeper.connection.timeout.ms=18000
        ");
    }

    /// What an older version's file has and 3.9's has not, and the other way round.
    fn against_3_9(files: &[DefaultFile], name: &str) -> Vec<String> {
        let (old, new) = (of(files, name, None), effective(name, None));
        let only =
            |a: &std::collections::BTreeMap<_, _>, b: &std::collections::BTreeMap<_, _>, sign| {
                a.iter()
                    .filter(|(key, value)| b.get(*key) != Some(*value))
                    .map(|(key, value)| format!("{sign}{key}={value}"))
                    .collect::<Vec<_>>()
            };
        let mut lines = only(&old, &new, "-");
        lines.extend(only(&new, &old, "+"));
        lines
    }

    #[test]
    fn what_changed_between_versions() {
        let server = |files| against_3_9(files, "server.properties");
        assert_eq!(
            server(KAFKA_1_0),
            [
                "-log.segment.bytes=1073741824",
                "-zookeeper.connection.timeout.ms=6000",
                "+zookeeper.connection.timeout.ms=18000"
            ]
        );
        assert_eq!(server(KAFKA_2_5), ["-log.segment.bytes=1073741824"]);
        assert_eq!(server(KAFKA_3_5), [""; 0]);
        let zookeeper = |files| against_3_9(files, "zookeeper.properties");
        assert_eq!(zookeeper(KAFKA_1_0), ["+admin.enableServer=false"]);
        assert_eq!(zookeeper(KAFKA_2_5), [""; 0]);
        let log4j = |files| against_3_9(files, "log4j.properties").len();
        assert_eq!(
            [KAFKA_1_0, KAFKA_2_5, KAFKA_2_8, KAFKA_3_5].map(log4j),
            [5, 4, 2, 0]
        );
        assert_eq!(against_3_9(KAFKA_3_5, "tools-log4j.properties").len(), 1);
    }
}
