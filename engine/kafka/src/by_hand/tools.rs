//! Kafka's command-line tools as a version has them.

use krun_model::{HandCx, Value};

use crate::{
    distribution::Folders,
    versions::{self, KafkaVersion},
};

/// How the tools of a version are spoken to.
pub struct Flags {
    /// Whether `kafka-topics.sh` asks brokers: it does from 2.2 on (KIP-377), and asked ZooKeeper
    /// before.
    pub topics_at_brokers: bool,
    /// The flag of `kafka-console-producer.sh` for the brokers, another one before 2.5 (KIP-499).
    pub producer_brokers: &'static str,
    /// Whether `kafka-console-consumer.sh` can print a record's partition: from 2.7 on (KIP-431).
    pub prints_partition: bool,
    /// Whether `kafka-consumer-groups.sh` can delete a group that the brokers keep: from 1.1 on
    /// (KIP-229).
    pub deletes_groups: bool,
    /// Whether `kafka-reassign-partitions.sh` asks brokers: from 2.6 on (KIP-455); before it wrote into
    /// ZooKeeper.
    pub moves_replicas: bool,
    /// Whether there is a `kafka-leader-election.sh`: from 2.4 on (KIP-460).
    pub elects_leaders: bool,
    /// Whether `kafka-run-class.sh` takes a newer Java for an old one and hands it flags for the log of
    /// garbage collections that it refuses; a log of the user's own, even a blank, keeps it from that.
    pub old_gc_log: bool,
}

impl KafkaVersion {
    /// How the tools of this version are spoken to.
    pub fn tools(&self) -> Flags {
        let number = |part: Option<&str>| part.and_then(|text| text.parse().ok()).unwrap_or(0);
        let mut parts = self.version.split('.');
        let version: (u32, u32) = (number(parts.next()), number(parts.next()));
        Flags {
            topics_at_brokers: version >= (2, 2),
            producer_brokers: if version >= (2, 5) {
                "--bootstrap-server"
            } else {
                "--broker-list"
            },
            prints_partition: version >= (2, 7),
            deletes_groups: version >= (1, 1),
            elects_leaders: version >= (2, 4),
            moves_replicas: version >= (2, 6),
            old_gc_log: version < (2, 0),
        }
    }
}

/// The tools of the distribution that a step builds on.
pub struct Tools<'a> {
    cx: HandCx<'a>,
    folders: Folders,
    pub flags: Flags,
}

impl<'a> Tools<'a> {
    /// Looks for the distribution upstream; none where a step has none.
    pub fn of(cx: &HandCx<'a>) -> Option<Self> {
        let made = &cx.upstream("kafka::distribution")?.args;
        let text = |name: &str| match made.get(name) {
            Some(Value::Str(text)) => Some(text.as_str()),
            _ => None,
        };
        Some(Self {
            cx: *cx,
            folders: Folders::of(text("home").or_else(|| text("to"))?),
            flags: versions::find(text("version")?).ok()?.tools(),
        })
    }

    /// A script of `bin/` as a word of a shell.
    pub fn script(&self, name: &str) -> String {
        self.cx.text(self.folders.bin.join(name).as_str())
    }

    /// The folder of the scripts as a word of a shell.
    pub fn bin(&self) -> String {
        self.cx.text(self.folders.bin.as_str())
    }

    /// `kafka-topics.sh` with its first flag, which says whom to ask.
    pub fn topics(&self) -> Option<String> {
        let whom = if self.flags.topics_at_brokers {
            format!("--bootstrap-server {}", self.cx.joined("bootstrap")?)
        } else {
            let server = self.cx.of(self.cx.upstream("zookeeper::server")?);
            format!(
                "--zookeeper {}:{}",
                server.arg("address")?,
                server.arg("port")?
            )
        };
        Some(format!("{} {whom}", self.script("kafka-topics.sh")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_of_a_version() {
        let of = |version| {
            let row = KafkaVersion {
                version,
                ..versions::VERSIONS[0]
            };
            (row.tools().topics_at_brokers, row.tools().producer_brokers)
        };
        assert_eq!(of("1.0.0"), (false, "--broker-list"));
        assert_eq!(of("2.2.0"), (true, "--broker-list"));
        assert_eq!(of("2.5.0"), (true, "--bootstrap-server"));
        assert_eq!(of("3.9.1"), (true, "--bootstrap-server"));
        assert_eq!(of("10.0.0"), (true, "--bootstrap-server"));
    }
}
