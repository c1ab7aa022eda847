//! Texts in which secrets stand by name: all that scripts, plans and journals ever see of them.
//!
//! The value comes in only where a text is revealed, and goes with what is returned.

use std::{collections::BTreeSet, fmt};

use serde::{Deserialize, Deserializer, Serialize, de};
use zeroize::Zeroizing;

use super::{ExposeSecret as _, Secrets};
use crate::Fault;

/// A piece of a [`Text`].
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Piece {
    /// This text.
    Plain(String),
    /// The value of the secret with this name.
    Secret(String),
}

/// A text in which secrets may stand, by name.
///
/// As JSON it is a string where there is none in it, else `{"$secret": [pieces]}`, so that who does not
/// know of secrets can't take it for a text.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Text(Vec<Piece>);

#[derive(Serialize, Deserialize)]
struct WithSecrets {
    #[serde(rename = "$secret")]
    pieces: Vec<Piece>,
}

impl Serialize for Text {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match self.plain() {
            Some(text) => to.serialize_str(&text),
            None => WithSecrets {
                pieces: self.0.clone(),
            }
            .serialize(to),
        }
    }
}

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let json = serde_json::Value::deserialize(from)?;
        Self::of_json(&json).ok_or_else(|| de::Error::custom("not a text"))
    }
}

impl From<&str> for Text {
    fn from(text: &str) -> Self {
        Self::of(vec![Piece::Plain(text.to_owned())])
    }
}

impl Text {
    /// A text of pieces.
    pub fn of(pieces: Vec<Piece>) -> Self {
        Self(pieces)
    }

    /// What JSON says, if it is a text.
    pub fn of_json(json: &serde_json::Value) -> Option<Self> {
        match json {
            serde_json::Value::String(text) => Some(text.as_str().into()),
            serde_json::Value::Object(map) if map.contains_key("$secret") => {
                let with: WithSecrets = serde_json::from_value(json.clone()).ok()?;
                Some(Self(with.pieces))
            }
            _ => None,
        }
    }

    /// Its pieces in order.
    pub fn pieces(&self) -> &[Piece] {
        &self.0
    }

    /// The text, if no secret stands in it.
    pub fn plain(&self) -> Option<String> {
        let pieces = self.0.iter().map(|piece| match piece {
            Piece::Plain(text) => Some(text.as_str()),
            Piece::Secret(_) => None,
        });
        pieces.collect()
    }

    /// Whether a secret stands in it.
    pub fn has_secret(&self) -> bool {
        self.names().next().is_some()
    }

    /// The names of the secrets in it, as often as they stand there.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter_map(|piece| match piece {
            Piece::Secret(name) => Some(name.as_str()),
            Piece::Plain(_) => None,
        })
    }

    /// The text with the values in it.
    ///
    /// # Errors
    /// A value that is not known.
    pub fn reveal(&self, secrets: &dyn Secrets) -> Result<Zeroizing<String>, Fault> {
        let mut whole = Zeroizing::new(String::new());
        for piece in &self.0 {
            match piece {
                Piece::Plain(text) => push(&mut whole, text),
                Piece::Secret(name) => push(&mut whole, secrets.value(name)?.expose_secret()),
            }
        }
        Ok(whole)
    }

    /// Its lines. A value that goes over lines stands, by its name, in each of them: there are as many
    /// lines as the revealed text has.
    ///
    /// # Errors
    /// As [`Text::reveal`].
    pub fn lines(&self, secrets: &dyn Secrets) -> Result<Vec<Self>, Fault> {
        let mut lines = vec![Self::default()];
        let breaks = |text: &str| text.matches('\n').count();
        for piece in &self.0 {
            let (count, part): (usize, Box<dyn Fn(usize) -> Piece>) = match piece {
                Piece::Plain(text) => {
                    let parts: Vec<_> = text.split('\n').map(str::to_owned).collect();
                    let part = move |at: usize| Piece::Plain(parts[at].clone());
                    (breaks(text), Box::new(part))
                }
                Piece::Secret(name) => {
                    let value = secrets.value(name)?;
                    let name = name.clone();
                    let part = move |_| Piece::Secret(name.clone());
                    (breaks(value.expose_secret()), Box::new(part))
                }
            };
            for at in 0..=count {
                if at > 0 {
                    lines.push(Self::default());
                }
                if let Some(line) = lines.last_mut() {
                    line.0.push(part(at));
                }
            }
        }
        if self.reveal(secrets)?.ends_with('\n') {
            lines.pop();
        }
        Ok(lines)
    }

    /// Whether a text can be this one with other values for the secrets in it.
    pub fn fits(&self, text: &str) -> bool {
        let mut rest = text;
        let mut open = false;
        for piece in &self.0 {
            match piece {
                Piece::Secret(_) => open = true,
                Piece::Plain(plain) => {
                    let at = if open {
                        rest.find(plain.as_str())
                    } else {
                        Some(0)
                    };
                    let from = at.and_then(|at| rest.get(at..));
                    let Some(after) = from.and_then(|rest| rest.strip_prefix(plain.as_str()))
                    else {
                        return false;
                    };
                    rest = after;
                    open = open && plain.is_empty();
                }
            }
        }
        open || rest.is_empty()
    }

    /// What is said of a value that differs from the one that is there: which secrets changed, or the
    /// text with their names.
    pub fn changed_from(&self, there: &str) -> String {
        if !self.has_secret() || !self.fits(there) {
            return self.to_string();
        }
        let names: BTreeSet<_> = self.names().collect();
        let names: Vec<_> = names
            .iter()
            .map(|name| format!("(secret {name})"))
            .collect();
        format!("{} changed", names.join(", "))
    }
}

