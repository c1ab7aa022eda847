//! Bytes kept under their digest.
//!
//! Owns the folder `blobs`. A blob is complete and durable before it has its name, so whatever has
//! the name can be trusted after a crash, and is verified all the same. Never decides which blobs
//! history still needs: that is `krun gc`. A file that a killed krun left in `blobs/tmp` is no blob.

use std::{
    collections::BTreeSet,
    fs,
    io::{self, Write},
    sync::{Mutex, PoisonError},
    time::SystemTime,
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

    /// Every file that has the name of a blob, sorted.
    pub(crate) fn all(&self) -> Result<Vec<BlobFile>, Fault> {
        let failed =
            |error: io::Error| faults::io("could not list the blobs", &self.folder, &error);
        let mut found = vec![];
        for folder in entries_of(&self.folder).map_err(failed)? {
            for path in entries_of(&folder).map_err(failed)? {
                let head = folder.file_name().unwrap_or_default();
                let tail = path.file_name().unwrap_or_default();
                let Ok(digest) = format!("{head}{tail}").parse() else {
                    continue;
                };
                let meta = fs::metadata(&path).map_err(failed)?;
                found.push(BlobFile {
                    digest,
                    bytes: meta.len(),
                    modified: meta.modified().map_err(failed)?,
                    path,
                });
            }
        }
        found.sort_by_key(|blob| blob.digest);
        Ok(found)
    }

    /// Takes away a blob.
    pub(crate) fn remove(&self, digest: &Digest) -> Result<(), Fault> {
        let (_, path) = self.place(digest);
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(faults::io("could not remove a blob", &path, &error))
            }
            _ => Ok(()),
        }
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

/// A file that has the name of a blob.
#[derive(Clone, Debug)]
pub struct BlobFile {
    /// The digest that it is named by.
    pub digest: Digest,
    /// Where it is.
    pub path: Utf8PathBuf,
    /// Its size.
    pub bytes: u64,
    /// When it was written.
    pub modified: SystemTime,
}

/// What is in a folder; nothing if it isn't there or is no folder.
fn entries_of(folder: &Utf8Path) -> io::Result<Vec<Utf8PathBuf>> {
    match folder.read_dir_utf8() {
        Ok(entries) => entries.map(|entry| Ok(entry?.path().to_owned())).collect(),
        Err(error) if is_nothing(&error) => Ok(vec![]),
        Err(error) => Err(error),
    }
}

fn is_nothing(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
    )
}

/// Whether a file has this content. The length is compared first, so that a large file which cannot
/// be the same is not read.
fn is_kept(path: &Utf8Path, bytes: &[u8]) -> bool {
    fs::metadata(path).is_ok_and(|meta| meta.is_file() && meta.len() == bytes.len() as u64)
        && fs::read(path).is_ok_and(|kept| kept == bytes)
}
