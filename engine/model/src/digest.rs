//! Content addresses.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use sha2::Digest as _;

/// A SHA-256 digest; written as 64 lower-case hexadecimal digits, or as its bytes where nobody reads.
///
/// That of content with a secret in it is the digest of the content's sealed form, which nobody can make
/// from a guess (see [`crate::secret`]). It says so, since the bytes must be opened before they are used:
/// it is written as `sealed:` and the digits, or as a 33rd byte.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest([u8; 32], bool);

/// What a sealed digest begins with.
const SEALED: &str = "sealed:";

const DIGITS: &[u8; 16] = b"0123456789abcdef";

impl Digest {
    /// The digest of some bytes.
    pub fn of(bytes: impl AsRef<[u8]>) -> Self {
        Self(sha2::Sha256::digest(bytes.as_ref()).into(), false)
    }

    /// The digest of a value's JSON text. Maps in this code base are ordered, so equal values give
    /// equal text.
    pub fn of_json(value: &impl Serialize) -> Self {
        Self::of(serde_json::to_vec(value).unwrap_or_default())
    }

    /// The digest of everything that a reader yields.
    ///
    /// # Errors
    /// What the reader reports.
    pub fn of_reader(mut reader: impl std::io::Read) -> std::io::Result<Self> {
        let mut hash = sha2::Sha256::new();
        let mut buffer = vec![0; 64 * 1024];
        loop {
            match reader.read(&mut buffer)? {
                0 => return Ok(Self(hash.finalize().into(), false)),
                n => hash.update(&buffer[..n]),
            }
        }
    }

    /// A digest of which the bytes come from elsewhere, such as a keyed hash.
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes, false)
    }

    /// Its bytes.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// The digest of content of which these bytes are the sealed form.
    pub fn sealed(bytes: impl AsRef<[u8]>) -> Self {
        Self(Self::of(bytes).0, true)
    }

    /// Whether it is that of a sealed form.
    pub fn is_sealed(&self) -> bool {
        self.1
    }

    /// The digest of the bytes that a store keeps: of the sealed form, where there is one.
    #[must_use]
    pub fn blob(self) -> Self {
        Self(self.0, false)
    }

    fn hex(self) -> [u8; 64] {
        let mut text = [0; 64];
        for (pair, byte) in text.as_chunks_mut::<2>().0.iter_mut().zip(self.0) {
            *pair = [byte >> 4, byte & 15].map(|digit| DIGITS[usize::from(digit)]);
        }
        text
    }

    /// The first twelve hexadecimal digits, for people.
    pub fn short(&self) -> String {
        self.blob().to_string()[..12].to_owned()
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.1 {
            f.write_str(SEALED)?;
        }
        f.write_str(str::from_utf8(&self.hex()).map_err(|_| fmt::Error)?)
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Digest({})", self.short())
    }
}

/// A text that is not 64 hexadecimal digits.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a SHA-256 digest: `{0}`")]
pub struct BadDigest(String);

impl FromStr for Digest {
    type Err = BadDigest;

    fn from_str(text: &str) -> Result<Self, BadDigest> {
        let parse = || {
            let sealed = text.strip_prefix(SEALED);
            let digits: &[u8; 64] = sealed.unwrap_or(text).as_bytes().try_into().ok()?;
            let mut bytes = [0; 32];
            for (byte, [high, low]) in bytes.iter_mut().zip(digits.as_chunks::<2>().0) {
                *byte = value_of(*high)? << 4 | value_of(*low)?;
            }
            Some(Self(bytes, sealed.is_some()))
        };
        parse().ok_or_else(|| BadDigest(text.to_owned()))
    }
}

fn value_of(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        b'A'..=b'F' => Some(digit - b'A' + 10),
        _ => None,
    }
}

impl Serialize for Digest {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        if to.is_human_readable() {
            to.collect_str(self)
        } else {
            let mut bytes = [1; 33];
            bytes[..32].copy_from_slice(&self.0);
            to.serialize_bytes(&bytes[..32 + usize::from(self.1)])
        }
    }
}

impl<'de> Deserialize<'de> for Digest {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        if from.is_human_readable() {
            from.deserialize_str(Written)
        } else {
            from.deserialize_bytes(Written)
        }
    }
}

/// What a digest is written as.
struct Written;

impl de::Visitor<'_> for Written {
    type Value = Digest;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a SHA-256 digest")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Digest, E> {
        text.parse().map_err(E::custom)
    }

    fn visit_bytes<E: de::Error>(self, bytes: &[u8]) -> Result<Digest, E> {
        let (digest, tag) = bytes.split_at_checked(32).unwrap_or_default();
        match (digest.try_into(), tag) {
            (Ok(digest), []) => Ok(Digest(digest, false)),
            (Ok(digest), [1]) => Ok(Digest(digest, true)),
            _ => Err(E::invalid_length(bytes.len(), &self)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn round_trip() {
        let digest = Digest::of("abc");
        assert!(digest.to_string().starts_with("ba7816bf"));
        assert_eq!(digest.to_string().parse(), Ok(digest));
        assert_eq!(Digest::of_reader(&b"abc"[..]).unwrap(), digest);
        assert!("xyz".parse::<Digest>().is_err());
        let sealed = Digest::sealed("abc");
        assert_eq!(sealed.to_string(), format!("sealed:{digest}"));
        assert_eq!(sealed.to_string().parse(), Ok(sealed));
        assert_ne!(sealed, digest);
        assert_eq!((sealed.blob(), sealed.short()), (digest, digest.short()));
    }
}
