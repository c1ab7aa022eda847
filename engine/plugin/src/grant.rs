//! What a plugin may do, as `krun.lock` grants it.
//!
//! A line is `VERB:WHAT` or `VERB@MACHINE:WHAT`; nothing is granted that no line covers. Pure: resolving links is
//! done elsewhere (`place`), and which machine is meant the desk knows.

mod granted;
#[cfg(test)]
mod tests;

use std::{fmt, str::FromStr};

use camino::Utf8PathBuf;

pub use granted::{Granted, MachineName, On};

/// What is granted, on whichever machine that holds.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Grant {
    /// `read:/etc/kafka`: a file, or all below a folder, may be read.
    Read(Utf8PathBuf),
    /// `write:/srv/kafka`: likewise, may be read and changed.
    Write(Utf8PathBuf),
    /// `command:df -k *`: this command may be run; see [`Words`].
    Command(Words),
    /// `http:health.example:8080`: may be asked by HTTP or HTTPS.
    Http(Server),
    /// `kafka:broker.example:9092`: a cluster that is reached there may be looked at.
    Kafka(Server),
    /// `change-kafka:broker.example:9092`: and changed.
    ChangeKafka(Server),
}

/// A host with a port, `HOST:PORT`; `*` stands for any port, or for any host.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Server {
    host: String,
    port: Option<u16>,
}

/// The words of a command. `*` stands for one word that does not begin with `-`, so that what a plugin
/// fills in there can be no option; every other word stands for itself.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Words(Vec<String>);

impl Grant {
    /// Whether this grants all that another does.
    pub fn covers(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Read(mine) | Self::Write(mine), Self::Read(theirs))
            | (Self::Write(mine), Self::Write(theirs)) => theirs.starts_with(mine),
            (Self::Command(mine), Self::Command(theirs)) => mine == theirs || mine.allow(&theirs.0),
            (Self::Http(mine), Self::Http(theirs))
            | (Self::Kafka(mine) | Self::ChangeKafka(mine), Self::Kafka(theirs))
            | (Self::ChangeKafka(mine), Self::ChangeKafka(theirs)) => mine.covers(theirs),
            _ => false,
        }
    }

    /// Whether a simulated machine has what this is about: files, clusters and web pages, but no commands.
    pub fn is_simulated(&self) -> bool {
        match self {
            Self::Read(_) | Self::Write(_) => true,
            Self::Http(_) | Self::Kafka(_) | Self::ChangeKafka(_) => true,
            Self::Command(_) => false,
        }
    }

    /// The sentence's end after "may".
    pub fn words(&self) -> String {
        match self {
            Self::Read(path) => format!("read {path}"),
            Self::Write(path) => format!("change {path}"),
            Self::Command(words) => format!("run `{words}`"),
            Self::Http(server) => format!("send requests to {server}"),
            Self::Kafka(server) => format!("look at the cluster at {server}"),
            Self::ChangeKafka(server) => format!("change the cluster at {server}"),
        }
    }
}

impl Server {
    /// A server by host and port.
    pub fn new(host: &str, port: u16) -> Self {
        Self {
            host: host.to_ascii_lowercase(),
            port: Some(port),
        }
    }

    fn covers(&self, other: &Self) -> bool {
        (self.host == "*" || self.host == other.host)
            && (self.port.is_none() || self.port == other.port)
    }

    /// The host, or `*`.
    pub fn host(&self) -> &str {
        &self.host
    }
}

impl Words {
    /// The words of a command that is to be run.
    pub fn of(argv: &[String]) -> Self {
        Self(argv.to_vec())
    }

    /// Whether a command is one of these.
    fn allow(&self, argv: &[String]) -> bool {
        self.0.len() == argv.len()
            && self
                .0
                .iter()
                .zip(argv)
                .enumerate()
                .all(|(at, (pattern, word))| {
                    pattern == word
                        || (at > 0 && pattern == "*" && !word.starts_with('-') && !word.is_empty())
                })
    }
}

impl Grant {
    /// Reads what stands before and behind the colon.
    fn parse(verb: &str, what: &str) -> Result<Self, String> {
        Ok(match verb {
            "read" | "write" => {
                let path = Utf8PathBuf::from(what);
                if !path.is_absolute() || path.components().any(|part| part.as_str() == "..") {
                    return Err("names no absolute path without `..`".into());
                }
                let path = path.components().collect();
                match verb {
                    "read" => Self::Read(path),
                    _ => Self::Write(path),
                }
            }
            "command" => {
                let words: Vec<_> = what.split_whitespace().map(str::to_owned).collect();
                if words.first().is_none_or(|program| program == "*") {
                    return Err("names no program".into());
                }
                Self::Command(Words(words))
            }
            "http" => Self::Http(what.parse()?),
            "kafka" => Self::Kafka(what.parse()?),
            "change-kafka" => Self::ChangeKafka(what.parse()?),
            _ => return Err("begins with no verb that is known".into()),
        })
    }

    /// What stands before and behind the colon.
    fn parts(&self) -> (&'static str, &dyn fmt::Display) {
        match self {
            Self::Read(path) => ("read", path),
            Self::Write(path) => ("write", path),
            Self::Command(words) => ("command", words),
            Self::Http(server) => ("http", server),
            Self::Kafka(server) => ("kafka", server),
            Self::ChangeKafka(server) => ("change-kafka", server),
        }
    }
}

impl FromStr for Server {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (host, port) = text.rsplit_once(':').ok_or("names no port")?;
        if host.is_empty() || host.contains(['/', ' ']) {
            return Err("names no host".into());
        }
        let port = match port {
            "*" => None,
            port => Some(port.parse().map_err(|_| "names no port from 1 to 65535")?),
        };
        Ok(Self {
            host: host.to_ascii_lowercase(),
            port,
        })
    }
}

impl fmt::Display for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.port {
            Some(port) => write!(f, "{}:{port}", self.host),
            None => write!(f, "{}:*", self.host),
        }
    }
}

impl fmt::Display for Words {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join(" "))
    }
}
