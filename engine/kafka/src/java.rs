//! Which Java is on a machine, and whether it fits.
//!
//! Reads the file `release` beside a Java rather than starting it: that takes microseconds where
//! `java -version` takes 30 to 40 milliseconds.

mod find;
mod paths;
mod version;

pub use find::{Java, find_all, version_of};
pub use paths::resolve;

use crate::versions::{Fit, JavaRange};

/// The first Java that fits; where untested ones are allowed, the first of those if none fits better.
pub fn choose<'a>(found: &'a [Java], range: &JavaRange, allow_untested: bool) -> Option<&'a Java> {
    let first = |untested: bool| {
        let mut all = found.iter();
        all.find(|java| range.refuses(java.version.major, untested).is_none())
    };
    first(false).or_else(|| first(allow_untested))
}

/// Whether a Java was found that would be taken if untested ones were allowed.
pub fn any_untested(found: &[Java], range: &JavaRange) -> bool {
    let untested = |java: &Java| matches!(range.fit(java.version.major), Fit::Untested(_));
    found.iter().any(untested)
}

/// One line for each Java that was refused: where it is, its version, and why.
pub fn refusals(found: &[Java], range: &JavaRange, allow_untested: bool) -> Vec<String> {
    found
        .iter()
        .filter_map(|java| {
            let why = range.refuses(java.version.major, allow_untested)?;
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
        let major = |found: &[Java], untested| {
            choose(found, &range, untested).map(|java| java.version.major)
        };
        assert_eq!(major(&found, false), Some(21));
        assert_eq!(major(&found, true), Some(21), "a documented one is better");
        let refused = refusals(&found, &range, false);
        assert_eq!(refused.len(), 2);
        assert!(refused[0].starts_with("/j/25/bin/java is Java 25: "));
        assert_eq!(major(&found[..2], false), None);
        assert_eq!(major(&found[..2], true), Some(25));
        assert!(any_untested(&found[..2], &range));
        assert_eq!(refusals(&found[..2], &range, true).len(), 1);
        assert_eq!(major(&found[1..2], true), None, "too old stays refused");
        assert!(!any_untested(&found[1..2], &range));
    }
}
