//! Lines of `krun.lock`: a grant with the machine that it holds on.

use std::{borrow::Cow, fmt, str::FromStr};

use super::Grant;

/// The name of a machine. There is one so far, the machine that krun runs on; what is granted says which
/// machine it means all the same, so that no lock of today grants anything on a machine of tomorrow.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct MachineName(Cow<'static, str>);

/// Where a grant holds.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum On {
    /// On one machine.
    Machine(MachineName),
    /// On any.
    Any,
}

/// One line of what is granted: `VERB:WHAT` on the machine that krun runs on, `VERB@MACHINE:WHAT` on another
/// one, `VERB@*:WHAT` on any.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Granted {
    /// What may be done.
    pub grant: Grant,
    /// Where.
    pub on: On,
}

const SHAPES: &str = "A grant is one of `read:PATH`, `write:PATH`, `command:PROGRAM WORD …`, \
                      `http:HOST:PORT`, `kafka:HOST:PORT`, `change-kafka:HOST:PORT`. It holds on the machine \
                      that krun runs on; with `@MACHINE` before the first colon on that one, with `@*` on any.";

/// The longest name of a machine, in bytes: as long as a host's name can be.
const MAX_NAME: usize = 253;

impl MachineName {
    /// The machine that krun runs on.
    pub const LOCAL: Self = Self(Cow::Borrowed("local"));

    /// The name, `local` for the machine that krun runs on.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn is_local(&self) -> bool {
        *self == Self::LOCAL
    }
}

impl FromStr for MachineName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let is_name = text.len() <= MAX_NAME
            && text.starts_with(|c: char| c.is_ascii_alphanumeric())
            && text
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || "-._".contains(c));
        match is_name {
            true => Ok(Self(text.to_ascii_lowercase().into())),
            false => Err("names no machine".into()),
        }
    }
}

impl On {
    fn is(&self, machine: &MachineName) -> bool {
        match self {
            Self::Machine(mine) => mine == machine,
            Self::Any => true,
        }
    }
}

impl Granted {
    /// A grant on the machine that krun runs on.
    pub fn here(grant: Grant) -> Self {
        Self::on(grant, &MachineName::LOCAL)
    }

    /// A grant on a machine.
    pub(crate) fn on(grant: Grant, machine: &MachineName) -> Self {
        let on = On::Machine(machine.clone());
        Self { grant, on }
    }

    /// What it grants on a machine.
    pub(crate) fn at(&self, machine: &MachineName) -> Option<&Grant> {
        self.on.is(machine).then_some(&self.grant)
    }

    /// Whether it grants something on a machine.
    pub fn covers(&self, wanted: &Grant, machine: &MachineName) -> bool {
        self.at(machine).is_some_and(|grant| grant.covers(wanted))
    }

    /// The sentence's end after "may".
    pub fn words(&self) -> String {
        format!("{}{}", self.grant.words(), self.on)
    }
}

/// The words behind what is granted: none for the machine that krun runs on.
impl fmt::Display for On {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Machine(machine) if machine.is_local() => Ok(()),
            Self::Machine(machine) => write!(f, " on {}", machine.0),
            Self::Any => f.write_str(" on any machine"),
        }
    }
}

impl fmt::Display for Granted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (verb, what) = self.grant.parts();
        match &self.on {
            On::Machine(machine) if machine.is_local() => write!(f, "{verb}:{what}"),
            On::Machine(machine) => write!(f, "{verb}@{}:{what}", machine.0),
            On::Any => write!(f, "{verb}@*:{what}"),
        }
    }
}

impl FromStr for Granted {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let bad = |why: &str| format!("`{text}` {why}. {SHAPES}");
        let (head, what) = text.split_once(':').ok_or_else(|| bad("has no colon"))?;
        let (verb, on) = match head.split_once('@') {
            None => (head, On::Machine(MachineName::LOCAL)),
            Some((verb, machine)) => match machine.trim() {
                "*" => (verb, On::Any),
                name => (
                    verb,
                    On::Machine(name.parse().map_err(|why: String| bad(&why))?),
                ),
            },
        };
        let grant = Grant::parse(verb.trim(), what.trim()).map_err(|why| bad(&why))?;
        Ok(Self { grant, on })
    }
}

impl serde::Serialize for Granted {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> serde::Deserialize<'de> for Granted {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}
