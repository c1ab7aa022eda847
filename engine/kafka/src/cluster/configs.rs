//! Settings that a cluster keeps of topics and brokers: reading them, and altering some of them while
//! all others stay.
//!
//! Brokers from 2.3 on alter single keys. Older ones replace all of a topic's settings at once: there
//! what is set is read, merged and written back, which loses nothing but a change that somebody else
//! makes in between; a secret, which brokers don't tell, would be lost, so nothing is written then.

use std::time::Duration;

use krun_model::{
    Fault, FaultCode, Map,
    configs::{ConfigChanges, ConfigsOf, ConfigsRef},
};
use rdkafka::types::RDKafkaErrorCode as Code;

pub use super::native::configs::{Entry, Source};
use super::{
    alter,
    connection::Connection,
    native::configs::{self as native, Manner, Refusal, Resource},
    shown::{self, until_shown},
};

/// How long one question may take.
const ASK: Duration = Duration::from_secs(10);

/// All settings of a topic or of a broker, by key. Those of all brokers are what one broker, any, shows.
/// None where there is no such topic.
///
/// # Errors
/// [`FaultCode::Cluster`] where no broker answers in time, or there is no such broker.
pub async fn describe(
    connection: &Connection,
    of: &ConfigsOf,
) -> Result<Option<Map<Entry>>, Fault> {
    let broker = match of {
        ConfigsOf::Topic(name) => return entries(connection, Resource::Topic(name)).await,
        ConfigsOf::Broker(id) => *id,
        ConfigsOf::Brokers => brokers(connection).await?[0],
        ConfigsOf::Clients(_) => return Err(not_here(of)),
    };
    if !brokers(connection).await?.contains(&broker) {
        return Err(Fault::new(
            FaultCode::Cluster,
            "there is no such broker in the cluster now",
        )
        .at(format!("broker {broker}"))
        .hint("`krun status --cluster` shows the brokers that are registered."));
    }
    entries(connection, Resource::Broker(broker)).await
}

/// Quotas have requests of their own: see [`quotas`](super::quotas).
fn not_here(of: &ConfigsOf) -> Fault {
    Fault::internal(format!("{of} were taken for settings"))
}

async fn brokers(connection: &Connection) -> Result<Vec<i32>, Fault> {
    let view = connection.metadata(None, ASK).await?;
    let ids: Vec<_> = view.brokers.iter().map(|broker| broker.id).collect();
    match ids.is_empty() {
        true => Err(Fault::new(
            FaultCode::Cluster,
            "the cluster shows no broker",
        )),
        false => Ok(ids),
    }
}

async fn entries(connection: &Connection, of: Resource<'_>) -> Result<Option<Map<Entry>>, Fault> {
    let what = "the settings could not be read";
    let asked = ask(connection, what, of, |client, of| {
        native::describe(client, of, ASK)
    });
    match asked.await? {
        Ok(entries) => {
            let by_name = entries.into_iter().map(|one| (one.name.clone(), one));
            Ok(Some(by_name.collect()))
        }
        Err(refusal) if refusal.code == Code::UnknownTopicOrPartition => Ok(None),
        Err(refusal) => Err(failed(what, &words(of), &refusal)),
    }
}

fn words(of: Resource<'_>) -> String {
    match of {
        Resource::Topic(name) => format!("topic {name}"),
        Resource::Broker(id) => format!("broker {id}"),
    }
}

/// Asks on a thread for calls that block.
async fn ask<T: Send + 'static>(
    connection: &Connection,
    what: &'static str,
    of: Resource<'_>,
    call: impl FnOnce(&rdkafka::client::Client<super::quiet::Quiet>, Resource<'_>) -> Result<T, Refusal>
    + Send
    + 'static,
) -> Result<Result<T, Refusal>, Fault> {
    let connection = connection.clone();
    let (topic, broker) = match of {
        Resource::Topic(name) => (Some(name.to_owned()), 0),
        Resource::Broker(id) => (None, id),
    };
    tokio::task::spawn_blocking(move || {
        let of = topic
            .as_deref()
            .map_or(Resource::Broker(broker), Resource::Topic);
        connection.client(what, |client| Ok(call(client, of)))
    })
    .await
    .map_err(|error| Fault::internal(format!("a call to the cluster ended badly: {error}")))?
}

/// What was set on the thing itself, by key: no defaults and no secrets.
pub fn own(of: &ConfigsOf, entries: &Map<Entry>) -> Map<String> {
    entries
        .values()
        .filter_map(|entry| Some((entry.name.clone(), own_value(of, entry)?)))
        .collect()
}

fn own_value(of: &ConfigsOf, entry: &Entry) -> Option<String> {
    own_layer(of, entry)?.clone()
}

