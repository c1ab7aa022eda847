//! Secrets: values that a runbook refers to and that nothing but their target may hold.
//!
//! The whole design, in the order in which a value travels:
//!
//! 1. **A script has a name.** `secret("db")` gives a [`Text`] that says *the secret db*, alone or among
//!    other text. Evaluating, checking and reading a runbook needs no value. Arguments that may hold a
//!    secret say so ([`ArgSpec::or_secret`](crate::schema::ArgSpec::or_secret)): what becomes the content
//!    of a file or the environment of a process. All others are journaled and shown, and refuse it.
//! 2. **A kind gets the name too**, in its JSON arguments. Only `Text::reveal` makes the value of it,
//!    with the [`Secrets`] in its [`StepRef`](crate::kind::StepRef). So the digest of a step's inputs, a
//!    plan and a diff are made of names without anybody's care.
//! 3. **What holds a value is a guarded path** ([`Secrets::guard`]): the paths that steps with secrets
//!    write, and those of which the journal says so. Its state, its before-image and its wanted content
//!    are *sealed* by the engine, at the one door through which everything is changed: the blob is
//!    encrypted with a key from outside the state, and the digest is that of the encrypted bytes
//!    ([`Digest::sealed`](crate::Digest::sealed)). Encryption is deterministic (its nonce is an HMAC of
//!    the content), so that equal contents have equal digests, and without the key nobody can try a guess
//!    against one. To the store a sealed blob is a blob: it is verified, exported and collected like any.
//! 4. **A process** that read a guarded file, or has a secret in its environment, is known by a digest
//!    that is keyed likewise ([`Secrets::keyed`]).
//! 5. **Text that krun did not make** (lines of a log, what a tool said) is searched for known values
//!    before it is journaled or shown ([`Secrets::conceal`]): the second line of defence, not the first.
//!
//! This module owns the words for it. It never has a value but in passing, and has no key.

use std::{fmt, str::FromStr, sync::Arc};

use camino::{Utf8Path, Utf8PathBuf};
mod text;

pub use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
pub use text::{Piece, Text};
use zeroize::Zeroizing;

use crate::{Digest, Fault, FaultCode, Span};

/// Bytes that are overwritten when the last who holds them lets go, and that are not printed.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Bytes(Arc<Zeroizing<Vec<u8>>>);

impl<T: Into<Vec<u8>>> From<T> for Bytes {
    fn from(bytes: T) -> Self {
        Self(Arc::new(Zeroizing::new(bytes.into())))
    }
}

impl std::ops::Deref for Bytes {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}

impl AsRef<[u8]> for Bytes {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bytes", self.0.len())
    }
}

/// Where a secret's value is had from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SecretSource {
    /// An environment variable of krun.
    Env(String),
    /// A file; one line break at its end does not count.
    File(Utf8PathBuf),
    /// What a command prints; one line break at its end does not count. No shell.
    Command(Vec<String>),
}

impl fmt::Display for SecretSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Env(name) => write!(f, "environment variable {name}"),
            Self::File(path) => write!(f, "file {path}"),
            Self::Command(argv) => write!(f, "command `{}`", argv.join(" ")),
        }
    }
}

impl FromStr for SecretSource {
    type Err = &'static str;

    /// `env:VARIABLE`, `file:PATH`, `command:WORDS`: words are parted at blanks, or are a JSON list. The
    /// error does not repeat the text, which may be a value that was typed by mistake.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = "not `env:VARIABLE`, `file:PATH` or `command:PROGRAM ARGUMENTS`";
        let (way, rest) = text.split_once(':').ok_or(wrong)?;
        if rest.trim().is_empty() {
            return Err("nothing stands behind the colon");
        }
        match way {
            "env" => Ok(Self::Env(rest.to_owned())),
            "file" => Ok(Self::File(rest.into())),
            "command" if rest.trim_start().starts_with('[') => {
                let argv: Vec<String> = serde_json::from_str(rest)
                    .map_err(|_| "the command is no JSON list of strings")?;
                match argv.is_empty() {
                    true => Err("the command has no words"),
                    false => Ok(Self::Command(argv)),
                }
            }
            "command" => Ok(Self::Command(
                rest.split_whitespace().map(str::to_owned).collect(),
            )),
            _ => Err(wrong),
        }
    }
}

