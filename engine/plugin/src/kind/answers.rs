//! What a guest answers about a step: read, held against what its kind described, and cut to what can be shown.
//!
//! Owns all that is believed of a finding, of outputs and of what a step writes. It calls nobody.

use camino::Utf8PathBuf;
use krun_model::{
    Change, Fault, FaultCode, Outputs, Target,
    configs::{ConfigsOf, ConfigsRef},
    kind::{Check, KindSpec},
    placement::PartitionsRef,
    plan::{After, DiffLine},
    topic::{GroupRef, TopicRef},
};

use crate::{
    bindings::{exports::krun::plugin::step_kinds as wit, krun::plugin::types},
    desk::quota_of,
    faults::clean,
};

/// More lines of a difference, or more targets of one step, than this are none.
const MAX_LINES: usize = 10_000;

/// Who answers, for messages, and what can be answered.
pub(crate) struct Answers<'a> {
    /// The plugin's name and version.
    pub called: String,
    pub spec: &'a KindSpec,
    /// How many bytes outputs may have.
    pub outputs: usize,
}

impl Answers<'_> {
    /// What a check found.
    pub(crate) fn found(&self, found: wit::Finding) -> Result<Check, Fault> {
        Ok(match found {
            wit::Finding::Satisfied(text) => Check::Satisfied(self.outputs("check", &text)?),
            wit::Finding::Drift(drift) => Check::Drift {
                change: change(drift.change),
                why: clean(&drift.why),
                diff: self.diff(drift.diff)?,
            },
            wit::Finding::Unknown(unknown) => Check::Unknown {
                why: clean(&unknown.why),
                diff: self.diff(unknown.diff)?,
            },
        })
    }

    fn diff(&self, lines: Vec<types::DiffLine>) -> Result<Vec<DiffLine>, Fault> {
        let lines = self.few("check", "lines of a difference", lines)?;
        Ok(lines.into_iter().map(line).collect())
    }

    /// A step's outputs, if they are what the kind described.
    pub(crate) fn outputs(&self, function: &str, text: &str) -> Result<Outputs, Fault> {
        let wrong = |why: String| self.wrong(function, why);
        let limit = self.outputs;
        if text.len() > limit {
            return Err(wrong(format!(
                "its outputs have {} bytes, and {limit} are allowed",
                text.len()
            )));
        }
        let outputs: Outputs = serde_json::from_str(text)
            .map_err(|error| wrong(format!("its outputs are no JSON object: {error}")))?;
        let described = |name: &str| self.spec.outputs.iter().any(|one| one.name == name);
        match outputs.keys().find(|name| !described(name)) {
            Some(unknown) => Err(wrong(format!(
                "its kind describes no output `{}`",
                clean(unknown)
            ))),
            None => Ok(outputs),
        }
    }

    /// What a step writes.
    pub(crate) fn writes(&self, targets: Vec<wit::Target>) -> Result<Vec<Target>, Fault> {
        let targets = self.few("validate", "targets", targets)?;
        targets.into_iter().map(target).collect()
    }

    fn few<T>(&self, function: &str, what: &str, all: Vec<T>) -> Result<Vec<T>, Fault> {
        match all.len() > MAX_LINES {
            true => Err(self.wrong(
                function,
                format!("it has {} {what}, and {MAX_LINES} can be", all.len()),
            )),
            false => Ok(all),
        }
    }

    fn wrong(&self, function: &str, why: String) -> Fault {
        let what = format!(
            "the plugin {} says something that can't be in `{function}` of `{}`",
            self.called, self.spec.name
        );
        Fault::new(FaultCode::Plugin, what)
            .because(why)
            .hint("Report it to the plugin's authors.")
    }
}

fn target(target: wit::Target) -> Result<Target, Fault> {
    Ok(match target {
        wit::Target::Path(path) => Target::Path(absolute(path)?),
        wit::Target::Contents(path) => Target::Contents(absolute(path)?),
        wit::Target::Packages(names) => Target::Packages(names),
        wit::Target::Topic((bootstrap, name)) => Target::Topic(TopicRef { bootstrap, name }),
        wit::Target::TopicSettings((bootstrap, name)) => configs(bootstrap, ConfigsOf::Topic(name)),
        wit::Target::Records((bootstrap, name)) => Target::Records(TopicRef { bootstrap, name }),
        wit::Target::Replicas(of) => Target::Replicas(partitions(of)),
        wit::Target::Leaders(of) => Target::Leaders(partitions(of)),
        wit::Target::Group((bootstrap, id, topic)) => Target::Group(GroupRef {
            bootstrap,
            id,
            topic,
        }),
        wit::Target::Broker((bootstrap, id)) => configs(bootstrap, ConfigsOf::Broker(id)),
        wit::Target::Brokers(bootstrap) => configs(bootstrap, ConfigsOf::Brokers),
        wit::Target::Quotas((bootstrap, of)) => {
            configs(bootstrap, ConfigsOf::Clients(quota_of(of)?))
        }
    })
}

fn absolute(path: String) -> Result<Utf8PathBuf, Fault> {
    match path.starts_with('/') {
        true => Ok(path.into()),
        false => Err(Fault::new(
            FaultCode::Plugin,
            "the plugin writes to a path that is not absolute",
        )
        .because(clean(&path))),
    }
}

fn partitions((bootstrap, topic, mut numbers): (Vec<String>, String, Vec<i32>)) -> PartitionsRef {
    numbers.sort_unstable();
    numbers.dedup();
    PartitionsRef {
        bootstrap,
        partitions: numbers
            .into_iter()
            .map(|one| (topic.clone(), one))
            .collect(),
    }
}

fn configs(bootstrap: Vec<String>, of: ConfigsOf) -> Target {
    Target::Configs(ConfigsRef { bootstrap, of })
}

fn change(change: types::Change) -> Change {
    match change {
        types::Change::Create => Change::Create,
        types::Change::Update => Change::Update,
        types::Change::Restart => Change::Restart,
        types::Change::Delete => Change::Delete,
        types::Change::Act => Change::Act,
    }
}

fn line(line: types::DiffLine) -> DiffLine {
    DiffLine {
        key: clean(&line.key),
        before: line.before.as_deref().map(clean),
        after: match line.after {
            types::After::Value(value) => After::Value(clean(&value)),
            types::After::Gone => After::Gone,
            types::After::KnownAfterApply => After::KnownAfterApply,
        },
    }
}
