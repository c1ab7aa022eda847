//! The topics of a team, from one list: a whole runbook, shown in the book as it stands here.
//!
//! It declares krun's own kinds alone, so that it needs no grant.

use std::{collections::BTreeSet, fmt::Write as _};

use krun_plugin_sdk::{Declared, Fault, FaultCode, Runbook, json};
use schemars::JsonSchema;
use serde::Deserialize;

/// The runbook.
pub struct TeamTopics;

/// Its parameters.
#[derive(Deserialize, JsonSchema)]
pub struct Params {
    /// Brokers to ask first, each `HOST:PORT`.
    #[schemars(length(min = 1))]
    bootstrap: Vec<String>,
    /// A file in which the topics are listed for people; empty for none.
    #[serde(default)]
    #[schemars(extend("format" = "path"))]
    inventory: String,
    /// How many replicas each partition has.
    #[serde(default = "three")]
    #[schemars(range(min = 1, max = 9))]
    replication_factor: u32,
    /// The team: the first part of each topic's name.
    #[schemars(length(min = 1, max = 40), extend("identity" = true))]
    team: String,
    /// Its topics, each `NAME:PARTITIONS:RETENTION`, such as `orders:6:7d`. A retention has `h` for hours or `d`
    /// for days, or is `forever`.
    #[schemars(length(min = 1))]
    topics: Vec<String>,
}

fn three() -> u32 {
    3
}

/// One topic of the list.
struct Topic {
    name: String,
    partitions: u32,
    retention_ms: i64,
}

/// More partitions than this are no topic of one team.
const MAX_PARTITIONS: u32 = 96;
const HOUR_MS: i64 = 3_600_000;

impl Runbook for TeamTopics {
    const NAME: &'static str = "team-topics";
    const SUMMARY: &'static str = "the topics of a team, and a list of them";
    const DOC: &'static str = "Creates the topics of a team, called TEAM.NAME, with their partitions and \
        retentions,\nand keeps a list of them in a file.";
    type Params = Params;

    fn declare(params: Params, to: &mut Declared) -> Result<(), Fault> {
        word(&params.team, "team")?;
        let topics = topics(&params)?;
        to.phase("Topics");
        let mut made = vec![];
        for topic in &topics {
            let arguments = json!({
                "bootstrap": params.bootstrap,
                "name": topic.name,
                "partitions": topic.partitions,
                "replication_factor": params.replication_factor,
                "configs": { "retention.ms": topic.retention_ms.to_string() },
            });
            let step = to.step("kafka::topic", format!("topic/{}", topic.name), &arguments);
            made.push(step.address().to_owned());
        }
        if !params.inventory.is_empty() {
            to.phase("For people");
            let list = json!({
                "path": params.inventory,
                "content": inventory(&params.team, &topics),
                "after": made,
            });
            to.step("file", "inventory", &list);
        }
        Ok(())
    }
}

fn topics(params: &Params) -> Result<Vec<Topic>, Fault> {
    let mut names = BTreeSet::new();
    let mut topics = vec![];
    for text in &params.topics {
        let topic = topic(&params.team, text)?;
        if !names.insert(topic.name.clone()) {
            return Err(wrong(text, "another one has the same name"));
        }
        topics.push(topic);
    }
    Ok(topics)
}

fn topic(team: &str, text: &str) -> Result<Topic, Fault> {
    let parts: Vec<_> = text.split(':').collect();
    let [name, partitions, retention] = parts[..] else {
        return Err(wrong(text, "it has not three parts"));
    };
    word(name, "topics")?;
    let partitions = partitions.parse().ok();
    let partitions = partitions.filter(|number| (1..=MAX_PARTITIONS).contains(number));
    Ok(Topic {
        name: format!("{team}.{name}"),
        partitions: partitions.ok_or_else(|| {
            wrong(
                text,
                &format!("its partitions are no number from 1 to {MAX_PARTITIONS}"),
            )
        })?,
        retention_ms: milliseconds(retention).ok_or_else(|| {
            wrong(
                text,
                "its retention is neither hours nor days nor `forever`",
            )
        })?,
    })
}

/// Kafka's own words: -1 keeps records for ever.
fn milliseconds(retention: &str) -> Option<i64> {
    if retention == "forever" {
        return Some(-1);
    }
    let unit = match retention.chars().last()? {
        'h' => HOUR_MS,
        'd' => 24 * HOUR_MS,
        _ => return None,
    };
    let count: i64 = retention[..retention.len() - 1].parse().ok()?;
    count.checked_mul(unit).filter(|time| *time > 0)
}

/// Names have no dots of their own, since the dot stands behind the team; and no underscores, which metrics
/// take for dots.
fn word(name: &str, parameter: &str) -> Result<(), Fault> {
    let fits = name.starts_with(|c: char| c.is_ascii_lowercase())
        && name
            .chars()
            .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-');
    match fits {
        true => Ok(()),
        false => Err(Fault::new(
            FaultCode::Script,
            format!("`{name}` can't be the name of a team or of a topic"),
        )
        .at(format!("parameter {parameter}"))
        .because("names are lower-case letters, digits and hyphens, and begin with a letter")),
    }
}

fn wrong(text: &str, why: &str) -> Fault {
    Fault::new(FaultCode::Script, format!("`{text}` is no topic"))
        .at("parameter topics")
        .because(why)
        .hint("Write NAME:PARTITIONS:RETENTION, such as orders:6:7d or audit:1:forever.")
}

fn inventory(team: &str, topics: &[Topic]) -> String {
    let mut text = format!("Topics of {team}\n\n");
    for topic in topics {
        let _ = writeln!(
            text,
            "{}: partitions {}, retention.ms {}",
            topic.name, topic.partitions, topic.retention_ms
        );
    }
    text
}

krun_plugin_sdk::runbook!(TeamTopics);
