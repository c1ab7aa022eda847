//! Bytes kept under their digest.
//!
//! Owns the folder `blobs`. A blob is complete and durable before it has its name, so whatever has
//! the name can be trusted after a crash, and is verified all the same. Never deletes a blob: that
//! is `krun gc`, which knows what history still needs. A file that a killed krun left in
//! `blobs/tmp` is no blob.

use std::{
    collections::BTreeSet,
    fs,
    io::{self, Write},
    sync::{Mutex, PoisonError},
};

use camino::{Utf8Path, Utf8PathBuf};
use krun_model::{Digest, Fault};

use crate::{faults, folders};

/// The blobs of a store.
pub(crate) struct Blobs {
    folder: Utf8PathBuf,
    /// Folders that this process knows to be durable. One that is merely there may have been made
    /// by a krun that was killed before it synced.
    durable: Mutex<BTreeSet<Utf8PathBuf>>,
}

impl Blobs {
    pub(crate) fn new(folder: Utf8PathBuf) -> Self {
        Self {
            folder,
            durable: Mutex::default(),
        }
    }

    /// Keeps bytes, durably, unless the same bytes are kept already.
    pub(crate) fn put(&self, bytes: &[u8]) -> Result<Digest, Fault> {
        let digest = Digest::of(bytes);
        let (folder, path) = self.place(&digest);
        let failed = |error: io::Error| faults::io("could not keep a blob", &path, &error);
        self.ensure(&folder).map_err(failed)?;
        // A damaged blob is replaced: these are the bytes that it should have.
        if !is_kept(&path, bytes) {
            let temporary = self.folder.join("tmp");
            self.ensure(&temporary).map_err(failed)?;
            let mut file = tempfile::NamedTempFile::new_in(&temporary).map_err(failed)?;
            file.write_all(bytes).map_err(failed)?;
            file.as_file().sync_all().map_err(failed)?;
            file.persist(&path).map_err(|error| failed(error.error))?;
        }
        // Also when it was there: whoever put it there may not have come to this line.
        folders::sync(&folder).map_err(failed)?;
        Ok(digest)
    }

    /// The bytes with a digest.
    pub(crate) fn get(&self, digest: &Digest) -> Result<Vec<u8>, Fault> {
        let (_, path) = self.place(digest);
        let what = format!("blob {} cannot be used", digest.short());
        let bytes = fs::read(&path).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => faults::damaged(&what, &path, "the file is missing"),
            _ => faults::io("could not read a blob", &path, &error),
        })?;
        let found = Digest::of(&bytes);
        if found != *digest {
            let why = format!("the file's content has the digest {}", found.short());
            return Err(faults::damaged(&what, &path, why));
        }
        Ok(bytes)
    }

    fn place(&self, digest: &Digest) -> (Utf8PathBuf, Utf8PathBuf) {
        let text = digest.to_string();
        let (head, tail) = text.split_at(2);
        let folder = self.folder.join(head);
        let path = folder.join(tail);
        (folder, path)
    }

    fn ensure(&self, folder: &Utf8Path) -> io::Result<()> {
        let mut durable = self.durable.lock().unwrap_or_else(PoisonError::into_inner);
        if !durable.contains(folder) {
            folders::make(folder)?;
            folders::sync(&self.folder)?;
            durable.insert(folder.to_owned());
        }
        Ok(())
    }
}

/// Whether a file has this content. The length is compared first, so that a large file which cannot
/// be the same is not read.
fn is_kept(path: &Utf8Path, bytes: &[u8]) -> bool {
    fs::metadata(path).is_ok_and(|meta| meta.is_file() && meta.len() == bytes.len() as u64)
        && fs::read(path).is_ok_and(|kept| kept == bytes)
}
