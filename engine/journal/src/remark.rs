//! What a store has to say about being opened.

use std::fmt;

use camino::Utf8PathBuf;

/// Something that was found and done when a store was opened to write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Remark {
    /// The end of the log could not be read, and was cut.
    TailCut {
        /// How many bytes.
        bytes: u64,
        /// How many commits ended in them; 0 if nothing of it can ever have been complete.
        commits: u64,
        /// Where a copy of the log is.
        copy: Option<Utf8PathBuf>,
    },
    /// The store was of an older format.
    Migrated {
        /// The format that it had.
        from: u64,
        /// The format that it has.
        to: u32,
        /// Where the database is as it was.
        copy: Utf8PathBuf,
    },
}

impl fmt::Display for Remark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TailCut {
                bytes, copy: None, ..
            } => write!(
                f,
                "the journal's last {bytes} bytes were never completed and were cut: krun was ended, or \
                 the disk was full, while it wrote them, and nothing that they announced was done"
            ),
            Self::TailCut {
                bytes,
                commits,
                copy: Some(copy),
            } => write!(
                f,
                "the journal's last {bytes} bytes ({commits} commits) can't be read and were cut; a \
                 copy is in {copy}. After a loss of power that is how it should be. If there was \
                 none, the disk is damaged: look at what `krun plan` says before you run anything"
            ),
            Self::Migrated { from, to, copy } => write!(
                f,
                "the state store was of format {from} and is of format {to} now; as it was, it is \
                 kept in {copy}"
            ),
        }
    }
}
