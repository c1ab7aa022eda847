//! A rollback brings any sequence of effects back to what was there before, and stops at what
//! somebody else changed.

use std::collections::BTreeMap;

use camino::Utf8PathBuf;
use krun_model::{
    Address, Digest, Effect, History, Part, ProcessId, ProcessSpec, RunId, Target, TargetState,
    Undo, effect::Content, history::EffectMemory, journal::Seq, process::Running,
};
use krun_plan::{RollbackPlan, UndoAction, World, rollback, rollback_part, targets};
use proptest::prelude::*;

/// Files and folders as a map: what the effects of files mean, stated a second time.
#[derive(Clone, Debug, Default, PartialEq)]
struct Tree(BTreeMap<Utf8PathBuf, TargetState>);

fn file(text: &str) -> TargetState {
    TargetState::File {
        digest: Digest::of(text),
        mode: 0o644,
        uid: 0,
        gid: 0,
    }
}

fn dir() -> TargetState {
    TargetState::Dir {
        mode: 0o755,
        uid: 0,
        gid: 0,
    }
}

impl Tree {
    fn get(&self, path: &Utf8PathBuf) -> TargetState {
        self.0.get(path).cloned().unwrap_or(TargetState::Absent)
    }

    fn children(&self, path: &Utf8PathBuf) -> Vec<String> {
        let below = self.0.keys().filter(|p| p.parent() == Some(path));
        below
            .filter_map(|p| p.file_name())
            .map(str::to_owned)
            .collect()
    }

    fn possible(&self, effect: &Effect) -> bool {
        let Target::Path(path) = effect.target() else {
            return false;
        };
        let parent_there = path
            .parent()
            .is_none_or(|p| p == "/" || matches!(self.0.get(p), Some(TargetState::Dir { .. })));
        parent_there
            && match (effect, self.get(&path)) {
                (Effect::WriteFile { .. }, now) => {
                    matches!(now, TargetState::Absent | TargetState::File { .. })
                }
                (Effect::RemoveFile { .. }, now) => matches!(now, TargetState::File { .. }),
                (Effect::MakeDir { .. }, now) => now == TargetState::Absent,
                (Effect::RemoveDir { .. }, TargetState::Dir { .. }) => {
                    self.children(&path).is_empty()
                }
                _ => false,
            }
    }

    fn apply(&mut self, effect: &Effect) {
        assert!(
            self.possible(effect),
            "{effect:?} can't be done to {self:?}"
        );
        let Target::Path(path) = effect.target() else {
            unreachable!()
        };
        match effect {
            Effect::WriteFile { content, mode, .. } => {
                let state = TargetState::File {
                    digest: content.digest,
                    mode: *mode,
                    uid: 0,
                    gid: 0,
                };
                self.0.insert(path, state);
            }
            Effect::MakeDir { .. } => {
                self.0.insert(path, dir());
            }
            _ => {
                self.0.remove(&path);
            }
        }
    }

    fn world(&self, history: &History) -> World {
        let mut world = World::default();
        for target in targets(history) {
            let state = match &target {
                Target::Path(path) => self.get(path),
                Target::Contents(path) if self.0.contains_key(path) => {
                    TargetState::Contents(self.children(path).into_iter().collect())
                }
                _ => TargetState::Absent,
            };
            world.saw(target, state);
        }
        world
    }

    fn roll_back(&mut self, plan: &RollbackPlan) {
        for line in &plan.lines {
            match &line.action {
                UndoAction::Do(effect) => self.apply(effect),
                UndoAction::AlreadyBack => {}
                other => panic!("{other:?}"),
            }
        }
    }
}

fn record(history: &mut History, tree: &mut Tree, effect: Effect) {
    record_in(RunId(1), history, tree, effect);
}

fn record_in(run: RunId, history: &mut History, tree: &mut Tree, effect: Effect) {
    let before = match effect.target() {
        Target::Path(path) => tree.get(&path),
        _ => unreachable!(),
    };
    tree.apply(&effect);
    let after = match effect.target() {
        Target::Path(path) => tree.get(&path),
        _ => unreachable!(),
    };
    let step: Address = "step".parse().expect("an address");
    history.effects.push(EffectMemory {
        seq: Seq(history
            .effects
            .iter()
            .next_back()
            .map_or(1, |last| last.seq.0 + 1)),
        run,
        step,
        undo: effect.undo(&before),
        effect,
        before,
        after: Some(after),
    });
}

fn paths() -> impl Strategy<Value = Utf8PathBuf> {
    prop::sample::select(vec!["/a", "/b", "/a/c", "/a/d", "/a/c/e", "/b/f"])
        .prop_map(Utf8PathBuf::from)
}

