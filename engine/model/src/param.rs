//! Parameters of a runbook: typed, documented, with defaults.

use serde::{Deserialize, Serialize};

/// The type of a parameter.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ParamType {
    /// A text.
    String,
    /// A whole number.
    Int,
    /// True or false.
    Bool,
    /// A path; `~` and relative paths are made absolute when the parameter is bound.
    Path,
    /// A path, or a URL (`http://…`, `https://…`), which is left as it is.
    Location,
    /// A TCP port, 1 to 65535.
    Port,
    /// An amount of memory as Java writes it: digits and `k`, `m` or `g`.
    Memory,
    /// A list of one type.
    List(Box<ParamType>),
}

impl ParamType {
    /// Reads the word that scripts use: `string`, `int`, `bool`, `path`, `location`, `port`,
    /// `memory`, or
    /// `list<…>` of one of them.
    pub fn parse(word: &str) -> Option<Self> {
        if let Some(item) = word
            .strip_prefix("list<")
            .and_then(|rest| rest.strip_suffix('>'))
        {
            return Self::parse(item).map(|item| Self::List(Box::new(item)));
        }
        Some(match word {
            "string" => Self::String,
            "int" => Self::Int,
            "bool" => Self::Bool,
            "path" => Self::Path,
            "location" => Self::Location,
            "port" => Self::Port,
            "memory" => Self::Memory,
            _ => return None,
        })
    }

    /// The word that scripts use.
    pub fn word(&self) -> String {
        match self {
            Self::String => "string".into(),
            Self::Int => "int".into(),
            Self::Bool => "bool".into(),
            Self::Path => "path".into(),
            Self::Location => "location".into(),
            Self::Port => "port".into(),
            Self::Memory => "memory".into(),
            Self::List(item) => format!("list<{}>", item.word()),
        }
    }
}

/// One parameter as a runbook declares it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ParamSpec {
    /// Its name.
    pub name: String,
    /// Its type.
    pub ty: ParamType,
    /// The value when none is given; none when one must be given.
    pub default: Option<serde_json::Value>,
    /// What it means.
    pub doc: String,
    /// Whether it names what the deployment *is* (a root folder, hosts), and so can't change.
    pub identity: bool,
    /// Smallest value (of a number), or shortest length (of a list or text).
    pub min: Option<i64>,
    /// Largest value, or longest length.
    pub max: Option<i64>,
    /// The only values allowed, where not empty.
    pub choices: Vec<serde_json::Value>,
}
