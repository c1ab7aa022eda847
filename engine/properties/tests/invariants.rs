//! What holds for every file and every edit, without asking Java.

mod support;

use krun_properties::Document;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use support::{config, file, text};

const REGRESSIONS: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/proptest-regressions/invariants.txt"
);

fn pairs(document: &Document) -> Vec<(String, String)> {
    document
        .entries()
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .collect()
}

/// A key of the document if it has one, else the string.
fn key_of(document: &Document, index: prop::sample::Index, other: String) -> String {
    let pairs = pairs(document);
    if pairs.is_empty() {
        return other;
    }
    index.get(&pairs).0.clone()
}

/// Whole lines none of which defines the key `target`.
fn other_lines() -> impl Strategy<Value = String> {
    let line = select(
        &[
            "# a comment, caf\u{e9}\n",
            "! target=1\r\n",
            "#   target = 1\n",
            "\n",
            " \t\r\n",
            "a=1\n",
            "a : x,\\\n   y\r\n",
            "b\\\r\n  = \\u0041\r",
            "target\\ =\\:\n",
            "targets\n",
            "c=ends\\\\\n",
        ][..],
    );
    vec(line, 0..6).prop_map(|lines| lines.concat())
}

/// Lines that define `target`: what stays when the value is set, the value, the line ending.
fn target() -> impl Strategy<Value = (&'static str, &'static str, &'static str)> {
    (
        select(
            &[
                "target=",
                " target : ",
                "\\\ntar\\u0067et\\\n\t=",
                "target ",
            ][..],
        ),
        select(&["", "old", "x\\\n   y", "\\\r\n z", "\\ \\u0041\\\n\\\n"][..]),
        select(&["\n", "\r\n"][..]),
    )
}

proptest! {
    #![proptest_config(config(4000, REGRESSIONS))]

    #[test]
    fn an_unedited_file_keeps_its_bytes(file in file()) {
        if let Ok(document) = Document::parse(&file) {
            prop_assert_eq!(document.to_bytes(), file);
        }
    }

    #[test]
    fn what_was_set_is_there_and_nothing_else_changed(
        file in file(), index: prop::sample::Index, other in text(), value in text(), hit: bool,
    ) {
        let Ok(mut document) = Document::parse(&file) else { return Ok(()) };
        let key = if hit { key_of(&document, index, other) } else { other };
        let before = pairs(&document);
        let had = document.get(&key);
        let changed = document.set(&key, &value);
        let bytes = document.to_bytes();
        prop_assert_eq!(changed, had.as_ref() != Some(&value));
        prop_assert_eq!(changed, bytes != file);
        prop_assert_eq!(document.get(&key), Some(value.clone()));

        // The edited document, and what is read from its bytes, are the same.
        let read = Document::parse(&bytes).unwrap();
        prop_assert_eq!(pairs(&document), pairs(&read));

        let mut after = pairs(&document);
        if had.is_some() {
            let at = before.iter().rposition(|(name, _)| *name == key).unwrap();
            prop_assert_eq!(&after[at], &(key.clone(), value.clone()));
            after[at] = before[at].clone();
        } else {
            let at = after.iter().position(|(name, _)| *name == key).unwrap();
            after.remove(at);
            // All old bytes are there, around one run of new ones.
            let head = file.iter().zip(&bytes).take_while(|(old, new)| old == new).count();
            let tail = file.iter().rev().zip(bytes.iter().rev())
                .take_while(|(old, new)| old == new).count();
            prop_assert!(head + tail >= file.len());
        }
        prop_assert_eq!(after, before);

        // Once more changes nothing, before and after reading it again.
        for mut again in [document, read] {
            prop_assert!(!again.set(&key, &value));
            prop_assert_eq!(again.to_bytes(), bytes.clone());
        }
    }

    #[test]
    fn edits_one_after_another_add_up(
        file in file(), edits in vec((text(), proptest::option::of(text())), 0..6),
    ) {
        let Ok(mut document) = Document::parse(&file) else { return Ok(()) };
        let mut expected = document.effective();
        for (key, value) in edits {
            if let Some(value) = value {
                document.set(&key, &value);
                expected.insert(key, value);
            } else {
                prop_assert_eq!(document.remove(&key), expected.remove(&key).is_some());
            }
            let read = Document::parse(&document.to_bytes()).unwrap();
            prop_assert_eq!(document.effective(), expected.clone());
            prop_assert_eq!(read.effective(), expected.clone());
        }
    }

    #[test]
    fn set_keeps_all_but_the_last_value(
        before in other_lines(), earlier in target(), between in other_lines(),
        (start, old, end) in target(), after in other_lines(), value in text(),
    ) {
        let earlier = [earlier.0, earlier.1, earlier.2].concat();
        let head = [&before, &earlier, &between, start].map(String::from).concat();
        let tail = [end, &after].concat();
        let file = [&head, old, &tail].map(String::from).concat();
        let mut document = Document::parse(file.as_bytes()).unwrap();
        let had = document.get("target").unwrap();
        document.set("target", &value);
        let bytes = document.to_bytes();
        if had == value {
            prop_assert_eq!(bytes, file.into_bytes());
        } else {
            let middle = bytes.strip_prefix(head.as_bytes())
                .and_then(|rest| rest.strip_suffix(tail.as_bytes()));
            prop_assert!(middle.is_some(), "{file:?} became {:?}", bytes.escape_ascii().to_string());
            prop_assert!(middle.unwrap().is_ascii());
        }
        document.remove("target");
        let left = [&before, &between, &after].map(|lines| lines.as_str()).concat();
        prop_assert_eq!(document.to_bytes(), left.into_bytes());
    }
}
