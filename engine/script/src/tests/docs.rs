//! Doc comments as prose.

use super::{good, load_whole};

#[test]
fn prose_above_what_is_declared() {
    let runbook = good(
        r#"
/// Where
///
///   all goes.
let root = param("root", #{type: "path", default: "x"});
/// Not this.
let n = param("n", #{type: "int", default: 1, doc: "How many."});

/// Too far away.

phase("One");
/// Of the function.
fn make(n) {
    /// In the function.
    file(`f-${n}`, #{path: `/${n}`})
}
// An ordinary comment.
file("plain", #{path: "/p"});
let made = [];
for i in 0..1 {
    /// In the loop,
    /// on two lines.
    let f =
        file(
            "loop", #{
            /// Not this either.
            path: "/l",
        });
    /** A block. */
    made.push(make(7));
}
let text = `
/// In a text.
`;
file("after-text", #{path: "/a"}); /// At the end of a line.
file("last", #{path: "/b"});
"#,
    );
    let docs: Vec<_> = runbook
        .steps
        .iter()
        .map(|s| (s.address.as_str(), &*s.doc))
        .collect();
    assert_eq!(
        docs,
        [
            ("plain", ""),
            ("loop", "In the loop,\non two lines."),
            ("f-7", "In the function."),
            ("after-text", ""),
            ("last", ""),
        ]
    );
    assert_eq!(runbook.params[0].doc, "Where\n\n  all goes.");
    assert_eq!(runbook.params[1].doc, "How many.");
    assert_eq!(runbook.phases[0].doc, "");
    assert_eq!(runbook.steps[1].span.to_string(), "test.rhai:25:9");
}

#[test]
fn prose_of_the_runbook() {
    let head = load_whole("\n//! What it does,\n//! in short.\n//!\n//! More.\n/// Not this.\nrunbook(#{name: \"a\"});").unwrap();
    assert_eq!(head.doc, "What it does,\nin short.\n\nMore.");
    assert_eq!(head.summary, "What it does, in short.");
    let above = load_whole("// licence\n\n/// What it does.\nrunbook(#{name: \"a\"});").unwrap();
    assert_eq!(above.doc, "What it does.");
}
