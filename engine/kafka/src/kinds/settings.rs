//! What is wanted of settings against what a cluster has: differences by key, and what can't be.
//!
//! Only keys that a step names are looked at. What a value comes from does not matter to a topic or a
//! broker: a default that is as wanted is as wanted. Of the default for all brokers only what was set
//! for all of them counts.

use krun_model::{
    Fault, FaultCode, Map, Value,
    configs::{ConfigChanges, ConfigsOf, same_config},
    plan::DiffLine,
};

use crate::cluster::configs::{Entry, Source, own};

/// The names of a topic's settings, from Kafka 1.0 to 4.1, as its documentation lists them. Whatever is
/// neither here nor close to one of these is for the brokers to judge: they may be newer.
const TOPIC_CONFIGS: [&str; 36] = [
    "cleanup.policy",
    "compression.gzip.level",
    "compression.lz4.level",
    "compression.type",
    "compression.zstd.level",
    "delete.retention.ms",
    "errors.deadletterqueue.group.enable",
    "file.delete.delay.ms",
    "flush.messages",
    "flush.ms",
    "follower.replication.throttled.replicas",
    "index.interval.bytes",
    "leader.replication.throttled.replicas",
    "local.retention.bytes",
    "local.retention.ms",
    "max.compaction.lag.ms",
    "max.message.bytes",
    "message.downconversion.enable",
    "message.format.version",
    "message.timestamp.after.max.ms",
    "message.timestamp.before.max.ms",
    "message.timestamp.difference.max.ms",
    "message.timestamp.type",
    "min.cleanable.dirty.ratio",
    "min.compaction.lag.ms",
    "min.insync.replicas",
    "preallocate",
    "remote.log.copy.disable",
    "remote.log.delete.on.disable",
    "remote.storage.enable",
    "retention.bytes",
    "retention.ms",
    "segment.bytes",
    "segment.index.bytes",
    "segment.jitter.ms",
    "segment.ms",
];
/// Up to how many letters a misspelt name differs.
const MISSPELT: usize = 3;

/// Settings as a runbook gives them, as texts.
pub fn texts_of(configs: Option<&Map<serde_json::Value>>) -> Map<String> {
    let text = |value: &serde_json::Value| match value {
        serde_json::Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    configs
        .into_iter()
        .flatten()
        .map(|(key, value)| (key.clone(), text(value)))
        .collect()
}

/// How many letters have to be changed, put in or taken out.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, left) in a.chars().enumerate() {
        let mut corner = row[0];
        row[0] = i + 1;
        for (j, right) in b.iter().enumerate() {
            let changed = corner + usize::from(left != *right);
            corner = row[j + 1];
            row[j + 1] = changed.min(corner + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}

fn closest<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    known
        .map(|one| (distance(name, one), one))
        .filter(|(far, _)| *far <= MISSPELT)
        .min()
        .map(|(_, one)| one)
}

/// Refuses names that look like misspelt ones of a topic's settings.
///
/// # Errors
/// [`FaultCode::Script`].
pub fn refuse_misspelt(configs: Option<&Value>) -> Result<(), Fault> {
    let Some(Value::Map(configs)) = configs else {
        return Ok(());
    };
    for name in configs.keys() {
        if TOPIC_CONFIGS.contains(&name.as_str()) {
            continue;
        }
        if let Some(close) = closest(name, TOPIC_CONFIGS.into_iter()) {
            return Err(unknown("a topic", name, Some(close)));
        }
    }
    Ok(())
}

fn unknown(of: &str, name: &str, close: Option<&str>) -> Fault {
    let fault = Fault::new(FaultCode::Script, format!("{of} has no setting `{name}`"));
    match close {
        Some(close) => fault.hint(format!("Did you mean `{close}`?")),
        None => fault.hint("Kafka's documentation lists the settings of each version."),
    }
}

/// What has to be changed, with a line for each key.
///
/// # Errors
/// [`FaultCode::Script`] for names that the brokers don't know, for secrets, and for what is read only
/// once, when a broker starts.
pub fn compare(
    of: &ConfigsOf,
    wanted: &Map<String>,
    entries: &Map<Entry>,
) -> Result<(ConfigChanges, Vec<DiffLine>), Fault> {
    let own = own(of, entries);
    let mut changes = ConfigChanges::new();
    let mut diff = vec![];
    for (key, value) in wanted {
        let Some(entry) = entries.get(key) else {
            let close = closest(key, entries.keys().map(String::as_str));
            return Err(unknown(&of.to_string(), key, close));
        };
        refuse_unmanageable(of, entry)?;
        let (there, from) = match of {
            ConfigsOf::Brokers => (own.get(key).cloned(), ""),
            _ => (entry.value.clone(), from(entry.source)),
        };
        if there
            .as_ref()
            .is_some_and(|there| same_config(there, value))
        {
            continue;
        }
        let before = there.map(|there| format!("{there}{from}"));
        diff.push(DiffLine::new(key, before.as_deref(), value));
        changes.insert(key.clone(), Some(value.clone()));
    }
    Ok((changes, diff))
}

fn from(source: Source) -> &'static str {
    match source {
        Source::Topic | Source::Broker | Source::Unsaid => "",
        Source::Brokers => " (set for all brokers)",
        Source::File => " (from the broker's file)",
        Source::Default => " (default)",
    }
}

