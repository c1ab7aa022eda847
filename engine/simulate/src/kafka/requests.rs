//! What controller and leaders do when a request comes: topics are made and deleted, records taken.
//!
//! Also what comes from others: requests of kruns that are dead, and what somebody else does.

use std::{collections::BTreeMap, sync::Arc};

use krun_model::{
    Effect, ProcessId, Target,
    topic::{Acks, TopicRef, TopicSpec},
};

use super::{client::OFFSETS_TOPIC, logs::Rec};
use crate::world::World;

/// In so many requests records are sent.
pub const BATCHES: usize = 3;

impl World {
    /// The controller makes a topic; fine where it is there.
    ///
    /// # Errors
    /// How many brokers there are, if those are too few.
    pub(super) fn create_topic(
        &mut self,
        zookeeper: &ProcessId,
        topic: &TopicRef,
        spec: &TopicSpec,
    ) -> Result<(), usize> {
        let there = self.nodes(zookeeper).map(|nodes| &nodes.topics);
        if there.is_none_or(|topics| topics.contains_key(&topic.name)) {
            return Ok(());
        }
        let (id, first) = (self.name("topic"), self.draw((0, 100)) as usize);
        let made = self.with_nodes(zookeeper, |nodes| {
            nodes.create(&topic.name, id, spec, first)
        });
        if made == Some(Ok(())) {
            self.did("create", Target::Topic(topic.clone()));
        }
        made.unwrap_or(Ok(()))
    }

    pub(super) fn delete_topic(&mut self, zookeeper: &ProcessId, topic: &TopicRef) {
        let there = self.nodes(zookeeper).map(|nodes| &nodes.topics);
        if there.is_some_and(|topics| topics.contains_key(&topic.name)) {
            self.with_nodes(zookeeper, |nodes| nodes.delete(&topic.name));
            self.did("delete", Target::Topic(topic.clone()));
        }
    }

    /// Leaders take one of the requests with those records of a seed that are not there yet. False where
    /// one can't take them now.
    pub(super) fn take_records(&mut self, server: &str, effect: &Effect, batch: usize) -> bool {
        let Effect::Produce {
            topic,
            records,
            seed,
            keys,
            acks,
        } = effect
        else {
            return true;
        };
        let Some(asked) = self.servers.serving_at(server) else {
            return false;
        };
        let (port, knows) = (asked.zookeeper, asked.knows.clone());
        let Some(known) = knows.topics.get(&topic.name) else {
            return false;
        };
        let zookeeper = self.servers.zookeepers.iter();
        let mut zookeeper = zookeeper.filter(|(_, one)| one.port == port);
        let Some(zookeeper) = zookeeper.next().map(|(id, _)| id.clone()) else {
            return false;
        };
        let seed: Arc<str> = seed.as_str().into();
        let mut wanted: BTreeMap<i32, Vec<Rec>> = BTreeMap::new();
        for number in (0..*records).filter(|number| *number as usize % BATCHES == batch) {
            let record = Rec::Own(seed.clone(), number, *keys);
            let at = record.partition(known.partitions.len());
            wanted.entry(at).or_default().push(record);
        }
        let least = if *acks == Acks::All {
            self.min_isr(&zookeeper, &topic.name)
        } else {
            1
        };
        let mut leaders = BTreeMap::new();
        for &number in wanted.keys() {
            let partition = usize::try_from(number).unwrap_or_default();
            let partition = &known.partitions[partition];
            let leader = partition
                .leader
                .and_then(|id| self.process_of(&zookeeper, id));
            match leader {
                Some(leader) if partition.isr.len() >= least => {
                    leaders.insert(number, (leader, partition.isr.clone()));
                }
                _ => return false,
            }
        }
        for (number, mut records) in wanted {
            let which = (topic.name.clone(), number);
            let (leader, isr) = &leaders[&number];
            let broker = self.servers.brokers.get(leader);
            let there = broker.and_then(|broker| broker.logs.get(&which));
            let there = there.map(|log| log.records.clone()).unwrap_or_default();
            records.retain(|record| !there.contains(record));
            if records.is_empty() {
                continue;
            }
            for id in isr {
                if let Some(process) = self.process_of(&zookeeper, *id) {
                    self.append(&process, &which, &records);
                }
            }
        }
        true
    }

    fn min_isr(&self, zookeeper: &ProcessId, topic: &str) -> usize {
        let own = self.nodes(zookeeper).and_then(|nodes| {
            let settings = nodes.settings.get(&format!("topic {topic}"))?;
            settings.get("min.insync.replicas")?.parse().ok()
        });
        let brokers = self.servers.brokers.values().map(|one| one.min_isr);
        own.unwrap_or_else(|| brokers.max().unwrap_or(1))
    }

    pub(super) fn offsets_factor(&self, zookeeper: &ProcessId) -> u32 {
        let brokers = self.servers.brokers.values().map(|one| one.offsets_factor);
        let wanted = brokers.max().unwrap_or(1);
        let there = self
            .nodes(zookeeper)
            .map_or(1, |nodes| nodes.sessions.len());
        wanted.min(u32::try_from(there).unwrap_or(1)).max(1)
    }

    /// A request of a krun that is dead arrives.
    pub(super) fn arrives(&mut self, effect: &Effect) {
        let target = effect.target();
        for server in target.bootstrap().unwrap_or_default() {
            let Some(broker) = self.servers.serving_at(server) else {
                continue;
            };
            let Some(zookeeper) = self.servers.zookeeper_at(broker.zookeeper).cloned() else {
                continue;
            };
            match effect {
                Effect::CreateTopic { topic, spec } => {
                    // A request that is refused is refused to nobody.
                    let _ = self.create_topic(&zookeeper, topic, spec);
                }
                effect => {
                    self.take_records(server, effect, 0);
                }
            }
            return;
        }
    }

    /// Somebody else does something to a cluster: writes a record, deletes a topic or makes one.
    pub fn somebody_changes_a_cluster(&mut self, how: u8) -> Option<String> {
        let zookeepers = self.servers.zookeepers.iter();
        let mut serving = zookeepers.filter(|(_, one)| one.serves());
        let zookeeper = serving.next()?.0.clone();
        let topics = &self.nodes(&zookeeper)?.topics;
        let name = topics.keys().find(|name| *name != OFFSETS_TOPIC).cloned();
        match (how, name) {
            (0, Some(name)) => {
                let partition = self
                    .nodes(&zookeeper)?
                    .topics
                    .get(&name)?
                    .partitions
                    .first()?;
                let (leader, isr) = (partition.leader?, partition.isr.clone());
                self.process_of(&zookeeper, leader)?;
                for id in isr {
                    if let Some(process) = self.process_of(&zookeeper, id) {
                        self.append(&process, &(name.clone(), 0), &[Rec::Foreign]);
                    }
                }
                Some(format!("writes a record into topic {name}"))
            }
            (1, Some(name)) => {
                self.with_nodes(&zookeeper, |nodes| nodes.delete(&name))?;
                Some(format!("deletes topic {name}"))
            }
            _ => {
                let id = self.name("topic");
                let spec = TopicSpec {
                    partitions: 1,
                    replication_factor: 1,
                    configs: Default::default(),
                };
                let name = "somebodys";
                if self.nodes(&zookeeper)?.topics.contains_key(name) {
                    return None;
                }
                let made = self.with_nodes(&zookeeper, |nodes| nodes.create(name, id, &spec, 0));
                made?.ok().map(|()| format!("makes topic {name}"))
            }
        }
    }
}
