//! Going on with what is sound of a damaged store.
//!
//! A repair is planned on a copy, which stays in `damaged/N`, and shown before it is done. It never
//! makes up an entry: each deployment keeps its entries up to the first that does not verify.

use std::{fs, io};

use camino::{Utf8Path, Utf8PathBuf};
use krun_model::Fault;
use serde::Serialize;

use crate::{
    InUse, faults, folders, in_use, kept,
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
    /// Where the copy of the damaged database is.
    copy: Utf8PathBuf,
    salvage: Salvage,
    _in_use: InUse,
}

impl Repair {
    /// Copies the database of a store and reads what can be read of the copy.
    ///
    /// # Errors
    /// `Locked` while another krun has the store open to write; `StateDamaged` if nothing of it can
    /// be read; `StateNewer` if a newer krun wrote it; `State` or `DiskFull` if it can't be copied.
    pub fn plan(folder: &Utf8Path) -> Result<Self, Fault> {
        let in_use = in_use::alone(folder)?;
        let database = folder.join(sqlite::FILE);
        let copy = kept::keep(&database, &["", "-wal"])?;
        // SQLite may write beside what it reads: the copy stays as it is.
        let work = tempfile::tempdir().map_err(|error| failed(folder, &error))?;
        let work = Utf8Path::from_path(work.path())
            .ok_or_else(|| Fault::internal("the temporary folder's name is not UTF-8"))?;
        for ending in ["", "-wal"] {
            let name = format!("{}{ending}", sqlite::FILE);
            if copy.join(&name).exists() {
                fs::copy(copy.join(&name), work.join(&name))
                    .map_err(|error| failed(folder, &error))?;
            }
        }
        let salvage = Salvage::read(&work.join(sqlite::FILE)).map_err(|fault| {
            fault.hint(format!(
                "Nothing of it can be read, so there is nothing to repair; the copy in {copy} can go."
            ))
        })?;
        Ok(Self {
            folder: folder.to_owned(),
            copy,
            salvage,
            _in_use: in_use,
        })
    }

    /// Where the copy of what is damaged is.
    pub fn copy(&self) -> &Utf8Path {
        &self.copy
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

    /// Puts a new database with what is sound in the place of the damaged one, at once.
    ///
    /// # Errors
    /// `State` or `DiskFull` if it can't be written; the store is as it was then.
    pub fn act(&self) -> Result<(), Fault> {
        let database = self.folder.join(sqlite::FILE);
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
        made.persist(&database).map_err(|error| failed(error.error))?;
        folders::sync(&self.folder).map_err(failed)
    }
}

fn failed(folder: &Utf8Path, error: &io::Error) -> Fault {
    faults::io("could not repair the state store", folder, error)
}
