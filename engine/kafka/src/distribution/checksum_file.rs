//! Checksum files as publishers write them.
//!
//! Owns which checksum of which file a text names, and what a text is that names none: a signature, a
//! page, a sum that is too weak. Pure: it is handed the text.
//!
//! | form | who writes it |
//! |---|---|
//! | the digits alone | many |
//! | `DIGITS  NAME`, `DIGITS *NAME` | sha512sum, sha256sum |
//! | `SHA512 (NAME) = DIGITS` | BSD, openssl |
//! | `NAME: DI GI TS`, over several lines, upper case | Apache, by `gpg --print-md SHA512` |
//! | any of them between PGP's lines | publishers who sign the list itself |

use krun_model::{Checksum, Fault, FaultCode};

/// The checksum that a text names for a file: by its name, or the only one that is there.
///
/// # Errors
/// [`FaultCode::Download`] for a text that names none, with what it is instead.
pub fn find(text: &[u8], file: &str) -> Result<Checksum, Fault> {
    let Ok(text) = std::str::from_utf8(text) else {
        return Err(bad("this is no checksum file")
            .because("it is not a text; a binary `.sig` or `.asc` is a signature"));
    };
    let start = text.trim_start().to_ascii_lowercase();
    if start.starts_with('<') {
        return Err(bad("this is no checksum file")
            .because("it is a page of HTML or XML")
            .hint("Take the link to the checksum file itself, not to a page about it."));
    }
    let entries = entries(text);
    let signed = text.contains("-----BEGIN PGP");
    let strong = |entry: &&Entry| Checksum::from_hex(&entry.digits).is_some();
    let fits = |entry: &&Entry| entry.name.as_deref().is_some_and(|name| base(name) == file);
    let named: Vec<_> = entries.iter().filter(fits).collect();
    let mut candidates = if named.is_empty() {
        entries.iter().collect()
    } else {
        named
    };
    // Of two sums of one file the longer one.
    candidates.sort_by_key(|entry| std::cmp::Reverse(entry.digits.len()));
    let usable: Vec<_> = candidates
        .iter()
        .copied()
        .filter(|entry| strong(entry))
        .collect();
    let one_file = |list: &[&Entry]| list.windows(2).all(|pair| pair[0].name == pair[1].name);
    match (usable.as_slice(), candidates.as_slice()) {
        ([first, ..], _) if one_file(&usable) => {
            Checksum::from_hex(&first.digits).ok_or_else(|| bad("this is no checksum"))
        }
        ([_, ..], _) => {
            let names: Vec<_> = usable.iter().filter_map(|entry| entry.name.clone()).collect();
            Err(bad("the checksum file has no line for this archive")
                .because(format!("{file} is not among {}", names.join(", "))))
        }
        ([], [first, ..]) => Err(unusable(&first.digits)),
        ([], []) if signed => Err(bad("this is a PGP signature, and no checksum")
            .because("a signature is checked with the publisher's keys, by `gpg --verify`, which krun does not do")
            .hint("Give the file that ends in .sha512 and lies beside it.")),
        ([], []) => Err(bad("this is no checksum file")
            .because("it holds neither the 128 digits of a SHA-512 nor the 64 of a SHA-256")),
    }
}

fn bad(what: &str) -> Fault {
    Fault::new(FaultCode::Download, what)
}

/// Why digits are of no use.
fn unusable(digits: &str) -> Fault {
    let weak = match digits.len() {
        32 => "MD5",
        40 => "SHA-1",
        96 => {
            return bad("krun does not know this kind of checksum")
                .because("96 digits are a SHA-384")
                .hint("Give the SHA-512 or the SHA-256 of the file.");
        }
        count => {
            return bad("a checksum is not whole").because(format!(
                "it has {count} digits; a SHA-512 has 128, a SHA-256 has 64"
            ));
        }
    };
    bad("this checksum is too weak")
        .because(format!(
            "it is an {weak}, and files that share one can be made to order"
        ))
        .hint("Give the SHA-512 or the SHA-256 of the file.")
}

/// A file and the digits of a sum.
#[derive(Debug, PartialEq, Eq)]
struct Entry {
    name: Option<String>,
    digits: String,
    /// Whether lines of digits that follow belong to it: in gpg's form, up to the 128 of a SHA-512.
    goes_on: bool,
}

fn base(name: &str) -> &str {
    name.rsplit('/').next().unwrap_or(name)
}

/// All sums of a text, in its order.
fn entries(text: &str) -> Vec<Entry> {
    let mut entries: Vec<Entry> = vec![];
    for line in without_signature(text) {
        let line = line.trim_end();
        let one_line = bsd(line).or_else(|| gnu(line));
        let goes_on = one_line.is_none();
        if let Some((name, digits)) = one_line.or_else(|| gpg(line)) {
            let name = Some(name.to_owned());
            entries.push(Entry {
                name,
                digits,
                goes_on,
            });
        } else if let Some(digits) = digits_of(line) {
            match entries.last_mut() {
                Some(open) if open.takes(&digits) => open.digits.push_str(&digits),
                _ => entries.push(Entry {
                    name: None,
                    goes_on: ![64, 128].contains(&digits.len()),
                    digits,
                }),
            }
        }
    }
    entries.retain(|entry| !entry.digits.is_empty());
    entries
}

impl Entry {
    /// Whether a line of digits is a part of this sum.
    fn takes(&self, digits: &str) -> bool {
        self.goes_on && self.digits.len() + digits.len() <= 128
    }
}

