//! Copies of what was damaged, before anything is done about it.
//!
//! Owns `damaged/N`. Nothing there is ever read or deleted by krun.

use std::{fs, io};

use camino::{Utf8Path, Utf8PathBuf};
use krun_model::Fault;

use crate::{faults, folders};

/// Copies files that belong to a database, named by what follows its name, into a new folder below
/// `damaged`; those that are not there are left out. Gives the folder.
pub(crate) fn keep(database: &Utf8Path, endings: &[&str]) -> Result<Utf8PathBuf, Fault> {
    let all = database.with_file_name("damaged");
    let failed = |error: io::Error| faults::io("could not keep what is damaged", &all, &error);
    folders::make(&all).map_err(failed)?;
    let folder = (1..)
        .map(|n: u64| all.join(n.to_string()))
        .find(|folder| !folder.exists())
        .ok_or_else(|| Fault::internal("there is no free number"))?;
    folders::make(&folder).map_err(failed)?;
    let name = database.file_name().unwrap_or_default();
    for ending in endings {
        let from = format!("{database}{ending}");
        let to = folder.join(format!("{name}{ending}"));
        match fs::copy(&from, &to) {
            Ok(_) => fs::File::open(&to).and_then(|file| file.sync_all()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(error),
        }
        .map_err(failed)?;
    }
    folders::sync(&folder).map_err(failed)?;
    Ok(folder)
}