fn effects() -> impl Strategy<Value = Effect> {
    (0..4, paths(), "[xyz]").prop_map(|(kind, path, text)| match kind {
        0 => Effect::WriteFile {
            path,
            content: Content::new(text.into_bytes()),
            mode: 0o644,
            owner: None,
        },
        1 => Effect::RemoveFile { path },
        2 => Effect::MakeDir { path, mode: 0o755 },
        _ => Effect::RemoveDir { path },
    })
}

fn grown(effects: &[Effect]) -> Tree {
    let mut tree = Tree::default();
    for effect in effects {
        if tree.possible(effect) {
            tree.apply(effect);
        }
    }
    tree
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4000))]

    /// Folders that were there before are not removed by krun, as no kind removes a folder with
    /// something in it: every other sequence comes back exactly.
    #[test]
    fn comes_back(
        start in prop::collection::vec(effects(), 0..12),
        done in prop::collection::vec(effects(), 0..25),
        cut in 0..25_usize,
    ) {
        let before = grown(&start);
        let mut tree = before.clone();
        let mut history = History::default();
        for effect in done {
            let removes_old_folder = matches!(&effect, Effect::RemoveDir { path } if before.0.contains_key(path));
            let changes_kind = matches!(&effect.target(), Target::Path(path) if before.0.get(path).is_some_and(|old| {
                matches!((old, &effect), (TargetState::File { .. }, Effect::MakeDir { .. }) | (TargetState::Dir { .. }, Effect::WriteFile { .. }))
            }));
            if tree.possible(&effect) && !removes_old_folder && !changes_kind {
                record(&mut history, &mut tree, effect);
            }
        }
        // Killed after any number of undos, the next rollback plans the rest.
        let plan = rollback(&history, tree.world(&history));
        let first = RollbackPlan { lines: plan.lines.iter().take(cut).cloned().collect() };
        tree.roll_back(&first);
        let undone: Vec<Seq> = first.lines.iter().flat_map(|line| line.intents.clone()).collect();
        history.effects.retain(|effect| !undone.contains(&effect.seq));
        tree.roll_back(&rollback(&history, tree.world(&history)));
        prop_assert_eq!(tree, before);
    }

    /// Runs that are taken back one by one, the newest first, each give what was there before it; and in
    /// any other order what a later run rests on stays.
    #[test]
    fn runs_come_back_newest_first(
        runs in prop::collection::vec(prop::collection::vec(effects(), 0..8), 1..5),
        start in prop::collection::vec(effects(), 0..12),
    ) {
        let mut tree = grown(&start);
        let mut history = History::default();
        let mut before = vec![];
        for (run, done) in (1..).map(RunId).zip(runs) {
            let first = tree.clone();
            for effect in done {
                if tree.possible(&effect) && !replaces(&first, &effect) {
                    record_in(run, &mut history, &mut tree, effect);
                }
            }
            before.push((run, first));
        }
        for (run, first) in before.into_iter().rev() {
            let part = Part::Run(run);
            let plan = rollback_part(&history, &part, tree.world(&history.part(&part)));
            tree.roll_back(&plan);
            history.effects.retain(|effect| effect.run != run);
            prop_assert_eq!(&tree, &first);
        }
    }
}

/// Whether an effect takes away a folder that was there, or puts a file and a folder in each other's
/// place: no kind does.
fn replaces(before: &Tree, effect: &Effect) -> bool {
    let Target::Path(path) = effect.target() else {
        return false;
    };
    matches!(
        (before.0.get(&path), effect),
        (
            Some(TargetState::Dir { .. }),
            Effect::RemoveDir { .. } | Effect::WriteFile { .. }
        ) | (Some(TargetState::File { .. }), Effect::MakeDir { .. })
    )
}

#[test]
fn what_a_later_run_rests_on_stays() {
    let mut tree = Tree::default();
    let mut history = History::default();
    let dir = Effect::MakeDir {
        path: "/a".into(),
        mode: 0o755,
    };
    let file = Effect::WriteFile {
        path: "/a/c".into(),
        content: Content::new(*b"x"),
        mode: 0o644,
        owner: None,
    };
    record_in(RunId(1), &mut history, &mut tree, dir);
    record_in(RunId(2), &mut history, &mut tree, file);
    let part = Part::Run(RunId(1));
    let plan = rollback_part(&history, &part, tree.world(&history.part(&part)));
    let by = plan
        .built_on()
        .map(|(_, by)| by.to_vec())
        .collect::<Vec<_>>();
    assert_eq!(by, [vec![(RunId(2), "step".parse().expect("an address"))]]);
}

