//! Scripts in, runbooks or diagnostics out; one file a part of the language.

mod any_text;
mod closed_world;
mod declared;
mod description;
mod docs;
mod files;
mod kinds;
mod manner;
mod moved;
mod order;
mod params;
mod plugins;
mod secrets;
mod steps;
mod unknown_values;

use std::fmt::Write as _;

use krun_model::{Digest, Map, Runbook, runbook::SourceFile};
use serde_json::Value as Json;

use crate::{Diagnostics, Loader, PathBase};

const HEAD: &str = "runbook(#{name: \"test\", version: \"1\", summary: \"a test\"});\n";

fn loader() -> Loader {
    let base = PathBase {
        cwd: "/work".into(),
        home: Some("/home/me".into()),
    };
    Loader::new(&kinds::kinds(), base)
}

fn source(path: &str, text: &str) -> SourceFile {
    SourceFile {
        path: path.to_owned(),
        digest: Digest::of(text),
        text: text.into(),
    }
}

fn load_files(files: &[(&str, &str)], given: Json) -> Result<Runbook, Diagnostics> {
    load_files_by(&loader(), files, given)
}

fn load_files_by(
    loader: &Loader,
    files: &[(&str, &str)],
    given: Json,
) -> Result<Runbook, Diagnostics> {
    let given: Map<Json> = match given {
        Json::Object(map) => map.into_iter().collect(),
        _ => Map::new(),
    };
    let files = files
        .iter()
        .map(|(path, text)| source(path, text))
        .collect();
    loader.load_sources(files, &given)
}

/// Reads a script as it stands.
fn load_whole(script: &str) -> Result<Runbook, Diagnostics> {
    load_files(&[("test.rhai", script)], Json::Null)
}

/// Reads a script behind a `runbook(…)` on a line of its own.
fn load_with(script: &str, given: Json) -> Result<Runbook, Diagnostics> {
    load_files(&[("test.rhai", &format!("{HEAD}{script}"))], given)
}

fn load(script: &str) -> Result<Runbook, Diagnostics> {
    load_with(script, Json::Null)
}

/// A runbook that must be right.
fn good(script: &str) -> Runbook {
    load(script).unwrap_or_else(|wrong| panic!("{}", render(&wrong)))
}

/// The codes of what is wrong with a script, in order.
fn codes(script: &str) -> Vec<String> {
    match load(script) {
        Ok(_) => vec![],
        Err(wrong) => wrong.items.iter().map(|d| d.code.to_string()).collect(),
    }
}

/// What is wrong with a script, rendered.
fn wrong(script: &str) -> String {
    render(&load(script).expect_err("a script with something wrong"))
}

/// Plain text in the manner of rustc: enough to see what is underlined.
fn render(diagnostics: &Diagnostics) -> String {
    let mut out = String::new();
    for d in &diagnostics.items {
        let _ = writeln!(out, "{}: {}", d.code, d.message);
        underline(&mut out, diagnostics, &d.place(), &d.label);
        for r in &d.related {
            let place = crate::Place {
                file: r.file.clone(),
                offset: r.offset,
                len: r.len,
                line: r.line,
                column: r.column,
            };
            underline(&mut out, diagnostics, &place, &r.label);
        }
        if let Some(help) = &d.help {
            let _ = writeln!(out, "  help: {help}");
        }
    }
    out
}

fn underline(out: &mut String, diagnostics: &Diagnostics, place: &crate::Place, label: &str) {
    let text = diagnostics.text(&place.file).map_or("", |text| text);
    let line = text.lines().nth(place.line - 1).unwrap_or("");
    let marked = &text[place.offset..place.offset + place.len];
    let marks = "^".repeat(marked.chars().count().max(1));
    let pad = " ".repeat(place.column - 1);
    let _ = writeln!(out, "  {}:{}:{}", place.file, place.line, place.column);
    let _ = writeln!(out, "  | {line}");
    let _ = writeln!(out, "  | {}", format!("{pad}{marks} {label}").trim_end());
}

#[test]
fn a_whole_runbook() {
    let runbook = good(
        r#"
/// Where all goes.
let root = param("root", #{type: "path", default: "~/kafka", identity: true});
let ports = param("ports", #{type: "list<port>", default: [9091, 9092]});

/// First things first.
phase("Files");
/// The folder of everything.
let top = directory("top", #{path: root});

let brokers = [];
for (port, i) in ports {
    /// One broker.
    brokers.push(kafka::broker(`broker-${i + 1}`, #{
        config: `${root}/${port}.properties`,
        port: port,
        after: top,
    }));
}
gate("brokers are up");
phase("Proof");
kafka::topic::check("check", #{cluster: brokers[0].cluster_id, name: "t"});
"#,
    );
    assert_eq!(runbook.name, "test");
    assert_eq!(runbook.values["root"], "/home/me/kafka");
    let steps: Vec<_> = runbook
        .steps
        .iter()
        .map(|s| {
            let after: Vec<_> = s.after.iter().map(|a| a.as_str()).collect();
            format!("{} {} after {after:?}: {}", s.kind, s.address, s.doc)
        })
        .collect();
    insta::assert_debug_snapshot!(steps, @r#"
[
    "directory top after []: The folder of everything.",
    "kafka::broker broker-1 after [\"top\"]: One broker.",
    "kafka::broker broker-2 after [\"top\"]: One broker.",
    "kafka::topic::check check after [\"broker-1\", \"broker-2\"]: ",
]
"#);
    assert_eq!(runbook.phases[0].doc, "First things first.");
    assert_eq!(runbook.steps[3].phase, Some(1));
}
