//! The scripts of `bin/`: one template, filled in from the version table.

use camino::Utf8Path;

use crate::versions::{KafkaVersion, Launcher};

/// The text of a launcher. It honours the variables that Kafka's own scripts honour: JAVA_HOME,
/// KAFKA_HEAP_OPTS, KAFKA_JVM_PERFORMANCE_OPTS, KAFKA_LOG4J_OPTS, KAFKA_OPTS and LOG_DIR.
pub fn text(row: &KafkaVersion, launcher: &Launcher, java: &Utf8Path) -> String {
    let log4j = match launcher.daemon {
        Some(_) => "log4j.properties",
        None => "tools-log4j.properties",
    };
    let head = format!(
        r#"#!/bin/sh
# {name} of Kafka {version}; made by krun.
# JAVA_HOME, KAFKA_HEAP_OPTS, KAFKA_JVM_PERFORMANCE_OPTS, KAFKA_LOG4J_OPTS, KAFKA_OPTS and LOG_DIR mean
# what they mean to Kafka's own scripts.
base=$(cd "$(dirname "$0")/.." && pwd) || exit 1
java={java}
if [ -n "${{JAVA_HOME:-}}" ]; then java=$JAVA_HOME/bin/java; fi
[ -x "$java" ] || java=java
heap=${{KAFKA_HEAP_OPTS:-{heap}}}
log_dir=${{LOG_DIR:-$base/logs}}
log4j=${{KAFKA_LOG4J_OPTS:-"-Dlog4j.configuration=file:$base/config/{log4j}"}}
flags=${{KAFKA_JVM_PERFORMANCE_OPTS:-"{flags}"}}
"#,
        name = launcher.name,
        version = row.version,
        java = quoted(java.as_str()),
        heap = launcher.heap,
        flags = row.jvm_flags.join(" "),
    );
    let args: String = launcher.args.iter().map(|arg| format!("{arg} ")).collect();
    // The options are lists of words, so they stand unquoted.
    let command = format!(
        r#""$java" $heap $flags "-Dkafka.logs.dir=$log_dir" $log4j -cp "$base/libs/*" ${{KAFKA_OPTS:-}} \
    {class} {args}"$@""#,
        class = launcher.class,
    );
    match launcher.daemon {
        None => format!("{head}exec {command}\n"),
        Some(name) => format!(
            r#"{head}if [ $# -lt 1 ]; then
    echo "usage: $0 [-daemon] FILE.properties" >&2
    exit 1
fi
mkdir -p "$log_dir" || exit 1
if [ "$1" = -daemon ]; then
    shift
    nohup {command} > "$log_dir/{name}.out" 2>&1 < /dev/null &
    exit 0
fi
exec {command}
"#
        ),
    }
}

/// A word that a shell takes as it stands.
fn quoted(word: &str) -> String {
    format!("'{}'", word.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::versions;

    fn of(name: &str) -> String {
        let row = versions::find("3.9.1").unwrap();
        let launcher = row.launchers.iter().find(|l| l.name == name).unwrap();
        text(row, launcher, "/j/bin/java".into())
    }

    #[test]
    fn a_tool() {
        insta::assert_snapshot!(of("kafka-topics.sh"));
    }

    #[test]
    fn a_server() {
        insta::assert_snapshot!(of("kafka-server-start.sh"));
    }

    #[test]
    fn odd_paths_are_quoted() {
        assert_eq!(quoted("/a b/it's"), r"'/a b/it'\''s'");
    }
}
