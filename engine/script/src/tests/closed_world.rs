//! What scripts can't do, and limits.

use std::time::{Duration, Instant};

use serde_json::Value as Json;

use super::{HEAD, codes, load, load_files, load_files_by, load_whole, loader, wrong};

#[test]
fn nothing_reaches_outside() {
    for script in [
        "timestamp();",
        "sleep(1);",
        "sleep(0.5);",
        "print(1);",
        "debug(1);",
        "exit();",
        "exit(1);",
        "rand();",
        "Fn(\"sleep\").call(1);",
        "if false { print(1); }",
    ] {
        assert_eq!(codes(script), ["krun::closed-world"], "{script}");
    }
    assert_eq!(codes("eval(\"1\");"), ["krun::closed-world"]);
    for script in [
        "let s = \"sle\" + \"ep\"; Fn(s).call(3600);",
        "let s = \"ex\" + \"it\"; Fn(s).call();",
    ] {
        let start = Instant::now();
        assert_eq!(codes(script), ["krun::closed-world"], "{script}");
        assert!(start.elapsed() < Duration::from_secs(60));
    }
    for name in ["timestamp", "open_file", "env", "eval", "rand"] {
        let script = format!("let s = \"\" + \"{name}\"; Fn(s).call();");
        assert!(!codes(&script).is_empty(), "{script}");
    }
    insta::assert_snapshot!(wrong("let now = timestamp();"), @r#"
krun::closed-world: `timestamp` is not available in a runbook
  test.rhai:2:11
  | let now = timestamp();
  |           ^^^^^^^^^ a runbook has no clock: each reading must give the same steps
"#);
}

#[test]
fn limits() {
    for (script, wanted) in [
        ("loop { }", "operations"),
        ("let x = 0; while true { x += 1; }", "operations"),
        ("fn f(x) { f(x + 1) } f(0);", "nest deeper"),
        ("let s = \"aaaaaaaa\"; loop { s += s; }", "a string grows"),
        ("let a = [1]; loop { a += a; }", "a list grows"),
        ("let a = [1, 2, 3]; loop { a = [a, a, a]; }", "a list grows"),
        ("let a = []; loop { a.push(1); }", "a list grows"),
        ("for i in 0..9_000_000_000 { }", "operations"),
        ("let a = []; a.pad(1_000_000_000, 1);", "a list grows"),
        (
            "let s = \"a\"; s.pad(1_000_000_000, 'x');",
            "a string grows",
        ),
    ] {
        let start = Instant::now();
        let found = load(script).expect_err(script);
        assert_eq!(found.items.len(), 1, "{script}: {found}");
        assert_eq!(found.items[0].code, "krun::limit", "{script}: {found}");
        assert!(found.items[0].message.contains(wanted), "{found}");
        assert!(start.elapsed() < Duration::from_secs(60), "{script}");
    }
    let deep = format!("let x = {}1{};", "(".repeat(500), ")".repeat(500));
    assert_eq!(codes(&deep), ["krun::limit"]);
    let deep = format!("{}{}", "if true {".repeat(500), "}".repeat(500));
    assert_eq!(codes(&deep), ["krun::limit"]);
    assert_eq!(codes(&"\n".repeat(70_000)), ["krun::limit"]);
}

/// What the book says that lists and maps may hold they hold, and not one more.
#[test]
fn lists_and_maps_hold_what_the_book_says() {
    let book = include_str!("../../../../book/src/language.md");
    let row = "| items of a list, entries of a map, nested ones counted |";
    let said = book.lines().find_map(|line| line.strip_prefix(row));
    let said: String = said.expect("a row").matches(char::is_numeric).collect();
    let most: usize = said.parse().expect("a number");
    let list = |items: usize| format!("let a = []; a.pad({items}, 1);");
    let nested = |items: usize| format!("let a = []; a.pad({}, 1); a.push([1]);", items - 2);
    // Only what the last is put into is counted.
    let map = |entries: usize| {
        let others = entries - 1;
        format!("let m = #{{}}; for i in 0..{others} {{ m[`${{i}}`] = 1; }} m.set(`last`, 1);")
    };
    for script in [list(most), nested(most), map(most)] {
        assert_eq!(codes(&script), [""; 0], "{script}");
    }
    for script in [list(most + 1), nested(most + 1), map(most + 1)] {
        assert_eq!(codes(&script), ["krun::limit"], "{script}");
    }
}

#[test]
fn slow_operations_are_ended() {
    let mut loader = loader();
    loader.patience = Duration::from_millis(100);
    for script in [
        "let a = []; loop { a = [a]; }",
        "let a = #{}; loop { a = #{a: a}; }",
        "let a = []; a.pad(19_000, 1); loop { a[0] = 1; }",
        "let s = \"\"; s.pad(1_000_000, 'x'); loop { let t = s + \"\"; }",
    ] {
        let start = Instant::now();
        let script = format!("{HEAD}{script}");
        let found = load_files_by(&loader, &[("a.rhai", &script)], Json::Null).expect_err(&script);
        assert_eq!(found.items[0].message, "the script takes too long");
        assert!(start.elapsed() < Duration::from_secs(20), "{script}");
    }
}

#[test]
fn deep_data_does_no_harm() {
    let nested = "let a = []; for i in 0..2_000 { a = [a]; }";
    for script in [
        "let s = `${a}`;",
        "if a == a { }",
        "switch a { _ => 1 }",
        "file(\"a\", #{path: \"/a\", after: a});",
        "let f = || a; f.call();",
    ] {
        assert_eq!(codes(&format!("{nested}\n{script}")), [""; 0], "{script}");
    }
    let handed_on = "file(\"a\", #{path: \"/a\", labels: a});";
    assert_eq!(codes(&format!("{nested}\n{handed_on}")), ["krun::arg-type"]);
}

#[test]
fn imported_files_are_limited_too() {
    let main = format!("{HEAD}import \"lib\" as lib;\nlib::f();");
    for lib in ["loop { }", "fn f() { loop { } }", "fn f() { f() }"] {
        let files = [("main.rhai", &*main), ("lib.rhai", lib)];
        let found = load_files(&files, Json::Null).expect_err(lib);
        assert!(
            found.items.iter().any(|d| d.code == "krun::limit"),
            "{found}"
        );
    }
}

#[test]
fn syntax_errors() {
    insta::assert_snapshot!(wrong("let x = 1\nlet y = 2;"), @r#"
krun::syntax: expecting `;` to terminate this statement
  test.rhai:3:1
  | let y = 2;
  | ^^^
  help: A statement ends with `;`.
"#);
    insta::assert_snapshot!(wrong("file(\"a\", #{path: \"/a\" mode: 1});"), @r#"
krun::syntax: expecting `,` to separate the items of this object map literal
  test.rhai:2:24
  | file("a", #{path: "/a" mode: 1});
  |                        ^^^^
  help: Is a `,` missing before this?
"#);
    insta::assert_snapshot!(wrong("let x = null;"), @r#"
krun::syntax: `null` is a reserved keyword
  test.rhai:2:9
  | let x = null;
  |         ^^^^
  help: Nothing is written `()`.
"#);
    insta::assert_snapshot!(wrong("let x = \"abc;"), @r#"
krun::syntax: open string is not terminated
  test.rhai:2:9
  | let x = "abc;
  |         ^^^^^
  help: A string in double quotes ends on its line. One that goes over lines, or has `${…}` in it, stands in backticks.
"#);
    insta::assert_snapshot!(wrong("let ü = \"ä\"; let x = file(\"ö\" #{});"), @r#"
krun::syntax: unexpected `ü`
  test.rhai:2:5
  | let ü = "ä"; let x = file("ö" #{});
  |     ^
"#);
}

#[test]
fn runtime_errors() {
    insta::assert_snapshot!(wrong(r#"
fn pick(list, at) {
    list[at]
}
let a = [1];
let f = |x| pick(a, x);
f.call(3);
"#), @r#"
krun::out-of-bounds: there is nothing at 3 in a list of length 1
  test.rhai:4:10
  |     list[at]
  |          ^^
  test.rhai:7:13
  | let f = |x| pick(a, x);
  |             ^^^^ in a call of `pick`
  test.rhai:8:3
  | f.call(3);
  |   ^^^^ in a call of a closure
"#);
    insta::assert_snapshot!(wrong("let m = #{a: 1}; let x = m.b;"), @r#"
krun::unknown-property: the map has no `b`
  test.rhai:2:28
  | let m = #{a: 1}; let x = m.b;
  |                            ^
  help: Where it may be missing, ask with `in` or `get`.
"#);
    insta::assert_snapshot!(wrong("let x = 1 + true;"), @r#"
krun::type: `+` can't be applied to an int and a bool
  test.rhai:2:11
  | let x = 1 + true;
  |           ^
"#);
    insta::assert_snapshot!(wrong("if 1 { }"), @r#"
krun::syntax: expecting a boolean expression, not a number
  test.rhai:2:4
  | if 1 { }
  |    ^
"#);
    insta::assert_snapshot!(wrong("let x = 1 / 0;"), @r#"
krun::arithmetic: division by zero: 1 / 0
  test.rhai:2:11
  | let x = 1 / 0;
  |           ^
"#);
    insta::assert_snapshot!(wrong("throw \"three brokers at least\";"), @r#"
krun::thrown: three brokers at least
  test.rhai:2:1
  | throw "three brokers at least";
  | ^^^^^
"#);
}

#[test]
fn unknown_variables() {
    insta::assert_snapshot!(wrong(r#"
let ports = [1];
fn f(x) { if false { x + ports } }
if false { let y = prots; }
let g = |z| z + ports.len() + nothing;
"#), @r#"
krun::unknown-variable: there is no variable `ports`
  test.rhai:4:26
  | fn f(x) { if false { x + ports } }
  |                          ^^^^^
  help: A function sees its own parameters only. Add `ports` to those of `f`.
krun::unknown-variable: there is no variable `prots`
  test.rhai:5:20
  | if false { let y = prots; }
  |                    ^^^^^
  help: Did you mean `ports`?
krun::unknown-variable: there is no variable `nothing`
  test.rhai:6:31
  | let g = |z| z + ports.len() + nothing;
  |                               ^^^^^^^
"#);
}

#[test]
fn the_runbook_comes_first_and_once() {
    let found = |script| {
        let wrong = load_whole(script).expect_err(script);
        wrong
            .items
            .iter()
            .map(|d| d.code.to_string())
            .collect::<Vec<_>>()
    };
    assert_eq!(found("let x = 1;"), ["krun::no-runbook"]);
    assert_eq!(
        found("phase(\"a\"); phase(\"b\");"),
        ["krun::runbook-first"]
    );
    assert_eq!(found("runbook(#{});"), ["krun::missing-key"]);
    assert_eq!(
        found("runbook(1);"),
        ["krun::missing-key", "krun::arg-type"]
    );
    insta::assert_snapshot!(wrong(
        "runbook(#{name: \"a/b\", versoin: \"1\", requires: \">=99\"});"
    ), @r#"
krun::runbook-twice: `runbook(…)` stands here a second time
  test.rhai:2:1
  | runbook(#{name: "a/b", versoin: "1", requires: ">=99"});
  | ^^^^^^^
  test.rhai:1:1
  | runbook(#{name: "test", version: "1", summary: "a test"});
  | ^^^^^^^ first here
"#);
    assert_eq!(
        found("runbook(#{name: \"a\", nme: 1});"),
        ["krun::unknown-key"]
    );
    assert_eq!(found("runbook(#{name: \"A\"});"), ["krun::bad-name"]);
    assert_eq!(
        found("runbook(#{name: \"a\", requires: \">=99\"});"),
        ["krun::requires"]
    );
    assert_eq!(
        found("runbook(#{name: \"a\", requires: \"new\"});"),
        ["krun::bad-version"]
    );
    assert!(load_whole("runbook(#{name: \"a\", requires: \">=0.1\"});").is_ok());
}
