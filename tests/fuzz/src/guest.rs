//! What a plugin's guest hands to the host: refused with words that a terminal can show, or believed; and a
//! declared runbook is exactly the steps that it declared.
//!
//! The bytes are JSON of the answers that a component gives.

use std::sync::Arc;

use async_trait::async_trait;
use krun_model::{
    Address, Fault, Kind, Map, Outputs, StepKind, Target, Value,
    declaration::Statement,
    kind::{self, ApplyCx, Check, CheckCx, KindSpec, Kinds, StateKind},
    plan::After,
};
use krun_plugin::answered::{Answered, Believable, Believed};
use krun_script::{Declared, Loader, PathBase};

pub fn any(bytes: &[u8]) {
    let Some(answered) = Answered::from_json(bytes) else {
        return;
    };
    match answered.believed() {
        Ok(believed) => holds(&believed),
        Err(fault) => can_be_shown(&fault),
    }
}

fn holds(believed: &Believed) {
    let module = believed.name.replace('-', "_");
    assert!(is_plain(believed.name) && !believed.name.is_empty());
    assert!(is_plain(believed.version) && believed.version.len() <= 64);
    assert!(is_prose(believed.doc), "{:?}", believed.doc);
    for want in &believed.wants {
        assert!(is_prose(&want.grant) && is_prose(&want.why), "{want:?}");
    }
    assert!(believed.kinds.len() <= 64);
    for spec in &believed.kinds {
        let name = spec.name.strip_prefix(&format!("{module}::"));
        assert!(name.is_some_and(is_plain), "{spec:?}");
        assert!(is_prose(spec.doc), "{spec:?}");
        for arg in spec.args {
            assert!(is_plain(arg.name) && is_prose(arg.doc), "{arg:?}");
        }
        for output in spec.outputs {
            assert!(is_plain(output.name) && is_prose(output.doc), "{output:?}");
        }
    }
    for step in &believed.steps {
        match step {
            Ok(step) => step_holds(believed.kinds[0], step),
            Err(fault) => can_be_shown(fault),
        }
    }
    runbook_holds(believed, &module);
}

fn step_holds(spec: &KindSpec, step: &Believable) {
    let described = |outputs: &Outputs| {
        let mut names = outputs.keys();
        names.all(|name| spec.outputs.iter().any(|one| one.name == name))
    };
    match step {
        Believable::Check(Check::Satisfied(outputs)) | Believable::Outputs(outputs) => {
            assert!(described(outputs), "{outputs:?}");
        }
        Believable::Check(Check::Drift { why, diff, .. } | Check::Unknown { why, diff }) => {
            assert!(is_shown(why), "{why:?}");
            for line in diff {
                let after = match &line.after {
                    After::Value(value) => value,
                    _ => "",
                };
                let before = line.before.as_deref().unwrap_or_default();
                assert!(
                    [&*line.key, before, after].into_iter().all(is_shown),
                    "{line:?}"
                );
            }
        }
        Believable::Writes(targets) => {
            let relative =
                |target: &&Target| matches!(target, Target::Path(path) if !path.is_absolute());
            assert_eq!(targets.iter().find(relative), None);
        }
    }
}

/// What is declared is read like a script, and nothing in it is more than it was declared as.
fn runbook_holds(believed: &Believed, module: &str) {
    let (Some(manifest), Ok(statements)) = (&believed.manifest, &believed.statements) else {
        return;
    };
    let builtin = Kinds::new(krun_steps::kinds());
    let is_taken = |kind: &Kind| kind.spec().name.split("::").next() == Some(module);
    if builtin.iter().any(is_taken) {
        return; // Refused where a plugin is brought to krun's own kinds.
    }
    let own = believed
        .kinds
        .iter()
        .map(|spec| Kind::State(Arc::new(Own(spec))));
    let base = PathBase {
        cwd: "/work".into(),
        home: Some("/home/somebody".into()),
    };
    let loader = Loader::new(&Kinds::new(builtin.iter().cloned().chain(own)), base);
    let declared = Declared {
        file: "declared.wasm",
        origin: "sha256 0",
        manifest,
        own_kinds: !believed.kinds.is_empty(),
        lock: Some("".into()),
    };
    match loader.describe_declared(&declared) {
        Ok(described) => {
            assert_eq!(
                (&described.name, &described.version),
                (&manifest.name, &manifest.version)
            );
            assert_eq!(described.params.len(), manifest.params.len());
        }
        Err(wrong) => assert!(!wrong.items.is_empty()),
    }
    match loader.load_declared(&declared, statements, &Map::new()) {
        Ok(runbook) => {
            let mut wanted: Vec<_> = statements.iter().filter_map(step_of).collect();
            let steps = runbook.steps.iter();
            let mut found: Vec<_> = steps
                .map(|step| (step.address.to_string(), step.kind.clone()))
                .collect();
            wanted.sort();
            found.sort();
            assert_eq!(found, wanted, "a runbook has the steps that were declared");
        }
        Err(wrong) => assert!(!wrong.items.is_empty()),
    }
}

fn step_of(statement: &Statement) -> Option<(String, String)> {
    match statement {
        Statement::Step(step) => Some((step.address.clone(), step.kind.clone())),
        _ => None,
    }
}

/// A name or version: nothing that means anything to a terminal, a path or a script.
fn is_plain(text: &str) -> bool {
    text.chars()
        .all(|c| c.is_ascii_alphanumeric() || "-_.+".contains(c))
}

fn is_prose(text: &str) -> bool {
    !text
        .chars()
        .any(|c| c.is_control() && c != '\n' && c != '\t')
}

/// One line of a size that a person reads.
fn is_shown(text: &str) -> bool {
    text.len() <= 10_000 && !text.chars().any(char::is_control)
}

fn can_be_shown(fault: &Fault) {
    let one = [Some(&fault.what), fault.place.as_ref(), fault.why.as_ref()];
    let all = one
        .into_iter()
        .flatten()
        .chain(&fault.hints)
        .chain(&fault.evidence);
    for text in all {
        assert!(is_shown(text), "{text:?}");
    }
}

/// A kind as a plugin describes it, of which no step is looked at.
struct Own(&'static KindSpec);

impl StepKind for Own {
    fn spec(&self) -> &KindSpec {
        self.0
    }

    fn declare(&self, _: &Address, _: &str, _: &Map<Value>) -> Result<kind::Declared, Fault> {
        Ok(kind::Declared::default())
    }
}

#[async_trait]
impl StateKind for Own {
    async fn check(&self, _: &CheckCx<'_>) -> Result<Check, Fault> {
        Ok(Check::Satisfied(Outputs::new()))
    }

    async fn apply(&self, _: &ApplyCx<'_>) -> Result<Outputs, Fault> {
        Ok(Outputs::new())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A corpus of what nobody can read would find nothing.
    #[test]
    fn the_corpus_is_of_answers() {
        for file in ["both", "kinds", "runbook"] {
            let path = format!("{}/corpus/guest/{file}", env!("CARGO_MANIFEST_DIR"));
            let json = std::fs::read(path).expect("a file");
            let read: Result<serde_json::Value, _> = serde_json::from_slice(&json);
            read.expect("JSON");
            let answered = Answered::from_json(&json).expect("answers");
            let believed = answered.believed().expect("a description");
            holds(&believed);
            believed.statements.as_ref().expect("a runbook");
            for step in &believed.steps {
                step.as_ref().expect("an answer that can be");
            }
        }
    }
}