/// The environment variable that a secret's value is had from where nothing else is said.
pub fn default_variable(name: &str) -> String {
    let plain = |c: char| match c.is_ascii_alphanumeric() {
        true => c.to_ascii_uppercase(),
        false => '_',
    };
    name.chars()
        .map(plain)
        .fold(PREFIX.to_owned(), |mut all, c| {
            all.push(c);
            all
        })
}

/// What [`default_variable`] begins with. Commands that krun runs don't inherit such variables.
pub const PREFIX: &str = "KRUN_SECRET_";

/// Whether a text can be a secret's name: letters, digits, `-`, `_` and `.`, a letter first.
pub fn is_name(text: &str) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    text.starts_with(|c: char| c.is_ascii_alphabetic()) && text.chars().all(allowed)
}

/// A secret that a runbook declares.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SecretSpec {
    /// Its name.
    pub name: String,
    /// Where its value is had from; the default variable where nothing is said.
    pub source: Option<SecretSource>,
    /// Where it is declared first.
    pub span: Span,
}

/// Parts of keys under which values stand that must not be shown.
const TELLING: &[&str] = &["password", "secret", "jaas", "credential", "token", "key"];

/// Whether a setting's key says that its value is one that must not be shown.
pub fn is_secret_key(key: &str) -> bool {
    let key = key.to_ascii_lowercase();
    TELLING.iter().any(|part| key.contains(part))
}

/// What is shown in place of text that may hold a secret.
pub const HIDDEN: &str = "(hidden)";

/// What a step may ask about secrets: the values that its arguments name, and what holds any.
pub trait Secrets: Send + Sync {
    /// The value of a secret.
    ///
    /// # Errors
    /// None is known: it was not declared, or can't be had.
    fn value(&self, name: &str) -> Result<SecretString, Fault>;

    /// Says that a file holds a secret, or is going to.
    fn guard(&self, path: &Utf8Path);

    /// Whether a file is known to hold a secret, or to have held one.
    fn guards(&self, path: &Utf8Path) -> bool;

    /// A text without the values that are known, for journals and people.
    fn conceal(&self, text: &str) -> String;

    /// Whether a known value stands in a text, however short it is.
    fn is_in(&self, text: &str) -> bool;

    /// A digest that nobody can make from a guess at what it is made of.
    ///
    /// # Errors
    /// The key can't be had.
    fn keyed(&self, digest: Digest) -> Result<Digest, Fault>;
}

/// For who knows no secrets.
#[derive(Clone, Copy, Debug)]
pub struct NoSecrets;

impl Secrets for NoSecrets {
    fn value(&self, name: &str) -> Result<SecretString, Fault> {
        Err(Fault::new(
            FaultCode::Secret,
            format!("the secret `{name}` is not known here"),
        ))
    }

    fn guard(&self, _path: &Utf8Path) {}

    fn guards(&self, _path: &Utf8Path) -> bool {
        false
    }

    fn conceal(&self, text: &str) -> String {
        text.to_owned()
    }

    fn is_in(&self, _text: &str) -> bool {
        false
    }

    fn keyed(&self, digest: Digest) -> Result<Digest, Fault> {
        Ok(digest)
    }
}
#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sources() {
        let argv = |words: &[&str]| {
            SecretSource::Command(words.iter().map(|&word| word.to_owned()).collect())
        };
        for (given, expected) in [
            ("env:X", Some(SecretSource::Env("X".into()))),
            ("file:/a:b", Some(SecretSource::File("/a:b".into()))),
            ("command:pass show x", Some(argv(&["pass", "show", "x"]))),
            ("command:[\"a b\", \"$c\"]", Some(argv(&["a b", "$c"]))),
            ("command:[]", None),
            ("env:", None),
            ("hunter2", None),
            ("vault:x", None),
        ] {
            let found: Result<SecretSource, _> = given.parse();
            if let Err(why) = &found {
                assert!(!why.contains("hunter2"));
            }
            assert_eq!(found.ok(), expected, "{given}");
        }
        assert_eq!(default_variable("db-admin.pw"), "KRUN_SECRET_DB_ADMIN_PW");
    }

    #[test]
    fn bytes_are_not_printed() {
        let bytes = Bytes::from(*b"hunter2");
        assert_eq!(format!("{bytes:?}"), "7 bytes");
    }
}
