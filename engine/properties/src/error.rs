//! Why a file cannot be read, and where.
//!
//! Owns the public error of this crate. Never quotes the file: a properties file can hold
//! passwords, and an error travels into logs.

use crate::terminator::natural_line;

/// A properties file that Java would refuse, or that a Rust string cannot hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what} at line {line}, column {column}")]
pub struct ParseError {
    /// The natural line, counted from 1.
    pub line: usize,
    /// The byte in that line, counted from 1; it is the backslash of the escape at fault.
    pub column: usize,
    /// What is wrong there.
    pub what: Fault,
}

/// What is wrong with an escape.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Fault {
    /// `\u` without four hexadecimal digits after it; Java throws `IllegalArgumentException`.
    #[error("malformed \\uxxxx escape")]
    MalformedEscape,
    /// Half of a UTF-16 surrogate pair; Java reads it, a Rust string cannot hold it.
    #[error("unpaired surrogate escape")]
    UnpairedSurrogate,
}

impl ParseError {
    /// The error for a fault at a byte offset of the whole file.
    pub(crate) fn new(bytes: &[u8], at: usize, what: Fault) -> Self {
        let mut number = 1;
        let mut line = natural_line(bytes, 0);
        while line.next <= at && line.next < bytes.len() {
            number += 1;
            line = natural_line(bytes, line.next);
        }
        Self {
            line: number,
            column: at - line.start + 1,
            what,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_offset_becomes_a_line_and_a_column() {
        fn check(input: &[u8], at: usize, expected: (usize, usize)) {
            let error = ParseError::new(input, at, Fault::MalformedEscape);
            assert_eq!((error.line, error.column), expected, "{input:?} {at}");
        }
        check(b"abc", 0, (1, 1));
        check(b"abc", 2, (1, 3));
        check(b"a\nbc", 2, (2, 1));
        check(b"a\r\nbc", 4, (2, 2));
        check(b"a\rb\n\nc\n", 5, (4, 1));
    }

    #[test]
    fn the_message_reads_after_failed_to() {
        let error = ParseError::new(b"x\n \\u", 3, Fault::MalformedEscape);
        assert_eq!(
            error.to_string(),
            "malformed \\uxxxx escape at line 2, column 2"
        );
    }
}
