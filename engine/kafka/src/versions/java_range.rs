//! Which Java a version of Kafka runs on.
//!
//! Owns the judgement of one major version against a row; never looks for a Java.

/// The Java versions that a version of Kafka runs on.
///
/// Three things are known of a version of Kafka: the majors that its documentation names, the oldest
/// whose class files it can load, and, for some, a newer one that is known to break it. From that a
/// major is judged:
///
/// | major | judged | taken |
/// |---|---|---|
/// | named by the documentation | [`Fit::Documented`] | yes |
/// | between two that are named (12 to 16 between 11 and 17) | [`Fit::Between`] | yes: Kafka was tested on an older and on a newer one, and what Java deprecates lasts for several releases |
/// | newer than all that are named | [`Fit::Untested`] | only where the user allows untested Java |
/// | older than the oldest, or from the one on that is known to break it | [`Fit::Broken`] | never |
#[derive(Clone, Copy, Debug)]
pub struct JavaRange {
    /// The major versions that the documentation names, ascending; not empty.
    pub documented: &'static [u32],
    /// Why one older than all of them cannot work, as a fragment.
    pub too_old: &'static str,
    /// Why a newer one is refused by default: what is known of it, as a fragment.
    pub untested: &'static str,
    /// From which major version on it is known not to work, and why, as a fragment.
    pub broken: Option<(u32, &'static str)>,
}

/// How a Java fits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fit {
    /// The documentation names it.
    Documented,
    /// Older and newer ones are documented.
    Between,
    /// It is newer than all that are documented: why it is refused by default.
    Untested(&'static str),
    /// It is known not to work: why.
    Broken(&'static str),
}

impl JavaRange {
    /// How a major version fits.
    pub fn fit(&self, major: u32) -> Fit {
        let oldest = self.documented.first().copied().unwrap_or_default();
        let newest = self.documented.last().copied().unwrap_or_default();
        match self.broken {
            _ if major < oldest => Fit::Broken(self.too_old),
            Some((from, why)) if major >= from => Fit::Broken(why),
            _ if self.documented.contains(&major) => Fit::Documented,
            _ if major < newest => Fit::Between,
            _ => Fit::Untested(self.untested),
        }
    }

    /// Why a major version is refused; none if it is taken.
    pub fn refuses(&self, major: u32, allow_untested: bool) -> Option<&'static str> {
        match self.fit(major) {
            Fit::Documented | Fit::Between => None,
            Fit::Untested(_) if allow_untested => None,
            Fit::Untested(why) | Fit::Broken(why) => Some(why),
        }
    }

    /// The documented versions in words: `8, 11 and 17`.
    pub fn in_words(&self) -> String {
        let numbers: Vec<_> = self.documented.iter().map(ToString::to_string).collect();
        match numbers.split_last() {
            Some((last, rest)) if !rest.is_empty() => format!("{} and {last}", rest.join(", ")),
            _ => numbers.concat(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RANGE: JavaRange = JavaRange {
        documented: &[8, 11, 17],
        too_old: "old",
        untested: "new",
        broken: Some((24, "broken")),
    };

    #[test]
    fn majors_are_judged() {
        for (major, fit) in [
            (7, Fit::Broken("old")),
            (8, Fit::Documented),
            (9, Fit::Between),
            (11, Fit::Documented),
            (16, Fit::Between),
            (17, Fit::Documented),
            (18, Fit::Untested("new")),
            (23, Fit::Untested("new")),
            (24, Fit::Broken("broken")),
        ] {
            assert_eq!(RANGE.fit(major), fit, "{major}");
        }
        assert_eq!(RANGE.refuses(18, false), Some("new"));
        assert_eq!(RANGE.refuses(18, true), None);
        assert_eq!(RANGE.refuses(24, true), Some("broken"), "broken stays so");
        assert_eq!(RANGE.refuses(7, true), Some("old"));
    }

    #[test]
    fn words() {
        assert_eq!(RANGE.in_words(), "8, 11 and 17");
        let one = JavaRange {
            documented: &[8],
            ..RANGE
        };
        assert_eq!(one.in_words(), "8");
    }
}
