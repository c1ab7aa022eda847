//! Entries as the store keeps them: what is read is written as the same, and any order of them folds.

use krun_model::{
    Entry, History, RunId,
    journal::{Record, Seq},
};

pub fn any(bytes: &[u8]) {
    let mut records = vec![];
    for (at, line) in bytes.split(|byte| *byte == b'\n').enumerate() {
        let Ok(entry) = serde_json::from_slice::<Entry>(line) else {
            continue;
        };
        let json = match serde_json::to_vec(&entry) {
            Ok(json) => json,
            Err(error) => panic!("an entry that was read can't be written: {error}"),
        };
        match serde_json::from_slice::<Entry>(&json) {
            Ok(again) => assert_eq!(again, entry),
            Err(error) => panic!("an entry that was written can't be read: {error}"),
        }
        let at = at as u64 + 1;
        records.push(Record {
            seq: Seq(at),
            run: RunId(at / 7 + 1),
            at_ms: 1,
            entry,
        });
    }
    let history = History::fold(&records);
    // What is open and what happened are never the same.
    for open in &history.pending {
        assert!(history.effects.get(open.seq).is_none());
    }
    let _ = (history.needed_blobs(), history.moved_paths());
    let mut half = History::fold(&records[..records.len() / 2]);
    records[records.len() / 2..]
        .iter()
        .for_each(|one| half.push(one));
    assert_eq!(half, history, "a fold goes on from where it was kept");
}
