//! Files whose SHA-256 is known, because they are the very files that were hashed before.
//!
//! Owns how that is recognised: the same inode of the same size, whose content and whose inode were changed last
//! at the same times. Neither a copy nor a change leaves the time of an inode as it was, whatever times are set
//! on the file. A file that was changed a moment before it was hashed is not remembered, since the next change may
//! bear the same time.
//!
//! Where this is wrong all the same, nothing else is run: what is taken on the strength of it is the compiled code
//! of the hash that is known, and never the file.

use std::{
    fs::{File, Metadata},
    os::unix::fs::MetadataExt as _,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use camino::Utf8Path;
use krun_model::Digest;
use serde::{Deserialize, Serialize};

/// How old a change must be for the next one to bear another time, on every file system.
const SETTLED: Duration = Duration::from_secs(3);

/// A file that was hashed.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Seen {
    path: String,
    device: u64,
    inode: u64,
    size: u64,
    modified: (i64, i64),
    changed: (i64, i64),
    sha256: Digest,
}

impl Seen {
    /// An open file at a path that has this hash; none where it may be changed without a trace.
    pub(crate) fn of(path: &str, stat: &Metadata, sha256: Digest) -> Option<Self> {
        let seen = Self::with(path, stat, sha256);
        let now = SystemTime::now().duration_since(UNIX_EPOCH).ok()?;
        let settled = i64::try_from(now.checked_sub(SETTLED)?.as_secs()).ok()?;
        (seen.changed.0 < settled && seen.modified.0 < settled).then_some(seen)
    }

    fn with(path: &str, stat: &Metadata, sha256: Digest) -> Self {
        Self {
            path: path.to_owned(),
            device: stat.dev(),
            inode: stat.ino(),
            size: stat.size(),
            modified: (stat.mtime(), stat.mtime_nsec()),
            changed: (stat.ctime(), stat.ctime_nsec()),
            sha256,
        }
    }

    /// Where it was.
    pub(crate) fn path(&self) -> &Utf8Path {
        Utf8Path::new(&self.path)
    }

    /// The hash of what is at a path now, if it is still that file.
    pub(crate) fn still(self, path: &str) -> Option<Digest> {
        // Opening asks a network's server what it has; looking alone may not.
        let stat = File::open(path).and_then(|file| file.metadata()).ok()?;
        (self == Self::with(path, &stat, self.sha256)).then_some(self.sha256)
    }
}
