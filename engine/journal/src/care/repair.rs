//! Going on with what is sound of a damaged store.
//!
//! A repair is planned on a copy and shown before it is done; what was damaged then stays in
//! `damaged/N`. It never makes up an entry: each deployment keeps its entries up to the first that does
//! not verify.

use std::{fs, io};

use camino::{Utf8Path, Utf8PathBuf};
use krun_model::Fault;
use serde::Serialize;

use crate::{
    faults, folders,
    in_use::{self, InUse},
    kept,
    sqlite::{self, Salvage},
};

/// A deployment that loses entries.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Cut {
    /// Its name.
    pub name: String,
    /// How many entries it keeps.
    pub kept: u64,
    /// How many it had.
    pub of: u64,
}

/// A repair that is ready to be done. Nobody else can write to the store until it is dropped.
#[derive(Debug)]
#[must_use = "nothing is repaired before it is done"]
pub struct Repair {
    folder: Utf8PathBuf,
    salvage: Salvage,
    loses_log: bool,
    #[expect(dead_code, reason = "it is held, and never asked")]
    in_use: InUse,
}

impl Repair {
    /// Reads what can be read of the database of a store, of a copy.
    ///
    /// # Errors
    /// `Locked` while another krun has the store open to write; `StateDamaged` if nothing of it can
    /// be read; `StateNewer` if a newer krun wrote it; `State` or `DiskFull` if it can't be copied.
    pub fn plan(folder: &Utf8Path) -> Result<Self, Fault> {
        let in_use = in_use::alone(folder)?;
        let database = folder.join(sqlite::FILE);
        // SQLite may write beside what it reads.
        let work = tempfile::tempdir().map_err(|error| failed(folder, &error))?;
        let work = Utf8Path::from_path(work.path())
            .ok_or_else(|| Fault::internal("the temporary folder's name is not UTF-8"))?;
        for ending in ["", "-wal"] {
            let copy = work.join(format!("{}{ending}", sqlite::FILE));
            match fs::copy(format!("{database}{ending}"), copy) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    return Err(failed(folder, &error));
                }
                _ => {}
            }
        }
        let salvage = Salvage::read(&work.join(sqlite::FILE)).map_err(|mut fault| {
            fault.place = Some(database.to_string());
            fault.hints = vec![
                "Nothing of it can be read, so there is nothing to repair: restore the state folder \
                 from a backup, or import an export into another one."
                    .to_owned(),
            ];
            fault
        })?;
        Ok(Self {
            folder: folder.to_owned(),
            salvage,
            loses_log: sqlite::is_headless(&database).map_err(|error| failed(folder, &error))?,
            in_use,
        })
    }

    /// Whether the log as a whole can't be read: every entry since the database was merged with it
    /// last is lost, and nobody knows how many these are.
    pub fn loses_log(&self) -> bool {
        self.loses_log
    }

    /// The deployments that lose entries.
    pub fn cuts(&self) -> Vec<Cut> {
        let cut = |one: &sqlite::Salvaged| Cut {
            name: one.name.clone(),
            kept: one.rows.len() as u64,
            of: one.claimed.max(one.rows.len() as u64),
        };
        let all = self.salvage.deployments.iter().map(cut);
        all.filter(|cut| cut.kept < cut.of).collect()
    }

    /// Copies what is damaged, then puts a new database with what is sound in its place, at once.
    /// Gives the folder of the copy.
    ///
    /// # Errors
    /// `State` or `DiskFull` if it can't be written; the store is as it was then.
    pub fn act(&self) -> Result<Utf8PathBuf, Fault> {
        let database = self.folder.join(sqlite::FILE);
        let copy = kept::keep(&database, &["", "-wal"])?;
        let failed = |error: io::Error| failed(&self.folder, &error);
        let made = tempfile::NamedTempFile::new_in(&self.folder)
            .map_err(failed)?
            .into_temp_path();
        let path = Utf8Path::from_path(&made)
            .ok_or_else(|| Fault::internal("the state folder's name is not UTF-8"))?;
        self.salvage.write(path)?;
        fs::File::open(path)
            .and_then(|file| file.sync_all())
            .map_err(failed)?;
        // The log belongs to the old file, and must be gone before the new one has its name.
        for ending in ["-wal", "-shm"] {
            match fs::remove_file(format!("{database}{ending}")) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed(error)),
                _ => {}
            }
        }
        folders::sync(&self.folder).map_err(failed)?;
        made.persist(&database)
            .map_err(|error| failed(error.error))?;
        folders::sync(&self.folder).map_err(failed)?;
        Ok(copy)
    }
}

fn failed(folder: &Utf8Path, error: &io::Error) -> Fault {
    faults::io("could not repair the state store", folder, error)
}