/// Whether a value was set on the thing itself, also one that brokers keep to themselves.
pub fn is_own(of: &ConfigsOf, entry: &Entry) -> bool {
    own_layer(of, entry).is_some()
}

/// What was set on the thing itself; none in it where brokers keep that to themselves.
fn own_layer<'a>(of: &ConfigsOf, entry: &'a Entry) -> Option<&'a Option<String>> {
    let is_own = |source: Source| match of {
        ConfigsOf::Topic(_) => matches!(source, Source::Topic | Source::Unsaid),
        ConfigsOf::Broker(_) => source == Source::Broker,
        ConfigsOf::Brokers => source == Source::Brokers,
        ConfigsOf::Clients(_) => false,
    };
    if is_own(entry.source) {
        return Some(&entry.value);
    }
    let layer = entry.layers.iter().find(|(source, _)| is_own(*source))?;
    Some(&layer.1)
}

/// What holds, and where that comes from. Of all brokers: what holds where a broker has nothing of its own,
/// whatever the one that was asked has.
pub fn holding(of: &ConfigsOf, entry: &Entry) -> (Source, Option<String>) {
    match (of, entry.source) {
        (ConfigsOf::Brokers, Source::Broker) => {
            let mut below = entry.layers.iter();
            let below = below.find(|(source, _)| *source != Source::Broker);
            below.cloned().unwrap_or((Source::Default, None))
        }
        _ => (entry.source, entry.value.clone()),
    }
}

/// Whether the brokers would take some changes; nothing is changed.
///
/// # Errors
/// [`FaultCode::Cluster`] with the brokers' own words.
pub async fn validate(
    connection: &Connection,
    configs: &ConfigsRef,
    changes: &ConfigChanges,
) -> Result<(), Fault> {
    write(connection, configs, changes, true).await
}

/// Alters settings, and waits until the brokers show it.
///
/// # Errors
/// [`FaultCode::Cluster`] with the brokers' own words, [`FaultCode::Timeout`] where they take it and do
/// not show it.
pub async fn alter(configs: &ConfigsRef, changes: &ConfigChanges) -> Result<(), Fault> {
    let connection = Connection::open(&configs.bootstrap)?;
    write(&connection, configs, changes, false).await?;
    let deadline = shown::deadline();
    let each = match configs.of {
        ConfigsOf::Brokers => brokers(&connection).await?,
        _ => vec![0],
    };
    for broker in each {
        let look = async || {
            let seen = match &configs.of {
                ConfigsOf::Brokers => entries(&connection, Resource::Broker(broker)).await?,
                of => describe(&connection, of).await?,
            };
            Ok(own(&configs.of, &seen.unwrap_or_default()))
        };
        until_shown("settings", &configs.of, changes, deadline, look).await?;
    }
    Ok(())
}

async fn write(
    connection: &Connection,
    configs: &ConfigsRef,
    changes: &ConfigChanges,
    validate_only: bool,
) -> Result<(), Fault> {
    let what = "the settings could not be altered";
    let of = match &configs.of {
        ConfigsOf::Topic(name) => Resource::Topic(name),
        ConfigsOf::Broker(id) => Resource::Broker(*id),
        ConfigsOf::Clients(_) => return Err(not_here(&configs.of)),
        ConfigsOf::Brokers => {
            return alter::all_brokers(connection, changes, validate_only)
                .await
                .map_err(|fault| fault.at(&configs.of));
        }
    };
    let at = configs.of.to_string();
    let asked = send(
        connection,
        of,
        changes.clone(),
        Manner::Incremental,
        validate_only,
    );
    match asked.await? {
        Ok(()) => return Ok(()),
        Err(refusal) if refusal.code != Code::UnsupportedFeature => {
            return Err(failed(what, &at, &refusal));
        }
        // A broker before 2.3.
        Err(_) => {}
    }
    let whole = merged(
        &configs.of,
        &entries(connection, of).await?.unwrap_or_default(),
        changes,
    )?;
    let asked = send(connection, of, whole, Manner::Replace, validate_only);
    asked.await?.map_err(|refusal| failed(what, &at, &refusal))
}

async fn send(
    connection: &Connection,
    of: Resource<'_>,
    changes: ConfigChanges,
    manner: Manner,
    validate_only: bool,
) -> Result<Result<(), Refusal>, Fault> {
    ask(
        connection,
        "the settings could not be altered",
        of,
        move |client, of| {
            let changes = changes.iter().map(|(k, v)| (k.as_str(), v.as_deref()));
            native::alter(client, of, changes, manner, validate_only, ASK)
        },
    )
    .await
}