/// Makes room anew instead of letting the allocator move the text, so that no copy stays behind.
fn push(whole: &mut Zeroizing<String>, more: &str) {
    let wanted = whole.len() + more.len();
    if wanted > whole.capacity() {
        let mut roomy = Zeroizing::new(String::with_capacity(wanted * 2));
        roomy.push_str(whole);
        *whole = roomy;
    }
    whole.push_str(more);
}

impl fmt::Display for Text {
    /// As people see it: `(secret name)` in place of a value.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|piece| match piece {
            Piece::Plain(text) => f.write_str(text),
            Piece::Secret(name) => write!(f, "(secret {name})"),
        })
    }
}
#[cfg(test)]
mod tests {
    use camino::Utf8Path;

    use super::*;
    use crate::{Digest, secret::SecretString};

    struct One(&'static str);

    impl Secrets for One {
        fn value(&self, _: &str) -> Result<SecretString, Fault> {
            Ok(self.0.into())
        }
        fn guard(&self, _: &Utf8Path) {}
        fn guards(&self, _: &Utf8Path) -> bool {
            false
        }
        fn conceal(&self, text: &str) -> String {
            text.to_owned()
        }
        fn is_in(&self, _: &str) -> bool {
            false
        }
        fn keyed(&self, digest: Digest) -> Result<Digest, Fault> {
            Ok(digest)
        }
    }

    fn text(pieces: &[&str]) -> Text {
        let piece = |text: &&str| match text.strip_prefix('$') {
            Some(name) => Piece::Secret(name.to_owned()),
            None => Piece::Plain((*text).to_owned()),
        };
        Text::of(pieces.iter().map(piece).collect())
    }

    #[test]
    fn a_text_is_shown_by_names() {
        let of = text(&["user=a password=\"", "$db", "\";"]);
        assert_eq!(of.to_string(), "user=a password=\"(secret db)\";");
        assert_eq!(
            of.reveal(&One("x")).unwrap().as_str(),
            "user=a password=\"x\";"
        );
        assert_eq!(
            of.changed_from("user=a password=\"old\";"),
            "(secret db) changed"
        );
        assert_eq!(
            of.changed_from("user=b password=\"old\";"),
            "user=a password=\"(secret db)\";"
        );
        assert!(text(&["$db"]).fits("anything") && !text(&["a"]).fits("ab"));
        let json = serde_json::to_value(&of).unwrap();
        assert!(json.is_object());
        assert_eq!(Text::of_json(&json), Some(of));
        assert_eq!(serde_json::to_value(text(&["a", "b"])).unwrap(), "ab");
    }

    #[test]
    fn lines_keep_step_with_the_value() {
        let shown = |pieces: &[&str], value| {
            let lines = text(pieces).lines(&One(value)).unwrap();
            lines.iter().map(ToString::to_string).collect::<Vec<_>>()
        };
        assert_eq!(
            shown(&["a\npw=", "$p", "!\nb\n"], "x"),
            ["a", "pw=(secret p)!", "b"]
        );
        assert_eq!(
            shown(&["k=", "$p", "\nb"], "1\n2"),
            ["k=(secret p)", "(secret p)", "b"]
        );
        assert_eq!(shown(&["$p"], "1\n"), ["(secret p)"]);
    }
}
