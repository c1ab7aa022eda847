//! The bytes of a download that have come so far, and what is known of the file they are of.

use std::{
    fs::{self, File, OpenOptions},
    io::{Seek as _, SeekFrom, Write as _},
};

use camino::{Utf8Path, Utf8PathBuf};
use krun_model::{Checksum, Fault, checksum::Algorithm};
use serde::{Deserialize, Serialize};

use super::answer::Validator;
use crate::{
    files,
    rename::{folder_of, sync_folder},
};

/// What is known of the file that the bytes are of. Written before the first of them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Origin {
    url: String,
    #[serde(flatten)]
    validator: Validator,
    total: Option<u64>,
}

/// A file on its way to becoming `to`: `….part`, with `….part.json` beside it.
#[derive(Debug)]
pub struct Part {
    path: Utf8PathBuf,
    file: File,
    len: u64,
    origin: Origin,
}

impl Part {
    /// What an earlier attempt left of a URL's bytes, or nothing yet. Bytes of another URL are kept
    /// where `mix` says that the whole will be checked: then mirrors may serve one file together.
    ///
    /// # Errors
    /// A folder that cannot be written.
    pub fn open(to: &Utf8Path, url: &str, mix: bool) -> Result<Self, Fault> {
        let path = Utf8PathBuf::from(format!("{to}.part"));
        let failed = |error| failed(&path, &error);
        let origin: Option<Origin> = fs::read(note(&path))
            .ok()
            .and_then(|bytes| serde_json::from_slice(&bytes).ok());
        let file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .read(true)
            .write(true)
            .open(&path)
            .map_err(failed)?;
        let len = file.metadata().map_err(failed)?.len();
        let mut part = Self {
            len,
            file,
            origin: Origin::default(),
            path: path.clone(),
        };
        match origin {
            Some(origin) if origin.url == url => part.origin = origin,
            // Another mirror's tags mean nothing here.
            Some(_) if mix => {}
            _ => part.clear()?,
        }
        part.origin.url = url.to_owned();
        part.file.seek(SeekFrom::End(0)).map_err(failed)?;
        Ok(part)
    }

    /// How many bytes are there.
    pub fn len(&self) -> u64 {
        self.len
    }

    /// The state of the file that they are of.
    pub fn validator(&self) -> &Validator {
        &self.origin.validator
    }

    /// The size of the whole, where it is known.
    pub fn total(&self) -> Option<u64> {
        self.origin.total
    }

    /// Throws the bytes away.
    ///
    /// # Errors
    /// What the file system reports.
    pub fn clear(&mut self) -> Result<(), Fault> {
        let failed = |error| failed(&self.path, &error);
        self.file.set_len(0).map_err(failed)?;
        self.file.seek(SeekFrom::Start(0)).map_err(failed)?;
        self.len = 0;
        self.origin.validator = Validator::default();
        self.origin.total = None;
        remove(&note(&self.path))
    }

    /// Notes what the bytes that follow are of.
    ///
    /// # Errors
    /// What the file system reports.
    pub fn learn(&mut self, validator: Validator, total: Option<u64>) -> Result<(), Fault> {
        self.origin.validator = validator;
        self.origin.total = total;
        let note = note(&self.path);
        let text = serde_json::to_vec(&self.origin).unwrap_or_default();
        fs::write(&note, text).map_err(|error| failed(&note, &error))
    }

    /// Adds bytes.
    ///
    /// # Errors
    /// What the file system reports: a full disk, above all.
    pub fn add(&mut self, bytes: &[u8]) -> Result<(), Fault> {
        self.file
            .write_all(bytes)
            .map_err(|error| failed(&self.path, &error))?;
        self.len += bytes.len() as u64;
        Ok(())
    }

    /// The first bytes.
    ///
    /// # Errors
    /// What the file system reports.
    pub fn beginning(&self, max: usize) -> Result<Vec<u8>, Fault> {
        files::read_from(&self.path, 0, max as u64)
    }

    /// The checksum of what is there.
    ///
    /// # Errors
    /// What the file system reports.
    pub fn checksum(&self, algorithm: Algorithm) -> Result<Checksum, Fault> {
        File::open(&self.path)
            .and_then(|file| Checksum::of_reader(algorithm, file))
            .map_err(|error| failed(&self.path, &error))
    }

    /// Makes it `to`, for good.
    ///
    /// # Errors
    /// What the file system reports.
    pub fn become_file(self, to: &Utf8Path) -> Result<(), Fault> {
        self.file
            .sync_all()
            .map_err(|error| failed(&self.path, &error))?;
        self.put(to)?;
        sync_folder(folder_of(to))
    }

    /// Gives it another name, so that nobody goes on from it and a person can look at it.
    ///
    /// # Errors
    /// What the file system reports.
    pub fn put(self, path: &Utf8Path) -> Result<(), Fault> {
        fs::rename(&self.path, path).map_err(|error| failed(path, &error))?;
        remove(&note(&self.path))
    }
}

fn note(path: &Utf8Path) -> Utf8PathBuf {
    format!("{path}.json").into()
}

fn remove(path: &Utf8Path) -> Result<(), Fault> {
    match fs::remove_file(path) {
        Err(error) if !files::is_missing(&error) => Err(failed(path, &error)),
        _ => Ok(()),
    }
}

fn failed(path: &Utf8Path, error: &std::io::Error) -> Fault {
    Fault::io("could not keep a download", path, error)
}
