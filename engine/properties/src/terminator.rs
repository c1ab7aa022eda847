//! Line terminators and natural lines.
//!
//! Owns where a natural line ends and which terminator a file mostly uses. Never looks at what a
//! line says.

/// What ends a natural line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Terminator {
    Lf,
    CrLf,
    Cr,
}

/// The offsets of one natural line: `start..end` is its text, `end..next` its terminator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NaturalLine {
    pub(crate) start: usize,
    pub(crate) end: usize,
    pub(crate) next: usize,
}

impl Terminator {
    pub(crate) fn bytes(self) -> &'static [u8] {
        match self {
            Self::Lf => b"\n",
            Self::CrLf => b"\r\n",
            Self::Cr => b"\r",
        }
    }

    /// The terminator that starts the bytes, if one does.
    fn starting(bytes: &[u8]) -> Option<Self> {
        match bytes {
            [b'\n', ..] => Some(Self::Lf),
            [b'\r', b'\n', ..] => Some(Self::CrLf),
            [b'\r', ..] => Some(Self::Cr),
            _ => None,
        }
    }

    /// The terminator that ends the bytes, if one does.
    pub(crate) fn ending(bytes: &[u8]) -> Option<Self> {
        match bytes {
            [.., b'\r', b'\n'] => Some(Self::CrLf),
            [.., b'\n'] => Some(Self::Lf),
            [.., b'\r'] => Some(Self::Cr),
            _ => None,
        }
    }

    /// The terminator that most lines end with; LF when there is none, and on a draw LF before
    /// CR LF before CR.
    pub(crate) fn dominant(bytes: &[u8]) -> Self {
        let (mut lf, mut crlf, mut cr) = (0_usize, 0_usize, 0_usize);
        let mut at = 0;
        while at < bytes.len() {
            let line = natural_line(bytes, at);
            match Self::starting(&bytes[line.end..]) {
                Some(Self::Lf) => lf += 1,
                Some(Self::CrLf) => crlf += 1,
                Some(Self::Cr) => cr += 1,
                None => {}
            }
            at = line.next;
        }
        if lf >= crlf && lf >= cr {
            Self::Lf
        } else if crlf >= cr {
            Self::CrLf
        } else {
            Self::Cr
        }
    }
}

/// The natural line that starts at an offset.
pub(crate) fn natural_line(bytes: &[u8], start: usize) -> NaturalLine {
    let end = bytes[start..]
        .iter()
        .position(|byte| matches!(byte, b'\n' | b'\r'))
        .map_or(bytes.len(), |length| start + length);
    let terminator = Terminator::starting(&bytes[end..]);
    NaturalLine {
        start,
        end,
        next: end + terminator.map_or(0, |terminator| terminator.bytes().len()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_natural_line_ends_at_any_terminator() {
        fn check(input: &[u8], start: usize, (end, next): (usize, usize)) {
            let expected = NaturalLine { start, end, next };
            assert_eq!(natural_line(input, start), expected, "{input:?}");
        }
        check(b"ab\ncd", 0, (2, 3));
        check(b"ab\r\ncd", 0, (2, 4));
        check(b"ab\rcd", 0, (2, 3));
        check(b"ab\n\rcd", 0, (2, 3));
        check(b"ab\ncd", 3, (5, 5));
        check(b"\n", 0, (0, 1));
    }

    #[test]
    fn the_dominant_terminator_is_the_most_frequent() {
        fn check(input: &[u8], expected: Terminator) {
            assert_eq!(Terminator::dominant(input), expected, "{input:?}");
        }
        check(b"", Terminator::Lf);
        check(b"a", Terminator::Lf);
        check(b"a\nb\r\nc\r\n", Terminator::CrLf);
        check(b"a\nb\r\n", Terminator::Lf);
        check(b"a\rb\rc\r\n", Terminator::Cr);
        check(b"a\rb\r\n", Terminator::CrLf);
    }
}
