//! Heap sizes as Java takes them.

use krun_model::{Fault, FaultCode};

/// What a server process takes beside its heap, in bytes: metaspace, code, threads, direct buffers.
/// A broker with 512 MiB of heap was seen to take 310 MB when it had just started.
const BESIDE: u64 = 150 * 1024 * 1024;

/// A size such as `512m` or `1g`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Heap {
    /// As Java takes it.
    pub text: String,
    /// In bytes.
    pub bytes: u64,
}

impl Heap {
    /// Reads a number with one of the units k, m and g.
    ///
    /// # Errors
    /// [`FaultCode::Script`] for anything else.
    pub fn parse(text: &str) -> Result<Self, Fault> {
        let bad = || {
            Fault::new(FaultCode::Script, format!("`{text}` is no heap size"))
                .hint("Write a number and a unit, such as 512m or 2g.")
        };
        let unit = text.chars().last().ok_or_else(bad)?;
        let factor: u64 = match unit.to_ascii_lowercase() {
            'k' => 1 << 10,
            'm' => 1 << 20,
            'g' => 1 << 30,
            _ => return Err(bad()),
        };
        let number: u64 = text[..text.len() - 1].parse().map_err(|_| bad())?;
        match number.checked_mul(factor) {
            Some(bytes) if bytes > 0 => Ok(Self {
                text: text.to_owned(),
                bytes,
            }),
            _ => Err(bad()),
        }
    }

    /// Memory that the machine should have for the process, in bytes.
    pub fn memory(&self) -> u64 {
        self.bytes.saturating_add(BESIDE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes() {
        assert_eq!(Heap::parse("512m").unwrap().bytes, 512 << 20);
        assert_eq!(Heap::parse("2G").unwrap().bytes, 2 << 30);
        for bad in [
            "",
            "m",
            "512",
            "1.5g",
            "-1g",
            "0m",
            "1t",
            "99999999999999g",
            "1ü",
        ] {
            assert!(Heap::parse(bad).is_err(), "{bad}");
        }
    }
}
