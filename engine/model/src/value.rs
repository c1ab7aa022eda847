//! What arguments and outputs are made of.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{Address, Condition, Map, Text};

/// The outputs of a step: plain JSON, known once the step was checked or applied.
pub type Outputs = Map<serde_json::Value>;

/// An argument as a runbook declares it: plain data in which outputs of other steps may stand.
///
/// An output is opaque until its step ran: it can be handed on, never looked at.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Value {
    /// Nothing.
    Null,
    /// True or false.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A text.
    Str(String),
    /// A list.
    List(Vec<Value>),
    /// Keys to values.
    Map(Map<Value>),
    /// What another step will say under this name, once it ran.
    Output {
        /// The step that yields it.
        step: Address,
        /// The output's name.
        name: String,
    },
    /// A text in which secrets stand, by name.
    Secret(Text),
    /// A condition on outputs: `true`, or what was found in its way, once it is decided.
    Condition(Box<Condition>),
}

impl Value {
    /// This value with every output filled in, or the first output that is not known yet.
    ///
    /// # Errors
    /// The address and name of an output that `known` does not hold.
    pub fn resolve<'a>(
        &'a self,
        known: &dyn Fn(&Address, &str) -> Option<serde_json::Value>,
    ) -> Result<serde_json::Value, (&'a Address, &'a str)> {
        Ok(match self {
            Self::Null => serde_json::Value::Null,
            Self::Bool(b) => (*b).into(),
            Self::Int(i) => (*i).into(),
            Self::Str(s) => s.as_str().into(),
            Self::List(list) => list
                .iter()
                .map(|v| v.resolve(known))
                .collect::<Result<Vec<_>, _>>()?
                .into(),
            Self::Map(map) => serde_json::Value::Object(
                map.iter()
                    .map(|(k, v)| Ok((k.clone(), v.resolve(known)?)))
                    .collect::<Result<_, _>>()?,
            ),
            Self::Output { step, name } => known(step, name).ok_or((step, name.as_str()))?,
            Self::Secret(text) => serde_json::json!(text),
            Self::Condition(condition) => condition.decided(known)?,
        })
    }

    /// Calls `found` for each step whose output stands somewhere in this value.
    pub fn each_output(&self, found: &mut dyn FnMut(&Address, &str)) {
        match self {
            Self::List(list) => list.iter().for_each(|v| v.each_output(found)),
            Self::Map(map) => map.values().for_each(|v| v.each_output(found)),
            Self::Output { step, name } => found(step, name),
            Self::Condition(condition) => condition.each_output(found),
            _ => {}
        }
    }

    /// The first secret that stands somewhere in this value.
    pub fn secret(&self) -> Option<&str> {
        match self {
            Self::List(list) => list.iter().find_map(Self::secret),
            Self::Map(map) => map.values().find_map(Self::secret),
            Self::Secret(text) => text.names().next(),
            Self::Condition(condition) => condition.secret(),
            _ => None,
        }
    }

    /// Calls `found` for each secret that stands somewhere in this value.
    pub fn each_secret(&self, found: &mut dyn FnMut(&str)) {
        match self {
            Self::List(list) => list.iter().for_each(|v| v.each_secret(found)),
            Self::Map(map) => map.values().for_each(|v| v.each_secret(found)),
            Self::Secret(text) => text.names().for_each(found),
            _ => {}
        }
    }

    /// The word for this value's type in messages.
    pub fn type_name(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "a bool",
            Self::Int(_) => "an int",
            Self::Str(_) => "a string",
            Self::List(_) => "a list",
            Self::Map(_) => "a map",
            Self::Output { .. } => "a step's output",
            Self::Secret(_) => "a text with a secret",
            Self::Condition(_) => "a condition",
        }
    }
}

impl fmt::Display for Value {
    /// As a script has it; an output as `step.name`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => f.write_str("()"),
            Self::Bool(b) => write!(f, "{b}"),
            Self::Int(i) => write!(f, "{i}"),
            Self::Str(s) => write!(f, "{s:?}"),
            Self::List(list) => {
                let items: Vec<_> = list.iter().map(ToString::to_string).collect();
                write!(f, "[{}]", items.join(", "))
            }
            Self::Map(map) => {
                let entries = map.iter().map(|(key, value)| format!("{key}: {value}"));
                write!(f, "#{{{}}}", entries.collect::<Vec<_>>().join(", "))
            }
            Self::Output { step, name } => write!(f, "{step}.{name}"),
            Self::Secret(text) => write!(f, "{text}"),
            Self::Condition(condition) => write!(f, "{condition}"),
        }
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Str(text.to_owned())
    }
}

impl From<&serde_json::Value> for Value {
    /// Numbers that are not whole become text: no argument of a step is a fraction.
    fn from(json: &serde_json::Value) -> Self {
        match json {
            serde_json::Value::Null => Self::Null,
            serde_json::Value::Bool(b) => Self::Bool(*b),
            serde_json::Value::Number(n) => n
                .as_i64()
                .map_or_else(|| Self::Str(n.to_string()), Self::Int),
            serde_json::Value::String(s) => Self::Str(s.clone()),
            serde_json::Value::Array(list) => Self::List(list.iter().map(Self::from).collect()),
            serde_json::Value::Object(map) => {
                Self::Map(map.iter().map(|(k, v)| (k.clone(), v.into())).collect())
            }
        }
    }
}
