//! The records that krun writes: a pure function of a seed.
//!
//! The same seed makes the same records, so that after a crash the ones that are missing can be told
//! from the ones that are there, and a reader can be told what it must find.

use krun_model::Digest;

/// The header that marks a record as krun's; its value is the seed.
pub const SEED_HEADER: &str = "krun-seed";

/// A record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Its key.
    pub key: String,
    /// Its value.
    pub value: String,
}

/// The record of a number, counted from 0. All have keys of their own, unless so many keys go around.
pub fn record(seed: &str, number: u64, keys: Option<u64>) -> Record {
    let key = keys.map_or(number, |keys| number % keys.max(1));
    Record {
        key: format!("krun-{key}"),
        value: format!(
            "record {number} of {seed}, {}",
            Digest::of(format!("{seed}\n{number}")).short()
        ),
    }
}

/// The digest of one record; the length keeps key and value apart.
pub fn digest(key: &[u8], value: &[u8]) -> Digest {
    let mut bytes = Vec::with_capacity(8 + key.len() + value.len());
    bytes.extend((key.len() as u64).to_be_bytes());
    bytes.extend(key);
    bytes.extend(value);
    Digest::of(bytes)
}

/// The checksum of records in whatever order they came: SHA-256 over their sorted digests.
pub fn checksum(mut digests: Vec<Digest>) -> Digest {
    digests.sort_unstable();
    Digest::of(digests.iter().map(Digest::to_string).collect::<String>())
}

/// The checksum of the first `count` records of a seed.
pub fn expected(seed: &str, count: u64, keys: Option<u64>) -> Digest {
    checksum(
        (0..count)
            .map(|number| record(seed, number, keys))
            .map(|record| digest(record.key.as_bytes(), record.value.as_bytes()))
            .collect(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seeds_and_order() {
        assert_eq!(record("a", 1, None), record("a", 1, None));
        assert_ne!(record("a", 1, None), record("b", 1, None));
        assert_ne!(record("a", 1, None).key, record("a", 2, None).key);
        assert_eq!(record("a", 1, Some(3)).key, record("a", 4, Some(3)).key);
        assert_ne!(record("a", 1, Some(3)), record("a", 4, Some(3)));
        let of = |number| {
            let record = record("a", number, None);
            digest(record.key.as_bytes(), record.value.as_bytes())
        };
        assert_eq!(checksum(vec![of(1), of(0)]), expected("a", 2, None));
        assert_ne!(checksum(vec![of(1), of(1)]), expected("a", 2, None));
        assert_ne!(digest(b"ab", b"c"), digest(b"a", b"bc"));
    }
}
