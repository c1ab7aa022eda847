//! Web pages under schedules: servers that are away for a while are waited for, or fail a run and not the
//! next one; a step that takes an outage for an answer is caught.

#![expect(clippy::print_stdout, reason = "figures for whoever asks for them")]

mod soaked;

use std::{
    sync::{Arc, atomic::AtomicBool},
    time::Duration,
};

use async_trait::async_trait;
use krun_model::{
    Address, Change, Content, Digest, Effect, Fault, FaultCode, HttpQuestion, Kind, Map, Outputs,
    Runbook, StepKind, Target, Value,
    kind::{ApplyCx, Check, CheckCx, Declared, KindSpec, Kinds, StateKind, UndoClass},
    runbook::SourceFile,
};
use krun_script::{Loader, PathBase};
use krun_simulate::{Faults, Node, Soak, Subject, World};
use soaked::held;

const HEALTH: &str = "http://127.0.0.1:8080/health";

/// What is proven stands between changes, so that a proof that fails leaves some undone.
const PROVEN: &str = r#"
runbook(#{ name: "proven", version: "1", summary: "s" });
let config = file("config", #{ path: "/w/config", content: "one" });
let up = http::shows("up", #{ url: "http://127.0.0.1:8080/health", texts: ["UP"], after: config });
let list = http::shows("list", #{ url: "https://services.example/list?all=1", texts: [], timeout_s: 60, after: config });
file("done", #{ path: "/w/done", content: "yes", after: [up, list] });
"#;

const COPIED: &str = r#"
runbook(#{ name: "copied", version: "1", summary: "s" });
copied("copied", #{});
"#;

fn kinds() -> Kinds {
    let own = Kind::State(Arc::new(Copied));
    Kinds::new(krun_steps::kinds().into_iter().chain([own]))
}

fn subject(runbook: &str, pages: &[&str]) -> Subject {
    let base = PathBase {
        cwd: "/".into(),
        home: None,
    };
    let source = SourceFile {
        path: "runbook.rhai".into(),
        digest: Digest::of(runbook),
        text: runbook.into(),
    };
    let runbook: Runbook = Loader::new(&kinds(), base)
        .load_sources(vec![source], &Default::default())
        .unwrap_or_else(|wrong| panic!("{wrong:?}"));
    let mut start = World::new();
    start.files.plant("/w".into(), Node::dir(0o755));
    for page in pages {
        start.put_page(page.parse().unwrap_or_else(|why| panic!("{why}")));
    }
    Subject::alone(runbook, |_| kinds(), start)
}

fn proven() -> Subject {
    let pages = [
        "http://127.0.0.1:8080/health=200:it is UP",
        "https://services.example/list?all=1=200",
    ];
    subject(PROVEN, &pages)
}

fn soak(subject: Subject, faults: &str) -> Soak {
    let faults: Faults = faults.parse().unwrap_or_else(|why| panic!("{why}"));
    Soak::new(subject, faults).unwrap_or_else(|fault| panic!("{fault:?}"))
}

#[test]
fn promises_hold_though_servers_are_away() {
    let soak = soak(proven(), &Faults::NAMES.join(","));
    let soaked = soak.run(0, 1_500, 2, &AtomicBool::new(false));
    held("pages", &soak, &soaked);
    assert_eq!(soaked.seeds, 1_500);
}

/// Each server in each of its three ways, waited for or not; and a seed is one schedule.
#[test]
fn an_outage_is_waited_for_or_fails_a_run_and_not_the_next() {
    let soak = soak(proven(), "outage,delay");
    let mut met = std::collections::BTreeSet::new();
    for seed in 0..200 {
        let told = soak
            .tell(seed)
            .unwrap_or_else(|broken| panic!("{broken:?}"));
        assert_eq!(soak.tell(seed).as_ref(), Ok(&told), "seed {seed}");
        for server in ["127.0.0.1:8080", "services.example:443"] {
            for way in ["refuses connections", "is unavailable", "says nothing"] {
                let goes = format!("{server} {way} for");
                let went = told.iter().any(|line| line.contains(&goes));
                let failed = told.iter().any(|line| line.starts_with("  Failed"));
                met.extend(went.then_some((server, way, failed)));
            }
        }
    }
    assert_eq!(met.len(), 12, "{met:?}");
}

#[test]
fn a_page_that_nobody_named_is_no_page() {
    let pages = ["http://127.0.0.1:8080/health=200:UP"];
    let faults = Faults::all();
    let fault = Soak::new(subject(PROVEN, &pages), faults).err();
    let fault = fault.expect("nothing answers at the other");
    assert_eq!(fault.code, FaultCode::ProofFailed);
    let why = fault.why.expect("a reason");
    assert!(
        why.ends_with(
            "a page does not show what it should (https://services.example/list?all=1): \
             io: Connection refused (os error 111)"
        ),
        "{why}"
    );
    let hint = "Nothing answers at https://services.example/list?all=1: say what does with \
                `--answers 'https://services.example/list?all=1=STATUS:TEXT'`.";
    assert_eq!(fault.hints, [hint]);
    // What answers, but not as it should, needs no page to be named.
    let pages = [
        "http://127.0.0.1:8080/health=200:DOWN",
        "https://services.example/list?all=1=200",
    ];
    let fault = Soak::new(subject(PROVEN, &pages), faults).err();
    let fault = fault.expect("it is down");
    assert!(fault.hints.is_empty(), "{fault:?}");
    assert!(
        fault
            .why
            .is_some_and(|why| why.contains("does not hold `UP`"))
    );
}

/// Writes down what a page says; where there is no answer, that.
struct Copied;

static SPEC: KindSpec = KindSpec {
    name: "copied",
    doc: "A page in a file.",
    args: &[],
    outputs: &[],
    undo: UndoClass::Reversible,
    examples: &[],
};

const COPY: &str = "/w/copy";

impl StepKind for Copied {
    fn spec(&self) -> &KindSpec {
        &SPEC
    }

    fn declare(&self, _: &Address, _: &str, _: &Map<Value>) -> Result<Declared, Fault> {
        Ok(Declared {
            writes: vec![Target::Path(COPY.into())],
            ..Declared::default()
        })
    }
}

#[async_trait]
impl StateKind for Copied {
    async fn check(&self, cx: &CheckCx<'_>) -> Result<Check, Fault> {
        Ok(match cx.host.digest(COPY.into()).await? {
            Some(_) => Check::Satisfied(Outputs::new()),
            None => Check::Drift {
                change: Change::Create,
                why: "there is no copy".into(),
                diff: vec![],
            },
        })
    }

    async fn apply(&self, cx: &ApplyCx<'_>) -> Result<Outputs, Fault> {
        let question = HttpQuestion {
            url: HEALTH.into(),
            headers: vec![],
            limit: Duration::from_secs(5),
            largest: 1_000,
            redirects: 0,
            may_be_near: true,
        };
        let text = match cx.host.http_get(&question).await {
            Ok(answer) => answer.body,
            Err(_) => b"no answer".to_vec(),
        };
        let effect = Effect::WriteFile {
            path: COPY.into(),
            content: Content::new(text),
            mode: 0o644,
            owner: None,
        };
        cx.host.perform(effect).await.map(|_| Outputs::new())
    }
}

#[test]
fn what_takes_an_outage_for_an_answer_is_caught() {
    let page = format!("{HEALTH}=200:UP");
    let soak = soak(subject(COPIED, &[&page]), "outage");
    let soaked = soak.run(0, 200, 2, &AtomicBool::new(false));
    let failure = soaked.failure.expect("a copy of no answer");
    let what = failure.broken.what;
    assert!(what.starts_with("the files differ: /w/copy"), "{what}");
}
