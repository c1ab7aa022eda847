//! The default files of `config/`.
//!
//! Keys, values, order and the settings that stand there as comments are those of the real files;
//! the explanations are krun's own words.

/// A file of `config/`.
#[derive(Clone, Copy, Debug)]
pub struct DefaultFile {
    /// Its name.
    pub name: &'static str,
    /// Its text.
    pub text: &'static str,
}

/// The files of 3.9; those of KRaft and Connect are not among them.
pub const KAFKA_3_9: &[DefaultFile] = &[
    DefaultFile {
        name: "log4j.properties",
        text: include_str!("defaults/3.9/log4j.properties"),
    },
    DefaultFile {
        name: "server.properties",
        text: include_str!("defaults/3.9/server.properties"),
    },
    DefaultFile {
        name: "tools-log4j.properties",
        text: include_str!("defaults/3.9/tools-log4j.properties"),
    },
    DefaultFile {
        name: "zookeeper.properties",
        text: include_str!("defaults/3.9/zookeeper.properties"),
    },
];

impl DefaultFile {
    /// The text, with the folders below `/tmp` replaced by folders below `data` where it is given:
    /// `/tmp/zookeeper` and `/tmp/kafka-logs` are emptied by a restart of the machine.
    pub fn with_data(&self, data: Option<&str>) -> String {
        match data {
            None => self.text.to_owned(),
            Some(data) => self
                .text
                .replace("=/tmp/zookeeper", &format!("={data}/zookeeper"))
                .replace("=/tmp/kafka-logs", &format!("={data}/kafka-logs")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use krun_properties::Document;

    fn effective(name: &str, data: Option<&str>) -> std::collections::BTreeMap<String, String> {
        let file = KAFKA_3_9.iter().find(|file| file.name == name).unwrap();
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
}
