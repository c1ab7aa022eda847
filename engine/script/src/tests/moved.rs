//! Renamed steps, checkpoints, and what becomes of a run that fails.

use krun_model::OnFailure;

use super::{good, load_whole, render, wrong};

#[test]
fn moves_are_chained_and_kept_in_order() {
    let runbook =
        good("moved(\"a\", \"b\");\nmoved(\"b\", \"c/d\");\nfile(\"c/d\", #{path: \"/x\"});");
    let moves: Vec<_> = runbook
        .moved
        .iter()
        .map(|one| format!("{} → {} at {}", one.from, one.to, one.span))
        .collect();
    assert_eq!(
        moves,
        ["a → b at test.rhai:2:7", "b → c/d at test.rhai:3:7"]
    );
}

#[test]
fn what_is_wrong_with_moves() {
    insta::assert_snapshot!(wrong(
        "file(\"a\", #{path: \"/a\"});\nfile(\"b\", #{path: \"/b\"});\n\
         moved(\"a\", \"b\");\nmoved(\"x\", \"b\");\nmoved(\"x\", \"bb\");\n\
         moved(\"p\", \"q\");\nmoved(\"q\", \"p\");\nmoved(1, \"b c\");"
    ), @r#"
    krun::moved: there is still a step `a`, which has its own history
      test.rhai:4:7
      | moved("a", "b");
      |       ^^^
      help: Give the step that is new another address.
    krun::moved: two addresses are moved to `b`
      test.rhai:5:12
      | moved("x", "b");
      |            ^^^
      test.rhai:4:12
      | moved("a", "b");
      |            ^^^ first here
    krun::moved: `x` is moved twice
      test.rhai:6:7
      | moved("x", "bb");
      |       ^^^
      test.rhai:5:7
      | moved("x", "b");
      |       ^^^ first here
    krun::moved: there is no step `bb`
      test.rhai:6:12
      | moved("x", "bb");
      |            ^^^^
      help: Did you mean `b`?
    krun::moved: the moves from `p` go round in a circle
      test.rhai:7:7
      | moved("p", "q");
      |       ^^^
    krun::moved: the moves from `q` go round in a circle
      test.rhai:8:7
      | moved("q", "p");
      |       ^^^
    krun::moved: an address must be a string
      test.rhai:9:7
      | moved(1, "b c");
      |       ^
    krun::moved: `b c` is not a name: use lower-case letters, digits, `.`, `_` and `-`, starting with a letter or digit, in segments joined by `/`
      test.rhai:9:10
      | moved(1, "b c");
      |          ^^^^^
    "#);
}

#[test]
fn checkpoints_are_gates_with_a_name_of_their_own() {
    let runbook = good(
        "file(\"a\", #{path: \"/a\"});\n/// Files are there.\ncheckpoint(\"files\");\n\
         file(\"b\", #{path: \"/b\"});\ngate(\"files\");",
    );
    assert_eq!(runbook.checkpoints().collect::<Vec<_>>(), ["files"]);
    assert_eq!(runbook.gates[0].doc, "Files are there.");
    assert_eq!(runbook.steps[1].after.len(), 1, "a barrier");
    insta::assert_snapshot!(
        wrong("checkpoint(\"one\");\nfile(\"a\", #{path: \"/a\"});\ncheckpoint(\"one\");\ncheckpoint(1);"),
        @r#"
        krun::checkpoint: there is a checkpoint `one` already
          test.rhai:4:12
          | checkpoint("one");
          |            ^^^^^
          test.rhai:2:12
          | checkpoint("one");
          |            ^^^^^ first here
        krun::arg-type: the title of a checkpoint must be a string
          test.rhai:5:12
          | checkpoint(1);
          |            ^
        "#
    );
}

#[test]
fn policies() {
    let head = |policy: &str| {
        format!(
            "runbook(#{{name: \"test\", version: \"1\", summary: \"s\", on_failure: {policy}}});\n\
             file(\"a\", #{{path: \"/a\"}});\ncheckpoint(\"files\");\n"
        )
    };
    let refused = |policy| render(&load_whole(&head(policy)).expect_err("a wrong policy"));
    assert_eq!(good("").on_failure, OnFailure::Stop);
    let back = load_whole(&head("\"rollback-to=files\"")).expect("a runbook");
    assert_eq!(back.on_failure, OnFailure::RollbackTo("files".into()));
    insta::assert_snapshot!(refused("\"rollback-to=file\""), @r#"
    krun::on-failure: there is no checkpoint `file`
      test.rhai:1:65
      | runbook(#{name: "test", version: "1", summary: "s", on_failure: "rollback-to=file"});
      |                                                                 ^^^^^^^^^^^^^^^^^^
      help: Did you mean `files`?
    "#);
    insta::assert_snapshot!(refused("\"undo\""), @r#"
    krun::on-failure: `undo` is none of `stop`, `rollback` and `rollback-to=CHECKPOINT`
      test.rhai:1:65
      | runbook(#{name: "test", version: "1", summary: "s", on_failure: "undo"});
      |                                                                 ^^^^^^
    "#);
}
