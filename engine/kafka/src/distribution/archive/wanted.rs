//! What the user named: an archive, and how it is to be checked. Pure: nothing is looked at.

use camino::{Utf8Path, Utf8PathBuf};
use krun_model::{Checksum, Fault, FaultCode};

use crate::{
    distribution::{checksum_file, tree},
    versions::{self, KafkaVersion},
};

/// An archive, and how it is to be checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Archive {
    /// Where it is.
    pub place: Place,
    sum: Sum,
    /// Whether it is taken without any checksum.
    pub(super) unverified: bool,
}

/// Where an archive is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// On this machine.
    File(Utf8PathBuf),
    /// On a server.
    Url(String),
}

/// How it is checked.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Sum {
    /// By the file beside it, if there is one.
    Beside,
    Given(Checksum),
    Path(Utf8PathBuf),
    Url(String),
}

/// Whether a text is a URL that can be fetched.
fn is_url(text: &str) -> bool {
    let text = text.trim_start().to_ascii_lowercase();
    text.starts_with("http://") || text.starts_with("https://")
}

impl Archive {
    /// An archive at a URL or an absolute path. `checksum` is the digits in any form that a checksum
    /// file has, or the absolute path or URL of such a file.
    ///
    /// # Errors
    /// [`FaultCode::Script`] for what is none of that, and for an archive whose name says that it is
    /// not what is wanted.
    pub fn new(
        from: &str,
        checksum: Option<&str>,
        unverified: bool,
        row: &KafkaVersion,
    ) -> Result<Self, Fault> {
        let place = match from {
            url if is_url(url) => Place::Url(url.trim().to_owned()),
            path if path.starts_with('/') => Place::File(path.into()),
            other => {
                return Err(
                    script(format!("`{other}` is neither a URL nor an absolute path"))
                        .hint("Give http://… or https://…, or a path that begins with `/`."),
                );
            }
        };
        let mut archive = Self {
            place,
            sum: Sum::Beside,
            unverified,
        };
        archive.must_sound_right(row)?;
        archive.sum = match checksum {
            None => Sum::Beside,
            Some(url) if is_url(url) => Sum::Url(url.trim().to_owned()),
            Some(path) if path.starts_with('/') => Sum::Path(path.into()),
            Some(text) => {
                let sum = checksum_file::find(text.as_bytes(), archive.name());
                Sum::Given(sum.map_err(|fault| {
                    let why = fault.why.unwrap_or_default();
                    Fault {
                        hints: fault.hints,
                        ..script(format!("`checksum`: {}", fault.what)).because(why)
                    }
                })?)
            }
        };
        if unverified && archive.sum != Sum::Beside {
            return Err(script("`checksum` and `unverified` contradict each other")
                .hint("Leave one of them out."));
        }
        Ok(archive)
    }

    /// Refuses by the name alone what need not be downloaded to be known as wrong.
    fn must_sound_right(&self, row: &KafkaVersion) -> Result<(), Fault> {
        let name = self.name();
        let stem = [".tgz", ".tar.gz"]
            .iter()
            .find_map(|end| name.strip_suffix(end));
        let Some(stem) = stem else {
            return match name.rsplit_once('.') {
                Some((_, end @ ("zip" | "asc" | "sha512" | "sha256" | "md5" | "jar"))) => {
                    Err(script(format!("`{name}` is no .tgz archive"))
                        .because(format!("its name ends in .{end}"))
                        .hint("Name the file that ends in .tgz or .tar.gz."))
                }
                _ => Ok(()),
            };
        };
        if stem.starts_with("kafka-") && stem.ends_with("-src") {
            return Err(script(format!("`{name}` is the source archive of Kafka"))
                .because("it has to be built before anything can be started")
                .hint(tree::no_source(row)));
        }
        match versions::of_jar(&format!("{stem}.jar")) {
            Some(version) if version != row.version => {
                Err(script(format!("`{name}` is another version of Kafka"))
                    .because(format!("{} is wanted", row.version))
                    .hint(
                        "Name the archive of that version, or ask for the version of this archive.",
                    ))
            }
            _ => Ok(()),
        }
    }

