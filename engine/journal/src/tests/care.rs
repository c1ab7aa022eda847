//! Looking after a store, and what is said of one that is not sound.

use std::fs;

use krun_model::{Digest, FaultCode};
use rusqlite::Connection;

use super::*;
use crate::{Remark, care};

pub(super) fn store_of(folder: &TempDir, entries: usize) -> Store {
    let store = Store::open(utf8(folder)).unwrap();
    for n in 0..entries {
        append(&store, "staging", &format!("{n}"), n % 3 == 0);
    }
    store
}

fn count(folder: &Utf8Path) -> usize {
    let store = Store::open_read(folder).unwrap().unwrap();
    store.read(&name("staging")).unwrap().len()
}

#[test]
fn a_store_that_loses_its_file_says_so() {
    let folder = TempDir::new().unwrap();
    let state = utf8(&folder).join("state");
    let store = Store::open(&state).unwrap();
    append(&store, "staging", "one", true);
    fs::rename(&state, utf8(&folder).join("away")).unwrap();
    let entry = Entry::Created { id: "two".into() };
    let fault = store
        .append(&name("staging"), RunId(1), &entry, true)
        .unwrap_err();
    assert_eq!(fault.code, FaultCode::StateDamaged);
    assert!(fault.to_string().contains("not there any more"), "{fault}");
    let again = store.append(&name("staging"), RunId(1), &entry, false);
    assert_eq!(again, Err(fault), "and goes on saying so");
}

#[test]
fn repair_keeps_what_is_sound() {
    for (statement, kept) in [
        ("UPDATE entries SET body = 'x' WHERE seq = 8", 7),
        ("DELETE FROM entries WHERE seq = 4", 3),
        ("DELETE FROM entries WHERE seq = 10", 9),
        ("DELETE FROM heads", 10),
        ("UPDATE heads SET hash = 'x'", 10),
        ("UPDATE entries SET prev = 'x' WHERE seq = 1", 0),
    ] {
        let folder = TempDir::new().unwrap();
        let store = store_of(&folder, 10);
        append(&store, "other", "sound", true);
        let sound = store.read(&name("staging")).unwrap();
        drop(store);
        let raw = Connection::open(folder.path().join("journal.db")).unwrap();
        let statement = format!(
            "{statement} {} deployment = 'staging'",
            if statement.contains("WHERE") {
                "AND"
            } else {
                "WHERE"
            }
        );
        assert_eq!(raw.execute(&statement, []).unwrap(), 1, "{statement}");
        drop(raw);
        let damaged = fs::read(folder.path().join("journal.db")).unwrap();
        let reader = Store::open_read(utf8(&folder)).unwrap().unwrap();
        let health = care::check(&reader).unwrap();
        assert!(!health.is_sound(), "{statement}");
        let staging = health.deployments.iter().find(|one| one.name == "staging");
        let staging = staging.unwrap();
        assert_eq!(staging.sound, kept, "{statement}");
        assert!(staging.damage.is_some(), "{statement}");
        drop(reader);

        let repair = care::Repair::plan(utf8(&folder)).unwrap();
        let cuts: Vec<(u64, u64)> = repair.cuts().iter().map(|cut| (cut.kept, cut.of)).collect();
        let expected = if kept == 10 { vec![] } else { vec![(kept, 10)] };
        // The last entry and the head that speaks of it: the head still tells.
        assert_eq!(cuts, expected, "{statement}");
        let locked = Store::open(utf8(&folder)).err().unwrap();
        assert_eq!(locked.code, FaultCode::Locked);
        assert!(
            !folder.path().join("damaged").exists(),
            "a plan makes nothing"
        );
        let copy = repair.act().unwrap();
        assert_eq!(
            fs::read(copy.join("journal.db")).unwrap(),
            damaged,
            "{statement}"
        );
        drop(repair);

        let store = Store::open(utf8(&folder)).unwrap();
        let there = store.read(&name("staging")).unwrap();
        assert_eq!(
            there[..],
            sound[..usize::try_from(kept).unwrap()],
            "{statement}"
        );
        assert_eq!(store.read(&name("other")).unwrap().len(), 1);
        assert!(care::check(&store).unwrap().is_sound(), "{statement}");
        append(&store, "staging", "goes on", true);
    }
}

