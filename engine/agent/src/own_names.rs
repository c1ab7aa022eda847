//! The names that krun itself gives to what it puts beside other people's files.

use std::ffi::OsStr;

/// The folder for things set aside, where the state folder lies on another filesystem.
pub const QUARANTINE: &str = ".krun-quarantine";
/// How the name of a temporary file begins.
pub const TEMP_PREFIX: &str = ".krun-";
/// How the name of a temporary file ends.
pub const TEMP_SUFFIX: &str = ".tmp";

/// Whether this is a temporary file that a killed krun may have left.
pub fn is_temp(name: &OsStr) -> bool {
    let name = name.as_encoded_bytes();
    name.starts_with(TEMP_PREFIX.as_bytes()) && name.ends_with(TEMP_SUFFIX.as_bytes())
}

/// Whether this is krun's own and so no content of the folder it lies in.
pub fn is_own(name: &OsStr) -> bool {
    name == QUARANTINE || is_temp(name)
}

/// What makes temporary files and folders with such names.
pub fn temp<'a>() -> tempfile::Builder<'a, 'a> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(TEMP_PREFIX).suffix(TEMP_SUFFIX);
    builder
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn recognised() {
        assert!(is_temp(OsStr::new(".krun-a1B2c3.tmp")));
        assert!(!is_temp(OsStr::new("server.properties")));
        assert!(!is_temp(OsStr::new(QUARANTINE)));
        assert!(is_own(OsStr::new(QUARANTINE)));
    }
}
