//! A logical line cut into key, separator and value.
//!
//! Owns the search for the separator. Never decodes an escape; it only knows that a backslash
//! protects the character after it.

use crate::line::{Placed, is_white_space};

/// What stands between a key and its value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Separator {
    /// Nothing: the logical line ends with the key.
    None,
    /// White space only.
    WhiteSpace,
    /// `=` or `:`, perhaps with white space around it.
    Sign(u8),
}

/// The three parts of a logical line; `before_value` is all that is not the value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Parts<'a> {
    pub(crate) key: &'a [Placed],
    pub(crate) separator: Separator,
    pub(crate) before_value: &'a [Placed],
    pub(crate) value: &'a [Placed],
}

/// Cuts a logical line.
pub(crate) fn split(line: &[Placed]) -> Parts<'_> {
    let mut escaped = false;
    let key_length = line
        .iter()
        .position(|placed| {
            let ends_key = !escaped && (is_sign(placed.byte) || is_white_space(placed.byte));
            escaped = placed.byte == b'\\' && !escaped;
            ends_key
        })
        .unwrap_or(line.len());
    let mut separator = Separator::None;
    let mut value_start = key_length;
    for placed in &line[key_length..] {
        separator = match (placed.byte, separator) {
            (byte, Separator::None | Separator::WhiteSpace) if is_sign(byte) => {
                Separator::Sign(byte)
            }
            (byte, Separator::None) if is_white_space(byte) => Separator::WhiteSpace,
            (byte, found) if is_white_space(byte) => found,
            _ => break,
        };
        value_start += 1;
    }
    let (before_value, value) = line.split_at(value_start);
    Parts {
        key: &line[..key_length],
        separator,
        before_value,
        value,
    }
}

fn is_sign(byte: u8) -> bool {
    matches!(byte, b'=' | b':')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::line::placed;

    #[test]
    fn the_separator_is_white_space_and_at_most_one_sign() {
        fn check(input: &str, key: &str, separator: Separator, value: &str) {
            let text = |part: &[Placed]| part.iter().map(|p| char::from(p.byte)).collect();
            let line: Vec<Placed> = placed(input.as_bytes(), 0..input.len()).collect();
            let parts = split(&line);
            let found: [String; 2] = [text(parts.key), text(parts.value)];
            assert_eq!(found, [key, value], "{input:?}");
            assert_eq!(parts.separator, separator, "{input:?}");
        }
        let (equals, colon) = (Separator::Sign(b'='), Separator::Sign(b':'));
        check("", "", Separator::None, "");
        check("k", "k", Separator::None, "");
        check("k ", "k", Separator::WhiteSpace, "");
        check("k v", "k", Separator::WhiteSpace, "v");
        check("k=v", "k", equals, "v");
        check("k:v", "k", colon, "v");
        check("k \t\x0c= v ", "k", equals, "v ");
        check("k==v", "k", equals, "=v");
        check("k = = v", "k", equals, "= v");
        check("k : =v", "k", colon, "=v");
        check("=v", "", equals, "v");
        check("k\\=x=v", "k\\=x", equals, "v");
        check("k\\\\=v", "k\\\\", equals, "v");
        check("k\\ x\\:y v", "k\\ x\\:y", Separator::WhiteSpace, "v");
        check("k \\=v", "k", Separator::WhiteSpace, "\\=v");
    }
}
