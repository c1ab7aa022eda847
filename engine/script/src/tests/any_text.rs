//! Whatever the text: a runbook or diagnostics that point into it, never a panic.

use proptest::prelude::*;
use serde_json::Value as Json;

use super::{HEAD, load_files};

const PIECES: &[&str] = &[
    "file",
    "kafka::broker",
    "(",
    ")",
    "\"a\"",
    "\"ä b\"",
    "#{",
    "}",
    "{",
    "path",
    ":",
    "\"/x\"",
    ",",
    ";",
    "\n",
    "let x = ",
    "x",
    ".",
    "digest",
    "after",
    "`",
    "${",
    "switch",
    "if",
    "=>",
    "_",
    "==",
    "/// ü\n",
    "//! h\n",
    "/** b */",
    "/*",
    "*/",
    "fn f",
    "|y|",
    "param",
    "type",
    "\"int\"",
    "import",
    "as m",
    "[",
    "]",
    "1",
    "2.5",
    "+",
    "'",
    "\\",
    "phase",
    "gate",
    "checkpoint",
    "moved",
    "for i in ",
    "0..3",
    "\r\n",
    "file(\"s\", #{path: \"/s\"});",
    "runbook(#{name: \"b\"});",
    "break",
    "return",
    "default",
    "🦀",
];

proptest! {
    // Found cases become tests of their own rather than files of seeds.
    #![proptest_config(ProptestConfig {
        failure_persistence: None,
        ..ProptestConfig::with_cases(256)
    })]

    #[test]
    fn never_panics(
        pieces in prop::collection::vec(prop::sample::select(PIECES), 0..24),
        head: bool,
        noise in ".{0,6}",
    ) {
        let text = format!("{}{}{noise}", if head { HEAD } else { "" }, pieces.join(" "));
        if let Err(found) = load_files(&[("main.rhai", &text)], Json::Null) {
            prop_assert!(!found.items.is_empty());
            for item in &found.items {
                let places = item.related.iter().map(|r| (r.offset, r.len));
                for (offset, len) in places.chain([(item.offset, item.len)]) {
                    prop_assert!(text.get(offset..offset + len).is_some(), "{item}\n{text}");
                }
                let line = text.get(..item.offset).map_or(0, |t| t.matches('\n').count()) + 1;
                prop_assert_eq!(item.line, line);
            }
        }
    }
}

#[test]
fn comments_in_broken_text() {
    assert!(load_files(&[("a.rhai", "'\n\"ä b\" /** b */")], Json::Null).is_err());
}
