//! What is brought into a machine's cache: files over the network, and archives taken apart.
//!
//! Data only. Both end in a path that is complete or absent, whoever was killed, and both may be asked
//! for by two krun at once. What a rollback takes back is never among it.

use std::time::Duration;

use camino::Utf8PathBuf;

use crate::Checksum;

/// A file to be fetched over http or https.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Download {
    /// Where it comes from.
    pub url: String,
    /// What it becomes. While it is on its way its bytes lie beside it, as `….part`, and the next
    /// attempt goes on from them.
    pub to: Utf8PathBuf,
    /// What its bytes must add up to. Whatever else arrives is renamed to `….bad`.
    pub checksum: Option<Checksum>,
    /// What it must look like: anything else is refused at its first bytes.
    pub look: Look,
    /// The most bytes that it may have.
    pub limit: u64,
    /// How long to put up with a bad connection.
    pub patience: Patience,
}

/// What a downloaded file must look like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Look {
    /// Compressed by gzip.
    Gzip,
    /// Anything: whoever asked looks at it.
    Any,
}

/// How long a download puts up with a bad connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patience {
    /// For how long no byte may arrive before the connection is given up and another one made.
    pub stall: Duration,
    /// How many attempts in a row may bring nothing.
    pub tries: u32,
    /// How long to wait before the second of them; twice as long before each further one, up to a
    /// minute.
    pub backoff: Duration,
    /// How long the whole may take.
    pub limit: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            stall: Duration::from_secs(30),
            tries: 5,
            backoff: Duration::from_secs(1),
            limit: Duration::from_secs(2 * 60 * 60),
        }
    }
}

/// A file that was downloaded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Downloaded {
    /// Its SHA-512, or of the kind that was asked for.
    pub checksum: Checksum,
    /// Its size in bytes.
    pub size: u64,
    /// How many bytes of it came over the network this time.
    pub fetched: u64,
}

/// An archive (`.tar.gz`) to be taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unpack {
    /// The archive.
    pub archive: Utf8PathBuf,
    /// The folder that it becomes, with a list of its files in `.complete`: a size and a path a line.
    pub to: Utf8PathBuf,
    /// What the bytes of the archive must add up to.
    pub checksum: Checksum,
    /// The most bytes that its files may have together.
    pub limit: u64,
}
