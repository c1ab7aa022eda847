//! The default backend: a folder on this machine.
//!
//! Owns how a store is opened and which part of it answers what. Entries are in SQLite ([`open`]
//! opens the file, [`mod@format`] knows what is in it, [`writer`] and [`commit`] append, [`entries`]
//! reads); blobs and locks are files beside it. Never has the database's file open by itself while
//! SQLite has: to close any handle on a file drops all of a process's POSIX locks on it, SQLite's
//! too.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use camino::{Utf8Path, Utf8PathBuf};
use krun_model::{
    DeploymentName, Digest, Entry, Fault, History, Journal, RunId,
    journal::{Record, Seq},
};
use rusqlite::Connection;

use crate::{
    BlobFile, Lock, LockHolder, Remark,
    blobs::Blobs,
    chain::Row,
    faults, folders,
    in_use::{self, InUse},
    lock,
};

mod commit;
mod entries;
mod format;
mod open;
mod salvage;
mod snapshot;
mod tail;
mod writer;

pub(crate) use format::FILE;
pub(crate) use salvage::{Salvage, Salvaged};
pub(crate) use tail::is_headless;

pub use format::FORMAT_VERSION;

/// A history, whose it is, and where it ends.
type Folded = (DeploymentName, entries::Place, Arc<History>);

/// The history that was asked for last. Shared by the stores of one command, it spares each the fold.
#[derive(Clone, Default)]
pub struct Known(Arc<Mutex<Option<Folded>>>);

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
    remarks: Vec<Remark>,
    known: Known,
    /// The last to go: until then nobody exchanges the file.
    in_use: Option<InUse>,
}

impl Store {
    /// Opens the store in a folder, and makes both (0700) where there is none.
    ///
    /// # Errors
    /// `StateNewer` if a newer krun wrote it, `StateDamaged` if it is not a store or is damaged,
    /// `DiskFull` or `State` if it can't be read or written.
    pub fn open(folder: &Utf8Path) -> Result<Self, Fault> {
        folders::make(folder)
            .map_err(|error| faults::io("could not make the state folder", folder, &error))?;
        let in_use = in_use::shared(folder)?;
        Self::open_as(folder, in_use)
    }

    /// Opens the store in a folder with nobody beside it who writes: for what changes the store as a
    /// whole.
    ///
    /// # Errors
    /// `Locked` while another krun has it open to write; otherwise as [`Store::open`].
    pub fn open_alone(folder: &Utf8Path) -> Result<Self, Fault> {
        Self::open_as(folder, in_use::alone(folder)?)
    }

