//! A whole properties file, to look at and to edit.
//!
//! Owns the order of the pieces and where a new entry goes. Never reorders, never reformats, and
//! never changes a piece it was not asked to.

use std::collections::BTreeMap;
use std::fmt;

use crate::error::ParseError;
use crate::piece::Piece;
use crate::terminator::Terminator;

/// A Java properties file: its entries as Java reads them, and its bytes as they stand.
///
/// Its [`Debug`](fmt::Debug) output shows the keys but no value, for a value may be a password.
#[derive(Clone, Default)]
pub struct Document {
    pieces: Vec<Piece>,
}

impl Document {
    /// Reads a file.
    ///
    /// # Errors
    ///
    /// When Java would refuse the file, or when one of its strings has an unpaired surrogate; see
    /// [`Fault`](crate::Fault). The first fault in the file is the one named.
    pub fn parse(bytes: &[u8]) -> Result<Self, ParseError> {
        let pieces = Piece::parse_all(bytes)?;
        Ok(Self { pieces })
    }

    /// The value of a key, from its last entry; `None` if the key has no entry.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<String> {
        self.entries()
            .rev()
            .find(|(name, _)| *name == key)
            .map(|(_, value)| value.to_owned())
    }

    /// Every key and value, unescaped, in the order of the file, duplicates included.
    pub fn entries(&self) -> impl DoubleEndedIterator<Item = (&str, &str)> {
        self.pieces.iter().filter_map(Piece::pair)
    }

    /// What Java's `Properties` would hold: of each key its last value.
    #[must_use]
    pub fn effective(&self) -> BTreeMap<String, String> {
        self.entries()
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .collect()
    }

    /// Gives a key a value; says whether any byte changed.
    ///
    /// - If the key has that value already, however it is spelled, nothing changes.
    /// - If the key has another value, its last entry is given the new one. Key, separator and
    ///   line ending keep their bytes; continuation lines of the old value go. An entry without a
    ///   separator gets a `=`.
    /// - If the key is missing, `key=value` is put on a line of its own: after the last comment of
    ///   the form `#key=…`, failing that after the last of the form `# key=…`, and else at the
    ///   end of the file.
    ///
    /// The new line ends as the comment before it ends, or at the end of the file as most lines
    /// of the file end. If the last line of the file has no line ending it is given one first;
    /// and if it ends with a backslash, which would draw the new line into it, also a blank line.
    /// A last line of nothing but a backslash, to Java an empty key with an empty value, would
    /// lose that meaning in any place but the last: the new line goes before it.
    pub fn set(&mut self, key: &str, value: &str) -> bool {
        let last = self
            .pieces
            .iter_mut()
            .rfind(|piece| piece.pair().is_some_and(|(name, _)| name == key));
        match last {
            Some(piece) => piece.rewrite(value),
            None => {
                self.insert(key, value);
                true
            }
        }
    }

    /// Removes every entry of a key, with all the natural lines it covers and nothing else; says
    /// whether there was one.
    pub fn remove(&mut self, key: &str) -> bool {
        let before = self.pieces.len();
        self.pieces
            .retain(|piece| piece.pair().is_none_or(|(name, _)| name != key));
        self.pieces.len() != before
    }

    /// The file, byte for byte.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        self.pieces.iter().flat_map(Piece::bytes).copied().collect()
    }

    fn insert(&mut self, key: &str, value: &str) {
        let dominant = Terminator::dominant(&self.to_bytes());
        let commented_out = self
            .pieces
            .iter_mut()
            .enumerate()
            .filter_map(|(index, piece)| Some((piece.comments_out(key)?, index, piece)))
            .max_by_key(|(likeness, index, _)| (*likeness, *index));
        if let Some((_, index, comment)) = commented_out {
            let terminator = comment.close(dominant);
            let piece = Piece::entry(key, value, terminator);
            self.pieces.insert(index + 1, piece);
            return;
        }
        let piece = Piece::entry(key, value, dominant);
        match self.pieces.last_mut() {
            Some(last) if last.must_stay_last() => {
                self.pieces.insert(self.pieces.len() - 1, piece);
            }
            Some(last) => {
                last.close(dominant);
                self.pieces.push(piece);
            }
            None => self.pieces.push(piece),
        }
    }
}

impl fmt::Debug for Document {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let keys: Vec<&str> = self.entries().map(|(key, _)| key).collect();
        f.debug_struct("Document")
            .field("keys", &keys)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
