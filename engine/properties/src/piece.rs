//! One piece of a document: the natural lines of an entry, a comment line, or a blank line.
//!
//! Owns the bytes of its lines and how an entry's value is put in the place of another. Never sees
//! its neighbours; only the document knows the order.

use std::ops::Range;

use crate::error::{Fault, ParseError};
use crate::escape::{escape_key, escape_value, unescape};
use crate::line::{ChunkKind, Placed, next_chunk, placed, without_indent};
use crate::logical::{Separator, split};
use crate::terminator::{Terminator, natural_line};

#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Piece {
    bytes: Vec<u8>,
    kind: Kind,
    /// The piece ends the file with a backslash that waits for a continuation line.
    open: bool,
}

#[derive(Clone, PartialEq, Eq)]
enum Kind {
    Blank,
    Comment,
    Entry(Entry),
}

#[derive(Clone, PartialEq, Eq)]
struct Entry {
    key: String,
    value: String,
    separator: Separator,
    /// Where in the piece's bytes the value is written: from right after the separator, or the
    /// key if there is none, to the end of the last natural line's text.
    place: Range<usize>,
}

/// How much a comment looks like an entry that was commented out; the greater the more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Likeness {
    /// `# key=…`
    Spaced,
    /// `#key=…`
    Exact,
}

impl Piece {
    /// Cuts a file into pieces, whose bytes one after another are the file again.
    pub(crate) fn parse_all(bytes: &[u8]) -> Result<Vec<Self>, ParseError> {
        let mut pieces = Vec::new();
        let mut at = 0;
        while at < bytes.len() {
            let chunk = next_chunk(bytes, at);
            let kind = match chunk.kind {
                ChunkKind::Blank => Kind::Blank,
                ChunkKind::Comment => Kind::Comment,
                ChunkKind::Entry(line) => Entry::parse(&line.bytes, line.text, at)
                    .map(Kind::Entry)
                    .map_err(|(at, what)| ParseError::new(bytes, at, what))?,
            };
            at = chunk.range.end;
            pieces.push(Self {
                bytes: bytes[chunk.range].to_vec(),
                kind,
                open: chunk.open,
            });
        }
        Ok(pieces)
    }

    /// A new entry on a line of its own.
    pub(crate) fn entry(key: &str, value: &str, terminator: Terminator) -> Self {
        let separator = Separator::Sign(b'=');
        let mut text = escape_key(key);
        text.push('=');
        let start = text.len();
        text.push_str(&escape_value(value, separator));
        let place = start..text.len();
        let mut bytes = text.into_bytes();
        bytes.extend_from_slice(terminator.bytes());
        Self {
            bytes,
            kind: Kind::Entry(Entry {
                key: key.to_owned(),
                value: value.to_owned(),
                separator,
                place,
            }),
            open: false,
        }
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Key and value, if the piece is an entry.
    pub(crate) fn pair(&self) -> Option<(&str, &str)> {
        match &self.kind {
            Kind::Entry(entry) => Some((&entry.key, &entry.value)),
            Kind::Blank | Kind::Comment => None,
        }
    }

    /// Whether the piece is an entry only because nothing follows it: a backslash alone, last in
    /// the file, is an entry with an empty key.
    pub(crate) fn must_stay_last(&self) -> bool {
        let Kind::Entry(entry) = &self.kind else {
            return false;
        };
        self.open && entry.key.is_empty() && entry.separator == Separator::None
    }

    /// Gives an entry another value; says whether a byte changed.
    pub(crate) fn rewrite(&mut self, value: &str) -> bool {
        let Kind::Entry(entry) = &mut self.kind else {
            return false;
        };
        if entry.value == value {
            return false;
        }
        let mut start = entry.place.start;
        let mut text = String::new();
        if entry.separator == Separator::None {
            entry.separator = Separator::Sign(b'=');
            text.push('=');
            start += 1;
        }
        text.push_str(&escape_value(value, entry.separator));
        let end = entry.place.start + text.len();
        self.bytes.splice(entry.place.clone(), text.into_bytes());
        entry.place = start..end;
        entry.value = value.to_owned();
        self.open = false;
        true
    }

    /// Adds the terminators that are missing, so that a line put after this piece stands alone;
    /// returns the terminator of the piece's first line end.
    pub(crate) fn close(&mut self, dominant: Terminator) -> Terminator {
        let terminator = Terminator::ending(&self.bytes).unwrap_or_else(|| {
            self.bytes.extend_from_slice(dominant.bytes());
            dominant
        });
        if self.open {
            // A blank line ends the continuation. After CR alone, LF would only complete CR LF.
            let blank = match (terminator, dominant) {
                (Terminator::Cr, Terminator::Lf) => Terminator::Cr,
                _ => dominant,
            };
            if let Kind::Entry(entry) = &mut self.kind {
                entry.place.end = self.bytes.len();
            }
            self.bytes.extend_from_slice(blank.bytes());
            self.open = false;
        }
        terminator
    }

    /// Whether the piece is a comment that holds an entry of that key, commented out.
    ///
    /// At most one space may follow the `#`: Kafka's own files explain the form of `listeners` in
    /// comments with more of them.
    pub(crate) fn comments_out(&self, key: &str) -> Option<Likeness> {
        if !matches!(self.kind, Kind::Comment) {
            return None;
        }
        let line = natural_line(&self.bytes, 0);
        let text = without_indent(&self.bytes, line.start..line.end);
        let (start, likeness) = match self.bytes[text.clone()] {
            [b'#', b' ', ..] => (text.start + 2, Likeness::Spaced),
            [b'#', ..] => (text.start + 1, Likeness::Exact),
            _ => return None,
        };
        let text = start..text.end;
        if without_indent(&self.bytes, text.clone()) != text {
            return None;
        }
        let line: Vec<Placed> = placed(&self.bytes, text).collect();
        let parts = split(&line);
        let is_entry = parts.separator == Separator::Sign(b'=');
        (is_entry && unescape(parts.key).as_deref() == Ok(key)).then_some(likeness)
    }
}

impl Entry {
    /// Reads a logical line whose piece starts at the offset `origin` of the file.
    fn parse(line: &[Placed], text: Range<usize>, origin: usize) -> Result<Self, (usize, Fault)> {
        let parts = split(line);
        let start = parts
            .before_value
            .last()
            .map_or(text.start, |last| last.at + 1);
        Ok(Self {
            key: unescape(parts.key)?,
            value: unescape(parts.value)?,
            separator: parts.separator,
            place: start - origin..text.end - origin,
        })
    }
}
