//! Escapes, both ways.
//!
//! Owns how escaped bytes become a string and how a string becomes bytes that Java reads back as
//! the same string. Never decides where a key or a value starts. All that it writes is ASCII.

use crate::error::Fault;
use crate::line::Placed;
use crate::logical::Separator;

/// Decodes a key or a value; an error comes with the offset of the escape at fault.
pub(crate) fn unescape(raw: &[Placed]) -> Result<String, (usize, Fault)> {
    let mut units = Vec::with_capacity(raw.len());
    let mut offsets = Vec::with_capacity(raw.len());
    let mut rest = raw;
    while let Some((first, tail)) = rest.split_first() {
        offsets.push(first.at);
        rest = tail;
        if first.byte != b'\\' {
            units.push(u16::from(first.byte));
            continue;
        }
        // A logical line never ends within an escape; should it, the backslash stands for itself.
        let Some((escaped, tail)) = tail.split_first() else {
            units.push(u16::from(first.byte));
            continue;
        };
        rest = tail;
        units.push(match escaped.byte {
            b't' => u16::from(b'\t'),
            b'n' => u16::from(b'\n'),
            b'r' => u16::from(b'\r'),
            b'f' => 0x0c,
            b'u' => {
                let (digits, tail) = tail
                    .split_at_checked(4)
                    .ok_or((first.at, Fault::MalformedEscape))?;
                rest = tail;
                hex(digits).ok_or((first.at, Fault::MalformedEscape))?
            }
            byte => u16::from(byte),
        });
    }
    let mut text = String::with_capacity(units.len());
    let mut position = 0;
    for decoded in char::decode_utf16(units) {
        let Ok(character) = decoded else {
            return Err((offsets[position], Fault::UnpairedSurrogate));
        };
        position += character.len_utf16();
        text.push(character);
    }
    Ok(text)
}

fn hex(digits: &[Placed]) -> Option<u16> {
    digits.iter().try_fold(0, |value: u16, digit| {
        let digit = char::from(digit.byte).to_digit(16)?;
        Some(value << 4 | u16::try_from(digit).ok()?)
    })
}

/// Spells a key so that it can start a line and end at a separator.
pub(crate) fn escape_key(key: &str) -> String {
    let mut out = String::with_capacity(key.len());
    for (position, character) in key.chars().enumerate() {
        let protect = match character {
            ' ' | '=' | ':' => true,
            '#' | '!' => position == 0,
            _ => false,
        };
        push(&mut out, character, protect);
    }
    out
}

/// Spells a value so that it can follow a separator. Only what must be escaped is: a value of
/// Kafka's, `PLAINTEXT://:9092` say, stays readable.
pub(crate) fn escape_value(value: &str, separator: Separator) -> String {
    let mut out = String::with_capacity(value.len());
    for (position, character) in value.chars().enumerate() {
        let protect = position == 0
            && match character {
                ' ' => true,
                // After white space alone a sign would be read as part of the separator.
                '=' | ':' => !matches!(separator, Separator::Sign(_)),
                _ => false,
            };
        push(&mut out, character, protect);
    }
    out
}

fn push(out: &mut String, character: char, protect: bool) {
    match character {
        '\\' => out.push_str("\\\\"),
        '\t' => out.push_str("\\t"),
        '\n' => out.push_str("\\n"),
        '\r' => out.push_str("\\r"),
        '\x0c' => out.push_str("\\f"),
        ' '..='~' => {
            if protect {
                out.push('\\');
            }
            out.push(character);
        }
        _ => {
            for unit in character.encode_utf16(&mut [0; 2]) {
                out.push_str(&format!("\\u{unit:04X}"));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::line::placed;

    fn unescaped(input: &[u8]) -> Result<String, (usize, Fault)> {
        let raw: Vec<Placed> = placed(input, 0..input.len()).collect();
        unescape(&raw)
    }

    #[test]
    fn escapes_are_read_as_java_reads_them() {
        fn check(input: &[u8], expected: &str) {
            assert_eq!(unescaped(input).as_deref(), Ok(expected), "{input:?}");
        }
        check(b"", "");
        check(b"plain", "plain");
        check(br"\t\n\r\f", "\t\n\r\x0c");
        check(br"\a\b\x\ \=\\", "abx =\\");
        check(br"\0\101", "0101");
        check(br"\u0041\u00e9\u00E9", "A\u{e9}\u{e9}");
        check(br"\u00411", "A1");
        check(br"\uD83D\uDE00", "\u{1f600}");
        check(br"\\u0041", "\\u0041");
        check(br"\U0041", "U0041");
        check(b"\xe9\x00\xff", "\u{e9}\0\u{ff}");
        check("é".as_bytes(), "\u{c3}\u{a9}");
        check(b"\\\xe9", "\u{e9}");
    }

    #[test]
    fn faulty_escapes_are_named_with_their_place() {
        fn check(input: &[u8], at: usize, fault: Fault) {
            assert_eq!(unescaped(input), Err((at, fault)), "{input:?}");
        }
        check(br"\u", 0, Fault::MalformedEscape);
        check(br"ab\u004", 2, Fault::MalformedEscape);
        check(br"\u004g", 0, Fault::MalformedEscape);
        check(br"\uu0041", 0, Fault::MalformedEscape);
        check(br"\u+041", 0, Fault::MalformedEscape);
        check(br"\uD83D", 0, Fault::UnpairedSurrogate);
        check(br"x\uDE00\uD83D", 1, Fault::UnpairedSurrogate);
        check(br"\uD83D\uDE00\tz\uD83Dx", 15, Fault::UnpairedSurrogate);
    }

    #[test]
    fn keys_are_spelled_with_every_separator_protected() {
        fn check(input: &str, expected: &str) {
            assert_eq!(escape_key(input), expected, "{input:?}");
        }
        check("log.dirs", "log.dirs");
        check(" a b", r"\ a\ b");
        check("a=b:c", r"a\=b\:c");
        check("#a#!", r"\#a#!");
        check("!a", r"\!a");
        check("a\\b\t\n\r\x0c\0", r"a\\b\t\n\r\f\u0000");
        check("é\u{1f600}\u{7f}", r"\u00E9\uD83D\uDE00\u007F");
    }

    #[test]
    fn values_are_spelled_with_as_few_escapes_as_may_be() {
        fn check(input: &str, separator: Separator, expected: &str) {
            assert_eq!(escape_value(input, separator), expected, "{input:?}");
        }
        let sign = Separator::Sign(b'=');
        check("PLAINTEXT://:9092", sign, "PLAINTEXT://:9092");
        check("=a", sign, "=a");
        check("=a", Separator::WhiteSpace, r"\=a");
        check(":a", Separator::WhiteSpace, r"\:a");
        check("  a ", sign, r"\  a ");
        check("#a!", sign, "#a!");
        check("C:\\x\ny\u{2028}", sign, r"C:\\x\ny\u2028");
    }
}
