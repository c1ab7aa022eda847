//! Runbooks that are declared and not written: what comes of them, and what is wrong with them.

use krun_model::declaration::{DeclaredParam, DeclaredStep, Manifest, Statement, Titled};
use serde_json::json;

use super::*;
use crate::{Declared, DeclaredBy, plugins_used_in};

fn manifest() -> Manifest {
    Manifest {
        name: "made".into(),
        version: "1.2.0".into(),
        summary: "a \"test\" of ${things}".into(),
        doc: "What it is.\n\n*/ more prose\r".into(),
        params: vec![DeclaredParam {
            name: "port".into(),
            ty: "port".into(),
            default: Some(json!(9092)),
            doc: "Where it listens.".into(),
            ..DeclaredParam::default()
        }],
        ..Manifest::default()
    }
}

fn step(kind: &str, address: &str, arguments: Json) -> Statement {
    Statement::Step(DeclaredStep {
        kind: kind.into(),
        address: address.into(),
        doc: "Prose.\nMore.".into(),
        arguments: arguments.as_object().cloned().unwrap_or_default(),
    })
}

fn declared(manifest: &Manifest) -> Declared<'_> {
    Declared {
        file: "made.wasm",
        origin: "sha256 00",
        manifest,
        own_kinds: false,
        lock: None,
    }
}

fn load(statements: &[Statement]) -> Result<Runbook, Diagnostics> {
    loader().load_declared(&declared(&manifest()), statements, &Map::new())
}

#[track_caller]
fn refused(statements: &[Statement]) -> String {
    render(&load(statements).expect_err("it must be refused"))
}

/// What is declared is what the same script declares, and its text is one that can be loaded again.
#[test]
fn the_same_as_a_script() {
    let first = step("directory", "a", json!({"path": "/x/\"\\\n\u{7}`${y}`"}));
    let statements = [
        Statement::Phase(Titled {
            title: "One \"phase\"".into(),
            doc: "Of two.".into(),
        }),
        first,
        Statement::Checkpoint(Titled {
            title: "there".into(),
            doc: String::new(),
        }),
        step(
            "directory",
            "b",
            json!({"path": {"$output": ["a", "path"]}, "after": ["a"], "tags": ["x"]}),
        ),
        Statement::Moved {
            from: "old".into(),
            to: "b".into(),
        },
    ];
    let runbook = load(&statements).unwrap_or_else(|wrong| panic!("{}", render(&wrong)));
    let main = &runbook.sources[0];
    insta::assert_snapshot!(main.text, @r##"
    //! What it is.
    //!
    //! */ more prose
    // Declared by the plugin made 1.2.0, sha256 00.
    runbook(#{
        "name": "made",
        "version": "1.2.0",
        "summary": "a \"test\" of ${things}",
    });

    /// Where it listens.
    param("port", #{
        "type": "port",
        "default": 9092,
    });

    /// Of two.
    phase("One \"phase\"");

    /// Prose.
    /// More.
    let step_0 = directory("a", #{
        "path": "/x/\"\\\n\u0007`${y}`",
    });

    checkpoint("there");

    /// Prose.
    /// More.
    directory("b", #{
        "after": ["a"],
        "path": step_0["path"],
        "tags": ["x"],
    });

    moved("old", "b");
    "##);
    let by = DeclaredBy {
        name: "made",
        version: "1.2.0",
        origin: "sha256 00",
    };
    assert_eq!(DeclaredBy::of(&main.text), Some(by));
    assert_eq!(DeclaredBy::of(HEAD), None);
    assert_eq!(runbook.name, "made");
    assert_eq!(runbook.summary, "a \"test\" of ${things}");
    assert_eq!(runbook.values["port"], json!(9092));
    assert_eq!(runbook.steps[0].args["path"], "/x/\"\\\n\u{7}`${y}`".into());
    assert_eq!(runbook.steps[1].args["path"], runbook.steps[0].args["path"]);
    assert_eq!(runbook.steps[1].doc, "Prose.\nMore.");
    assert_eq!(runbook.phases[0].doc, "Of two.");
    assert_eq!((runbook.gates.len(), runbook.moved.len()), (1, 1));
    let again = loader().load_sources(runbook.sources.clone(), &runbook.values);
    assert_eq!(again.expect("the text that it pins"), runbook);
}

#[test]
fn what_is_bound_before_anything_is_declared() {
    let manifest = manifest();
    let given = |port: &str| Map::from([("port".to_owned(), Json::from(port))]);
    let bound = loader().bound(&declared(&manifest), &given("9093"));
    assert_eq!(bound.expect("a port")["port"], json!(9093));
    let wrong = loader().bound(&declared(&manifest), &given("x"));
    let wrong = render(&wrong.expect_err("no port"));
    assert!(wrong.contains("krun::param-type"), "{wrong}");
    assert!(!wrong.contains("authors"), "{wrong}");
    let unknown = Map::from([("prot".to_owned(), Json::from(1))]);
    assert!(loader().bound(&declared(&manifest), &unknown).is_err());
    let about = loader().describe_declared(&declared(&manifest));
    assert_eq!(
        about.expect("a description").params[0].doc,
        "Where it listens."
    );
}

