//! Which quotas there are, and what is to be changed to have those that are wanted. Pure.

use krun_plugin_sdk::{Fault, FaultCode};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;

/// Keys with their new values; none takes one away.
pub type Changes = Vec<(String, Option<f64>)>;

/// The quotas that are wanted.
#[derive(Default, Deserialize, JsonSchema)]
pub struct Quotas {
    /// Bytes a second that may be produced through one broker.
    producer_byte_rate: Option<u64>,
    /// Bytes a second that may be consumed through one broker.
    consumer_byte_rate: Option<u64>,
    /// How much of the time of a broker's threads requests may take, in percent of one thread; as a text where
    /// it is no whole number.
    #[serde(default)]
    #[schemars(schema_with = "number_or_text")]
    request_percentage: Option<Number>,
    /// How many partitions may be created and deleted a second, with brokers from 2.7 on; as a text where it is
    /// no whole number.
    #[serde(default)]
    #[schemars(schema_with = "number_or_text")]
    controller_mutation_rate: Option<Number>,
    /// Names of quotas that are taken away, such as `consumer_byte_rate`.
    #[serde(default)]
    without: Vec<String>,
}

/// A number: arguments of steps are whole numbers or texts.
#[derive(Deserialize)]
#[serde(untagged)]
enum Number {
    Whole(u64),
    Text(String),
}

fn number_or_text(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": ["integer", "string"] })
}

impl Number {
    fn value(&self, name: &str) -> Result<f64, Fault> {
        match self {
            Self::Whole(number) => Ok(*number as f64),
            Self::Text(text) => text
                .parse()
                .ok()
                .filter(|number: &f64| number.is_finite())
                .ok_or_else(|| {
                    Fault::new(FaultCode::Script, format!("`{name}` is a number"))
                        .because(format!("it is \"{text}\""))
                }),
        }
    }
}

/// All names that `without` can have.
const KEYS: [&str; 4] = [
    "producer_byte_rate",
    "consumer_byte_rate",
    "request_percentage",
    "controller_mutation_rate",
];

impl Quotas {
    fn wanted(&self) -> Result<Vec<(&'static str, f64)>, Fault> {
        let number = |name: &'static str, number: &Option<Number>| {
            number.as_ref().map(|number| number.value(name)).transpose()
        };
        let values = [
            self.producer_byte_rate.map(|rate| rate as f64),
            self.consumer_byte_rate.map(|rate| rate as f64),
            number(KEYS[2], &self.request_percentage)?,
            number(KEYS[3], &self.controller_mutation_rate)?,
        ];
        let pairs = KEYS.into_iter().zip(values);
        Ok(pairs
            .filter_map(|(key, value)| Some((key, value?)))
            .collect())
    }

    /// Refuses quotas that can't be.
    pub fn validate(&self) -> Result<(), Fault> {
        let wanted = self.wanted()?;
        if wanted.is_empty() && self.without.is_empty() {
            return Err(Fault::new(FaultCode::Script, "no quota is given")
                .hint(format!("Give one of {}, or `without`.", KEYS.join(", "))));
        }
        if let Some((key, value)) = wanted.iter().find(|(_, value)| *value <= 0.0) {
            return Err(
                Fault::new(FaultCode::Script, format!("`{key}` is greater than 0"))
                    .because(format!("it is {value}"))
                    .hint("To take a quota away, name it in `without`."),
            );
        }
        for key in &self.without {
            let is_wanted = wanted.iter().any(|(other, _)| other == key);
            if is_wanted || !KEYS.contains(&key.as_str()) {
                let why = match is_wanted {
                    true => "it is set by the same step".to_owned(),
                    false => format!("there are {}", KEYS.join(", ")),
                };
                return Err(
                    Fault::new(FaultCode::Script, format!("`{key}` can't be taken away"))
                        .because(why),
                );
            }
        }
        Ok(())
    }

    /// What is to be changed of what is there.
    pub fn changes(&self, there: &[(String, f64)]) -> Result<Changes, Fault> {
        let value = |key: &str| {
            there
                .iter()
                .find(|(other, _)| other == key)
                .map(|(_, value)| *value)
        };
        let set = self
            .wanted()?
            .into_iter()
            .filter(|(key, wanted)| value(key) != Some(*wanted))
            .map(|(key, wanted)| (key.to_owned(), Some(wanted)));
        let gone = self.without.iter().filter(|key| value(key).is_some());
        Ok(set.chain(gone.map(|key| (key.clone(), None))).collect())
    }
}

/// A value as people write it.
pub fn shown(value: f64) -> String {
    value.to_string()
}