/// The lines of a text without PGP's frame and without the signature itself.
fn without_signature(text: &str) -> impl Iterator<Item = &str> {
    text.lines()
        .take_while(|line| !line.starts_with("-----BEGIN PGP SIGNATURE"))
        .filter(|line| !line.starts_with("-----") && !line.starts_with("Hash:"))
}

/// `SHA512 (NAME) = DIGITS`.
fn bsd(line: &str) -> Option<(&str, String)> {
    let (algorithm, rest) = line.trim_start().split_once('(')?;
    let (name, digits) = rest.rsplit_once(')')?;
    let digits = digits.trim_start().strip_prefix('=')?;
    let is_word = algorithm
        .trim()
        .chars()
        .all(|c| c.is_ascii_alphanumeric() || c == '-');
    is_word.then_some(())?;
    Some((name, digits_of(digits)?))
}

/// `DIGITS  NAME` or `DIGITS *NAME`.
fn gnu(line: &str) -> Option<(&str, String)> {
    let (digits, name) = line.trim_start().split_once([' ', '\t'])?;
    let name = name.trim_start().trim_start_matches('*');
    let whole = [32, 40, 64, 96, 128].contains(&digits.len());
    (whole && digits_of(name).is_none()).then_some(())?;
    Some((name, digits_of(digits)?))
}

/// `NAME: DI GI TS`, with the kind of sum before the digits or not; the digits may follow on the next
/// lines.
fn gpg(line: &str) -> Option<(&str, String)> {
    let (name, rest) = line
        .split_once(": ")
        .or_else(|| Some((line.strip_suffix(':')?, "")))?;
    let digits = rest.split_once('=').map_or(rest, |(_, digits)| digits);
    if digits.trim().is_empty() {
        return Some((name.trim(), String::new()));
    }
    Some((name.trim(), digits_of(digits)?))
}

/// The digits of a text that has nothing else but spaces.
fn digits_of(text: &str) -> Option<String> {
    let digits: String = text.split_whitespace().collect();
    let all = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    (all && !digits.is_empty()).then(|| digits.to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "kafka_2.13-3.9.1.tgz";

    fn sha512() -> String {
        "0123456789abcdef".repeat(8)
    }

    /// As `gpg --print-md SHA512` writes it.
    fn apache(name: &str) -> String {
        let upper = sha512().to_uppercase();
        let groups: Vec<_> = upper
            .as_bytes()
            .chunks(8)
            .map(|g| std::str::from_utf8(g).unwrap())
            .collect();
        let indent = " ".repeat(name.len() + 2);
        format!(
            "{name}: {}\n{indent}{}\n{indent}{}\n",
            groups[..6].join(" "),
            groups[6..12].join(" "),
            groups[12..].join(" ")
        )
    }

    #[test]
    fn all_forms() {
        let (sum, md5) = (sha512(), "0".repeat(32));
        let sha256 = "f".repeat(64);
        let other = "e".repeat(128);
        for text in [
            sum.clone(),
            format!("{}\n", sum.to_uppercase()),
            format!("{sum}  {FILE}\n"),
            format!("{sum} *./{FILE}"),
            format!("{other}  kafka_2.12-3.9.1.tgz\n{sum}  {FILE}\n{other}  kafka-3.9.1-src.tgz\n"),
            format!("SHA512 ({FILE}) = {sum}"),
            apache(FILE),
            apache("renamed.tgz"),
            format!(
                "{}{}",
                apache("kafka_2.12-3.9.1.tgz").replace('0', "9"),
                apache(FILE)
            ),
            format!("{FILE}:\n{}\n{}\n", &sum[..64], &sum[64..]),
            format!("{FILE}:    MD5 = {md5}\n{FILE}: SHA256 = {sha256}\n{FILE}: SHA512 = {sum}\n"),
            format!(
                "-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA512\n\n{sum}  {FILE}\n-----BEGIN PGP SIGNATURE-----\n\niQIz\n-----END PGP SIGNATURE-----\n"
            ),
        ] {
            assert_eq!(find(text.as_bytes(), FILE).unwrap().hex(), sum, "{text}");
        }
        assert_eq!(
            find(format!("{sha256}  {FILE}").as_bytes(), FILE)
                .unwrap()
                .hex(),
            sha256
        );
    }

    #[test]
    fn what_is_none() {
        let sum = sha512();
        for (text, what, why) in [
            (
                "-----BEGIN PGP SIGNATURE-----\n\niQIzBAABCgAdFiEE\n=abcd\n-----END PGP SIGNATURE-----\n".to_owned(),
                "this is a PGP signature, and no checksum",
                "gpg --verify",
            ),
            (format!("{}  {FILE}", "a".repeat(32)), "this checksum is too weak", "MD5"),
            ("a".repeat(40), "this checksum is too weak", "SHA-1"),
            ("a".repeat(96), "krun does not know this kind of checksum", "SHA-384"),
            (sum[..100].to_owned(), "a checksum is not whole", "it has 100 digits"),
            ("<!DOCTYPE html><html>".to_owned(), "this is no checksum file", "HTML"),
            ("Not found\n".to_owned(), "this is no checksum file", "neither"),
            (String::new(), "this is no checksum file", "neither"),
            (
                format!("{sum}  one.tgz\n{sum}  two.tgz\n"),
                "the checksum file has no line for this archive",
                "is not among one.tgz, two.tgz",
            ),
        ] {
            let fault = find(text.as_bytes(), FILE).unwrap_err();
            assert_eq!(fault.what, what, "{text}");
            assert!(fault.why.as_ref().unwrap().contains(why), "{fault}");
        }
        let binary = find(b"\x89\x02\x33\xff", FILE).unwrap_err();
        assert!(binary.why.unwrap().contains("signature"));
    }
}
