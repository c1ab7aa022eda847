//! Checksums that publishers give with their files.
//!
//! Apart from [`Digest`](crate::Digest), by which krun itself names bytes: a checksum comes from
//! outside, says of which sort it is, and is only ever compared.

use std::{fmt, io::Read};

use sha2::Digest as _;

/// What kind of checksum.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Algorithm {
    /// SHA-256: 64 hexadecimal digits.
    Sha256,
    /// SHA-512: 128 hexadecimal digits, what Apache publishes.
    Sha512,
}

impl Algorithm {
    /// Its name, as in the ending of a checksum file.
    pub fn name(self) -> &'static str {
        match self {
            Self::Sha256 => "sha256",
            Self::Sha512 => "sha512",
        }
    }
}

/// A checksum.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Checksum {
    algorithm: Algorithm,
    hex: String,
}

impl Checksum {
    /// A checksum from its hexadecimal digits, in either case; the number of digits says which it is.
    /// None where they are neither 64 nor 128.
    pub fn from_hex(digits: &str) -> Option<Self> {
        let algorithm = match digits.len() {
            64 => Algorithm::Sha256,
            128 => Algorithm::Sha512,
            _ => return None,
        };
        let hex = digits.to_ascii_lowercase();
        hex.bytes()
            .all(|byte| byte.is_ascii_hexdigit())
            .then_some(Self { algorithm, hex })
    }

    /// The checksum of everything that a reader yields.
    ///
    /// # Errors
    /// What the reader reports.
    pub fn of_reader(algorithm: Algorithm, mut reader: impl Read) -> std::io::Result<Self> {
        let mut sum = Summing::new(algorithm);
        let mut buffer = vec![0; 64 * 1024];
        loop {
            match reader.read(&mut buffer)? {
                0 => return Ok(sum.finish()),
                n => sum.update(&buffer[..n]),
            }
        }
    }

    /// Which kind it is.
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// Its digits, in lower case.
    pub fn hex(&self) -> &str {
        &self.hex
    }

    /// A name for a folder that holds what it is the checksum of: its kind and its first 32 digits.
    pub fn key(&self) -> String {
        format!("{}-{}", self.algorithm.name(), &self.hex[..32])
    }
}

impl fmt::Display for Checksum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.algorithm.name(), self.hex)
    }
}

impl fmt::Debug for Checksum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Checksum({})", self.key())
    }
}

/// A checksum that is being made.
#[derive(Clone, Debug)]
pub enum Summing {
    /// See [`Algorithm::Sha256`].
    Sha256(sha2::Sha256),
    /// See [`Algorithm::Sha512`].
    Sha512(sha2::Sha512),
}

impl Summing {
    /// Of no bytes yet.
    pub fn new(algorithm: Algorithm) -> Self {
        match algorithm {
            Algorithm::Sha256 => Self::Sha256(sha2::Sha256::new()),
            Algorithm::Sha512 => Self::Sha512(sha2::Sha512::new()),
        }
    }

    /// Adds bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        match self {
            Self::Sha256(sum) => sum.update(bytes),
            Self::Sha512(sum) => sum.update(bytes),
        }
    }

    /// The checksum of all bytes that were added.
    pub fn finish(self) -> Checksum {
        let (algorithm, bytes) = match self {
            Self::Sha256(sum) => (Algorithm::Sha256, sum.finalize().to_vec()),
            Self::Sha512(sum) => (Algorithm::Sha512, sum.finalize().to_vec()),
        };
        let hex = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        Checksum { algorithm, hex }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_sums() {
        let of = |algorithm| Checksum::of_reader(algorithm, &b"abc"[..]).unwrap();
        assert!(of(Algorithm::Sha256).hex().starts_with("ba7816bf"));
        let sha512 = of(Algorithm::Sha512);
        assert!(sha512.hex().starts_with("ddaf35a193617aba"));
        assert_eq!(sha512.key().len(), "sha512-".len() + 32);
        let upper = sha512.hex().to_uppercase();
        assert_eq!(Checksum::from_hex(&upper), Some(sha512));
    }

    #[test]
    fn what_is_none() {
        assert_eq!(Checksum::from_hex(&"a".repeat(32)), None);
        assert_eq!(Checksum::from_hex(&"g".repeat(64)), None);
        assert_eq!(Checksum::from_hex(&"ä".repeat(32)), None);
    }
}
