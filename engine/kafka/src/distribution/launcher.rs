//! The scripts of `bin/`: templates, filled in from the version table.
//!
//! Kafka's tools are one real script, `kafka-run-class.sh`, and links to it: it looks at the name it
//! was called by. So a name costs a link and no file, every tool behaves the same, and a name that a
//! version does not have says so. Every name is there with and without `.sh`, as Apache and Confluent
//! spell it.

use camino::Utf8Path;

use crate::versions::{Logging, Product, Tool};

/// Flags for the garbage-collection log of Java 8, beside the one that names its file.
pub const GC_LOG_OF_JAVA_8: &[&str] = &[
    "-verbose:gc",
    "-XX:+PrintGCDetails",
    "-XX:+PrintGCDateStamps",
    "-XX:+PrintGCTimeStamps",
    "-XX:+UseGCLogFileRotation",
    "-XX:NumberOfGCLogFiles=10",
    "-XX:GCLogFileSize=100M",
];

/// A name in `bin/`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Script {
    /// The name.
    pub name: String,
    /// What is there.
    pub content: Content,
}

/// What is at a name in `bin/`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    /// A script with this text.
    Text(String),
    /// A link to another name of the folder.
    Link(&'static str),
}

const RUN_CLASS: &str = "kafka-run-class.sh";
const ZK_SERVER: &str = "zkServer.sh";
const ZK_CLI: &str = "zkCli.sh";

/// All names of a product, the real scripts first.
pub fn scripts(product: &Product, java: &Utf8Path) -> Vec<Script> {
    let (main, template) = match product.runtime.logging {
        Logging::Named => (RUN_CLASS, include_str!("scripts/kafka-run-class.sh")),
        Logging::OnClassPath => (ZK_CLI, include_str!("scripts/zkCli.sh")),
    };
    let mut all = vec![
        real(product, java, main, template),
        real(
            product,
            java,
            ZK_SERVER,
            include_str!("scripts/zkServer.sh"),
        ),
    ];
    let mut link = |name: &str, to| {
        if name != to {
            all.push(Script {
                name: name.to_owned(),
                content: Content::Link(to),
            });
        }
    };
    for to in [main, ZK_SERVER] {
        link(to.trim_end_matches(".sh"), to);
    }
    for tool in tools(product).filter(|tool| !main.starts_with(tool.name)) {
        link(tool.name, main);
        link(&format!("{}.sh", tool.name), main);
    }
    all
}

fn tools(product: &Product) -> impl Iterator<Item = &'static Tool> {
    product.tools.iter().copied().flatten()
}

fn real(product: &Product, java: &Utf8Path, name: &str, template: &str) -> Script {
    let runtime = &product.runtime;
    let (logging, class_path, file) = match runtime.logging {
        Logging::Named => (
            r#""-Dkafka.logs.dir=$log_dir" "-Dlog4j.configuration=file:$base/config/log4j.properties""#,
            "$base/libs/*",
            "zookeeper.properties",
        ),
        Logging::OnClassPath => (
            r#""-Dzookeeper.log.dir=$log_dir" -Dzookeeper.log.file=zookeeper.log"#,
            "$folder:$base/libs/*",
            "zoo.cfg",
        ),
    };
    let flags: Vec<_> = runtime.flags.iter().map(|flag| word(flag)).collect();
    let text = template
        .replace("@VERSION@", version_of(product, name))
        .replace("@JAVA@", &quoted(java.as_str()))
        .replace(
            "@TOOLS@",
            &tools(product).map(case).collect::<Vec<_>>().join("\n"),
        )
        .replace("@FLAGS@", &flags.join(" "))
        .replace("@GC_LOG_SIZE@", runtime.gc_log_size.unwrap_or_default())
        .replace("@GC_LOG_OF_JAVA_8@", &GC_LOG_OF_JAVA_8.join(" "))
        .replace("@CONFIG@", product.config_folder)
        .replace("@FILE@", file)
        .replace("@LOGGING@", logging)
        .replace("@CLASS_PATH@", class_path)
        .replace("@STARTED_ALREADY@", &product.started_already.to_string());
    Script {
        name: name.to_owned(),
        content: Content::Text(text),
    }
}

/// The version that a script speaks of.
fn version_of(product: &Product, script: &str) -> &'static str {
    match (product.runtime.logging, script) {
        (Logging::Named, ZK_SERVER) => product.zookeeper,
        _ => product.version,
    }
}

