//! What a server said before the bytes came.

use serde::{Deserialize, Serialize};

/// By what a server tells one state of a file from another.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Validator {
    /// Its entity tag.
    pub etag: Option<String>,
    /// When it was changed, as the server writes it.
    pub modified: Option<String>,
}

impl Validator {
    /// What `If-Range` may carry: a strong tag, or else the time of the last change. A weak tag says
    /// nothing of single bytes (RFC 9110, 13.1.5).
    pub fn if_range(&self) -> Option<&str> {
        let strong = self.etag.as_deref().filter(|tag| tag.starts_with('"'));
        strong.or(self.modified.as_deref())
    }

    /// Whether both are known to be of different states. Either may be silent.
    pub fn contradicts(&self, other: &Self) -> bool {
        let differ = |a: &Option<String>, b: &Option<String>| a.is_some() && b.is_some() && a != b;
        differ(&self.etag, &other.etag) || differ(&self.modified, &other.modified)
    }
}

/// The head of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// Its words.
    pub reason: String,
    /// The state of the file.
    pub validator: Validator,
    /// The length of the body, where it is said.
    pub length: Option<u64>,
    /// The `Content-Range`, where it is said and understood.
    pub range: Option<Range>,
}

/// Which part of a file an answer carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Range {
    /// Its first byte; none where it carries nothing (status 416).
    pub first: Option<u64>,
    /// The size of the whole.
    pub total: Option<u64>,
}

impl Range {
    /// Reads `bytes 5-9/10`, `bytes 5-9/*` or `bytes */10`.
    pub fn parse(text: &str) -> Option<Self> {
        let (part, total) = text.trim().strip_prefix("bytes")?.trim().split_once('/')?;
        let total = match total.trim() {
            "*" => None,
            total => Some(total.parse().ok()?),
        };
        let first = match part.trim() {
            "*" => None,
            part => Some(part.split_once('-')?.0.trim().parse().ok()?),
        };
        Some(Self { first, total })
    }
}

/// What an answer means to somebody who has the first bytes already.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Meaning {
    /// The rest comes; the size of the whole, where it is said.
    Rest(Option<u64>),
    /// The whole comes from its beginning; its size, where it is said.
    Whole(Option<u64>),
    /// There is no more than what is there.
    Nothing,
    /// What is there is of no use: ask for the whole.
    Again(&'static str),
    /// There is no such file.
    Missing,
    /// Not now; perhaps later.
    Later,
    /// No, and asking again won't help.
    Refused,
}

impl Answer {
    /// What it means to somebody who has `have` bytes of a file in a known state.
    pub fn meaning(&self, have: u64, known: &Validator, known_total: Option<u64>) -> Meaning {
        let range = self.range.unwrap_or(Range {
            first: None,
            total: None,
        });
        let changed = known.contradicts(&self.validator)
            || matches!((known_total, range.total), (Some(a), Some(b)) if a != b);
        match self.status {
            200 => Meaning::Whole(self.length),
            206 if have == 0 => {
                Meaning::Again("the server sent a part where the whole was asked for")
            }
            206 if changed => Meaning::Again("the file on the server has changed"),
            206 if range.first == Some(have) => Meaning::Rest(
                range
                    .total
                    .or_else(|| self.length.map(|length| have + length)),
            ),
            206 => Meaning::Again("the server sent another part than was asked for"),
            416 if have > 0 && range.total == Some(have) && !changed => Meaning::Nothing,
            416 if have > 0 => Meaning::Again("the file on the server has changed"),
            404 | 410 => Meaning::Missing,
            408 | 425 | 429 | 500.. => Meaning::Later,
            _ => Meaning::Refused,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, range: Option<&str>, length: Option<u64>, etag: &str) -> Answer {
        Answer {
            status,
            reason: String::new(),
            validator: Validator {
                etag: Some(etag.to_owned()),
                modified: None,
            },
            length,
            range: range.and_then(Range::parse),
        }
    }

    #[test]
    fn meanings() {
        let known = Validator {
            etag: Some("\"a\"".to_owned()),
            modified: None,
        };
        for (status, range, etag, meaning) in [
            (200, None, "\"b\"", Meaning::Whole(Some(6))),
            (206, Some("bytes 4-9/10"), "\"a\"", Meaning::Rest(Some(10))),
            (206, Some("bytes 4-9/*"), "\"a\"", Meaning::Rest(Some(10))),
            (416, Some("bytes */4"), "\"a\"", Meaning::Nothing),
            (404, None, "\"a\"", Meaning::Missing),
            (503, None, "\"a\"", Meaning::Later),
            (403, None, "\"a\"", Meaning::Refused),
        ] {
            let given = answer(status, range, Some(6), etag);
            assert_eq!(
                given.meaning(4, &known, Some(10)).clone(),
                {
                    // A whole of 4 bytes contradicts the 10 that were announced.
                    if status == 416 {
                        Meaning::Again("the file on the server has changed")
                    } else {
                        meaning.clone()
                    }
                },
                "{status}"
            );
            assert_eq!(given.meaning(4, &known, None), meaning, "{status}");
        }
        for (status, range, etag) in [
            (206, Some("bytes 4-9/10"), "\"b\""),
            (206, Some("bytes 0-9/10"), "\"a\""),
            (206, Some("bytes 4-8/9"), "\"a\""),
            (206, None, "\"a\""),
            (416, Some("bytes */9"), "\"a\""),
            (416, None, "\"a\""),
        ] {
            let meaning = answer(status, range, Some(6), etag).meaning(4, &known, Some(10));
            assert!(
                matches!(meaning, Meaning::Again(_)),
                "{status} {range:?} {meaning:?}"
            );
        }
    }

    #[test]
    fn validators() {
        let both = |etag: &str| Validator {
            etag: Some(etag.to_owned()),
            modified: Some("yesterday".to_owned()),
        };
        assert_eq!(both("\"s\"").if_range(), Some("\"s\""));
        assert_eq!(both("W/\"s\"").if_range(), Some("yesterday"));
        assert!(both("\"a\"").contradicts(&both("\"b\"")));
        assert!(!both("\"a\"").contradicts(&Validator::default()));
    }

    #[test]
    fn ranges() {
        assert_eq!(
            Range::parse("bytes 5-9/10"),
            Some(Range {
                first: Some(5),
                total: Some(10)
            })
        );
        assert_eq!(Range::parse("lines 5-9/10"), None);
        assert_eq!(Range::parse("bytes x-9/10"), None);
    }
}
