//! Which partitions lack replicas: pure decisions over what a cluster shows.

use std::fmt;

use crate::view::{ClusterView, PartitionView};

/// A partition that is not whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lag {
    /// Its topic.
    pub topic: String,
    /// Its number.
    pub partition: i32,
    /// Replicas that are not in sync.
    pub missing: Vec<i32>,
    /// Whether it has a leader.
    pub leader: bool,
}

impl fmt::Display for Lag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}: ", self.topic, self.partition)?;
        if !self.leader {
            f.write_str("no leader")?;
        }
        if !self.missing.is_empty() {
            let ids: Vec<_> = self.missing.iter().map(i32::to_string).collect();
            let comma = if self.leader { "" } else { ", " };
            write!(f, "{comma}not in sync: broker {}", ids.join(", "))?;
        }
        Ok(())
    }
}

fn lag(topic: &str, partition: &PartitionView) -> Option<Lag> {
    let missing: Vec<_> = partition
        .replicas
        .iter()
        .copied()
        .filter(|replica| !partition.isr.contains(replica))
        .collect();
    let leader = partition.leader.is_some();
    (!leader || !missing.is_empty()).then(|| Lag {
        topic: topic.to_owned(),
        partition: partition.id,
        missing,
        leader,
    })
}

/// All partitions that are not whole.
pub fn lagging(view: &ClusterView) -> Vec<Lag> {
    view.partitions()
        .filter_map(|(topic, partition)| lag(topic, partition))
        .collect()
}

/// Partitions because of which a broker must not be stopped now: those that lack a replica on another
/// broker. What lacks only the broker's own replica is no reason: its restart may be the cure.
pub fn hold_back(view: &ClusterView, broker: i32) -> Vec<Lag> {
    lagging(view)
        .into_iter()
        .filter(|lag| lag.missing.iter().any(|id| *id != broker))
        .collect()
}

/// Partitions with a replica on a broker that is not in sync there, or that nobody leads.
pub fn not_back(view: &ClusterView, broker: i32) -> Vec<Lag> {
    view.partitions()
        .filter(|(_, partition)| partition.replicas.contains(&broker))
        .filter_map(|(topic, partition)| lag(topic, partition))
        .filter(|lag| !lag.leader || lag.missing.contains(&broker))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn view(partitions: &[(&[i32], &[i32], Option<i32>)]) -> ClusterView {
        let partitions = partitions
            .iter()
            .enumerate()
            .map(|(id, (replicas, isr, leader))| PartitionView {
                id: i32::try_from(id).unwrap(),
                leader: *leader,
                replicas: replicas.to_vec(),
                isr: isr.to_vec(),
                start: None,
                end: None,
            });
        ClusterView {
            topics: [("t".to_owned(), partitions.collect())].into(),
            ..ClusterView::default()
        }
    }

    #[test]
    fn who_holds_a_restart_back() {
        let view = view(&[
            (&[1, 2, 3], &[1, 2, 3], Some(1)),
            (&[1, 2, 3], &[2, 3], Some(2)),
            (&[1, 2, 3], &[1, 2], Some(1)),
            (&[1], &[1], None),
        ]);
        let names = |lags: Vec<Lag>| lags.iter().map(Lag::to_string).collect::<Vec<_>>();
        assert_eq!(names(hold_back(&view, 1)), ["t-2: not in sync: broker 3"]);
        assert_eq!(
            names(not_back(&view, 1)),
            ["t-1: not in sync: broker 1", "t-3: no leader"]
        );
        assert_eq!(names(not_back(&view, 3)), ["t-2: not in sync: broker 3"]);
        assert_eq!(lagging(&view).len(), 3);
        assert_eq!(names(lagging(&view))[2], "t-3: no leader");
    }
}
