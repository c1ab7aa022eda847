//! What a file is, by its first bytes: for people who got another one than they wanted.

/// How many bytes tell.
pub const ENOUGH: usize = 512;

/// The first bytes of what gzip has compressed.
pub const GZIP: &[u8] = &[0x1f, 0x8b];

/// Beginnings and what they are.
const BEGINNINGS: &[(&[u8], &str)] = &[
    (GZIP, "a gzip archive"),
    (b"PK\x03\x04", "a zip archive"),
    (b"PK\x05\x06", "an empty zip archive"),
    (b"\xfd7zXZ\x00", "an xz archive"),
    (b"BZh", "a bzip2 archive"),
    (b"\x28\xb5\x2f\xfd", "a zstd archive"),
    (b"\x7fELF", "a program"),
    (b"-----BEGIN PGP", "a PGP signature"),
];

/// What a file is, as a fragment such as "an HTML page".
pub fn describe(beginning: &[u8]) -> &'static str {
    if beginning.is_empty() {
        return "an empty file";
    }
    let known = BEGINNINGS
        .iter()
        .find(|(magic, _)| beginning.starts_with(magic));
    if let Some((_, what)) = known {
        return what;
    }
    if beginning.get(257..262) == Some(b"ustar") {
        return "a tar archive that is not compressed";
    }
    match text(beginning) {
        Some(text) => {
            let text = text.trim_start().to_ascii_lowercase();
            if text.starts_with("<!doctype html") || text.starts_with("<html") {
                "an HTML page"
            } else if text.starts_with('<') {
                "a page of markup"
            } else {
                "a text"
            }
        }
        None => "neither an archive nor a text",
    }
}

/// The first lines of a text, for a message; none where it is no text.
pub fn first_lines(beginning: &[u8]) -> Vec<String> {
    let lines = text(beginning).unwrap_or_default().lines();
    lines
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .take(3)
        .map(|line| line.chars().take(160).collect())
        .collect()
}

/// The beginning as text, without a character that was cut.
fn text(beginning: &[u8]) -> Option<&str> {
    let text = match std::str::from_utf8(beginning) {
        Ok(text) => text,
        Err(error) if error.error_len().is_none() => {
            std::str::from_utf8(&beginning[..error.valid_up_to()]).ok()?
        }
        Err(_) => return None,
    };
    let plain = |c: char| !c.is_control() || c.is_whitespace();
    text.chars().all(plain).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn by_beginning() {
        let mut tar = vec![0; 300];
        tar[257..262].copy_from_slice(b"ustar");
        for (bytes, what) in [
            (&b""[..], "an empty file"),
            (b"\x1f\x8b\x08", "a gzip archive"),
            (b"PK\x03\x04..", "a zip archive"),
            (b"\n <!DOCTYPE html><html>", "an HTML page"),
            (b"<?xml version='1.0'?>", "a page of markup"),
            (b"not found", "a text"),
            (b"-----BEGIN PGP SIGNATURE-----", "a PGP signature"),
            (&tar, "a tar archive that is not compressed"),
            (b"\x00\x01\x02", "neither an archive nor a text"),
        ] {
            assert_eq!(describe(bytes), what);
        }
    }

    #[test]
    fn lines() {
        assert_eq!(
            first_lines(b"\n one \n\ntwo\nthree\nfour"),
            ["one", "two", "three"]
        );
        assert_eq!(
            first_lines("caf\u{e9}".as_bytes().split_last().unwrap().1),
            ["caf"]
        );
        assert!(first_lines(b"\x00\x01").is_empty());
    }
}
