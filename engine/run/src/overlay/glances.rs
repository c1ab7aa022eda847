//! What one look at the machine found, for the others that look at the same: names in folders, and
//! small files.
//!
//! Lives as long as one pass over the steps, in which nothing changes and all look at the same time.
//! Never keeps the state of a path, of a process or of a port.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use camino::{Utf8Path, Utf8PathBuf};
use krun_model::{Fault, host::Machine};

/// Larger files are not kept, in bytes.
const SMALL: usize = 4096;

#[derive(Debug, Default)]
pub(super) struct Glances {
    names: Kept<Vec<String>>,
    bytes: Kept<Vec<u8>>,
}

type Kept<T> = Mutex<HashMap<Utf8PathBuf, Option<T>>>;

impl Glances {
    pub(super) async fn list(
        &self,
        machine: &dyn Machine,
        path: &Utf8Path,
    ) -> Result<Option<Vec<String>>, Fault> {
        if let Some(known) = kept(&self.names, path) {
            return Ok(known);
        }
        let names = machine.list(path).await?;
        keep(&self.names, path, names.clone());
        Ok(names)
    }

    pub(super) async fn read(
        &self,
        machine: &dyn Machine,
        path: &Utf8Path,
    ) -> Result<Option<Vec<u8>>, Fault> {
        if let Some(known) = kept(&self.bytes, path) {
            return Ok(known);
        }
        let bytes = machine.read(path).await?;
        if bytes.as_ref().is_none_or(|bytes| bytes.len() <= SMALL) {
            keep(&self.bytes, path, bytes.clone());
        }
        Ok(bytes)
    }
}

fn kept<T: Clone>(all: &Kept<T>, path: &Utf8Path) -> Option<Option<T>> {
    let all = all.lock().unwrap_or_else(PoisonError::into_inner);
    all.get(path).cloned()
}

fn keep<T>(all: &Kept<T>, path: &Utf8Path, found: Option<T>) {
    let mut all = all.lock().unwrap_or_else(PoisonError::into_inner);
    all.insert(path.to_owned(), found);
}