/// A tool's branch of the script.
fn case(tool: &Tool) -> String {
    let mut settings = format!("class={}", tool.class);
    if tool.heap != "-Xmx256M" {
        settings.push_str(&format!(" heap={}", word(tool.heap)));
    }
    if let Some(first) = tool.first {
        settings.push_str(&format!(" first={first}"));
    }
    if let Some(server) = tool.daemon {
        settings.push_str(&format!(" server={server}"));
    }
    format!("    {}) {settings} ;;", tool.name)
}

/// A word as a shell takes it, quoted only where it must be.
fn word(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_+=.:/".contains(c);
    if text.chars().all(plain) {
        text.to_owned()
    } else {
        quoted(text)
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

    fn of(product: &Product, name: &str) -> Content {
        let scripts = scripts(product, "/j/bin/java".into());
        let mut found = scripts.into_iter().filter(|script| script.name == name);
        let script = found.next().unwrap_or_else(|| panic!("no {name}"));
        assert!(found.next().is_none(), "{name} is there twice");
        script.content
    }

    fn kafka(version: &str, name: &str) -> Content {
        of(&versions::find(version).unwrap().product(), name)
    }

    fn text(content: Content) -> String {
        match content {
            Content::Text(text) => text,
            Content::Link(to) => panic!("a link to {to}"),
        }
    }

    #[test]
    fn every_tool_has_both_names() {
        for row in versions::VERSIONS {
            let scripts = scripts(&row.product(), "/j/bin/java".into());
            for script in &scripts {
                let other = match script.name.strip_suffix(".sh") {
                    Some(plain) => plain.to_owned(),
                    None => format!("{}.sh", script.name),
                };
                assert!(scripts.iter().any(|s| s.name == other), "{other}");
            }
            let reals = scripts
                .iter()
                .filter(|s| matches!(s.content, Content::Text(_)));
            assert_eq!(reals.count(), 2);
        }
        assert_eq!(kafka("3.9.1", "kafka-topics"), Content::Link(RUN_CLASS));
        assert_eq!(kafka("3.9.1", "kafka-topics.sh"), Content::Link(RUN_CLASS));
    }

    #[test]
    fn nothing_is_left_to_fill_in() {
        let mut products: Vec<_> = versions::VERSIONS.iter().map(|row| row.product()).collect();
        products.extend(
            versions::zookeeper::VERSIONS
                .iter()
                .map(|row| row.product()),
        );
        for product in &products {
            for script in scripts(product, "/j/bin/java".into()) {
                if let Content::Text(text) = script.content {
                    let open = text
                        .lines()
                        .find(|line| line.replace("$@", "").matches('@').count() > 0);
                    assert_eq!(open, None, "{} of {}", script.name, product.version);
                }
            }
        }
    }

    #[test]
    fn classes_follow_the_version() {
        let text = text(kafka("2.8.0", RUN_CLASS));
        let branches: Vec<_> = text.lines().filter(|line| line.ends_with(";;")).collect();
        let branch = |name: &str| {
            let start = format!("    {name}) ");
            let mut found = branches.iter().filter_map(|line| line.strip_prefix(&start));
            found.next().map(|rest| rest.trim_end_matches(" ;;"))
        };
        assert_eq!(
            branch("kafka-topics"),
            Some("class=kafka.admin.TopicCommand")
        );
        assert_eq!(
            branch("kafka-console-producer"),
            Some("class=kafka.tools.ConsoleProducer heap=-Xmx512M")
        );
        assert_eq!(
            branch("kafka-server-start"),
            Some("class=kafka.Kafka heap='-Xmx1G -Xms1G' server=kafkaServer")
        );
        assert_eq!(
            branch("zookeeper-shell"),
            Some("class=org.apache.zookeeper.ZooKeeperMainWithTlsSupportForKafka first=-server")
        );
        assert_eq!(
            branch("kafka-server-stop"),
            None,
            "it would end every broker"
        );
    }

    #[test]
    fn odd_paths_are_quoted() {
        assert_eq!(quoted("/a b/it's"), r"'/a b/it'\''s'");
        assert_eq!(
            word("-XX:OnOutOfMemoryError=kill -9 %p"),
            "'-XX:OnOutOfMemoryError=kill -9 %p'"
        );
        assert_eq!(word("-XX:+UseG1GC"), "-XX:+UseG1GC");
    }
}
