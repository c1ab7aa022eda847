//! Steps that run at the same time and miss the same folders: each folder is made once, by one of them.

use std::{fs, os::unix::fs::PermissionsExt as _, sync::Arc};

use camino::{Utf8Path, Utf8PathBuf};
use krun_model::{
    Address, Change, Effect, Entry, Fault, Manner, Map, Runbook, Step, StepKind, Value,
    event::RunStatus,
    journal::{Outcome, Record},
    kind::{ApplyCx, Check, CheckCx, Declared, Kind, KindSpec, Kinds, StateKind, UndoClass},
    runbook::Span,
};
use krun_run::RollbackOptions;
use krun_steps::folders::missing;
use proptest::prelude::*;
use tokio::sync::Barrier;

use crate::lab::{block_on, request, session};

/// Wants a folder. It makes what is missing only when all others have seen what is missing, too.
struct Wanted {
    folder: Utf8PathBuf,
    all_have_looked: Barrier,
}

static WANTED: KindSpec = KindSpec {
    name: "wanted",
    doc: "A folder that others want at the same time.",
    args: &[],
    outputs: &[],
    examples: &[],
    undo: UndoClass::Reversible,
};

impl StepKind for Wanted {
    fn spec(&self) -> &KindSpec {
        &WANTED
    }

    fn declare(&self, _: &Address, _: &str, _: &Map<Value>) -> Result<Declared, Fault> {
        Ok(Declared::default())
    }
}

#[async_trait::async_trait]
impl StateKind for Wanted {
    async fn check(&self, cx: &CheckCx<'_>) -> Result<Check, Fault> {
        Ok(match cx.host.stat(&self.folder).await? {
            Some(_) => Check::Satisfied(Map::new()),
            None => Check::Drift {
                change: Change::Create,
                why: "the folder is missing".into(),
                diff: vec![],
            },
        })
    }

    async fn apply(&self, cx: &ApplyCx<'_>) -> Result<Map<serde_json::Value>, Fault> {
        let missing = missing(cx.host, &self.folder).await?;
        self.all_have_looked.wait().await;
        for folder in missing {
            // Each wants a mode of its own.
            let mode = 0o700 + u32::from(cx.step.address.as_str().as_bytes()[1] - b'0');
            cx.host.make_missing_dir(folder, mode).await?;
        }
        Ok(Map::new())
    }
}

fn step(at: usize) -> Step {
    Step {
        address: format!("s{at}").parse().unwrap(),
        kind: "wanted".into(),
        args: Map::new(),
        after: vec![],
        manner: Manner::default(),
        doc: String::new(),
        phase: None,
        span: Span {
            file: "r".into(),
            line: 1,
            column: 1,
        },
    }
}

/// The folders that were made, as the journal has it, with their modes.
fn made(records: &[Record]) -> Vec<(Utf8PathBuf, u32)> {
    let intents = records.iter().filter_map(|record| match &record.entry {
        Entry::Intent {
            effect: Effect::MakeDir { path, mode },
            ..
        } => Some((path.clone(), *mode)),
        _ => None,
    });
    intents.collect()
}

fn outcomes(records: &[Record]) -> usize {
    let done = |record: &&Record| {
        matches!(
            &record.entry,
            Entry::Outcome {
                outcome: Outcome::Done(_),
                ..
            }
        )
    };
    records.iter().filter(done).count()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn each_folder_is_made_once(steps in 2..9usize, depth in 1..5usize) {
        let folder = tempfile::tempdir().unwrap();
        let root = Utf8Path::from_path(folder.path()).unwrap();
        let (state, top) = (root.join("state"), root.join("top"));
        let wanted: Vec<_> = (0..depth)
            .scan(top.clone(), |path, _| Some(std::mem::replace(path, path.join("below"))))
            .collect();
        let kind = Wanted {
            folder: wanted[depth - 1].clone(),
            all_have_looked: Barrier::new(steps),
        };
        let runbook = Runbook {
            name: "r".into(),
            version: "1".into(),
            steps: (0..steps).map(step).collect(),
            ..Runbook::default()
        };
        let mut request = request(runbook);
        request.kinds = Kinds::new([Kind::State(Arc::new(kind))]);
        let (ended, records, back) = block_on(async |events| {
            let session = session(&state, events);
            let ended = krun_run::run(&session, request).await.unwrap();
            let records = session.ledger.records().await.unwrap();
            let modes: Vec<u32> = wanted
                .iter()
                .map(|path| fs::metadata(path).unwrap().permissions().mode() & 0o7777)
                .collect();
            let back = krun_run::rollback(&session, RollbackOptions::default()).await.unwrap();
            (ended, (records, modes), back)
        });
        let (records, modes) = records;
        prop_assert_eq!(ended.status, RunStatus::Succeeded, "{:?}", ended.faults);
        let made = made(&records);
        let paths: Vec<&Utf8PathBuf> = made.iter().map(|(path, _)| path).collect();
        prop_assert_eq!(paths, wanted.iter().collect::<Vec<_>>());
        prop_assert_eq!(outcomes(&records), depth);
        // Who came later did not change what the first had made.
        prop_assert_eq!(made.iter().map(|(_, mode)| *mode).collect::<Vec<_>>(), modes);
        prop_assert_eq!(back.status, RunStatus::Succeeded, "{:?}", back.faults);
        prop_assert!(!top.exists());
    }
}
