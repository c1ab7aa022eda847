//! What a cluster agrees on, as ZooKeeper keeps it, and what its controller makes of it.
//!
//! Pure: who is registered decides who leads and who is in sync.

use std::collections::BTreeMap;

use krun_kafka::view::{BrokerView, ClusterView, PartitionView};
use krun_model::{placement::Placement, topic::TopicSpec};
use serde::{Deserialize, Serialize};

/// Settings by key.
pub type Settings = BTreeMap<String, String>;

/// The nodes of a ZooKeeper.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Znodes {
    /// `/cluster/id`.
    pub cluster: Option<String>,
    /// `/brokers/ids`.
    pub sessions: BTreeMap<i32, Session>,
    /// `/controller`.
    pub controller: Option<i32>,
    /// `/brokers/topics`.
    pub topics: BTreeMap<String, Topic>,
    /// `/config`, by what the settings are of.
    pub settings: BTreeMap<String, Settings>,
    /// Where groups go on, by group, topic and partition.
    pub groups: BTreeMap<String, BTreeMap<String, BTreeMap<i32, i64>>>,
}

/// A registered broker.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Session {
    /// The pid of the process that it is.
    pub owner: u32,
    /// The host that it tells clients.
    pub host: String,
    /// The port that it tells clients.
    pub port: u16,
    /// How long it stays when nothing is heard of the broker.
    pub timeout_ms: u64,
    /// When it ends, once nothing is heard.
    #[serde(skip)]
    pub ends: Option<u64>,
}

/// A topic.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Topic {
    /// Its id.
    pub id: String,
    /// Its partitions, by number.
    pub partitions: Vec<Partition>,
}

/// A partition.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Partition {
    /// Who is to hold it, the preferred leader first.
    pub replicas: Vec<i32>,
    /// Who holds all of it.
    pub isr: Vec<i32>,
    /// Who leads it.
    pub leader: Option<i32>,
    /// Where it is on its way to.
    pub going: Option<Vec<i32>>,
}

impl Znodes {
    /// Whether a broker is registered, as far as is known.
    pub fn knows(&self, id: i32) -> bool {
        self.sessions.contains_key(&id)
    }

    /// A broker's registration is gone.
    pub fn leaves(&mut self, id: i32) {
        self.sessions.remove(&id);
        if self.controller == Some(id) {
            self.controller = None;
        }
        self.reconsider();
    }

    /// A controller, leaders and replicas in sync for who is registered now. The last replica in sync
    /// stays so without its broker: no other may lead.
    pub fn reconsider(&mut self) {
        let sessions = &self.sessions;
        if self.controller.is_none() {
            self.controller = sessions.keys().next().copied();
        }
        let partitions = self.topics.values_mut().flat_map(|one| &mut one.partitions);
        for one in partitions {
            let in_sync = one.isr.iter().copied();
            let alive: Vec<_> = in_sync.filter(|id| sessions.contains_key(id)).collect();
            if !alive.is_empty() {
                one.isr = alive;
            }
            let leads = one.leader.is_some_and(|id| one.isr.contains(&id));
            let there = |id: &&i32| one.isr.contains(id) && sessions.contains_key(id);
            if !leads || one.leader.is_some_and(|id| !sessions.contains_key(&id)) {
                one.leader = one.replicas.iter().find(there).copied();
            }
        }
    }

    /// Makes a topic on the brokers that are registered, beginning with the `first` of them.
    ///
    /// # Errors
    /// How many brokers there are, if those are too few.
    pub fn create(
        &mut self,
        name: &str,
        id: String,
        spec: &TopicSpec,
        first: usize,
    ) -> Result<(), usize> {
        let partitions = spread(
            &self.sessions,
            spec.partitions,
            spec.replication_factor,
            first,
        )?;
        let partitions = partitions.collect();
        self.topics
            .insert(name.to_owned(), Topic { id, partitions });
        if !spec.configs.is_empty() {
            let settings = spec.configs.iter().map(|(k, v)| (k.clone(), v.clone()));
            self.settings
                .insert(format!("topic {name}"), settings.collect());
        }
        self.reconsider();
        Ok(())
    }

