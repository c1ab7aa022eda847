//! A declared runbook written as a script: the text that is checked, pinned, resumed and pointed into.
//!
//! Owns that text, and that nothing in a declaration can become anything in it but what it was declared as:
//! every text is a literal of one line, every name of a kind is one. What the declaration may say is nothing
//! that is decided here: the text is read like any other script.

mod value;

use std::{
    collections::{BTreeSet, HashSet},
    fmt::Write as _,
};

use krun_model::{
    declaration::{DeclaredParam, DeclaredStep, Manifest, Statement, Titled},
    kind::Kinds,
    names::nearest,
};
use serde_json::Value as Json;

use value::{int, map, shown, text, value};

/// What can't be written, as a lower-case fragment, and what to do.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Unwritable {
    pub message: String,
    pub help: Option<String>,
}

/// The script of a manifest and, once parameters are known, of what is declared for them. Where there are
/// no statements yet, nothing in the head speaks of them.
pub(crate) fn script(
    head: &str,
    manifest: &Manifest,
    uses: &[String],
    statements: Option<&[Statement]>,
    kinds: &Kinds,
) -> Result<String, Unwritable> {
    let mut out = String::new();
    for line in lines(&manifest.doc) {
        let _ = writeln!(out, "{}", format!("//! {line}").trim_end());
    }
    for line in lines(head) {
        let _ = writeln!(out, "// {line}");
    }
    let mut entries = vec![
        ("name", text(&manifest.name)),
        ("version", text(&manifest.version)),
        ("summary", text(&manifest.summary)),
    ];
    if let Some(requires) = &manifest.requires {
        entries.push(("requires", text(requires)));
    }
    if let Some(policy) = manifest
        .on_failure
        .as_ref()
        .filter(|_| statements.is_some())
    {
        entries.push(("on_failure", text(policy)));
    }
    let _ = writeln!(out, "runbook({});", map(entries, 0));
    for name in uses {
        let _ = writeln!(out, "use_plugin({});", text(name));
    }
    for param in &manifest.params {
        out.push('\n');
        write_param(&mut out, param)?;
    }
    let mut body = Body {
        held: held(statements.unwrap_or_default()),
        declared: vec![],
        kinds,
    };
    for statement in statements.unwrap_or_default() {
        out.push('\n');
        body.write(&mut out, statement)?;
    }
    Ok(out)
}

fn write_param(out: &mut String, param: &DeclaredParam) -> Result<(), Unwritable> {
    write_doc(out, &param.doc);
    let plain = |json: &Json| {
        value(json, 1, None).map_err(|what| Unwritable {
            message: format!("the parameter `{}` has {what}", shown(&param.name)),
            help: None,
        })
    };
    let mut entries = vec![("type", text(&param.ty))];
    if let Some(default) = &param.default {
        entries.push(("default", plain(default)?));
    }
    if param.identity {
        entries.push(("identity", "true".to_owned()));
    }
    for (key, limit) in [("min", param.min), ("max", param.max)] {
        entries.extend(limit.map(|limit| (key, int(limit))));
    }
    if !param.choices.is_empty() {
        entries.push(("choices", plain(&Json::Array(param.choices.clone()))?));
    }
    let _ = writeln!(out, "param({}, {});", text(&param.name), map(entries, 0));
    Ok(())
}

/// What was written of the statements.
struct Body<'a> {
    /// Steps whose outputs somebody refers to.
    held: HashSet<String>,
    /// The steps that are held and declared by now, each in the variable of its index.
    declared: Vec<String>,
    kinds: &'a Kinds,
}

