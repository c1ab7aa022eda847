//! `use_plugin`: which plugins are named, and that the lock is pinned with the runbook.

use serde_json::Value as Json;

use super::{HEAD, codes, load_files, render, source, wrong};
use crate::plugins_used_in;

#[test]
fn the_lock_is_pinned() {
    // To the script a plugin's module is one like any other, such as `kafka` here.
    let main = format!("{HEAD}use_plugin(\"kafka\");");
    let files = [("test.rhai", main.as_str()), ("krun.lock", "format: 1")];
    let runbook =
        load_files(&files, Json::Null).unwrap_or_else(|wrong| panic!("{}", render(&wrong)));
    let pinned: Vec<_> = runbook
        .sources
        .iter()
        .map(|one| one.path.as_str())
        .collect();
    assert_eq!(pinned, ["test.rhai", "krun.lock"]);
    let without = [("test.rhai", HEAD), ("krun.lock", "format: 1")];
    assert_eq!(
        load_files(&without, Json::Null)
            .expect("a runbook")
            .sources
            .len(),
        1
    );
}

#[test]
fn what_is_used_is_known_before_anything_is_evaluated() {
    let main = format!(
        "{HEAD}import \"lib/a\" as a; if false {{ use_plugin(\"b-c\"); }} let x = #{{ thread: 1 }};"
    );
    let sources = vec![
        source("test.rhai", &main),
        source(
            "lib/a.rhai",
            "fn f() { use_plugin(\"a\"); } let name = \"d\"; use_plugin(name);",
        ),
    ];
    assert_eq!(plugins_used_in(&sources), ["a", "b-c"]);
}

#[test]
fn what_is_not_there() {
    insta::assert_snapshot!(wrong("use_plugin(\"topic-polizy\");"), @r#"
    krun::unknown-plugin: krun.lock, beside the runbook, has no plugin `topic-polizy`
      test.rhai:2:12
      | use_plugin("topic-polizy");
      |            ^^^^^^^^^^^^^^
      help: Add it: `krun plugin add FILE`. `krun plugin list` shows what is there.
    "#);
    assert_eq!(
        codes("let name = \"kafka\"; use_plugin(name);"),
        ["krun::unknown-plugin"]
    );
}
