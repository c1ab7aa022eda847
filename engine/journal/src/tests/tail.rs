//! The end of the log, cut short and altered everywhere: nothing goes without a word.

use std::fs;

use camino::Utf8PathBuf;
use krun_model::FaultCode;

use super::{care::store_of, *};
use crate::{Remark, care};

/// A store of ten entries in the log, as a killed krun leaves it: no close has merged the log.
fn killed() -> (TempDir, Utf8PathBuf) {
    let folder = TempDir::new().unwrap();
    let store = store_of(&folder, 10);
    let copy = utf8(&folder).join("killed");
    fs::create_dir(&copy).unwrap();
    for file in ["journal.db", "journal.db-wal"] {
        fs::copy(utf8(&folder).join(file), copy.join(file)).unwrap();
    }
    drop(store);
    (folder, copy)
}

#[test]
fn a_log_that_a_kill_left_is_whole() {
    let (_folder, copy) = killed();
    let store = Store::open(&copy).unwrap();
    assert_eq!(store.remarks(), []);
    assert_eq!(store.read(&name("staging")).unwrap().len(), 10);
}

/// Wherever a log ends, what is before its end is there, and the rest is said.
#[test]
fn a_torn_tail_is_cut_and_said() {
    let (folder, copy) = killed();
    let log = fs::read(copy.join("journal.db-wal")).unwrap();
    let frame = 24 + 4096;
    assert_eq!((log.len() - 32) % frame, 0);
    let frames = (log.len() - 32) / frame;
    for kept in (0..frames * frame).step_by(997) {
        let torn = utf8(&folder).join(format!("torn-{kept}"));
        fs::create_dir(&torn).unwrap();
        fs::copy(copy.join("journal.db"), torn.join("journal.db")).unwrap();
        // A loss of power leaves zeros, or whatever was there before.
        let mut bytes = log[..32 + kept].to_vec();
        bytes.resize(log.len(), 0);
        fs::write(torn.join("journal.db-wal"), &bytes).unwrap();
        match Store::open(&torn) {
            Ok(store) => {
                let there = store.read(&name("staging")).unwrap().len();
                assert!(there <= 10);
                // A page can end in zeros; and of what has no salt nobody knows whose it was.
                let end = 32 + kept.next_multiple_of(frame);
                if bytes[..end] != log[..end] && kept % frame > 16 {
                    let said =
                        matches!(store.remarks(), [Remark::TailCut { bytes, .. }] if *bytes > 0);
                    assert!(said, "{kept}: {:?}", store.remarks());
                }
                append(&store, "staging", "next", true);
                drop(store);
                let store = Store::open(&torn).unwrap();
                assert_eq!(store.remarks(), [], "it is cut, and not said again");
                assert_eq!(store.read(&name("staging")).unwrap().len(), there + 1);
            }
            // The first commits make the store: without them it is an empty one again.
            Err(fault) => panic!("{kept}: {fault}"),
        }
    }
}

#[test]
fn what_was_complete_once_is_kept() {
    let (_folder, copy) = killed();
    let path = copy.join("journal.db-wal");
    let log = fs::read(&path).unwrap();
    let mut bytes = log.clone();
    let last = log.len() - 1;
    bytes[last] ^= 1;
    fs::write(&path, &bytes).unwrap();
    let store = Store::open(&copy).unwrap();
    let [
        remark @ Remark::TailCut {
            commits: 1,
            copy: Some(kept),
            ..
        },
    ] = store.remarks()
    else {
        panic!("{:?}", store.remarks());
    };
    assert_eq!(fs::read(kept.join("journal.db-wal")).unwrap(), bytes);
    assert!(remark.to_string().contains("1 commits"), "{remark}");
    assert_eq!(store.read(&name("staging")).unwrap().len(), 9);
}

/// No byte of the log can be altered without a word.
#[test]
fn any_byte_of_the_log() {
    let (folder, copy) = killed();
    let log = fs::read(copy.join("journal.db-wal")).unwrap();
    for at in (0..32).chain((32..log.len()).step_by(613)) {
        let torn = utf8(&folder).join(format!("byte-{at}"));
        fs::create_dir(&torn).unwrap();
        fs::copy(copy.join("journal.db"), torn.join("journal.db")).unwrap();
        let mut bytes = log.clone();
        bytes[at] ^= 0x41;
        fs::write(torn.join("journal.db-wal"), &bytes).unwrap();
        match Store::open(&torn) {
            Ok(store) => {
                let there = store.read(&name("staging")).map(|records| records.len());
                assert!(
                    there == Ok(10) || !store.remarks().is_empty(),
                    "byte {at}: {there:?} {:?}",
                    store.remarks()
                );
            }
            Err(fault) => assert_eq!(fault.code, FaultCode::StateDamaged, "byte {at}: {fault}"),
        }
    }
}

#[test]
fn a_log_without_a_header_is_not_taken_for_empty() {
    let (_folder, copy) = killed();
    let path = copy.join("journal.db-wal");
    let mut bytes = fs::read(&path).unwrap();
    bytes[24] ^= 1;
    fs::write(&path, &bytes).unwrap();
    for fault in [
        Store::open(&copy).err().unwrap(),
        Store::open_read(&copy).err().unwrap(),
    ] {
        assert_eq!(fault.code, FaultCode::StateDamaged);
        assert!(fault.to_string().contains("header of its log"), "{fault}");
    }
    assert_eq!(fs::read(&path).unwrap(), bytes, "it is left as it was");
    let repair = care::Repair::plan(&copy).unwrap();
    assert!(repair.loses_log(), "and a repair says what it costs");
    let kept = repair.act().unwrap();
    assert_eq!(fs::read(kept.join("journal.db-wal")).unwrap(), bytes);
    drop(repair);
    append(&Store::open(&copy).unwrap(), "staging", "goes on", true);
}
