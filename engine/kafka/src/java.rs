//! Which Java is on a machine, and whether it fits.
//!
//! Reads the file `release` beside a Java rather than starting it: that takes microseconds where
//! `java -version` takes 30 to 40 milliseconds.

mod find;
mod paths;
mod version;

pub use find::{Java, find_all, version_of};
pub use paths::resolve;

use crate::versions::JavaRange;

/// The first Java that fits.
pub fn choose<'a>(found: &'a [Java], range: &JavaRange) -> Option<&'a Java> {
    found
        .iter()
        .find(|java| range.refuses(java.version.major).is_none())
}

/// One line for each Java that was refused: where it is, its version, and why.
pub fn refusals(found: &[Java], range: &JavaRange) -> Vec<String> {
    found
        .iter()
        .filter_map(|java| {
            let why = range.refuses(java.version.major)?;
            Some(format!("{} is Java {}: {why}", java.bin, java.version.text))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::{version::JavaVersion, *};

    #[test]
    fn the_first_that_fits() {
        let java = |text: &str| Java {
            bin: format!("/j/{text}/bin/java").into(),
            home: format!("/j/{text}").into(),
            version: JavaVersion::parse(text).unwrap(),
        };
        let range = crate::versions::find("3.9.1").unwrap().java;
        let found = [
            java("25"),
            java("1.7.0_80"),
            java("21.0.1"),
            java("17.0.15"),
        ];
        assert_eq!(choose(&found, &range).unwrap().version.major, 21);
        let refused = refusals(&found, &range);
        assert_eq!(refused.len(), 2);
        assert!(refused[0].starts_with("/j/25/bin/java is Java 25: "));
        assert!(choose(&found[..2], &range).is_none());
    }
}
