//! The default backend: a folder on this machine.
//!
//! Owns how a store is opened and which part of it answers what. Entries are in SQLite ([`open`]
//! opens the file, [`mod@format`] knows what is in it, [`writer`] and [`commit`] append, [`entries`]
//! reads); blobs and locks are files beside it. Never has the database's file open by itself while
//! SQLite has: to close any handle on a file drops all of a process's POSIX locks on it, SQLite's
//! too.

use std::sync::{Mutex, MutexGuard, PoisonError};

use camino::{Utf8Path, Utf8PathBuf};
use krun_model::{
    DeploymentName, Digest, Entry, Fault, Journal, RunId,
    journal::{Record, Seq},
};
use rusqlite::Connection;

use crate::{Lock, LockHolder, blobs::Blobs, faults, folders, lock};

mod commit;
mod entries;
mod format;
mod open;
mod writer;

pub use format::FORMAT_VERSION;

/// A state store in a folder of this machine.
///
/// Any number of processes may have it open; each deployment is changed by the one that holds its
/// [`Lock`]. Readers are never blocked. The folder must be on a local filesystem: SQLite's WAL is
/// shared memory.
pub struct Store {
    folder: Utf8PathBuf,
    database: Utf8PathBuf,
    // Before the writer, which is then the last to close the database and tidies up.
    reader: Mutex<Connection>,
    writer: Option<writer::Writer>,
    blobs: Blobs,
}

impl Store {
    /// Opens the store in a folder, and makes both (0700) where there is none.
    ///
    /// # Errors
    /// `StateNewer` if a newer krun wrote it, `StateDamaged` if it is not a store or is damaged,
    /// `DiskFull` or `State` if it can't be read or written.
    pub fn open(folder: &Utf8Path) -> Result<Self, Fault> {
        let database = folder.join(format::FILE);
        folders::make(folder)
            .map_err(|error| faults::io("could not make the state folder", folder, &error))?;
        let writing = open::to_write(&database)?;
        let reading = open::to_read(&database)?.ok_or_else(|| {
            let why = "it was emptied while it was opened";
            faults::damaged("could not open the state store", &database, why)
        })?;
        let writer = writer::Writer::start(writing, &database)?;
        Ok(Self::with(folder, database, reading, Some(writer)))
    }

    /// Opens the store in a folder to read it, if one is there: makes neither folder nor store.
    /// What writes to such a store, or locks a deployment, is a defect in krun.
    ///
    /// # Errors
    /// As [`Store::open`].
    pub fn open_read(folder: &Utf8Path) -> Result<Option<Self>, Fault> {
        let database = folder.join(format::FILE);
        let there = database
            .try_exists()
            .map_err(|error| faults::io("could not open the state store", &database, &error))?;
        if !there {
            return Ok(None);
        }
        let reading = open::to_read(&database)?;
        Ok(reading.map(|reading| Self::with(folder, database, reading, None)))
    }

    fn with(
        folder: &Utf8Path,
        database: Utf8PathBuf,
        reader: Connection,
        writer: Option<writer::Writer>,
    ) -> Self {
        Self {
            folder: folder.to_owned(),
            database,
            reader: Mutex::new(reader),
            writer,
            blobs: Blobs::new(folder.join("blobs")),
        }
    }

    /// The folder it is in.
    pub fn folder(&self) -> &Utf8Path {
        &self.folder
    }

    /// Takes the lock of a deployment, to be held for as long as it is changed. Whoever holds it
    /// keeps it until the [`Lock`] is dropped or the process ends, and a process that is just being
    /// started keeps it until its program runs.
    ///
    /// # Errors
    /// `Locked` with who holds it and since when; `DiskFull` or `State` if the lock's file can't be
    /// written.
    pub fn lock(&self, deployment: &DeploymentName, holder: &LockHolder) -> Result<Lock, Fault> {
        self.writer()?;
        Lock::take(&self.locks(), deployment, holder)
    }

    /// Who holds a deployment now, without taking it.
    ///
    /// # Errors
    /// `State` if the lock's file can't be read.
    pub fn holder(&self, deployment: &DeploymentName) -> Result<Option<LockHolder>, Fault> {
        lock::holder(&self.locks(), deployment)
    }

    fn locks(&self) -> Utf8PathBuf {
        self.folder.join("locks")
    }

    fn writer(&self) -> Result<&writer::Writer, Fault> {
        self.writer.as_ref().ok_or_else(faults::read_only)
    }

    fn reader(&self) -> MutexGuard<'_, Connection> {
        // A reader that panicked left nothing behind: it only reads.
        self.reader.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Journal for Store {
    fn deployments(&self) -> Result<Vec<DeploymentName>, Fault> {
        entries::deployments(&mut self.reader(), &self.database)
    }

    fn read(&self, deployment: &DeploymentName) -> Result<Vec<Record>, Fault> {
        entries::read(&mut self.reader(), &self.database, deployment)
    }

    fn append(
        &self,
        deployment: &DeploymentName,
        run: RunId,
        entry: &Entry,
        durable: bool,
    ) -> Result<Record, Fault> {
        let placed = self.writer()?.append(deployment, run, entry, durable)?;
        Ok(Record {
            seq: Seq(placed.seq.unsigned_abs()),
            run,
            at_ms: placed.at_ms,
            entry: entry.clone(),
        })
    }

    fn put_blob(&self, bytes: &[u8]) -> Result<Digest, Fault> {
        self.writer()?;
        self.blobs.put(bytes)
    }

    fn blob(&self, digest: &Digest) -> Result<Vec<u8>, Fault> {
        self.blobs.get(digest)
    }
}
