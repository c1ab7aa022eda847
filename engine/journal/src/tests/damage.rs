//! Damage is found, named with its place, and never papered over.

use std::fs;

use krun_model::{Digest, Fault, FaultCode};
use rusqlite::Connection;

use super::*;

/// The fault of reading a deployment of three entries after someone ran a statement on it.
fn read_after(statement: &str) -> Fault {
    let folder = TempDir::new().unwrap();
    let store = Store::open(utf8(&folder)).unwrap();
    for id in ["one", "two", "three"] {
        append(&store, "staging", id, false);
        append(&store, "other", id, false);
    }
    let raw = Connection::open(folder.path().join("journal.db")).unwrap();
    assert!(raw.execute(statement, []).unwrap() > 0, "{statement}");
    assert_eq!(store.read(&name("other")).unwrap().len(), 3);
    store.read(&name("staging")).unwrap_err()
}

#[test]
fn entries() {
    // The position, the cause, the statement, and where it applies.
    for (position, why, statement, place) in [
        (
            2,
            "hash",
            "UPDATE entries SET body = replace(body, 'two', 'six')",
            "AND seq = 2",
        ),
        (
            3,
            "hash",
            "UPDATE entries SET at_ms = at_ms + 1",
            "AND seq = 3",
        ),
        (1, "hash", "UPDATE entries SET run = 9", "AND seq = 1"),
        (
            3,
            "continue",
            "UPDATE entries SET prev = hash",
            "AND seq = 3",
        ),
        (
            1,
            "utf-8",
            "UPDATE entries SET body = CAST(x'7bff7d' AS TEXT)",
            "AND seq = 1",
        ),
        (2, "missing", "DELETE FROM entries", "AND seq = 2"),
        (3, "missing", "DELETE FROM entries", "AND seq = 3"),
        (1, "missing", "DELETE FROM entries", ""),
        (1, "beyond", "DELETE FROM heads", ""),
        (2, "another", "UPDATE heads SET seq = 2", ""),
        (3, "another", "UPDATE heads SET hash = 'x'", ""),
    ] {
        let statement = format!("{statement} WHERE deployment = 'staging' {place}");
        let fault = read_after(&statement);
        assert_eq!(fault.code, FaultCode::StateDamaged, "{statement}");
        let what = format!("could not read entry {position} of deployment `staging`");
        assert_eq!(fault.what, what, "{statement}");
        assert!(fault.why.as_ref().unwrap().contains(why), "{fault}");
        assert_eq!(fault.hints.len(), 2);
    }
}

#[test]
fn entries_of_another_deployment() {
    let fault = read_after(
        "INSERT OR REPLACE INTO entries
         SELECT 'staging', seq, run, at_ms, body, prev, hash FROM entries
         WHERE deployment = 'other'",
    );
    assert_eq!(fault.code, FaultCode::StateDamaged);
    assert!(fault.why.as_ref().unwrap().contains("continue"), "{fault}");
}

#[test]
fn the_list_of_deployments() {
    for statement in [
        "DELETE FROM heads WHERE deployment = 'a'",
        "DELETE FROM entries",
    ] {
        let folder = TempDir::new().unwrap();
        let store = Store::open(utf8(&folder)).unwrap();
        append(&store, "a", "one", false);
        append(&store, "b", "one", false);
        let raw = Connection::open(folder.path().join("journal.db")).unwrap();
        raw.execute(statement, []).unwrap();
        let fault = store.deployments().unwrap_err();
        assert_eq!(fault.code, FaultCode::StateDamaged);
    }
}

#[test]
fn an_entry_of_another_kind() {
    let folder = TempDir::new().unwrap();
    let store = Store::open(utf8(&folder)).unwrap();
    append(&store, "staging", "one", false);
    let raw = Connection::open(folder.path().join("journal.db")).unwrap();
    let (prev, body) = (
        crate::chain::Head::origin("staging").hash,
        r#"{"unheard_of":{}}"#,
    );
    let hash = crate::chain::link(&prev, 1, 1, 1, body);
    raw.execute("UPDATE heads SET hash = ?1", [&hash]).unwrap();
    raw.execute(
        "UPDATE entries SET at_ms = 1, body = ?1, hash = ?2",
        [body, &hash],
    )
    .unwrap();
    let fault = store.read(&name("staging")).unwrap_err();
    assert_eq!(fault.code, FaultCode::StateDamaged);
    assert!(fault.to_string().contains("unheard_of"), "{fault}");
}

#[test]
fn a_blob() {
    let folder = TempDir::new().unwrap();
    let store = Store::open(utf8(&folder)).unwrap();
    let digest = store.put_blob(b"before").unwrap();
    let text = digest.to_string();
    let path = folder
        .path()
        .join("blobs")
        .join(&text[..2])
        .join(&text[2..]);
    fs::write(&path, b"befOre").unwrap();

    let fault = store.blob(&digest).unwrap_err();
    assert_eq!(fault.code, FaultCode::StateDamaged);
    assert_eq!(fault.place.as_deref(), path.to_str());
    assert!(fault.why.unwrap().contains(&Digest::of("befOre").short()));

    assert_eq!(
        store.put_blob(b"before"),
        Ok(digest),
        "keeping it again heals it"
    );
    assert_eq!(store.blob(&digest).as_deref(), Ok(&b"before"[..]));
}

#[test]
fn any_byte() {
    let folder = TempDir::new().unwrap();
    let store = Store::open(utf8(&folder)).unwrap();
    for n in 0..100 {
        append(
            &store,
            "staging",
            &format!("{n} {}", "x".repeat(200)),
            false,
        );
    }
    let sound_records = store.read(&name("staging")).unwrap();
    drop(store);
    let path = folder.path().join("journal.db");
    let sound = fs::read(&path).unwrap();
    for at in (0..100).chain((100..sound.len()).step_by(331)) {
        let mut bytes = sound.clone();
        bytes[at] ^= 0x41;
        fs::write(&path, &bytes).unwrap();
        // A byte that nothing uses may be anything; what is read is right or refused.
        match Store::open(utf8(&folder)).and_then(|store| store.read(&name("staging"))) {
            Ok(records) => assert!(records == sound_records, "byte {at}: {}", records.len()),
            Err(fault) => assert!(
                matches!(
                    fault.code,
                    FaultCode::StateDamaged | FaultCode::StateNewer | FaultCode::State
                ),
                "byte {at}: {fault}"
            ),
        }
    }
}
