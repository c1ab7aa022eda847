//! What a document holds and what an edit does to it, as tables.

use super::*;
use crate::Fault;

fn document(input: &str) -> Document {
    Document::parse(input.as_bytes()).unwrap()
}

fn text(document: &Document) -> String {
    String::from_utf8(document.to_bytes()).unwrap()
}

/// An edited document must be no different from one read from its bytes.
fn assert_as_if_read(edited: &Document) {
    let read = Document::parse(&edited.to_bytes()).unwrap();
    assert!(edited.pieces == read.pieces, "{:?}", text(edited));
}

#[test]
fn entries_come_in_file_order_and_the_last_wins() {
    fn check(input: &str, expected: &[(&str, &str)]) {
        let document = document(input);
        let entries: Vec<_> = document.entries().collect();
        assert_eq!(entries, expected, "{input:?}");
        assert_eq!(text(&document), input);
    }
    check("", &[]);
    check("# only\n! comments\n\n", &[]);
    check("b=1\na=2\nb=3", &[("b", "1"), ("a", "2"), ("b", "3")]);
    check("k\n", &[("k", "")]);
    check("=v", &[("", "v")]);
    check("a=\\u0041\\\n  b\n", &[("a", "Ab")]);
    check("a=\\u00\\\n 41\n", &[("a", "A")]);
    check("a=b\\", &[("a", "b")]);
    check("\\", &[("", "")]);

    let document = document("b=1\na=2\nb=3");
    assert_eq!(document.get("b").as_deref(), Some("3"));
    assert_eq!(document.get("c"), None);
    let effective = [("a", "2"), ("b", "3")].map(|(k, v)| (k.to_owned(), v.to_owned()));
    assert_eq!(document.effective(), BTreeMap::from(effective));
}

#[test]
fn faults_are_found_in_keys_and_values_only() {
    fn check(input: &str, expected: Option<(usize, usize, Fault)>) {
        let found = Document::parse(input.as_bytes()).err();
        let found = found.map(|error| (error.line, error.column, error.what));
        assert_eq!(found, expected, "{input:?}");
    }
    check("# \\u00\n! \\uD800\na=1\n", None);
    check("a=1\nb = \\u00", Some((2, 5, Fault::MalformedEscape)));
    check("\\u004=x", Some((1, 1, Fault::MalformedEscape)));
    check(
        "a=x\\\r\n  \\uD83Dy",
        Some((2, 3, Fault::UnpairedSurrogate)),
    );
}

#[test]
fn set_rewrites_the_last_entry_in_place() {
    fn check(input: &str, value: &str, expected: &str) {
        let mut document = document(input);
        assert_eq!(document.set("k", value), input != expected, "{input:?}");
        assert_eq!(text(&document), expected, "{input:?}");
        assert_eq!(document.get("k").as_deref(), Some(value), "{input:?}");
        assert_as_if_read(&document);
    }
    check("k=1\n", "2", "k=2\n");
    check("a=0\n k : 1\r\nb=0", "2", "a=0\n k : 2\r\nb=0");
    check("k=1\nk=2\nb=0\n", "3", "k=1\nk=3\nb=0\n");
    check("k=1", "2", "k=2");
    check("k=1", "", "k=");
    check("\\u006b=1\n", "2", "\\u006b=2\n");
    // The same value in another spelling is the same value.
    check("k=\\u0041\\\n  b\n", "Ab", "k=\\u0041\\\n  b\n");
    // A key without a separator, or with white space only.
    check("k\n", "2", "k=2\n");
    check("k", "=2", "k==2");
    check("k\\\n\n", "2", "k=2\n");
    check("k 1\n", "=2", "k \\=2\n");
    check("k 1\n", "", "k \n");
    // Values over several lines go as a whole, wherever they start.
    check("k=a,\\\n  b,\\\n  c\nz=0\n", "2", "k=2\nz=0\n");
    check("k = \\\r\n  a\r\nz=0\r\n", "2", "k = 2\r\nz=0\r\n");
    check("k=a\\\n\nz=0\n", "2", "k=2\nz=0\n");
    check("k\\\n  = 1\n", "2", "k\\\n  = 2\n");
    check("k=1\\", "2", "k=2");
    check("k=1\\\n", "2", "k=2\n");
    check("\\\nk=1\n", "2", "\\\nk=2\n");
    check("k=1\n", " \u{e9}\\", "k=\\ \\u00E9\\\\\n");
}

