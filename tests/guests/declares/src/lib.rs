//! A runbook for krun's tests: one with a kind of its own, whose parameter `attack` names what no runbook may do.
//!
//! Its declaration is written against the bindings, not the SDK's trait, because the trait keeps authors from
//! much of this. `tests/it/plugins/runbook.rs` says what must come of each.

use krun_plugin_sdk::{
    Change, Drift, Fault, Finding, Kind, Mode, Outputs, Reader, Step, Target, UndoClass, Writer,
    bindings::krun::plugin::types,
    json,
    runbook_bindings::{
        export,
        exports::krun::plugin::runbook::{
            Guest, Manifest, MovedStep, Param, Statement, Step as Declared, Titled,
        },
    },
    schemars::JsonSchema,
    serde::Deserialize,
    serde_json::{self, Value},
};

/// Its own kind: a file with one word.
struct Note;

#[derive(Deserialize, JsonSchema)]
#[serde(crate = "krun_plugin_sdk::serde")]
#[schemars(crate = "krun_plugin_sdk::schemars")]
struct Args {
    /// The file.
    #[schemars(extend("format" = "path"))]
    path: String,
    /// The word.
    word: String,
}

impl Kind for Note {
    const NAME: &'static str = "note";
    const DOC: &'static str = "Writes a word into a file.";
    const MODE: Mode = Mode::State;
    const UNDO: UndoClass = UndoClass::Reversible;
    const OUTPUTS: &'static [(&'static str, &'static str)] = &[("length", "The word's length.")];
    const EXAMPLES: &'static [&'static str] =
        &["declares::note(\"note\", #{ path: `${root}/note`, word: \"x\" });"];
    type Args = Args;

    fn validate(args: &Args) -> Result<Vec<Target>, Fault> {
        Ok(vec![Target::Path(args.path.clone())])
    }

    fn check(step: &Step<Args>, look: &Reader) -> Result<Finding, Fault> {
        let there = look.read(&step.args.path)?;
        if there.as_deref() == Some(step.args.word.as_bytes()) {
            return Ok(Finding::Satisfied(said(&step.args)));
        }
        Ok(Finding::Drift(Drift {
            change: if there.is_none() {
                Change::Create
            } else {
                Change::Update
            },
            why: "the file does not say it".into(),
            diff: vec![],
        }))
    }

    fn apply(step: &Step<Args>, _: Change, _: &Reader, act: &Writer) -> Result<Outputs, Fault> {
        act.write(&step.args.path, step.args.word.as_bytes(), 0o644)?;
        Ok(said(&step.args))
    }
}

fn said(args: &Args) -> Outputs {
    let length = args.word.len().to_string();
    Outputs::from_iter([("length".to_owned(), Value::from(length))])
}

krun_plugin_sdk::plugin! {
    name: "declares",
    doc: "A kind and a runbook.",
    kinds: [Note],
    wants: ["write:FOLDER" => "notes are written into it"],
}

struct Runbook;

fn param(name: &str, ty: &str, default: Option<&str>) -> Param {
    Param {
        name: name.into(),
        ty: ty.into(),
        default: default.map(str::to_owned),
        doc: format!("The {name}."),
        identity: name == "root",
        min: None,
        max: None,
        choices: vec![],
    }
}

fn step(kind: &str, address: &str, arguments: &Value) -> Statement {
    Statement::Step(Declared {
        kind: kind.into(),
        address: address.into(),
        doc: format!("What `{address}` is for."),
        arguments: arguments.to_string(),
    })
}

fn titled(title: &str) -> Titled {
    Titled {
        title: title.into(),
        doc: String::new(),
    }
}

impl Guest for Runbook {
    fn describe() -> Manifest {
        Manifest {
            name: "declares".into(),
            version: env!("CARGO_PKG_VERSION").into(),
            summary: "a runbook for krun's tests".into(),
            doc: "Files in a folder.\n\nOne is a note.".into(),
            requires: None,
            on_failure: None,
            uses: vec![],
            params: vec![
                param("root", "path", None),
                param("word", "string", Some("\"one\"")),
                param("attack", "string", Some("\"\"")),
            ],
        }
    }

