//! Opening makes what is missing, refuses what it does not know, and changes neither.

use std::{fs, os::unix::fs::PermissionsExt};

use krun_model::{FaultCode, Journal};
use rusqlite::Connection;

use super::*;
use crate::FORMAT_VERSION;

#[test]
fn makes_a_private_folder() {
    let folder = TempDir::new().unwrap();
    let state = utf8(&folder).join("a/b");
    assert!(Store::open_read(&state).unwrap().is_none());
    assert!(!state.exists(), "reading makes nothing");

    let store = Store::open(&state).unwrap();
    let digest = store.put_blob(b"secret").unwrap().to_string();
    let mode = |path: &str| fs::metadata(state.join(path)).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(""), 0o700);
    assert_eq!(mode("journal.db"), 0o600);
    assert_eq!(mode("journal.db-wal"), 0o600);
    assert_eq!(mode(&format!("blobs/{}", &digest[..2])), 0o700);
    assert_eq!(
        mode(&format!("blobs/{}/{}", &digest[..2], &digest[2..])),
        0o600
    );
}

#[test]
fn entries_outlive_the_store() {
    let folder = TempDir::new().unwrap();
    for n in 1..=3 {
        let store = Store::open(utf8(&folder)).unwrap();
        append(&store, "staging", "again", false);
        assert_eq!(store.read(&name("staging")).unwrap().len(), n);
    }
    let reader = Store::open_read(utf8(&folder)).unwrap().unwrap();
    assert_eq!(reader.deployments(), Ok(vec![name("staging")]));
}

#[test]
fn many_make_one_store() {
    let folder = TempDir::new().unwrap();
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                let store = Store::open(utf8(&folder)).unwrap();
                append(&store, "staging", "one of many", true);
            });
        }
    });
    let reader = Store::open_read(utf8(&folder)).unwrap().unwrap();
    assert_eq!(reader.read(&name("staging")).unwrap().len(), 8);
}

/// The faults of opening a database on which someone ran statements, to write and to read.
fn refused(statements: &str) -> [krun_model::Fault; 2] {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("journal.db");
    Connection::open(&path)
        .unwrap()
        .execute_batch(statements)
        .unwrap();
    let before = fs::read(&path).unwrap();
    let faults = [
        Store::open(utf8(&folder)).err().unwrap(),
        Store::open_read(utf8(&folder)).err().unwrap(),
    ];
    assert_eq!(fs::read(&path).unwrap(), before, "it is left as it was");
    faults
}

#[test]
fn a_newer_version() {
    for fault in
        refused("PRAGMA application_id = 0x6b72756e; PRAGMA user_version = 7; CREATE TABLE t (x)")
    {
        assert_eq!(fault.code, FaultCode::StateNewer);
        let why = fault.why.unwrap();
        assert!(why.contains("format 7"), "{why}");
        assert!(why.contains(&format!("up to {FORMAT_VERSION}")), "{why}");
        assert!(fault.hints[1].contains("--state"));
    }
}

#[test]
fn an_older_version() {
    let folder = TempDir::new().unwrap();
    drop(Store::open(utf8(&folder)).unwrap());
    let path = folder.path().join("journal.db");
    let version = |set: Option<u32>| -> u32 {
        let connection = Connection::open(&path).unwrap();
        if let Some(version) = set {
            connection
                .pragma_update(None, "user_version", version)
                .unwrap();
        }
        connection
            .query_row("PRAGMA user_version", [], |row| row.get(0))
            .unwrap()
    };
    version(Some(1));
    assert!(Store::open_read(utf8(&folder)).unwrap().is_some());
    assert_eq!(version(None), 1, "who only reads leaves it as it is");
    drop(Store::open(utf8(&folder)).unwrap());
    assert_eq!(version(None), FORMAT_VERSION);
}

#[test]
fn somebody_elses_database() {
    for statements in [
        "CREATE TABLE t (x)",
        "PRAGMA user_version = 1",
        "PRAGMA application_id = 5",
    ] {
        for fault in refused(statements) {
            assert_eq!(fault.code, FaultCode::StateDamaged);
            assert!(fault.to_string().contains("not one of krun"), "{fault}");
        }
    }
}

#[test]
fn no_database() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("journal.db");
    fs::write(&path, "a letter to my grandmother\n".repeat(100)).unwrap();
    for fault in [
        Store::open(utf8(&folder)).err().unwrap(),
        Store::open_read(utf8(&folder)).err().unwrap(),
    ] {
        assert_eq!(fault.code, FaultCode::StateDamaged, "{fault}");
        assert_eq!(fault.place.as_deref(), path.to_str());
        assert!(fault.hints[0].contains("state check"), "{fault:?}");
    }
}

#[test]
fn an_empty_file_is_no_store_yet() {
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join("journal.db"), "").unwrap();
    assert!(Store::open_read(utf8(&folder)).unwrap().is_none());
    Store::open(utf8(&folder)).unwrap();
    assert!(Store::open_read(utf8(&folder)).unwrap().is_some());
}

#[test]
fn a_file_in_the_way() {
    let folder = TempDir::new().unwrap();
    let state = utf8(&folder).join("state");
    fs::write(&state, "").unwrap();
    let fault = Store::open(&state).err().unwrap();
    assert_eq!(fault.code, FaultCode::State);
    assert_eq!(fault.place.as_deref(), Some(state.as_str()));
}

#[test]
fn a_reader_does_not_write() {
    let folder = TempDir::new().unwrap();
    drop(Store::open(utf8(&folder)).unwrap());
    let reader = Store::open_read(utf8(&folder)).unwrap().unwrap();
    let fault = reader.put_blob(b"").unwrap_err();
    assert_eq!(fault.code, FaultCode::Internal);
    let fault = reader.lock(&name("staging"), &holder("krun")).unwrap_err();
    assert_eq!(fault.code, FaultCode::Internal);
}
