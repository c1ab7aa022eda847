//! A store whose file was damaged: opened or refused, and what it hands out is what was written.
//!
//! The bytes are changes to a store that is kept in `tests/fixtures`: three for a place, one for the
//! byte that is there then.

use std::{fs, sync::OnceLock};

use camino::Utf8Path;
use krun_journal::Store;
use krun_model::{Journal as _, journal::Record};

/// A store of the newest format that is kept.
const KEPT: &[u8] = include_bytes!("../../fixtures/state/format-5/journal.db");

pub fn any(bytes: &[u8]) {
    let mut damaged = KEPT.to_vec();
    for change in bytes.chunks_exact(4) {
        let at = u32::from_le_bytes([change[0], change[1], change[2], 0]) as usize;
        let len = damaged.len();
        damaged[at % len] = change[3];
    }
    let Some(found) = read(&damaged) else { return };
    let written = written();
    for records in &found {
        // Damage may hide a deployment's newest entries only where the store says so by an error;
        // what is handed out was written so.
        let known = |record: &&Record| written.iter().flatten().any(|one| one == *record);
        let foreign = records.iter().find(|record| !known(record));
        assert!(foreign.is_none(), "nobody wrote {foreign:?}");
    }
}

fn written() -> &'static Vec<Vec<Record>> {
    static WRITTEN: OnceLock<Vec<Vec<Record>>> = OnceLock::new();
    WRITTEN.get_or_init(|| match read(KEPT) {
        Some(records) => records,
        None => panic!("the store that is kept can't be read"),
    })
}

/// The entries of all deployments; none where the store is refused.
fn read(bytes: &[u8]) -> Option<Vec<Vec<Record>>> {
    let folder = tempfile::tempdir().ok()?;
    let path = Utf8Path::from_path(folder.path())?;
    fs::write(path.join("journal.db"), bytes).ok()?;
    let store = Store::open_read(path).ok()??;
    let names = store.deployments().ok()?;
    let all = names.iter().map(|name| {
        let records = store.read(name).ok()?;
        // The fold that a command rests on is of the same entries.
        assert!(store.history(name).is_ok(), "entries that are read fold");
        Some(records)
    });
    Some(all.flatten().collect())
}