fn refuse_unmanageable(of: &ConfigsOf, entry: &Entry) -> Result<(), Fault> {
    let name = &entry.name;
    if entry.sensitive {
        return Err(Fault::new(
            FaultCode::Script,
            format!("`{name}` is a secret, and secrets are not set this way"),
        )
        .because("brokers don't tell its value, so that it could be neither compared nor put back")
        .hint("Set it with `kafka-configs.sh --alter`."));
    }
    if entry.read_only && !matches!(of, ConfigsOf::Topic(_)) {
        return Err(Fault::new(
            FaultCode::Script,
            format!("`{name}` can't be changed while a broker runs"),
        )
        .because("the broker reads it once, when it starts")
        .hint("Set it in the broker's server.properties (kind `properties`); that restarts the broker."));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(name: &str, value: &str, source: Source) -> (String, Entry) {
        let entry = Entry {
            name: name.to_owned(),
            value: Some(value.to_owned()),
            source,
            read_only: name == "log.dirs",
            sensitive: name.contains("password"),
            layers: vec![],
        };
        (name.to_owned(), entry)
    }

    #[test]
    fn misspelt_names() {
        let given = |name: &str| Value::Map(Map::from([(name.to_owned(), Value::Int(1))]));
        assert!(refuse_misspelt(Some(&given("retention.ms"))).is_ok());
        assert!(refuse_misspelt(Some(&given("quite.another"))).is_ok());
        let fault = refuse_misspelt(Some(&given("retention.mss"))).unwrap_err();
        assert_eq!(fault.hints, ["Did you mean `retention.ms`?"]);
        let fault = refuse_misspelt(Some(&given("min.insync.replica"))).unwrap_err();
        assert_eq!(fault.hints, ["Did you mean `min.insync.replicas`?"]);
    }

    #[test]
    fn only_what_differs() {
        let of = ConfigsOf::Topic("t".into());
        let entries = Map::from([
            entry("retention.ms", "604800000", Source::Default),
            entry("segment.ms", "10", Source::Topic),
            entry("flush.ms", "5", Source::Topic),
        ]);
        let wanted = |pairs: &[(&str, &str)]| -> Map<String> {
            pairs
                .iter()
                .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
                .collect()
        };
        let (changes, diff) = compare(
            &of,
            &wanted(&[("retention.ms", "1000"), ("segment.ms", "10")]),
            &entries,
        )
        .unwrap();
        assert_eq!(changes.len(), 1);
        assert_eq!(
            diff,
            [DiffLine::new(
                "retention.ms",
                Some("604800000 (default)"),
                "1000"
            )]
        );
        let same = wanted(&[("retention.ms", "604800000")]);
        assert_eq!(compare(&of, &same, &entries).unwrap().0.len(), 0);
        let fault = compare(&of, &wanted(&[("flush.mss", "1")]), &entries).unwrap_err();
        assert_eq!(fault.hints, ["Did you mean `flush.ms`?"]);
    }

    #[test]
    fn what_brokers_do_not_take_while_they_run() {
        let entries = Map::from([
            entry("log.dirs", "/d", Source::File),
            entry("ssl.key.password", "x", Source::File),
            entry("log.cleaner.threads", "1", Source::Default),
        ]);
        for (key, what) in [
            ("log.dirs", "can't be changed while a broker runs"),
            ("ssl.key.password", "is a secret"),
        ] {
            let wanted = Map::from([(key.to_owned(), "1".to_owned())]);
            let fault = compare(&ConfigsOf::Broker(1), &wanted, &entries).unwrap_err();
            assert!(fault.what.contains(what), "{fault:?}");
        }
        // The default of all brokers is unset, though each has the value from elsewhere.
        let wanted = Map::from([("log.cleaner.threads".to_owned(), "1".to_owned())]);
        let (changes, diff) = compare(&ConfigsOf::Brokers, &wanted, &entries).unwrap();
        assert_eq!((changes.len(), diff[0].before.clone()), (1, None));
        let (changes, _) = compare(&ConfigsOf::Broker(1), &wanted, &entries).unwrap();
        assert_eq!(changes.len(), 0);
    }
}
