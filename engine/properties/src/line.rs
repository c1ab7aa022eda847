//! The lexer: from the bytes of a file to chunks of whole natural lines.
//!
//! Owns which natural lines belong together and which characters of them form the logical line.
//! Never decodes an escape and never looks for a key.

use std::ops::Range;

use crate::terminator::natural_line;

/// One or more whole natural lines that stand or fall together.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Chunk {
    /// The natural lines, terminators included.
    pub(crate) range: Range<usize>,
    pub(crate) kind: ChunkKind,
    /// The file ends where a continuation line should start: text put right after this chunk
    /// would become part of it.
    pub(crate) open: bool,
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) enum ChunkKind {
    /// Nothing but white space, or backslashes that continue into nothing.
    Blank,
    Comment,
    Entry(LogicalLine),
}

/// A logical line: natural lines joined, without leading white space and joining backslashes.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct LogicalLine {
    pub(crate) bytes: Vec<Placed>,
    /// From the first character that is not white space to the end of the last natural line's
    /// text.
    pub(crate) text: Range<usize>,
}

/// A byte, and its offset in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Placed {
    pub(crate) byte: u8,
    pub(crate) at: usize,
}

/// White space within a line, as `java.util.Properties` has it.
pub(crate) fn is_white_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\x0c')
}

/// The bytes of a range that follow its leading white space, as offsets.
pub(crate) fn without_indent(bytes: &[u8], range: Range<usize>) -> Range<usize> {
    let indent = bytes[range.clone()]
        .iter()
        .take_while(|byte| is_white_space(**byte))
        .count();
    range.start + indent..range.end
}

/// The bytes of a range, each with its offset.
pub(crate) fn placed(bytes: &[u8], range: Range<usize>) -> impl Iterator<Item = Placed> {
    let offsets = range.clone();
    bytes[range]
        .iter()
        .zip(offsets)
        .map(|(&byte, at)| Placed { byte, at })
}

/// The chunk that starts at an offset, which must lie within the bytes at the start of a line.
pub(crate) fn next_chunk(bytes: &[u8], start: usize) -> Chunk {
    let chunk = |end: usize, kind: ChunkKind, open: bool| Chunk {
        range: start..end,
        kind,
        open,
    };
    let mut joined = Vec::new();
    let mut text_start = None;
    let mut at = start;
    loop {
        let line = natural_line(bytes, at);
        let text = without_indent(bytes, line.start..line.end);
        if joined.is_empty() {
            // While a logical line is empty Java still looks for comments and blank lines, also
            // after a line with nothing but a backslash.
            let kind = match bytes[text.clone()].first() {
                None => Some(ChunkKind::Blank),
                Some(b'#' | b'!') => Some(ChunkKind::Comment),
                Some(_) => None,
            };
            match kind {
                Some(kind) if at == start => return chunk(line.next, kind, false),
                Some(_) => return chunk(at, ChunkKind::Blank, false),
                None => {}
            }
        }
        let text_start = *text_start.get_or_insert(text.start);
        let backslashes = bytes[text.clone()]
            .iter()
            .rev()
            .take_while(|byte| **byte == b'\\')
            .count();
        let continued = backslashes % 2 == 1;
        joined.extend(placed(bytes, text.start..text.end - usize::from(continued)));
        at = line.next;
        if !continued || at == bytes.len() {
            // Java sees the end of the input after LF and after CR, but only one byte too late
            // after CR LF, so there an empty logical line is no entry.
            let nothing = joined.is_empty() && line.next - line.end == 2;
            let kind = if nothing {
                ChunkKind::Blank
            } else {
                ChunkKind::Entry(LogicalLine {
                    bytes: joined,
                    text: text_start..line.end,
                })
            };
            return chunk(at, kind, continued);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each chunk as its kind (`-` blank, `#` comment, or the logical line in quotes), its length,
    /// and `+` if it is open.
    fn sketch(input: &[u8]) -> String {
        let mut words = Vec::new();
        let mut at = 0;
        while at < input.len() {
            let chunk = next_chunk(input, at);
            assert_eq!(chunk.range.start, at);
            let kind = match &chunk.kind {
                ChunkKind::Blank => "-".to_owned(),
                ChunkKind::Comment => "#".to_owned(),
                ChunkKind::Entry(line) => {
                    let text: Vec<u8> = line.bytes.iter().map(|placed| placed.byte).collect();
                    format!("'{}'", text.escape_ascii())
                }
            };
            let open = if chunk.open { "+" } else { "" };
            words.push(format!("{kind}{}{open}", chunk.range.len()));
            at = chunk.range.end;
        }
        words.join(" ")
    }

    #[test]
    fn lines_join_as_java_joins_them() {
        fn check(input: &str, expected: &str) {
            assert_eq!(sketch(input.as_bytes()), expected, "{input:?}");
        }
        check("", "");
        check("a=b", "'a=b'3");
        check("a\nb\r\nc\rd", "'a'2 'b'3 'c'2 'd'1");
        check(" \t\x0ca \n", "'a '6");
        check("\n\n \t\r\n", "-1 -1 -4");
        check("#x\\\n!y\n  # z", "#4 #3 #5");
        check("a\\\n  b\nc", "'ab'7 'c'1");
        check("a\\\r\n\tb\n", "'ab'7");
        check("a\\\rb\n", "'ab'5");
        check("a\\\\\nb", r"'a\\\\'4 'b'1");
        check("a\\\\\\\nb", r"'a\\\\b'6");
        // A comment sign on a continuation line is text, and a blank one ends the entry.
        check("a\\\n#b\n", "'a#b'6");
        check("a\\\n\n#b\n", "'a'4 #3");
        check("a\\\n  ", "'a'5");
    }

    #[test]
    fn a_backslash_alone_waits_for_what_follows() {
        fn check(input: &str, expected: &str) {
            assert_eq!(sketch(input.as_bytes()), expected, "{input:?}");
        }
        check("\\\na\n", "'a'4");
        check("\\\n#a\n", "-2 #3");
        check("\\\n\n", "-2 -1");
        check("\\\n  ", "-2 -2");
        check("\\", "''1+");
        check("\\\n", "''2+");
        check("\\\r", "''2+");
        check("\\\r\n", "-3+");
        check("\\\n \\\r\n", "-6+");
        check("a=b\\", "'a=b'4+");
        check("a=b\\\r\n", "'a=b'6+");
    }
}
