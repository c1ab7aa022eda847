//! A plan is what the run then does: over random runbooks of files in random folders.

use std::{
    fs,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use camino::{Utf8Path, Utf8PathBuf};
use krun_model::{
    Address, Change, Condition, Fault, Manner, Map, Reason, Runbook, Step, StepKind, Value,
    event::RunStatus,
    kind::{ApplyCx, Check, CheckCx, Declared, Kind, KindSpec, Kinds, StateKind, UndoClass},
    manner::When,
    runbook::Span,
    schema::OutputSpec,
};
use krun_run::Ended;
use proptest::prelude::*;

use crate::lab::{block_on, request, session};

/// Folders that a step may name; `alias` is a link to `d0`.
const FOLDERS: [&str; 4] = ["d0", "d1", "d0/d2", "alias"];
const FILES: [&str; 3] = ["f0", "f1", "f2"];
const TEXTS: [&str; 4] = ["a=1\n", "a=2\nb=1\n", "# none\n", ""];
const MODES: [Option<&str>; 3] = [None, Some("0640"), Some("0755")];

#[derive(Clone, Debug)]
enum Act {
    Folder(usize, usize),
    Write(usize, usize, usize, usize),
    Clone((usize, usize), (usize, usize)),
    Settings(usize, usize, usize),
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let place = || (0..FOLDERS.len(), 0..FILES.len());
    let act = prop_oneof![
        (0..FOLDERS.len(), 0..MODES.len()).prop_map(|(d, m)| Act::Folder(d, m)),
        (place(), 0..TEXTS.len(), 0..MODES.len()).prop_map(|((d, f), t, m)| Act::Write(d, f, t, m)),
        (place(), place()).prop_map(|(from, to)| Act::Clone(from, to)),
        (place(), 0..3usize).prop_map(|((d, f), v)| Act::Settings(d, f, v)),
    ];
    proptest::collection::vec(act, 1..14)
}

fn path(root: &Utf8Path, (folder, file): (usize, usize)) -> String {
    root.join(FOLDERS[folder]).join(FILES[file]).into_string()
}

/// The kind and arguments of an act; none of one that says nothing.
fn step(root: &Utf8Path, act: &Act) -> Option<(&'static str, Map<Value>)> {
    let text = |text: &str| Value::Str(text.to_owned());
    let with_mode = |mut args: Map<Value>, mode: usize| {
        args.extend(MODES[mode].map(|mode| ("mode".to_owned(), text(mode))));
        args
    };
    let args = |list: &[(&str, Value)]| -> Map<Value> {
        list.iter()
            .map(|(k, v)| ((*k).to_owned(), v.clone()))
            .collect()
    };
    Some(match act {
        // A mode behind a link is refused.
        Act::Folder(3, _) => (
            "directory",
            args(&[("path", text(root.join("alias").as_str()))]),
        ),
        Act::Folder(folder, mode) => {
            let path = root.join(FOLDERS[*folder]);
            (
                "directory",
                with_mode(args(&[("path", text(path.as_str()))]), *mode),
            )
        }
        Act::Write(folder, file, content, mode) => {
            let place = text(&path(root, (*folder, *file)));
            let list = args(&[("path", place), ("content", text(TEXTS[*content]))]);
            ("file", with_mode(list, *mode))
        }
        Act::Clone(from, to) => {
            let (from, to) = (path(root, *from), path(root, *to));
            if from == to {
                return None;
            }
            (
                "file_clone",
                args(&[("from", text(&from)), ("to", text(&to))]),
            )
        }
        Act::Settings(folder, file, value) => {
            let set = Value::Map(args(&[("a", text(&value.to_string()))]));
            let place = text(&path(root, (*folder, *file)));
            ("properties", args(&[("path", place), ("set", set)]))
        }
    })
}

/// Each step after the one before it: what they do depends on their order.
fn runbook(root: &Utf8Path, acts: &[Act]) -> Runbook {
    let mut steps: Vec<Step> = vec![];
    for (kind, args) in acts.iter().filter_map(|act| step(root, act)) {
        let after = steps.last().map(|step| step.address.clone());
        steps.push(Step {
            address: format!("s{}", steps.len()).parse().unwrap(),
            kind: kind.to_owned(),
            args,
            after: after.into_iter().collect(),
            manner: Manner::default(),
            doc: String::new(),
            phase: None,
            span: Span {
                file: "r".into(),
                line: 1,
                column: 1,
            },
        });
    }
    Runbook {
        name: "r".into(),
        version: "1".into(),
        steps,
        ..Runbook::default()
    }
}

/// Leaves some steps out: by a condition that does not hold, by a tag.
fn leave_out(runbook: &mut Runbook, how: &[usize]) {
    for (step, how) in runbook.steps.iter_mut().zip(how) {
        match how {
            0 => {
                step.manner.when = Some(When {
                    condition: Condition::Is(Value::Bool(false)),
                    text: "false".into(),
                });
            }
            1 => step.manner.tags = vec!["slow".into()],
            _ => {}
        }
    }
}

/// A folder with a link in it and, for some names, files.
fn world(there: &[(usize, usize, usize)]) -> (tempfile::TempDir, Utf8PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let root = Utf8Path::from_path(folder.path()).unwrap().join("root");
    fs::create_dir_all(root.join("d0")).unwrap();
    std::os::unix::fs::symlink("d0", root.join("alias")).unwrap();
    for (d, f, t) in there {
        fs::create_dir_all(root.join(FOLDERS[*d])).unwrap();
        fs::write(path(&root, (*d, *f)), TEXTS[*t]).unwrap();
    }
    (folder, root)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// An exact run stops at the first step of which change or differences are not those of the plan. So
    /// it ends well, or at a step of which the plan says that it is not known.
    #[test]
    fn the_run_does_what_the_plan_says(
        acts in acts(),
        there in proptest::collection::vec((0..FOLDERS.len(), 0..FILES.len(), 0..TEXTS.len()), 0..4),
        left_out in proptest::collection::vec(0..8usize, 14),
    ) {
        let (folder, root) = world(&there);
        let state = Utf8Path::from_path(folder.path()).unwrap().join("state");
        let book = runbook(&root, &acts);
        let request = |mut book: Runbook| {
            leave_out(&mut book, &left_out);
            let mut request = request(book);
            // A tag that no step has is refused.
            let tagged = request.runbook.steps.iter().any(|step| !step.manner.tags.is_empty());
            request.choice.skip_tags.extend(tagged.then(|| "slow".to_owned()));
            request
        };
        let (plan, ended): (_, Result<Ended, Fault>) = block_on(async |events| {
            let session = session(&state, events);
            let (plan, faults) = krun_run::plan_file(&session, &request(book.clone()), 0).await.unwrap();
            assert!(faults.is_empty(), "{faults:?}");
            let ended = krun_run::run_planned(&session, request(book), &plan).await;
            (plan.plan, ended)
        });
        let ended = ended.unwrap();
        let unknown = |step: &krun_model::plan::PlannedStep| matches!(step.reason, Reason::KnownAfterApply(_));
        match ended.faults.first() {
            None => prop_assert_eq!(ended.status, RunStatus::Succeeded),
            Some((Some(step), fault)) => {
                let planned = plan.step(step).unwrap();
                prop_assert!(unknown(planned), "{}: {:?} {}", step, planned, fault);
            }
            Some((None, fault)) => prop_assert!(false, "{}", fault),
        }
        if !plan.steps.iter().any(unknown) {
            prop_assert!(ended.faults.is_empty());
        }
        for (at, step) in plan.steps.iter().enumerate() {
            prop_assert_eq!(step.reason.is_skip(), left_out[at] < 2, "{}", step.address);
        }
    }
}

/// Ten thousand files in folders that are not there yet: the plan must not take longer per step the
/// more there are.
#[test]
fn many_steps() {
    let time = |count: usize| {
        let (folder, root) = world(&[]);
        let state = Utf8Path::from_path(folder.path()).unwrap().join("state");
        let mut book = runbook(&root, &[]);
        let template = runbook(&root, &[Act::Write(1, 0, 0, 0)]).steps.remove(0);
        for at in 0..count {
            let mut step = template.clone();
            step.address = format!("s{at}").parse().unwrap();
            let place = root.join(format!("many/{}/{at}", at % 100));
            step.args
                .insert("path".into(), Value::Str(place.into_string()));
            if at >= 100 {
                step.after = vec![format!("s{}", at % 100).parse().unwrap()];
            }
            book.steps.push(step);
        }
        let since = std::time::Instant::now();
        let plan = block_on(async |events| {
            let session = session(&state, events);
            krun_run::plan(&session, &request(book)).await.unwrap().0
        });
        assert!(plan.steps.iter().all(|step| step.change == Change::Create));
        since.elapsed()
    };
    time(100);
    let (few, many) = (time(1000), time(10_000));
    eprintln!("1000 steps: {few:?}; 10000 steps: {many:?}");
    assert!(many < few * 40, "{few:?} and {many:?}");
}

/// A thing that comes to be by itself: not known at the first look, there at every other.
struct ComesLater(AtomicBool);

static COMES_LATER: KindSpec = KindSpec {
    name: "comes_later",
    doc: "Something that comes to be by itself.",
    args: &[],
    outputs: &[OutputSpec::new("text", "What it says.")],
    examples: &[],
    undo: UndoClass::Nothing,
};

impl StepKind for ComesLater {
    fn spec(&self) -> &KindSpec {
        &COMES_LATER
    }

    fn declare(&self, _: &Address, _: &str, _: &Map<Value>) -> Result<Declared, Fault> {
        Ok(Declared::default())
    }
}

#[async_trait::async_trait]
impl StateKind for ComesLater {
    async fn check(&self, _: &CheckCx<'_>) -> Result<Check, Fault> {
        if self.0.swap(true, Ordering::SeqCst) {
            return Ok(Check::Satisfied(Map::from([("text".into(), "x".into())])));
        }
        Ok(Check::Unknown {
            why: "it does not answer yet".into(),
            diff: vec![],
        })
    }

    async fn apply(&self, _: &ApplyCx<'_>) -> Result<Map<serde_json::Value>, Fault> {
        Err(Fault::internal("it is there"))
    }
}

/// A plan looks a second time at what comes after a step that differs. What is found there then counts
/// for the steps behind it, too.
#[test]
fn what_comes_to_be_between_two_looks_is_known() {
    let (folder, root) = world(&[]);
    let state = Utf8Path::from_path(folder.path()).unwrap().join("state");
    let mut book = runbook(&root, &[Act::Write(0, 0, 0, 0), Act::Write(0, 1, 0, 0)]);
    let mut later = book.steps[0].clone();
    later.address = "later".parse().unwrap();
    later.kind = "comes_later".into();
    later.args = Map::new();
    later.after = vec![book.steps[0].address.clone()];
    let said = Value::Output {
        step: later.address.clone(),
        name: "text".into(),
    };
    book.steps[1].args.insert("content".into(), said);
    book.steps[1].after = vec![later.address.clone()];
    book.steps.insert(1, later);
    let ended = block_on(async |events| {
        let session = session(&state, events);
        let mut request = request(book);
        let own = Kind::State(Arc::new(ComesLater(AtomicBool::new(false))));
        request.kinds = Kinds::new(krun_steps::kinds().into_iter().chain([own]));
        krun_run::run(&session, request).await.unwrap()
    });
    assert_eq!(ended.status, RunStatus::Succeeded, "{:?}", ended.faults);
    assert_eq!(fs::read_to_string(root.join("d0/f1")).unwrap(), "x");
}