/// A process that a run restarted is started as it was before, after all else is back; cut off in
/// between, the next rollback still starts it.
#[test]
fn a_process_is_started_as_it_was() {
    let id = ProcessId {
        deployment: "d".into(),
        step: "broker".parse().expect("an address"),
    };
    let spec = |with: &str| ProcessSpec {
        id: id.clone(),
        argv: vec!["/bin/server".into(), with.into()],
        env: Default::default(),
        secret_env: Default::default(),
        cwd: "/".into(),
        log: "/log".into(),
        digest: Digest::of(with),
        stop_grace_ms: 1,
    };
    let running = |with: &str| {
        TargetState::Running(Running {
            pid: 7,
            started: 1,
            boot: String::new(),
            digest: Some(Digest::of(with)),
            command: String::new(),
        })
    };
    let stop = Effect::StopProcess {
        id: id.clone(),
        grace_ms: 1,
    };
    let write = |text: &str| Effect::WriteFile {
        path: "/a".into(),
        content: Content::new(text.as_bytes().to_vec()),
        mode: 0o644,
        owner: None,
    };
    let effects = [
        (1, write("one"), TargetState::Absent, file("one")),
        (
            1,
            Effect::StartProcess(spec("one")),
            TargetState::Absent,
            running("one"),
        ),
        (2, write("two"), file("one"), file("two")),
        (2, stop.clone(), running("one"), TargetState::Absent),
        (
            2,
            Effect::StartProcess(spec("two")),
            TargetState::Absent,
            running("two"),
        ),
    ];
    let mut history = History::default();
    for (at, (run, effect, before, after)) in (1..).zip(effects) {
        history.effects.push(EffectMemory {
            seq: Seq(at),
            run: RunId(run),
            step: "broker".parse().expect("an address"),
            undo: effect.undo(&before),
            effect,
            before,
            after: Some(after),
        });
    }
    let plan = |process: TargetState, content: &str| {
        let mut world = World::default();
        world.saw(Target::Process(id.clone()), process);
        world.saw(Target::Path("/a".into()), file(content));
        let plan = rollback_part(&history, &Part::Run(RunId(2)), world);
        plan.lines
            .into_iter()
            .map(|line| (line.action, line.intents.len()))
            .collect::<Vec<_>>()
    };
    let restore = match write("two").undo(&file("one")) {
        Undo::By(effect) => effect,
        other => panic!("{other:?}"),
    };
    let start = UndoAction::Do(Effect::StartProcess(spec("one")));
    let stopped = UndoAction::Do(stop);
    assert_eq!(
        plan(running("two"), "two"),
        [
            (stopped, 0),
            (UndoAction::Do(restore), 1),
            (start.clone(), 2)
        ]
    );
    // Cut off once it was stopped, and the file restored.
    assert_eq!(
        plan(TargetState::Absent, "one"),
        [
            (UndoAction::AlreadyBack, 0),
            (UndoAction::AlreadyBack, 1),
            (start, 2)
        ]
    );
    // Started by somebody else with something else.
    let foreign = plan(running("three"), "two");
    assert!(
        matches!(foreign[0].0, UndoAction::Conflict { .. }),
        "{foreign:?}"
    );
    // All done already.
    assert_eq!(plan(running("one"), "one")[0], (UndoAction::AlreadyBack, 2));
}

#[test]
fn stops_at_a_foreign_change() {
    let mut tree = Tree::default();
    let mut history = History::default();
    let path = Utf8PathBuf::from("/a");
    let write = |text: &str| Effect::WriteFile {
        path: path.clone(),
        content: Content::new(text.as_bytes().to_vec()),
        mode: 0o644,
        owner: None,
    };
    record(&mut history, &mut tree, write("krun's"));
    tree.0.insert(path.clone(), file("somebody else's"));
    let plan = rollback(&history, tree.world(&history));
    assert_eq!(plan.conflicts().count(), 1, "{plan:?}");
}

#[test]
fn a_folder_with_foreign_files_is_a_conflict() {
    let mut tree = Tree::default();
    let mut history = History::default();
    record(
        &mut history,
        &mut tree,
        Effect::MakeDir {
            path: "/a".into(),
            mode: 0o755,
        },
    );
    tree.0.insert("/a/foreign".into(), file("x"));
    let plan = rollback(&history, tree.world(&history));
    assert_eq!(plan.conflicts().count(), 1, "{plan:?}");
}
