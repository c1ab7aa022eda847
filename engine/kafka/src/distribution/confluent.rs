//! What is different in Confluent's distribution: the names of its jars, the numbers of its versions,
//! where its files lie.

use crate::versions::{self, KafkaVersion};

/// The folder of the broker's jars.
pub const LIBS: &str = "share/java/kafka";
/// The folder of its configuration.
pub const CONFIG: &str = "etc/kafka";

/// Lines of Confluent Platform and the lines of Kafka that they hold, oldest first. Source:
/// <https://docs.confluent.io/platform/current/installation/versions-interoperability.html>, "Confluent
/// Platform and Apache Kafka Compatibility". The last number of each is Confluent's own: 7.0.1 holds
/// Kafka 3.0 with Confluent's choice of patches.
const LINES: &[(&str, &str)] = &[
    ("4.0", "1.0"),
    ("4.1", "1.1"),
    ("5.0", "2.0"),
    ("5.1", "2.1"),
    ("5.2", "2.2"),
    ("5.3", "2.3"),
    ("5.4", "2.4"),
    ("5.5", "2.5"),
    ("6.0", "2.6"),
    ("6.1", "2.7"),
    ("6.2", "2.8"),
    ("7.0", "3.0"),
    ("7.1", "3.1"),
    ("7.2", "3.2"),
    ("7.3", "3.3"),
    ("7.4", "3.4"),
    ("7.5", "3.5"),
    ("7.6", "3.6"),
    ("7.7", "3.7"),
    ("7.8", "3.8"),
    ("7.9", "3.9"),
];

/// Confluent's version in the name of its main jar: `7.0.1` for `kafka_2.13-7.0.1-ccs.jar` (of the
/// community's edition) and `kafka_2.13-7.0.1-ce.jar` (of the enterprise's).
pub fn of_jar(name: &str) -> Option<&str> {
    let stem = name.strip_prefix("kafka_2.")?.strip_suffix(".jar")?;
    let (_, version) = stem.split_once('-')?;
    let version = ["-ccs", "-ce"]
        .iter()
        .find_map(|end| version.strip_suffix(end))?;
    let plain = version.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    plain.then_some(version)
}

/// The line of a version: `7.0` for `7.0.1`.
pub fn line(version: &str) -> &str {
    let second = version.match_indices('.').nth(1);
    second.map_or(version, |(at, _)| &version[..at])
}

/// The line of Kafka in a version of Confluent's: `3.0` for `7.0.1`.
pub fn kafka_line(confluent: &str) -> Option<&'static str> {
    let wanted = line(confluent);
    LINES
        .iter()
        .find(|(confluent, _)| *confluent == wanted)
        .map(|(_, kafka)| *kafka)
}

/// Whether a version of Confluent's holds the line of Kafka that a row is of.
pub fn holds(confluent: &str, row: &KafkaVersion) -> bool {
    kafka_line(confluent) == Some(line(row.version))
}

/// The row for jars that are Confluent's, by the line of Kafka in them.
pub fn row_of_jar(name: &str) -> Option<&'static KafkaVersion> {
    let line_of_jar = kafka_line(of_jar(name)?)?;
    versions::VERSIONS
        .iter()
        .rfind(|row| line(row.version) == line_of_jar)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_lines() {
        for (jar, version) in [
            ("kafka_2.13-7.0.1-ccs.jar", Some("7.0.1")),
            ("kafka_2.12-5.5.3-ce.jar", Some("5.5.3")),
            ("kafka_2.13-3.9.1.jar", None),
            ("kafka_2.13-7.0.1-ccs-sources.jar", None),
            ("kafka-clients-7.0.1-ccs.jar", None),
        ] {
            assert_eq!(of_jar(jar), version, "{jar}");
        }
        for (confluent, kafka) in [
            ("7.0.1", Some("3.0")),
            ("5.5.15", Some("2.5")),
            ("9.9.9", None),
        ] {
            assert_eq!(kafka_line(confluent), kafka);
        }
        let row = versions::find("3.9.1").unwrap();
        assert!(holds("7.9.4", row) && !holds("7.0.1", row));
        let found = row_of_jar("kafka_2.13-7.9.4-ccs.jar").map(|row| row.version);
        assert_eq!(found, Some("3.9.1"));
        assert!(row_of_jar("kafka_2.13-9.9.9-ccs.jar").is_none());
    }
}