    fn open_as(folder: &Utf8Path, in_use: InUse) -> Result<Self, Fault> {
        let database = folder.join(format::FILE);
        let (writing, remarks) = open::to_write(&database)?;
        let reading = open::to_read(&database)?.ok_or_else(|| {
            let why = "it was emptied while it was opened";
            faults::damaged("could not open the state store", &database, why)
        })?;
        let writer = writer::Writer::start(writing, &database)?;
        let mut store = Self::with(folder, database, reading, Some(writer));
        store.remarks = remarks;
        store.in_use = Some(in_use);
        Ok(store)
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
            remarks: vec![],
            known: Known::default(),
            in_use: None,
        }
    }

    /// The same store, with what others of the same folder know.
    #[must_use]
    pub fn knowing(mut self, known: &Known) -> Self {
        self.known = known.clone();
        self
    }

    /// What was found and done when it was opened.
    pub fn remarks(&self) -> &[Remark] {
        &self.remarks
    }

    /// Every blob, and every file that has the name of one.
    ///
    /// # Errors
    /// `State` if the folder can't be read.
    pub fn blobs(&self) -> Result<Vec<BlobFile>, Fault> {
        self.blobs.all()
    }

    /// Takes a blob away, for good. Whether anything needs it is the caller's to know.
    ///
    /// # Errors
    /// `State` if it can't be removed.
    pub fn remove_blob(&self, digest: &Digest) -> Result<(), Fault> {
        self.writer()?;
        self.blobs.remove(digest)
    }

    /// The version of the format that the store has.
    ///
    /// # Errors
    /// What the store reports.
    pub fn format(&self) -> Result<u32, Fault> {
        let version = format::version(&self.reader())
            .map_err(|error| faults::sqlite(format::OPENING, &self.database, &error))?;
        Ok(u32::try_from(version).unwrap_or_default())
    }

    /// What SQLite itself finds wrong with the file: nothing, if it is sound.
    pub(crate) fn integrity(&self) -> Vec<String> {
        salvage::integrity(&self.reader())
    }

    /// The names of all deployments that anything is known of, though the lists may not agree.
    pub(crate) fn all_names(&self) -> Vec<String> {
        entries::all_names(&self.reader())
    }

    /// The rows of a deployment for as long as they verify.
    pub(crate) fn sound_rows(&self, deployment: &DeploymentName) -> Vec<Row> {
        entries::sound_rows(&self.reader(), deployment)
    }

    /// How many entries a deployment should have.
    pub(crate) fn claimed(&self, deployment: &str) -> u64 {
        entries::claimed(&self.reader(), deployment)
    }

    /// Writes the entries of a deployment that is not there yet, as they are.
    pub(crate) fn put_rows(&self, name: &DeploymentName, rows: &[Row]) -> Result<(), Fault> {
        let failed = |error: rusqlite::Error| {
            faults::sqlite("could not write to the journal", &self.database, &error)
        };
        self.writer()?;
        let (mut connection, _) = open::to_write(&self.database)?;
        salvage::put(&mut connection, name.as_str(), rows).map_err(failed)
    }

    /// Copies the database, as of one moment, into a file that is not there yet.
    pub(crate) fn snapshot(&self, to: &Utf8Path) -> Result<(), Fault> {
        let connection = open::to_copy(&self.database)?;
        format::snapshot(&connection, &self.database, to.as_std_path())
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

    /// The history that was folded once, by this process or another, and the entries since then.
    fn tail(
        &self,
        deployment: &DeploymentName,
    ) -> Result<Option<(Arc<History>, entries::Tail)>, Fault> {
        let after = |place: &entries::Place| {
            entries::read_after(&mut self.reader(), &self.database, deployment, place)
        };
        let known = self.folded().take();
        let known = known
            .filter(|(of, ..)| of == deployment)
            .map(|(_, place, history)| (place, history))
            .or_else(|| {
                let (place, history) = snapshot::load(&self.snapshots(), deployment)?;
                Some((place, Arc::new(history)))
            });
        if let Some((place, history)) = known
            && let Some(tail) = after(&place)?
        {
            return Ok(Some((history, tail)));
        }
        let all = after(&entries::Place::origin(deployment))?;
        Ok(all.map(|tail| (Arc::default(), tail)))
    }

    fn folded(&self) -> MutexGuard<'_, Option<Folded>> {
        self.known.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn snapshots(&self) -> Utf8PathBuf {
        self.folder.join("snapshots")
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

    fn history(&self, deployment: &DeploymentName) -> Result<Arc<History>, Fault> {
        let Some((mut history, tail)) = self.tail(deployment)? else {
            return Ok(Arc::new(History::fold(&self.read(deployment)?)));
        };
        if !tail.records.is_empty() {
            let folded = Arc::make_mut(&mut history);
            tail.records.iter().for_each(|record| folded.push(record));
        }
        // Whoever only reads makes nothing.
        if self.writer.is_some() && tail.records.len() >= snapshot::WORTH {
            snapshot::save(&self.snapshots(), deployment, &tail.end, &history);
        }
        let folded = (deployment.clone(), tail.end, history.clone());
        *self.folded() = Some(folded);
        Ok(history)
    }

    fn run_ended(&self, deployment: &DeploymentName) {
        // To read the entries of a long run makes a snapshot of what they come to.
        let _ = self.history(deployment);
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