/// Pages of zeros, as a bad disk leaves them: what can be read is kept, and all of it verifies.
#[test]
fn repair_after_lost_pages() {
    let folder = TempDir::new().unwrap();
    let store = store_of(&folder, 400);
    let sound = store.read(&name("staging")).unwrap();
    drop(store);
    let path = folder.path().join("journal.db");
    let good = fs::read(&path).unwrap();
    let mut repaired = 0;
    for page in 2..good.len() / 4096 {
        let mut bytes = good.clone();
        bytes[page * 4096..(page + 1) * 4096].fill(0);
        fs::write(&path, &bytes).unwrap();
        let repair = care::Repair::plan(utf8(&folder)).unwrap();
        repair.act().unwrap();
        drop(repair);
        let store = Store::open(utf8(&folder)).unwrap();
        let there = store.read(&name("staging")).unwrap();
        assert!(sound.starts_with(&there), "page {page}");
        assert!(care::check(&store).unwrap().is_sound(), "page {page}");
        repaired += usize::from(there.len() < sound.len());
    }
    assert!(repaired > 3, "{repaired}");
}

#[test]
fn a_backup_is_a_store() {
    let folder = TempDir::new().unwrap();
    let store = store_of(&folder, 5);
    let digest = store.put_blob(b"before").unwrap();
    let to = utf8(&folder).join("below/backup");
    let copied = care::backup(&store, &to).unwrap();
    assert_eq!(copied.blobs, 1);
    append(&store, "staging", "later", true);
    assert_eq!(count(&to), 5);
    let copy = Store::open(&to).unwrap();
    assert_eq!(copy.blob(&digest).as_deref(), Ok(&b"before"[..]));
    assert!(care::check(&copy).unwrap().is_sound());
    let fault = care::backup(&store, &to).unwrap_err();
    assert_eq!(fault.code, FaultCode::Usage);
    let left: Vec<_> = fs::read_dir(to.parent().unwrap()).unwrap().collect();
    assert_eq!(left.len(), 1, "no half backup is left");
}

#[test]
fn an_export_comes_back() {
    let folder = TempDir::new().unwrap();
    let store = store_of(&folder, 3);
    let digest = store.put_blob(b"\0 before \xff").unwrap();
    append(&store, "staging", &digest.to_string(), true);
    let other = store.put_blob(b"nobody speaks of it").unwrap();
    let mut text = vec![];
    care::export(&store, &name("staging"), &mut text).unwrap();

    let elsewhere = TempDir::new().unwrap();
    let target = Store::open(utf8(&elsewhere)).unwrap();
    let imported = care::import(&target, &mut &text[..], "export".into()).unwrap();
    assert_eq!((imported.entries, imported.blobs), (4, 1));
    assert_eq!(
        target.read(&name("staging")).unwrap(),
        store.read(&name("staging")).unwrap()
    );
    assert_eq!(target.blob(&digest), store.blob(&digest));
    target.blob(&other).unwrap_err();
    append(&target, "staging", "goes on", true);
    let twice = care::import(&target, &mut &text[..], "export".into()).unwrap_err();
    assert_eq!(twice.code, FaultCode::Usage);
}