#[test]
fn set_finds_a_place_for_a_missing_key() {
    fn check(input: &str, expected: &str) {
        let mut document = document(input);
        assert!(document.set("k", "v"), "{input:?}");
        assert_eq!(text(&document), expected, "{input:?}");
        assert_as_if_read(&document);
    }
    check("", "k=v\n");
    check("a=0\n", "a=0\nk=v\n");
    check("a=0", "a=0\nk=v\n");
    check("a=0\r\nb=0", "a=0\r\nb=0\r\nk=v\r\n");
    check("# end", "# end\nk=v\n");
    check("a=0\n  ", "a=0\n  \nk=v\n");
    // After the entry that is commented out.
    check("#k=1\n\na=0\n", "#k=1\nk=v\n\na=0\n");
    check("# k = 1\r\na=0\n", "# k = 1\r\nk=v\r\na=0\n");
    check(" #k=1", " #k=1\nk=v\n");
    check("#k=1\\\na=0\n", "#k=1\\\nk=v\na=0\n");
    check("#k=1\n#k=2\n# k=3\n", "#k=1\n#k=2\nk=v\n# k=3\n");
    // Not commented-out entries of that key.
    check("#  k=1\na=0\n", "#  k=1\na=0\nk=v\n");
    check("#\tk=1\na=0\n", "#\tk=1\na=0\nk=v\n");
    check(
        "#k is good\n#k: so\na=0\n",
        "#k is good\n#k: so\na=0\nk=v\n",
    );
    check("##k=1\n!k=1\n#kk=1\n", "##k=1\n!k=1\n#kk=1\nk=v\n");
    check("#\\u00k=1\na=0\n", "#\\u00k=1\na=0\nk=v\n");
    // A last line that would swallow the next one.
    check("a=0\\", "a=0\\\n\nk=v\n");
    check("a=0\\\n", "a=0\\\n\nk=v\n");
    check("a=0\\\r\n", "a=0\\\r\n\r\nk=v\r\n");
    check("b\nc\na=0\\\r", "b\nc\na=0\\\r\rk=v\n");
    check("a\\\n   ", "a\\\n   \nk=v\n");
    // A last line that means something only as the last.
    check("a=0\n \\", "a=0\nk=v\n \\");
    check("\\\n", "k=v\n\\\n");
}

#[test]
fn a_continuation_of_nothing_is_closed_too() {
    let mut document = document("\\\r\n");
    document.set("k", "v");
    assert_eq!(text(&document), "\\\r\n\r\nk=v\r\n");
}

#[test]
fn an_entry_that_was_closed_can_be_set_again() {
    let mut document = document("a=0\\");
    document.set("k", "v");
    document.set("a", "1");
    assert_eq!(text(&document), "a=1\nk=v\n");
}

#[test]
fn remove_takes_whole_entries_only() {
    fn check(input: &str, expected: &str) {
        let mut document = document(input);
        assert_eq!(document.remove("k"), input != expected, "{input:?}");
        assert_eq!(text(&document), expected, "{input:?}");
        assert_eq!(document.get("k"), None);
    }
    check("", "");
    check("a=0\n#k=1\n", "a=0\n#k=1\n");
    check("# of k\nk=1\n\na=0\nk:2", "# of k\n\na=0\n");
    check("k=1,\\\n  2\r\na=0\n", "a=0\n");
    check("a=0\n\\\nk=1\n", "a=0\n");
    check("k\\\n\na=0\n", "a=0\n");
}

#[test]
fn bytes_of_comments_are_never_decoded() {
    let input = b"# caf\xc3\xa9 \xff\xfe\x00\nk=1\n";
    let mut document = Document::parse(input).unwrap();
    document.set("k", "2");
    assert_eq!(document.to_bytes(), b"# caf\xc3\xa9 \xff\xfe\x00\nk=2\n");
}

#[test]
fn debug_output_shows_no_value() {
    let document = document("password=secret\n");
    assert_eq!(
        format!("{document:?}"),
        r#"Document { keys: ["password"], .. }"#
    );
}