    /// Adds partitions until there are so many.
    ///
    /// # Errors
    /// How many brokers there are, if those are too few.
    pub fn grow(&mut self, name: &str, total: u32, first: usize) -> Result<(), usize> {
        let Some(topic) = self.topics.get_mut(name) else {
            return Ok(());
        };
        let there = u32::try_from(topic.partitions.len()).unwrap_or(u32::MAX);
        let factor = topic.partitions.first().map_or(1, |one| one.replicas.len());
        let factor = u32::try_from(factor).unwrap_or(u32::MAX);
        let more = spread(&self.sessions, total.saturating_sub(there), factor, first)?;
        topic.partitions.extend(more);
        self.reconsider();
        Ok(())
    }

    /// A topic is gone, with its settings and the groups' places in it.
    pub fn delete(&mut self, name: &str) {
        self.topics.remove(name);
        self.settings.remove(&format!("topic {name}"));
        for group in self.groups.values_mut() {
            group.remove(name);
        }
        self.groups.retain(|_, topics| !topics.is_empty());
    }

    /// A partition of a topic.
    pub fn partition(&mut self, topic: &str, number: i32) -> Option<&mut Partition> {
        let number = usize::try_from(number).ok()?;
        self.topics.get_mut(topic)?.partitions.get_mut(number)
    }

    /// What a client is shown of this, but for the cluster's id and the controller.
    pub fn view(&self, topic: Option<&str>) -> ClusterView {
        let brokers = self.sessions.iter().map(|(id, session)| BrokerView {
            id: *id,
            host: session.host.clone(),
            port: session.port,
        });
        let topics = self.topics.iter();
        let meant = topics.filter(|(name, _)| topic.is_none_or(|wanted| wanted == *name));
        ClusterView {
            cluster_id: None,
            controller: None,
            brokers: brokers.collect(),
            topics: meant
                .map(|(name, topic)| {
                    let all = (0..).zip(&topic.partitions);
                    (name.clone(), all.map(|(id, one)| one.view(id)).collect())
                })
                .collect(),
        }
    }

    /// What is on its way, by topic and partition.
    pub fn going(&self) -> impl Iterator<Item = (Placement, &Partition)> {
        self.topics.iter().flat_map(|(topic, all)| {
            let partitions = (0..).zip(&all.partitions);
            partitions.filter_map(|(number, one)| {
                let to = Placement {
                    topic: topic.clone(),
                    partition: number,
                    replicas: one.going.clone()?,
                };
                Some((to, one))
            })
        })
    }
}

impl Partition {
    /// It is where it was sent once all that are to hold it are in sync.
    pub fn arrive(&mut self) {
        let Some(to) = self
            .going
            .take_if(|to| to.iter().all(|id| self.isr.contains(id)))
        else {
            return;
        };
        self.isr.retain(|id| to.contains(id));
        self.replicas = to;
    }

    fn view(&self, id: i32) -> PartitionView {
        PartitionView {
            id,
            leader: self.leader,
            replicas: self.replicas.clone(),
            isr: self.isr.clone(),
            start: None,
            end: None,
        }
    }
}

/// New partitions, each on so many of the registered brokers in turn.
fn spread(
    sessions: &BTreeMap<i32, Session>,
    partitions: u32,
    factor: u32,
    first: usize,
) -> Result<impl Iterator<Item = Partition>, usize> {
    let ids: Vec<_> = sessions.keys().copied().collect();
    let factor = factor as usize;
    if factor > ids.len() || ids.is_empty() {
        return Err(ids.len());
    }
    Ok((0..partitions as usize).map(move |number| {
        let at = |replica| ids[(first + number + replica) % ids.len()];
        let replicas: Vec<_> = (0..factor).map(at).collect();
        Partition {
            isr: replicas.clone(),
            leader: replicas.first().copied(),
            replicas,
            going: None,
        }
    }))
}
