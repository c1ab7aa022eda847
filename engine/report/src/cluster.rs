//! A Kafka cluster as tables: who its brokers are, where the replicas of its partitions are, and how far
//! its consumer groups are.
//!
//! Only data and words: who asks the cluster fills in a [`ClusterTable`].

use serde::Serialize;

use crate::{
    Style,
    style::Tone,
    table::{Column, Side, table},
    text::{clean_line, count},
};

#[cfg(test)]
mod tests;

/// A cluster as its metadata shows it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ClusterTable {
    /// Its id.
    pub cluster_id: Option<String>,
    /// Its brokers.
    pub brokers: Vec<ClusterBroker>,
    /// Its topics.
    pub topics: Vec<ClusterTopic>,
    /// Its consumer groups.
    pub groups: Vec<ClusterGroup>,
}

/// A consumer group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ClusterGroup {
    /// Its id.
    pub id: String,
    /// What its coordinator says of it: `Stable`, `Empty`, …
    pub state: String,
    /// How many are in it.
    pub members: usize,
    /// Where it goes on reading.
    pub places: Vec<GroupPlace>,
}

/// Where a group goes on reading a partition.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct GroupPlace {
    /// The topic.
    pub topic: String,
    /// The partition.
    pub partition: i32,
    /// The offset of the record that it reads next.
    pub committed: i64,
    /// The offset after the partition's last record; none where that is not known.
    pub end: Option<i64>,
    /// How many records it has not read yet, likewise.
    pub lag: Option<i64>,
}

/// A broker.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ClusterBroker {
    /// Its id.
    pub id: i32,
    /// The host that it advertises.
    pub host: String,
    /// The port that it advertises.
    pub port: u16,
    /// Whether it is the controller.
    pub controller: bool,
    /// How many replicas it holds.
    pub replicas: usize,
    /// How many partitions it leads.
    pub leads: usize,
}

/// A topic.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ClusterTopic {
    /// Its name.
    pub name: String,
    /// Its partitions.
    pub partitions: Vec<ClusterPartition>,
}

/// A partition.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ClusterPartition {
    /// Its number.
    pub id: i32,
    /// The broker that leads it; none while there is none.
    pub leader: Option<i32>,
    /// The brokers that hold it, the preferred leader first.
    pub replicas: Vec<i32>,
    /// Those of them that are in sync.
    pub isr: Vec<i32>,
    /// The first offset that is there; none where it was not asked for.
    pub start: Option<i64>,
    /// The offset of the next record; none where it was not asked for.
    pub end: Option<i64>,
}

impl ClusterPartition {
    /// What is wrong with it, if anything: no leader, or replicas that are behind.
    fn trouble(&self) -> &'static str {
        if self.leader.is_none() {
            "no leader"
        } else if self.isr.len() < self.replicas.len() {
            "under-replicated"
        } else {
            ""
        }
    }
}

/// Brokers and partitions in columns; what is wrong with a partition stands in words behind it.
pub fn cluster_text(cluster: &ClusterTable, style: Style) -> String {
    let topics = count(cluster.topics.len(), "topic");
    let brokers = count(cluster.brokers.len(), "broker");
    let id = cluster
        .cluster_id
        .as_ref()
        .map_or(String::new(), |id| format!(" {}", clean_line(style, id)));
    let title = style.paint(Tone::Strong, format!("cluster{id}"));
    let mut text = format!("{title}: {brokers}, {topics}\n");
    if !cluster.brokers.is_empty() {
        text.push_str(&format!("\n{}", brokers_text(&cluster.brokers, style)));
    }
    if !cluster.topics.is_empty() {
        text.push_str(&format!("\n{}", topics_text(&cluster.topics, style)));
    }
    if !cluster.groups.is_empty() {
        text.push_str(&format!("\n{}", groups_text(&cluster.groups, style)));
    }
    text
}

fn brokers_text(brokers: &[ClusterBroker], style: Style) -> String {
    let columns = [
        Column("broker", Side::Right),
        Column("host", Side::Left),
        Column("port", Side::Right),
        Column("role", Side::Left),
        Column("replicas", Side::Right),
        Column("leads", Side::Right),
        Column("note", Side::Left),
    ];
    let row = |broker: &ClusterBroker| {
        vec![
            broker.id.to_string(),
            clean_line(style, &broker.host),
            broker.port.to_string(),
            if broker.controller { "controller" } else { "" }.to_owned(),
            broker.replicas.to_string(),
            broker.leads.to_string(),
            if broker.replicas == 0 {
                style.paint(Tone::Faint, "holds nothing")
            } else {
                String::new()
            },
        ]
    };
    let rows: Vec<_> = brokers.iter().map(row).collect();
    table(style, &columns, &rows, 0)
}

fn groups_text(groups: &[ClusterGroup], style: Style) -> String {
    let columns = [
        Column("group", Side::Left),
        Column("state", Side::Left),
        Column("members", Side::Right),
        Column("topic", Side::Left),
        Column("partition", Side::Right),
        Column("committed", Side::Right),
        Column("end", Side::Right),
        Column("lag", Side::Right),
    ];
    let number = |number: Option<i64>| number.map_or(String::new(), |at| at.to_string());
    let mut rows = vec![];
    for group in groups {
        let head = [
            clean_line(style, &group.id),
            clean_line(style, &group.state),
            group.members.to_string(),
        ];
        for place in &group.places {
            let place = [
                clean_line(style, &place.topic),
                place.partition.to_string(),
                place.committed.to_string(),
                number(place.end),
                number(place.lag),
            ];
            rows.push(head.iter().cloned().chain(place).collect());
        }
        if group.places.is_empty() {
            let nowhere = std::iter::repeat_n(String::new(), 5);
            rows.push(head.into_iter().chain(nowhere).collect());
        }
    }
    table(style, &columns, &rows, 0)
}

fn topics_text(topics: &[ClusterTopic], style: Style) -> String {
    let columns = [
        Column("topic", Side::Left),
        Column("partition", Side::Right),
        Column("leader", Side::Right),
        Column("replicas", Side::Left),
        Column("in sync", Side::Left),
        Column("start", Side::Right),
        Column("end", Side::Right),
        Column("trouble", Side::Left),
    ];
    let ids = |ids: &[i32]| {
        let ids: Vec<String> = ids.iter().map(i32::to_string).collect();
        ids.join(",")
    };
    let number = |offset: Option<i64>| offset.map_or(String::new(), |at| at.to_string());
    let mut rows = vec![];
    for topic in topics {
        for partition in &topic.partitions {
            let leader = partition.leader.map(|id| id.to_string());
            let trouble = match partition.trouble() {
                "" => String::new(),
                trouble => style.paint(Tone::Bad, trouble),
            };
            rows.push(vec![
                clean_line(style, &topic.name),
                partition.id.to_string(),
                leader.unwrap_or_else(|| "none".to_owned()),
                ids(&partition.replicas),
                ids(&partition.isr),
                number(partition.start),
                number(partition.end),
                trouble,
            ]);
        }
    }
    table(style, &columns, &rows, 0)
}