    /// What the user named.
    pub fn from(&self) -> &str {
        match &self.place {
            Place::File(path) => path.as_str(),
            Place::Url(url) => url,
        }
    }

    /// The file's name.
    pub fn name(&self) -> &str {
        let path = match &self.place {
            Place::File(path) => path.as_str(),
            Place::Url(url) => url.split(['?', '#']).next().unwrap_or(url),
        };
        match path.rsplit('/').next() {
            None | Some("" | "." | "..") => "archive.tgz",
            Some(name) => name,
        }
    }

    pub(super) fn given_sum(&self) -> Option<&Checksum> {
        match &self.sum {
            Sum::Given(sum) => Some(sum),
            _ => None,
        }
    }

    pub(super) fn sum_path(&self) -> Option<&Utf8Path> {
        match &self.sum {
            Sum::Path(path) => Some(path),
            _ => None,
        }
    }

    pub(super) fn sum_url(&self) -> Option<&str> {
        match &self.sum {
            Sum::Url(url) => Some(url),
            _ => None,
        }
    }
}

fn script(what: impl Into<String>) -> Fault {
    Fault::new(FaultCode::Script, what)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn new(from: &str, checksum: Option<&str>, unverified: bool) -> Result<Archive, Fault> {
        Archive::new(from, checksum, unverified, versions::find("3.9.1").unwrap())
    }

    #[test]
    fn names() {
        for (from, name) in [
            ("/a/kafka_2.13-3.9.1.tgz", "kafka_2.13-3.9.1.tgz"),
            (
                "https://m/kafka_2.13-3.9.1.tgz?action=download#x",
                "kafka_2.13-3.9.1.tgz",
            ),
            ("HTTP://m/", "archive.tgz"),
            (
                "https://m/confluent-community-7.9.1.tar.gz",
                "confluent-community-7.9.1.tar.gz",
            ),
        ] {
            assert_eq!(new(from, None, false).unwrap().name(), name);
        }
    }

    #[test]
    fn checksums() {
        let digits = "A1".repeat(64);
        let given = new("/k.tgz", Some(&digits), false).unwrap();
        assert_eq!(given.given_sum().unwrap().hex(), digits.to_lowercase());
        let path = new("/k.tgz", Some("/k.tgz.sha512"), false).unwrap();
        assert_eq!(path.sum_path(), Some("/k.tgz.sha512".into()));
        let url = new("/k.tgz", Some("https://m/k.tgz.sha512"), false).unwrap();
        assert_eq!(url.sum_url(), Some("https://m/k.tgz.sha512"));
    }

    #[test]
    fn refused() {
        let digits = "a".repeat(128);
        for (from, checksum, unverified, what) in [
            (
                "kafka.tgz",
                None,
                false,
                "`kafka.tgz` is neither a URL nor an absolute path",
            ),
            (
                "ftp://m/kafka.tgz",
                None,
                false,
                "`ftp://m/kafka.tgz` is neither a URL nor an absolute path",
            ),
            (
                "/kafka-3.9.1-src.tgz",
                None,
                false,
                "`kafka-3.9.1-src.tgz` is the source archive of Kafka",
            ),
            (
                "/kafka_2.13-3.8.0.tgz",
                None,
                false,
                "`kafka_2.13-3.8.0.tgz` is another version of Kafka",
            ),
            ("/kafka.zip", None, false, "`kafka.zip` is no .tgz archive"),
            (
                "/kafka.tgz.asc",
                None,
                false,
                "`kafka.tgz.asc` is no .tgz archive",
            ),
            (
                "/kafka.tgz",
                Some("d41d8cd98f00b204e9800998ecf8427e"),
                false,
                "`checksum`: this checksum is too weak",
            ),
            (
                "/kafka.tgz",
                Some("-----BEGIN PGP SIGNATURE-----"),
                false,
                "`checksum`: this is a PGP signature, and no checksum",
            ),
            (
                "/kafka.tgz",
                Some(digits.as_str()),
                true,
                "`checksum` and `unverified` contradict each other",
            ),
        ] {
            let fault = new(from, checksum, unverified).unwrap_err();
            assert_eq!((fault.code, fault.what.as_str()), (FaultCode::Script, what));
        }
    }
}
