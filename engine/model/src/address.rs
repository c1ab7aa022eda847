//! Names: of a step within a runbook, of a deployment within a store, of a run within a deployment.

use std::{borrow::Borrow, fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// A step's name within its runbook, such as `broker-2/config`.
///
/// Segments of lower-case letters, digits, `.`, `_` and `-` are joined by `/`. An address comes from
/// identities (a broker id, a host name), never from a position in a list, so that history stays
/// with the thing it belongs to.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Address(String);

/// Why a text is not an [`Address`] or a [`DeploymentName`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{text}` is not a name: use lower-case letters, digits, `.`, `_` and `-`, starting with a letter or digit{}",
    if *segments { ", in segments joined by `/`" } else { "" }
)]
pub struct BadAddress {
    text: String,
    segments: bool,
}

fn segment_ok(segment: &str) -> bool {
    let mut bytes = segment.bytes();
    let head = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    bytes.next().is_some_and(head) && bytes.all(|b| head(b) || matches!(b, b'.' | b'_' | b'-'))
}

impl FromStr for Address {
    type Err = BadAddress;

    fn from_str(text: &str) -> Result<Self, BadAddress> {
        if text.len() <= 200 && text.split('/').all(segment_ok) {
            Ok(Self(text.to_owned()))
        } else {
            Err(BadAddress {
                text: text.to_owned(),
                segments: true,
            })
        }
    }
}

/// A deployment's name within a state store: a runbook's name, or what `--as` says.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct DeploymentName(String);

impl FromStr for DeploymentName {
    type Err = BadAddress;

    fn from_str(text: &str) -> Result<Self, BadAddress> {
        if text.len() <= 80 && segment_ok(text) {
            Ok(Self(text.to_owned()))
        } else {
            Err(BadAddress {
                text: text.to_owned(),
                segments: false,
            })
        }
    }
}

macro_rules! text_newtype {
    ($name:ident) => {
        impl $name {
            /// The name as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }

        impl TryFrom<String> for $name {
            type Error = BadAddress;

            fn try_from(text: String) -> Result<Self, BadAddress> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(name: $name) -> Self {
                name.0
            }
        }

        impl Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }
    };
}

text_newtype!(Address);
text_newtype!(DeploymentName);

/// The number of a run within its deployment, counted from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct RunId(pub u64);

impl fmt::Display for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses() {
        for good in ["a", "broker-2/config", "zookeeper", "a.b_c/0"] {
            assert!(good.parse::<Address>().is_ok(), "{good}");
        }
        for bad in ["", "/", "a/", "/a", "A", "a b", "-a", "a//b", "../x"] {
            assert!(bad.parse::<Address>().is_err(), "{bad}");
        }
        assert!("a/b".parse::<DeploymentName>().is_err());
    }
}
