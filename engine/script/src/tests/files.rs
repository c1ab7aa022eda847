//! Imports, the disk, pinned sources.

use std::{fs, os::unix::fs::symlink};

use camino::Utf8Path;
use krun_model::Map;
use serde_json::Value as Json;

use super::{HEAD, load_files, loader, render};

const LIB: &str = r#"
import "lib/more" as more;
/// Declares a file.
fn make(name) {
    /// Made in the library.
    file(name, #{path: more::path(name)})
}
private fn hidden() { 1 }
"#;
const MORE: &str = "fn path(name) { `/made/${name}` }";

#[test]
fn imported_functions_declare_steps() {
    let main = format!(
        "{HEAD}import \"lib/files\" as files;\nlet f = files::make(\"a\");\nfile(\"b\", #{{path: \"/b\", after: f}});"
    );
    let files = [
        ("main.rhai", &*main),
        ("lib/files.rhai", LIB),
        ("lib/more.rhai", MORE),
    ];
    let runbook = load_files(&files, Json::Null).unwrap_or_else(|w| panic!("{}", render(&w)));
    assert_eq!(runbook.steps[0].span.to_string(), "lib/files.rhai:6:5");
    assert_eq!(runbook.steps[0].doc, "Made in the library.");
    assert_eq!(runbook.steps[0].args["path"], "/made/a".into());
    assert_eq!(runbook.steps[1].after[0].as_str(), "a");
    let pinned: Vec<_> = runbook.sources.iter().map(|s| &*s.path).collect();
    assert_eq!(pinned, ["main.rhai", "lib/files.rhai", "lib/more.rhai"]);

    let again = loader().load_sources(runbook.sources.clone(), &Map::new());
    assert_eq!(again.unwrap(), runbook);
}

#[test]
fn errors_in_imported_files_are_shown_there() {
    let main = format!(
        "{HEAD}import \"lib/files\" as f;\nf::fail(1);\nf::wrong();\nf::hidden();\nf::mkae();"
    );
    let lib = "fn fail(n) {\n    file(`f-${n}`, #{pth: \"/x\"});\n    [1][n]\n}\nfn wrong() { fiel() }\nprivate fn hidden() { 1 }\nfn make() {}";
    let files = [("main.rhai", &*main), ("lib/files.rhai", lib)];
    let found = load_files(&files, Json::Null).unwrap_err();
    insta::assert_snapshot!(render(&found), @r#"
krun::unknown-function: there is no function `f::hidden`
  main.rhai:5:1
  | f::hidden();
  | ^^^^^^^^^
  help: There is `f::fail`, `f::make` and `f::wrong`.
krun::unknown-function: there is no function `f::mkae`
  main.rhai:6:1
  | f::mkae();
  | ^^^^^^^
  help: Did you mean `f::make`?
krun::missing-arg: `file` must be given `path`
  lib/files.rhai:2:5
  |     file(`f-${n}`, #{pth: "/x"});
  |     ^^^^
  help: It is an absolute path: where it is
krun::unknown-arg: `file` has no argument `pth`
  lib/files.rhai:2:22
  |     file(`f-${n}`, #{pth: "/x"});
  |                      ^^^
  help: Did you mean `path`?
krun::out-of-bounds: there is nothing at 1 in a list of length 1
  lib/files.rhai:3:9
  |     [1][n]
  |         ^
  main.rhai:3:1
  | f::fail(1);
  | ^^^^^^^ in a call of `fail`
krun::unknown-function: there is no function `fiel`
  lib/files.rhai:5:14
  | fn wrong() { fiel() }
  |              ^^^^
  help: Did you mean `file`?
"#);
}

#[test]
fn imports_are_checked_before_anything_runs() {
    let main = format!(
        "{HEAD}import \"/etc/passwd\" as a;\nimport \"../x\" as b;\nimport \"lib/none\" as c;\nlet n = \"x\";\nimport n as d;\nif false {{ import \"lib\" as e; }}"
    );
    let lib = "import \"lib2\" as two;\nrunbook(#{name: \"b\"});";
    let files = [
        ("main.rhai", &*main),
        ("lib.rhai", lib),
        ("lib2.rhai", "import \"lib\" as one;"),
    ];
    let found = load_files(&files, Json::Null).unwrap_err();
    insta::assert_snapshot!(render(&found), @r#"
krun::import: can't import `/etc/passwd`: the path is absolute
  main.rhai:2:8
  | import "/etc/passwd" as a;
  |        ^^^^^^^^^^^^^
  help: Name it relative to the runbook's folder, such as `import "lib/brokers" as brokers;`.
krun::import: can't import `../x`: the path leads out of the folder
  main.rhai:3:8
  | import "../x" as b;
  |        ^^^^^^
  help: Name it relative to the runbook's folder, such as `import "lib/brokers" as brokers;`.
krun::import: `lib/none.rhai` is not among the pinned files
  main.rhai:4:8
  | import "lib/none" as c;
  |        ^^^^^^^^^^
krun::import: an import's path must be a plain string
  main.rhai:6:8
  | import n as d;
  |        ^
  help: A run pins what it imports, so that must be plain to see.
krun::import-cycle: files import each other: lib.rhai → lib2.rhai → lib.rhai
  lib2.rhai:1:8
  | import "lib" as one;
  |        ^^^^^
"#);

    let main = format!("{HEAD}import \"lib\" as lib;");
    let files = [
        ("main.rhai", &*main),
        ("lib.rhai", "runbook(#{name: \"b\"});"),
    ];
    let found = load_files(&files, Json::Null).unwrap_err();
    insta::assert_snapshot!(render(&found), @r#"
krun::runbook-import: an imported file is not a runbook of its own
  lib.rhai:1:1
  | runbook(#{name: "b"});
  | ^^^^^^^
  help: Keep `runbook(…)` in the file that is run.
"#);
}

#[test]
fn reads_the_folder_and_nothing_else() {
    let temp = tempfile::tempdir().unwrap();
    let root = Utf8Path::from_path(temp.path()).unwrap().join("book");
    fs::create_dir_all(root.join("lib")).unwrap();
    fs::write(root.join("../outside.rhai"), MORE).unwrap();
    fs::write(root.join("lib/more.rhai"), MORE).unwrap();
    let main = root.join("main.rhai");
    let load = |import: &str| {
        fs::write(
            &main,
            format!("{HEAD}import \"{import}\" as more;\nlet x = more::path(\"a\");"),
        )
        .unwrap();
        loader().load(&main, &Map::new())
    };
    let runbook = load("lib/more").unwrap();
    assert_eq!(runbook.sources[1].path, "lib/more.rhai");
    assert_eq!(&*runbook.sources[1].text, MORE);

    for escape in ["outside", "lib/outside", "lib/away/outside"] {
        let _ = symlink(root.join("../outside.rhai"), root.join("outside.rhai"));
        let _ = symlink("../../outside.rhai", root.join("lib/outside.rhai"));
        let _ = symlink("../..", root.join("lib/away"));
        let found = load(escape).unwrap_err();
        assert_eq!(found.items[0].code, "krun::import", "{found}");
        assert!(
            found.items[0].message.contains("is a link out of"),
            "{found}"
        );
    }

    // The runbook itself may be a link.
    symlink("main.rhai", root.join("link.rhai")).unwrap();
    load("lib/more").unwrap();
    assert!(loader().load(&root.join("link.rhai"), &Map::new()).is_ok());

    let found = loader()
        .load(Utf8Path::new("no/such.rhai"), &Map::new())
        .unwrap_err();
    assert_eq!(found.items[0].code, "krun::io");
    assert_eq!(&*found.items[0].file, "no/such.rhai");
    fs::write(&main, [0xff, 0xfe]).unwrap();
    assert!(loader().load(&main, &Map::new()).is_err());
}
