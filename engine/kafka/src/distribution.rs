//! Where a distribution comes from, and what it looks like on disk.
//!
//! Whatever the source, a distribution is a folder with `libs/`, `config/` and `bin/`. Owns that
//! layout, the launchers and the ways from each source to it. Never touches a folder that the user
//! brought.

pub mod archive;
pub mod checksum_file;
pub mod confluent;
pub mod existing;
pub mod launcher;
pub mod layout;
pub mod maven;
pub mod source;
pub mod tree;

use camino::Utf8PathBuf;
use krun_model::{Map, Value};

/// The mode of folders and of the files that are no scripts.
pub const FOLDER: u32 = 0o755;
/// The mode of configuration files.
pub const FILE: u32 = 0o644;
/// The mode of scripts.
pub const SCRIPT: u32 = 0o755;

/// The folders of a distribution.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Folders {
    /// The whole.
    pub home: Utf8PathBuf,
    /// Its jars.
    pub libs: Utf8PathBuf,
    /// Its configuration.
    pub config: Utf8PathBuf,
    /// Its launchers.
    pub bin: Utf8PathBuf,
}

impl Folders {
    /// The folders below a home.
    pub fn of(home: impl Into<Utf8PathBuf>) -> Self {
        Self::with_config(home, "config")
    }

    /// The folders below a home whose configuration is in a folder of this name.
    pub fn with_config(home: impl Into<Utf8PathBuf>, config: &str) -> Self {
        let home = home.into();
        Self {
            libs: home.join("libs"),
            config: home.join(config),
            bin: home.join("bin"),
            home,
        }
    }

    /// Where they are, as properties of a step.
    pub fn values(self) -> Map<Value> {
        [
            ("home", self.home),
            ("libs", self.libs),
            ("config", self.config),
            ("bin", self.bin),
        ]
        .map(|(name, path)| (name.to_owned(), Value::Str(path.into_string())))
        .into()
    }
}