#[test]
fn an_export_that_was_altered_is_refused() {
    let folder = TempDir::new().unwrap();
    let store = store_of(&folder, 3);
    let digest = store.put_blob(b"before").unwrap();
    append(&store, "staging", &digest.to_string(), true);
    let mut text = vec![];
    care::export(&store, &name("staging"), &mut text).unwrap();
    let text = String::from_utf8(text).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    let import = |text: &str| {
        let elsewhere = TempDir::new().unwrap();
        let target = Store::open(utf8(&elsewhere)).unwrap();
        let result = care::import(&target, &mut text.as_bytes(), "export".into());
        let fault = result.err().map(|fault| fault.code);
        assert_eq!(
            target.read(&name("staging")).unwrap().is_empty(),
            fault.is_some()
        );
        fault
    };
    assert_eq!(import(&text), None);
    for (at, line) in lines.iter().enumerate() {
        let without: Vec<&str> = [&lines[..at], &lines[at + 1..]].concat();
        // A blob that is missing is found by `krun state check`, which knows what is needed.
        if !line.contains("\"blob\"") {
            assert!(import(&without.join("\n")).is_some(), "without line {at}");
        }
    }
    for (from, to) in [
        ("\"krun_export\":1", "\"krun_export\":2"),
        ("\"format\":", "\"format\":9"),
        ("\"base64\":\"YmVm", "\"base64\":\"YmVn"),
        ("staging", "another"),
        ("\"seq\":2", "\"seq\":3"),
    ] {
        assert!(text.contains(from), "{from}");
        assert!(import(&text.replace(from, to)).is_some(), "{from}");
    }
}

#[test]
fn an_older_format_is_kept() {
    let folder = TempDir::new().unwrap();
    drop(store_of(&folder, 3));
    let path = folder.path().join("journal.db");
    let raw = Connection::open(&path).unwrap();
    raw.pragma_update(None, "user_version", 1).unwrap();
    drop(raw);
    let store = Store::open(utf8(&folder)).unwrap();
    let [Remark::Migrated { from: 1, to, copy }] = store.remarks() else {
        panic!("{:?}", store.remarks());
    };
    assert_eq!(*to, crate::FORMAT_VERSION);
    append(&store, "staging", "new", true);
    let old = Connection::open(copy).unwrap();
    let version: u32 = old
        .query_row("PRAGMA user_version", [], |row| row.get(0))
        .unwrap();
    let entries: u32 = old
        .query_row("SELECT count(*) FROM entries", [], |row| row.get(0))
        .unwrap();
    assert_eq!((version, entries), (1, 3));
    drop(store);
    assert_eq!(Store::open(utf8(&folder)).unwrap().remarks(), []);
}

/// A clock that was set back, then forward: positions decide, and times never go backwards.
#[test]
fn times_out_of_order() {
    let folder = TempDir::new().unwrap();
    drop(store_of(&folder, 3));
    let far = 7_258_118_400_000_i64;
    let raw = Connection::open(folder.path().join("journal.db")).unwrap();
    // As it would be, had the clock been in the year 2200 when the last entry was written.
    let (body, prev): (String, String) = raw
        .query_row("SELECT body, prev FROM entries WHERE seq = 3", [], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })
        .unwrap();
    let hash = crate::chain::link(&prev, 3, 1, far, &body);
    raw.execute(
        "UPDATE entries SET at_ms = ?1, hash = ?2 WHERE seq = 3",
        rusqlite::params![far, hash],
    )
    .unwrap();
    raw.execute(
        "UPDATE heads SET at_ms = ?1, hash = ?2",
        rusqlite::params![far, hash],
    )
    .unwrap();
    drop(raw);
    let store = Store::open(utf8(&folder)).unwrap();
    append(&store, "staging", "now", true);
    let records = store.read(&name("staging")).unwrap();
    assert_eq!(records.len(), 4);
    assert_eq!(records[3].at_ms, far);
    assert!(care::check(&store).unwrap().is_sound());
}

#[test]
fn a_damaged_blob_is_named() {
    let folder = TempDir::new().unwrap();
    let store = store_of(&folder, 1);
    store.put_blob(b"before").unwrap();
    let [blob] = &store.blobs().unwrap()[..] else {
        panic!("one blob");
    };
    assert_eq!(blob.digest, Digest::of("before"));
    fs::write(&blob.path, "behind").unwrap();
    let health = care::check(&store).unwrap();
    assert_eq!(health.damaged_blobs, std::slice::from_ref(&blob.path));
    assert!(!health.is_sound());
}