impl Body<'_> {
    fn write(&mut self, out: &mut String, statement: &Statement) -> Result<(), Unwritable> {
        let mut titled = |word: &str, said: &Titled| {
            write_doc(out, &said.doc);
            let _ = writeln!(out, "{word}({});", text(&said.title));
        };
        match statement {
            Statement::Phase(said) => titled("phase", said),
            Statement::Gate(said) => titled("gate", said),
            Statement::Checkpoint(said) => titled("checkpoint", said),
            Statement::Moved { from, to } => {
                let _ = writeln!(out, "moved({}, {});", text(from), text(to));
            }
            Statement::Step(step) => self.step(out, step)?,
        }
        Ok(())
    }

    fn step(&mut self, out: &mut String, step: &DeclaredStep) -> Result<(), Unwritable> {
        let address = shown(&step.address);
        self.is_kind(&step.kind).map_err(|help| Unwritable {
            message: format!(
                "step `{address}` is of a kind `{}`, which is none",
                shown(&step.kind)
            ),
            help,
        })?;
        let mut entries = vec![];
        for (key, given) in &step.arguments {
            let written = value(given, 1, Some(self)).map_err(|what| Unwritable {
                message: format!("`{}` of step `{address}` has {what}", shown(key)),
                help: None,
            })?;
            entries.push((key.as_str(), written));
        }
        write_doc(out, &step.doc);
        if self.held.contains(&step.address) && !self.declared.contains(&step.address) {
            let _ = write!(out, "let step_{} = ", self.declared.len());
            self.declared.push(step.address.clone());
        }
        let _ = writeln!(
            out,
            "{}({}, {});",
            step.kind,
            text(&step.address),
            map(entries, 0)
        );
        Ok(())
    }

    /// Whether a name can stand as a function's: that of a kind, or of none in a module, which the script's
    /// own diagnostics know best.
    fn is_kind(&self, name: &str) -> Result<(), Option<String>> {
        let word = |word: &str| {
            word.starts_with(|c: char| c.is_ascii_lowercase())
                && word
                    .chars()
                    .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
        };
        let in_module = name.contains("::") && name.len() < 200;
        if self.kinds.get(name).is_some() || (in_module && name.split("::").all(word)) {
            return Ok(());
        }
        let known = self.kinds.iter().map(|kind| kind.spec().name);
        Err(nearest(name, known).map(|near| format!("Did you mean `{near}`?")))
    }

    /// The expression of an output of a step that is declared by now.
    fn output(&self, step: &str, name: &str) -> Result<String, String> {
        let held = self.declared.iter().position(|one| one == step);
        match held {
            Some(index) => Ok(format!("step_{index}[{}]", text(name))),
            None => Err(format!(
                "an output of `{}`, which is no step that is declared before it",
                shown(step)
            )),
        }
    }
}

/// The steps whose outputs are referred to.
fn held(statements: &[Statement]) -> HashSet<String> {
    fn look(json: &Json, found: &mut HashSet<String>) {
        match json {
            Json::Array(list) => list.iter().for_each(|item| look(item, found)),
            Json::Object(map) => {
                if let Some(step) = map.get("$output").and_then(|of| of.get(0)?.as_str()) {
                    found.insert(step.to_owned());
                }
                map.values().for_each(|item| look(item, found));
            }
            _ => {}
        }
    }
    let mut found = HashSet::new();
    for statement in statements {
        if let Statement::Step(step) = statement {
            step.arguments
                .values()
                .for_each(|item| look(item, &mut found));
        }
    }
    found
}

fn write_doc(out: &mut String, doc: &str) {
    for line in lines(doc) {
        let _ = writeln!(out, "{}", format!("/// {line}").trim_end());
    }
}

/// Lines of prose, in which nothing ends a comment.
fn lines(prose: &str) -> impl Iterator<Item = String> {
    let clean = |line: &str| -> String {
        let plain = line.chars().map(|c| if c.is_control() { ' ' } else { c });
        plain.collect::<String>().trim_end().to_owned()
    };
    prose
        .trim_matches('\n')
        .lines()
        .map(clean)
        .collect::<Vec<_>>()
        .into_iter()
}

/// The plugins that a manifest uses and, with kinds of its own, itself.
pub(crate) fn uses(manifest: &Manifest, own_kinds: bool) -> Vec<String> {
    let mut uses: BTreeSet<_> = manifest.uses.iter().cloned().collect();
    if own_kinds {
        uses.insert(manifest.name.clone());
    }
    uses.into_iter().collect()
}
