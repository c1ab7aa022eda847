//! What happens by itself as time passes: servers come up, sessions end, brokers learn and catch up, and
//! requests of the dead arrive.
//!
//! Things happen in the order of their times, however long nobody looked.

use krun_kafka::versions::Program;
use krun_model::{Effect, ProcessId};
use krun_properties::Document;

use crate::world::World;

/// Something that is due.
enum Due {
    ZooKeeperComesUp(ProcessId),
    BrokerGoesOn(ProcessId),
    SessionEnds(ProcessId, i32),
    Arrives(usize),
}

impl World {
    /// Time passes; what is due until then happens.
    pub fn pass(&mut self, until: u64) {
        while let Some((at, what)) = self.next_due().filter(|(at, _)| *at <= until) {
            self.set_now(at.max(self.now()));
            match what {
                Due::ZooKeeperComesUp(id) => self.zookeeper_comes_up(&id),
                Due::BrokerGoesOn(id) => self.broker_goes_on(&id),
                Due::SessionEnds(zookeeper, broker) => {
                    self.with_nodes(&zookeeper, |nodes| nodes.leaves(broker));
                }
                Due::Arrives(at) => {
                    let (_, effect) = self.servers.late.remove(at);
                    self.arrives(&effect);
                }
            }
        }
        self.set_now(until.max(self.now()));
    }

    fn next_due(&self) -> Option<(u64, Due)> {
        let mut next: Option<(u64, Due)> = None;
        let mut take = |at: u64, what: &dyn Fn() -> Due| {
            if next.as_ref().is_none_or(|(first, _)| at < *first) {
                next = Some((at, what()));
            }
        };
        for (id, one) in &self.servers.zookeepers {
            match one.up {
                Some(at) => take(at, &|| Due::ZooKeeperComesUp(id.clone())),
                None => {
                    for (broker, session) in &one.nodes.sessions {
                        if let Some(at) = session.ends {
                            take(at, &|| Due::SessionEnds(id.clone(), *broker));
                        }
                    }
                }
            }
        }
        for (id, one) in &self.servers.brokers {
            if let Some(at) = one.due() {
                take(at, &|| Due::BrokerGoesOn(id.clone()));
            }
        }
        for (number, (at, _)) in self.servers.late.iter().enumerate() {
            take(*at, &|| Due::Arrives(number));
        }
        next
    }

    /// A request of a krun that is dead is on its way.
    pub fn will_arrive(&mut self, effect: Effect, after_ms: u64) {
        let at = self.now() + after_ms;
        self.servers.late.push((at, effect));
    }

    /// A process began: perhaps it is a server.
    pub fn process_began(&mut self, id: &ProcessId) {
        let Some(process) = self.processes.get(id) else {
            return;
        };
        let argv = &process.spec.argv;
        let Some((program, config)) =
            [Program::Broker, Program::ZooKeeper]
                .into_iter()
                .find_map(|program| {
                    let at = argv.iter().position(|arg| arg == program.class())?;
                    Some((program, argv.get(at + 1)?.clone()))
                })
        else {
            return;
        };
        let bytes = self.files.bytes(config.as_str().into()).ok().flatten();
        let document = bytes.and_then(|bytes| Document::parse(&bytes).ok());
        let Some(settings) = document.map(|document| document.effective()) else {
            return self.server_dies(id, &["ERROR the properties file can't be read"]);
        };
        match program {
            Program::Broker => self.broker_starts(id, &settings),
            Program::ZooKeeper => self.zookeeper_starts(id, &settings),
        }
    }

    /// A process is gone; `clean` if it was told to end.
    pub fn process_is_gone(&mut self, id: &ProcessId, clean: bool) {
        self.servers.zookeepers.remove(id);
        self.broker_is_gone(id, clean);
    }

    /// Whether a server that is told to end will do so, or waits for somebody who is not there.
    pub fn ends_when_told(&self, id: &ProcessId) -> bool {
        let broker = self.servers.brokers.get(id);
        broker.is_none_or(|one| !one.serves() || self.servers.zookeeper_at(one.zookeeper).is_some())
    }

    /// A server says why, and ends.
    pub(super) fn server_dies(&mut self, id: &ProcessId, lines: &[&str]) {
        for line in lines {
            self.says(id, line);
        }
        self.processes.remove(id);
        self.process_is_gone(id, false);
    }

    /// A process writes a line into its log.
    pub(super) fn says(&mut self, id: &ProcessId, line: &str) {
        let log = self
            .processes
            .get(id)
            .map(|process| process.spec.log.clone());
        if let Some(log) = log {
            // A log that was taken away is written by nobody.
            let _ = self.log(&log, &format!("{line}\n"));
        }
    }
}
