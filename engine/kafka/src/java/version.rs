//! The version of a Java.

/// A version as Java writes it, and its major number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JavaVersion {
    /// As Java writes it: `17.0.15`, `1.8.0_402`.
    pub text: String,
    /// 17, 8.
    pub major: u32,
}

impl JavaVersion {
    /// Reads `17.0.15` or `1.8.0_402` (before Java 9 the major number stands second).
    pub fn parse(text: &str) -> Option<Self> {
        let mut numbers = text.split(|c: char| !c.is_ascii_digit());
        let first: u32 = numbers.next()?.parse().ok()?;
        let major = match first {
            1 => numbers.next()?.parse().ok()?,
            other => other,
        };
        Some(Self {
            text: text.to_owned(),
            major,
        })
    }

    /// Reads the file `release` of a Java's folder: its line `JAVA_VERSION="17.0.15"`.
    pub fn from_release(file: &str) -> Option<Self> {
        let value = file
            .lines()
            .find_map(|line| line.trim().strip_prefix("JAVA_VERSION="))?;
        Self::parse(value.trim_matches('"'))
    }

    /// Reads what `java -version` prints: `openjdk version "17.0.15" 2025-04-15`.
    pub fn from_output(output: &str) -> Option<Self> {
        let (_, rest) = output.split_once("version \"")?;
        Self::parse(rest.split('"').next()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions() {
        for (text, major) in [
            ("17.0.15", Some(17)),
            ("1.8.0_402", Some(8)),
            ("9", Some(9)),
            ("25-ea", Some(25)),
            ("", None),
            ("x", None),
            ("1", None),
        ] {
            assert_eq!(JavaVersion::parse(text).map(|v| v.major), major, "{text}");
        }
        let release = "IMPLEMENTOR=\"Debian\"\nJAVA_VERSION=\"17.0.15\"\nJAVA_VERSION_DATE=\"x\"\n";
        assert_eq!(JavaVersion::from_release(release).unwrap().text, "17.0.15");
        let output =
            "Picked up JAVA_TOOL_OPTIONS: -Dx\nopenjdk version \"1.8.0_402\"\nOpenJDK Runtime";
        assert_eq!(JavaVersion::from_output(output).unwrap().major, 8);
        assert!(JavaVersion::from_output("bash: java: not found").is_none());
    }
}
