//! Settings that a cluster keeps by itself, beside its brokers' files: those of topics and brokers.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::Map;

/// Whose settings are meant.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ConfigsOf {
    /// A topic's.
    Topic(String),
    /// One broker's.
    Broker(i32),
    /// The default of all brokers, which a broker's own setting goes before.
    Brokers,
    /// The quotas of clients.
    Clients(ClientsOf),
}

/// For which clients a quota is: of a user, with a client id, or both; exactly these, so that what a user
/// has and what a client id of that user has are two things. `Some(None)` is Kafka's default: for all that
/// have none of their own.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ClientsOf {
    /// The user; none for whichever.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "named")]
    pub user: Option<Option<String>>,
    /// The client id; none for whichever.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "named")]
    pub client_id: Option<Option<String>>,
}

/// A name, or the default as `null`: not the same as nothing.
mod named {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub fn serialize<S: Serializer>(
        name: &Option<Option<String>>,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        name.as_ref().and_then(Option::as_ref).serialize(to)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<Option<Option<String>>, D::Error> {
        Option::deserialize(from).map(Some)
    }
}

impl fmt::Display for ClientsOf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let part = |what: &str, name: &Option<Option<String>>| match name {
            None => None,
            Some(None) => Some(format!("the default {what}")),
            Some(Some(name)) => Some(format!("{what} {name}")),
        };
        let parts = [part("user", &self.user), part("client id", &self.client_id)];
        let parts: Vec<_> = parts.into_iter().flatten().collect();
        f.write_str(&parts.join(" with "))
    }
}

impl fmt::Display for ConfigsOf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Topic(name) => write!(f, "topic {name}"),
            Self::Broker(id) => write!(f, "broker {id}"),
            Self::Brokers => f.write_str("all brokers"),
            Self::Clients(of) => write!(f, "clients: {of}"),
        }
    }
}

/// Where a cluster is reached and whose settings in it are meant.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ConfigsRef {
    /// `host:port` of the bootstrap servers.
    pub bootstrap: Vec<String>,
    /// Whose settings.
    pub of: ConfigsOf,
}

/// What is set, by key; none takes the key's own setting away, so that its default holds again.
pub type ConfigChanges = Map<Option<String>>;

/// Whether two values of one setting say the same: brokers write numbers and lists in their own way.
pub fn same_config(a: &str, b: &str) -> bool {
    let items = |text: &str| -> Vec<String> {
        text.split(',')
            .map(|item| {
                let item = item.trim();
                match item.parse::<f64>() {
                    Ok(number) if item.contains('.') => number.to_string(),
                    _ => item.to_owned(),
                }
            })
            .collect()
    };
    a == b || items(a) == items(b)
}

/// The keys of `changes` that are not so in `now`.
pub fn differing<'a>(changes: &'a ConfigChanges, now: &'a Map<String>) -> Vec<&'a str> {
    changes
        .iter()
        .filter(|(key, wanted)| match (wanted, now.get(*key)) {
            (Some(wanted), Some(there)) => !same_config(wanted, there),
            (None, None) => false,
            _ => true,
        })
        .map(|(key, _)| key.as_str())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clients_are_read_as_they_are_written() {
        let all = [None, Some(None), Some(Some("a".to_owned()))];
        for user in &all {
            for client_id in &all {
                let of = ClientsOf {
                    user: user.clone(),
                    client_id: client_id.clone(),
                };
                let text = serde_json::to_string(&of).unwrap();
                assert_eq!(
                    serde_json::from_str::<ClientsOf>(&text).unwrap(),
                    of,
                    "{text}"
                );
            }
        }
    }

    #[test]
    fn values_in_the_brokers_own_writing() {
        for (a, b, same) in [
            ("86400000", "86400000", true),
            ("86400000", "86400001", false),
            ("0.50", "0.5", true),
            ("0.5", "0.6", false),
            ("compact, delete", "compact,delete", true),
            ("delete,compact", "compact,delete", false),
            ("true", "false", false),
            // Beyond what a float can tell apart.
            ("9223372036854775807", "9223372036854775806", false),
        ] {
            assert_eq!(same_config(a, b), same, "{a} {b}");
        }
    }
}