/// Many at once take one deployment: one has it, the others hear who.
#[test]
fn many_takers() {
    let folder = TempDir::new().unwrap();
    let stores: Vec<Store> = (0..8)
        .map(|_| Store::open(utf8(&folder)).unwrap())
        .collect();
    for _ in 0..20 {
        let start = std::sync::Barrier::new(stores.len());
        let taken: Vec<_> = std::thread::scope(|scope| {
            let takers: Vec<_> = stores
                .iter()
                .map(|store| {
                    let start = &start;
                    scope.spawn(move || {
                        start.wait();
                        store.lock(&name("staging"), &holder("krun"))
                    })
                })
                .collect();
            takers
                .into_iter()
                .map(|taker| taker.join().unwrap())
                .collect()
        });
        assert_eq!(taken.iter().filter(|lock| lock.is_ok()).count(), 1);
    }
}

/// A snapshot changes nothing but how long it takes; whatever is wrong with it, it is passed over.
#[test]
fn a_snapshot_is_only_a_shortcut() {
    let folder = TempDir::new().unwrap();
    let store = store_of(&folder, 2100);
    let fold = |store: &Store| krun_model::History::fold(&store.read(&name("staging")).unwrap());
    let snapshot = folder.path().join("snapshots/staging");
    let reader = Store::open_read(utf8(&folder)).unwrap().unwrap();
    reader.history(&name("staging")).unwrap();
    reader.run_ended(&name("staging"));
    assert!(!snapshot.exists(), "who only reads makes nothing");
    store.run_ended(&name("staging"));
    assert!(snapshot.exists(), "the next krun need not read a long run");
    assert_eq!(*store.history(&name("staging")).unwrap(), fold(&store));
    let good = fs::read(&snapshot).unwrap();
    append(&store, "staging", "after it", true);
    let with = |from: &str, to: &str| {
        let at = good
            .windows(from.len())
            .position(|window| window == from.as_bytes())
            .unwrap();
        [&good[..at], to.as_bytes(), &good[at + from.len()..]].concat()
    };
    let id = |store: &Store| store.history(&name("staging")).unwrap();
    fs::write(&snapshot, &good).unwrap();
    assert_eq!(*id(&store), fold(&store));
    for bad in [
        with("2099", "lied"),
        vec![],
        with(
            &format!("\"fold\":{}", krun_model::History::FOLD),
            "\"fold\":0",
        ),
        with("\"shape\":2", "\"shape\":3"),
        // As older kruns wrote it.
        with("\"shape\":2,", ""),
        with("\"seq\":2100", "\"seq\":2099"),
        with("\"seq\":2100", "\"seq\":9999"),
        good[..good.len() / 2].to_vec(),
    ] {
        fs::write(&snapshot, &bad).unwrap();
        assert_eq!(*reader.history(&name("staging")).unwrap(), fold(&store));
    }
    // After a repair that cut the entry which it ends with, it is of no use.
    fs::write(&snapshot, &good).unwrap();
    drop((store, reader));
    let raw = Connection::open(folder.path().join("journal.db")).unwrap();
    raw.execute("DELETE FROM entries WHERE seq >= 2050", [])
        .unwrap();
    drop(raw);
    let repair = care::Repair::plan(utf8(&folder)).unwrap();
    repair.act().unwrap();
    drop(repair);
    let store = Store::open(utf8(&folder)).unwrap();
    assert_eq!(*store.history(&name("staging")).unwrap(), fold(&store));
}

/// What state folders of formats 2 and 4 come to. If this differs, the fold was changed: raise
/// [`krun_model::History::FOLD`], so that no snapshot of the older fold is used, and put the new digests
/// here.
#[test]
fn the_fold_and_its_version() {
    let come_to = |format: u32| {
        let folder = TempDir::new().unwrap();
        let fixtures = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/fixtures/state");
        let fixture = format!("{fixtures}/format-{format}/journal.db");
        fs::copy(fixture, folder.path().join("journal.db")).unwrap();
        let store = Store::open_read(utf8(&folder)).unwrap().unwrap();
        let history = store.history(&name("fixture")).unwrap();
        Digest::of_json(&history).short()
    };
    assert_eq!(
        (krun_model::History::FOLD, come_to(2), come_to(4)),
        (3, "23001af90e22".to_owned(), "2975b014e5d9".to_owned())
    );
}
