//! Permission bits as a runbook writes them.

use krun_model::{Address, Fault, FaultCode, Map, Value};

use crate::args;

/// The bits that an octal text such as `0750` means.
///
/// # Errors
/// A fault of the runbook where it is no octal number of three or four digits.
pub fn parse(mode: &str) -> Result<u32, Fault> {
    let digits = matches!(mode.len(), 3 | 4) && mode.bytes().all(|b| (b'0'..=b'7').contains(&b));
    digits
        .then(|| u32::from_str_radix(mode, 8).ok())
        .flatten()
        .ok_or_else(|| {
            Fault::new(FaultCode::Script, "a mode is not what it should be")
                .because(format!("`{mode}` is no octal number"))
                .hint("Write permission bits as three or four octal digits, such as \"0755\".")
        })
}

/// The bits that a step asks for, if it asks for any.
pub fn wanted(mode: Option<&str>) -> Result<Option<u32>, Fault> {
    mode.map(parse).transpose()
}

/// Refuses an argument `mode` that is none.
pub fn refuse_bad(step: &Address, args: &Map<Value>) -> Result<(), Fault> {
    match wanted(args::text(args, "mode")) {
        Ok(_) => Ok(()),
        Err(fault) => Err(fault.at(step)),
    }
}

/// Refuses an argument `mode` that lets others in where a secret is written.
pub fn refuse_wide(step: &Address, args: &Map<Value>) -> Result<(), Fault> {
    match wanted(args::text(args, "mode"))? {
        Some(mode) if mode & 0o077 != 0 => Err(Fault::new(
            FaultCode::Script,
            "a file that holds a secret is for its owner alone",
        )
        .at(step)
        .because(format!("`mode` lets others in: {}", show(mode)))
        .hint("Leave `mode` out, or write \"0600\"; let what reads the file run as its owner.")),
        _ => Ok(()),
    }
}

/// Bits in words, as a runbook writes them.
pub fn show(mode: u32) -> String {
    format!("{mode:04o}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modes() {
        for (text, expected) in [
            ("0755", Some(0o755)),
            ("600", Some(0o600)),
            ("2750", Some(0o2750)),
            ("0888", None),
            ("", None),
            ("+755", None),
            ("00755", None),
            ("rwx", None),
        ] {
            assert_eq!(parse(text).ok(), expected, "{text}");
        }
        assert_eq!(show(0o44), "0044");
    }
}