    fn declare(parameters: String) -> Result<Vec<Statement>, types::Fault> {
        krun_plugin_sdk::hear_panics();
        let given: Value = serde_json::from_str(&parameters).expect("parameters");
        let text = |name: &str| given[name].as_str().expect("a text").to_owned();
        let (root, word) = (text("root"), text("word"));
        attack(&text("attack"))?.map_or_else(|| Ok(honest(&root, &word)), Ok)
    }
}

fn honest(root: &str, word: &str) -> Vec<Statement> {
    let note = json!({"path": format!("{root}/note"), "word": word, "after": ["folder"]});
    let length = json!({"$output": ["note", "length"]});
    let after_note = json!({
        "path": format!("{root}/below"),
        "when": {"$compare": [length, "!=", "0"]},
    });
    vec![
        Statement::Phase(titled("Folders")),
        step("directory", "folder", &json!({"path": root})),
        Statement::Phase(titled("Files")),
        step("declares::note", "note", &note),
        step("directory", "below", &after_note),
        Statement::Checkpoint(titled("noted")),
        step(
            "file",
            "plain",
            &json!({
                "path": format!("{root}/plain"),
                "content": format!("{word} \"quoted\" ${{word}}\n`and` more\\n"),
                "after": [{"$output": ["note", "length"]}],
            }),
        ),
        Statement::Moved(MovedStep {
            from: "simple".into(),
            to: "plain".into(),
        }),
    ]
}

/// What is declared, or done, under a name; nothing under none.
fn attack(name: &str) -> Result<Option<Vec<Statement>>, types::Fault> {
    let path = json!({"path": "/nonexistent/x"});
    Ok(Some(match name {
        "" => return Ok(None),
        "refuse" => {
            return Err(types::Fault {
                code: types::FaultCode::Script,
                what: "nothing suits this runbook".into(),
                place: Some("parameter attack".into()),
                why: Some("it was asked to refuse".into()),
                hints: vec!["Ask for something else.".into()],
                evidence: vec![],
            });
        }
        "loop" => loop {
            std::hint::black_box(());
        },
        "memory" => {
            let mut all: Vec<Vec<u8>> = vec![];
            loop {
                all.push(std::hint::black_box(vec![1; 1 << 20]));
            }
        }
        "panic" => panic!("a runbook gives up on purpose"),
        "giant" => vec![step(
            "directory",
            "a",
            &json!({"path": "x".repeat(9 << 20)}),
        )],
        "huge" => vec![step(
            "directory",
            "a",
            &json!({"path": "x".repeat(60 << 20)}),
        )],
        "many" => (0..100_000)
            .map(|at| step("directory", &format!("d/{at}"), &path))
            .collect(),
        "bad_json" => vec![Statement::Step(Declared {
            kind: "directory".into(),
            address: "a".into(),
            doc: String::new(),
            arguments: "{\"path\": ".into(),
        })],
        "no_object" => vec![step("directory", "a", &json!(["path"]))],
        "unknown_kind" => vec![step("kafka::tropic", "a", &path)],
        "function" => vec![step("param", "a", &path)],
        "code" => vec![step("directory(\"b\", #{}); file", "a", &path)],
        "unknown_argument" => vec![step("directory", "a", &json!({"paht": "/x"}))],
        "twice" => vec![step("directory", "a", &path), step("directory", "a", &path)],
        "bad_address" => vec![step("directory", "a b", &path)],
        "circle" => vec![
            step("directory", "a", &json!({"path": "/x", "after": "b"})),
            step("directory", "b", &json!({"path": "/y", "after": "a"})),
        ],
        "unknown_output" => vec![step(
            "directory",
            "a",
            &json!({
                "path": {"$output": ["nobody", "path"]},
            }),
        )],
        "quote" => vec![step(
            "directory",
            "a",
            &json!({
                "path": "/x\"}); directory(\"b\", #{\"path\": \"/y",
            }),
        )],
        other => panic!("no attack {other}"),
    }))
}

export!(Runbook with_types_in krun_plugin_sdk::runbook_bindings);
