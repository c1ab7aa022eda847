//! What leaves with steps that left the runbook, and what does not.

use std::collections::BTreeMap;

use krun_model::{
    Address, Digest, Effect, History, Map, RunId, Runbook, Step, Target, TargetState,
    effect::Content, history::EffectMemory, journal::Seq, kind::Declared, runbook::Span,
};
use krun_plan::{orphaned, steps_of};

fn address(text: &str) -> Address {
    text.parse().expect("an address")
}

fn runbook(steps: &[&str]) -> Runbook {
    let step = |name: &&str| Step {
        address: address(name),
        kind: "file".into(),
        args: Map::new(),
        after: vec![],
        doc: String::new(),
        phase: None,
        manner: krun_model::Manner::default(),
        span: Span {
            file: "r.rhai".into(),
            line: 1,
            column: 1,
        },
    };
    Runbook {
        name: "r".into(),
        version: "1.0.0".into(),
        steps: steps.iter().map(step).collect(),
        ..Runbook::default()
    }
}

fn write(path: &str) -> Effect {
    Effect::WriteFile {
        path: path.into(),
        content: Content::stored(Digest::of("")),
        mode: 0o644,
        owner: None,
    }
}

fn folder(path: &str) -> Effect {
    Effect::MakeDir {
        path: path.into(),
        mode: 0o755,
    }
}

fn history(effects: Vec<(&str, Effect)>) -> History {
    let effects = effects
        .into_iter()
        .zip(1..)
        .map(|((step, effect), seq)| EffectMemory {
            seq: Seq(seq),
            run: RunId(1),
            step: address(step),
            undo: effect.undo(&TargetState::Absent),
            before: TargetState::Absent,
            after: Some(TargetState::Absent),
            effect,
        });
    History {
        effects: effects.collect(),
        ..History::default()
    }
}

fn writes(step: &str, path: &str) -> BTreeMap<Address, Declared> {
    let declared = Declared {
        writes: vec![Target::Path(path.into())],
        ..Declared::default()
    };
    [(address(step), declared)].into()
}

/// The targets that leave.
fn leave(
    runbook: &Runbook,
    declared: &BTreeMap<Address, Declared>,
    history: &History,
) -> Vec<String> {
    orphaned(runbook, declared, history)
        .iter()
        .map(|effect| effect.effect.target().to_string())
        .collect()
}

#[test]
fn only_what_the_runbook_lacks() {
    let history = history(vec![("a", write("/a")), ("b", write("/b"))]);
    assert_eq!(leave(&runbook(&["a"]), &BTreeMap::new(), &history), ["/b"]);
    assert!(leave(&runbook(&["a", "b"]), &BTreeMap::new(), &history).is_empty());
    let left = runbook(&[]);
    let effects = orphaned(&left, &BTreeMap::new(), &history);
    assert_eq!(steps_of(&effects), [address("a"), address("b")]);
}

#[test]
fn what_another_step_writes_now_stays() {
    // The step was renamed: what it wrote is found as wanted, without an effect.
    let history = history(vec![("old", write("/a"))]);
    let declared = writes("new", "/a");
    assert!(leave(&runbook(&["new"]), &declared, &history).is_empty());
    assert_eq!(
        leave(&runbook(&["new"]), &BTreeMap::new(), &history),
        ["/a"]
    );
}

#[test]
fn a_folder_that_others_are_in_stays() {
    let history = history(vec![
        ("gone", folder("/d")),
        ("gone", folder("/d/own")),
        ("gone", write("/d/own/f")),
        ("here", write("/d/f")),
    ]);
    assert_eq!(
        leave(&runbook(&["here"]), &BTreeMap::new(), &history),
        ["/d/own", "/d/own/f"]
    );
}

#[test]
fn what_is_kept_is_no_orphan() {
    let packages = Effect::InstallPackages {
        names: vec!["maven".into()],
    };
    let history = history(vec![("maven", packages)]);
    assert!(leave(&runbook(&[]), &BTreeMap::new(), &history).is_empty());
}