/// The plugins that a text names are those of the manifest, once it has some.
#[test]
fn plugins_are_named_in_the_text() {
    let mut manifest = manifest();
    manifest.uses = vec!["kafka".into()];
    let declared = declared(&manifest);
    let runbook = loader().load_declared(&declared, &[], &Map::new());
    let runbook = runbook.unwrap_or_else(|wrong| panic!("{}", render(&wrong)));
    assert_eq!(plugins_used_in(&runbook.sources), ["kafka"]);
}

#[test]
fn errors_are_those_of_a_script_and_name_the_plugin() {
    let wrong = refused(&[step("directory", "a", json!({"paht": "/x"}))]);
    insta::assert_snapshot!(wrong, @r#"
    krun::missing-arg: `directory` must be given `path`
      made.wasm:19:1
      | directory("a", #{
      | ^^^^^^^^^
      help: It is an absolute path: where it is. The plugin made 1.2.0 declares it: report it to the plugin's authors.
    krun::unknown-arg: `directory` has no argument `paht`
      made.wasm:20:5
      |     "paht": "/x",
      |     ^^^^^^
      help: Did you mean `path`? The plugin made 1.2.0 declares it: report it to the plugin's authors.
    "#);
    let twice = step("directory", "a", json!({"path": "/x"}));
    assert!(refused(&[twice.clone(), twice]).contains("krun::duplicate-address"));
    assert!(
        refused(&[step("directory", "a b", json!({"path": "/x"}))]).contains("krun::bad-address")
    );
    let round = [
        step("directory", "a", json!({"path": "/x", "after": "b"})),
        step("directory", "b", json!({"path": "/y", "after": "a"})),
    ];
    assert!(refused(&round).contains("krun::cycle"));
    assert!(refused(&[step("kafka::brokr", "a", json!({}))]).contains("krun::unknown-function"));
}

/// Nothing that is declared becomes code.
#[test]
fn what_no_script_could_say() {
    for (kind, arguments, wanted) in [
        (
            "param",
            json!({}),
            "step `a` is of a kind `param`, which is none",
        ),
        ("directry", json!({}), "Did you mean `directory`?"),
        ("x::y(); print", json!({}), "which is none"),
        (
            "directory",
            json!({"path": {"$output": ["b", "path"]}}),
            "an output of `b`",
        ),
        (
            "directory",
            json!({"path": {"$output": "b"}}),
            "not written as [ADDRESS, NAME]",
        ),
        (
            "directory",
            json!({"path": {"$eval": "1"}}),
            "`$eval`, which is none of",
        ),
        (
            "directory",
            json!({"path": 1.5}),
            "1.5, which is no whole number",
        ),
        (
            "directory",
            json!({"path": {"$compare": [1, "; x", 2]}}),
            "not written as [LEFT",
        ),
    ] {
        let said = refused(&[step(kind, "a", arguments)]);
        assert!(said.contains("krun::declared"), "{said}");
        assert!(said.contains("the plugin made 1.2.0"), "{said}");
        assert!(said.contains(wanted), "no {wanted:?} in {said}");
    }
    let deep = (0..40).fold(json!(1), |inner, _| json!([inner]));
    assert!(refused(&[step("directory", "a", json!({"path": deep}))]).contains("nested too deep"));
}

/// Many steps are one runbook; more than a script can be is refused by its limits.
#[test]
fn as_large_as_a_script() {
    let many = |count: usize| -> Vec<_> {
        let path = |at| json!({"path": format!("/x/{at}")});
        (0..count)
            .map(|at| step("directory", &format!("d/{at}"), path(at)))
            .collect()
    };
    let runbook = load(&many(3_000)).unwrap_or_else(|wrong| panic!("{}", render(&wrong)));
    assert_eq!(runbook.steps.len(), 3_000);
    assert!(refused(&many(20_000)).contains("krun::limit"));
    let long = json!({"path": format!("/{}", "é\n".repeat(100_000))});
    let runbook = load(&[step("directory", "a", long.clone())]);
    let runbook = runbook.unwrap_or_else(|wrong| panic!("{}", render(&wrong)));
    let path = long["path"].as_str().map(Into::into);
    assert_eq!(runbook.steps[0].args.get("path"), path.as_ref());
    let mut referred = many(1_100);
    let outputs: Vec<_> = (0..1_100)
        .map(|at| json!({"$output": [format!("d/{at}"), "path"]}))
        .collect();
    referred.push(step(
        "directory",
        "all",
        json!({"path": "/y", "after": outputs}),
    ));
    assert!(refused(&referred).contains("krun::limit"));
}