/// All that is to be set on a thing after some changes.
fn merged(
    of: &ConfigsOf,
    entries: &Map<Entry>,
    changes: &ConfigChanges,
) -> Result<ConfigChanges, Fault> {
    let hidden = entries.values().find(|entry| {
        entry.sensitive
            && matches!(
                entry.source,
                Source::Topic | Source::Broker | Source::Unsaid
            )
            && !changes.contains_key(&entry.name)
    });
    if let Some(secret) = hidden {
        return Err(Fault::new(
            FaultCode::Conflict,
            "a setting would be lost by altering another",
        )
        .at(of)
        .because(format!(
            "brokers before 2.3 replace all settings at once, and keep the value of {} to themselves",
            secret.name
        ))
        .hint("Alter it with `kafka-configs.sh`, which names ZooKeeper, or use newer brokers."));
    }
    let mut whole: ConfigChanges = own(of, entries)
        .into_iter()
        .map(|(key, value)| (key, Some(value)))
        .collect();
    whole.extend(changes.clone());
    whole.retain(|_, value| value.is_some());
    Ok(whole)
}

fn failed(what: &str, at: &str, refusal: &Refusal) -> Fault {
    let fault = Fault::new(FaultCode::Cluster, what).at(at);
    let text = refusal.text.as_deref().filter(|text| !text.is_empty());
    let fault = fault.because(text.map_or_else(|| refusal.code.to_string(), str::to_owned));
    match refusal.code {
        Code::InvalidConfig | Code::InvalidRequest | Code::InvalidArgument => fault
            .hint("Correct the value in the runbook; Kafka's documentation names what is valid."),
        Code::PolicyViolation => {
            fault.hint("The brokers' alter.config.policy refuses it; ask who set it.")
        }
        Code::ClusterAuthorizationFailed | Code::TopicAuthorizationFailed => {
            fault.hint("The brokers do not let this user alter settings.")
        }
        _ => fault.hint("See whether the brokers run: `krun status --cluster`."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(name: &str, value: Option<&str>, source: Source) -> (String, Entry) {
        let entry = Entry {
            name: name.to_owned(),
            value: value.map(str::to_owned),
            source,
            read_only: false,
            sensitive: value.is_none(),
            layers: vec![],
        };
        (name.to_owned(), entry)
    }

    #[test]
    fn old_brokers_lose_nothing() {
        let of = ConfigsOf::Topic("t".into());
        let entries = Map::from([
            entry("a", Some("1"), Source::Unsaid),
            entry("b", Some("2"), Source::Unsaid),
            entry("c", Some("3"), Source::Default),
        ]);
        let changes = ConfigChanges::from([("b".into(), None), ("d".into(), Some("4".into()))]);
        let whole = merged(&of, &entries, &changes).unwrap();
        let wanted = [("a", "1"), ("d", "4")];
        assert_eq!(
            whole,
            wanted
                .map(|(k, v)| (k.to_owned(), Some(v.to_owned())))
                .into()
        );
        let mut secret = entries;
        secret.extend([entry("ssl.key", None, Source::Topic)]);
        assert!(merged(&of, &secret, &changes).is_err());
    }

    #[test]
    fn the_setting_of_all_brokers_below_one_brokers_own() {
        let (name, mut one) = entry("log.cleaner.threads", Some("3"), Source::Broker);
        one.layers = vec![
            (Source::Broker, Some("3".into())),
            (Source::Brokers, Some("2".into())),
            (Source::Default, Some("1".into())),
        ];
        let entries = Map::from([(name.clone(), one)]);
        assert_eq!(own(&ConfigsOf::Brokers, &entries)[&name], "2");
        assert_eq!(own(&ConfigsOf::Broker(1), &entries)[&name], "3");
    }

    #[test]
    fn what_holds_of_all_brokers_is_not_what_one_has_of_its_own() {
        let (brokers, one) = (ConfigsOf::Brokers, ConfigsOf::Broker(1));
        let (_, mut threads) = entry("log.cleaner.threads", Some("3"), Source::Broker);
        threads.layers = vec![
            (Source::Broker, Some("3".into())),
            (Source::File, Some("2".into())),
            (Source::Default, Some("1".into())),
        ];
        assert_eq!(
            holding(&brokers, &threads),
            (Source::File, Some("2".into()))
        );
        assert_eq!(holding(&one, &threads), (Source::Broker, Some("3".into())));
        assert!(!is_own(&brokers, &threads) && is_own(&one, &threads));
        threads.layers[1].0 = Source::Brokers;
        assert_eq!(
            holding(&brokers, &threads),
            (Source::Brokers, Some("2".into()))
        );
        assert!(is_own(&brokers, &threads));
        threads.layers.truncate(1);
        assert_eq!(holding(&brokers, &threads), (Source::Default, None));
        // A secret was set, though nobody says to what.
        let (_, secret) = entry("ssl.key", None, Source::Brokers);
        assert!(is_own(&brokers, &secret) && !is_own(&one, &secret));
    }
}
