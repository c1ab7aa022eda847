//! A plan in a file: what was agreed to, with all that it rests on, so that a later run can do exactly
//! that or refuse.
//!
//! Owns the format (JSON, versioned, sealed with a digest of its contents) and the comparison of what
//! was agreed to with what would be done now. Never touches a disk.

use std::collections::BTreeMap;

use krun_model::{
    Address, Change, Choice, DeploymentName, Digest, Fault, FaultCode, Map, Plan, Reason,
    journal::{Record, Seq},
    plan::{DiffLine, PlannedStep},
    runbook::SourceFile,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The version of the format; raised when a field changes its meaning or goes away.
pub const PLAN_FILE_VERSION: u64 = 1;
/// The name that a plan file may have at its end, so that it is known for one even when it is damaged.
pub const PLAN_FILE_EXTENSION: &str = "krunplan";
/// The field with the version: what a plan file begins with.
const VERSION: &str = "krun_plan";

/// What a plan rests on, and what it says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PlanFile {
    /// The krun that made it.
    pub krun: String,
    /// When, in milliseconds since 1970 (UTC).
    pub made_ms: i64,
    /// The deployment.
    pub deployment: DeploymentName,
    /// Its random id; that of a deployment that does not exist yet, too.
    pub id: String,
    /// The last entry of its journal; none before its first run.
    pub head: Option<Head>,
    /// The runbook's file, absolute.
    pub path: String,
    /// The source files, the runbook's own first.
    pub sources: Vec<PlannedSource>,
    /// All parameters' values.
    pub params: Map<Value>,
    /// Those that were given, not defaulted.
    pub given: Map<Value>,
    /// Whether every proof was asked for.
    pub prove: bool,
    /// Which steps it is about.
    #[serde(default, skip_serializing_if = "Choice::is_everything")]
    pub choice: Choice,
    /// What is to be done.
    pub plan: Plan,
    /// Digests of what was seen of the machine, by step.
    pub seen: BTreeMap<Address, Digest>,
}

/// A position in a journal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    /// The last entry's place.
    pub seq: Seq,
    /// Its digest.
    pub digest: Digest,
}

/// A source file with its text: the run takes this text, whatever became of the file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlannedSource {
    /// Path relative to the folder of the runbook's own file.
    pub path: String,
    /// Digest of the text.
    pub digest: Digest,
    /// The text.
    pub text: String,
}

impl Head {
    /// The position after these entries.
    pub fn of(records: &[Record]) -> Option<Self> {
        records.last().map(|record| Self {
            seq: record.seq,
            digest: Digest::of_json(record),
        })
    }
}

impl PlanFile {
    /// The source files as a run pins them.
    pub fn source_files(&self) -> Vec<SourceFile> {
        self.sources
            .iter()
            .map(|source| SourceFile {
                path: source.path.clone(),
                digest: source.digest,
                text: source.text.as_str().into(),
            })
            .collect()
    }

    /// Whether a file is meant to be a plan: by its name, or by what it begins with.
    pub fn is_meant(path: &str, text: &[u8]) -> bool {
        let named = camino::Utf8Path::new(path).extension() == Some(PLAN_FILE_EXTENSION);
        let head = String::from_utf8_lossy(text.get(..64).unwrap_or(text)).into_owned();
        let head: String = head.chars().filter(|c| !c.is_whitespace()).collect();
        named || head.starts_with(&format!("{{\"{VERSION}\""))
    }

    /// The file's text.
    ///
    /// # Errors
    /// A plan that JSON can't hold, which is a defect.
    pub fn to_text(&self) -> Result<String, Fault> {
        let failed = |error| Fault::internal(format!("a plan is no JSON: {error}"));
        let body = serde_json::to_value(self).map_err(failed)?;
        let sealed = Sealed {
            krun_plan: PLAN_FILE_VERSION,
            digest: Digest::of_json(&body),
            body,
        };
        let mut text = serde_json::to_string_pretty(&sealed).map_err(failed)?;
        text.push('\n');
        Ok(text)
    }

    /// Reads a file's text; `path` names it in a fault.
    ///
    /// # Errors
    /// A file that is cut, was edited or is of a newer krun.
    pub fn from_text(path: &str, text: &[u8]) -> Result<Self, Fault> {
        let damaged = |why: String| {
            Fault::new(FaultCode::Usage, "this plan is damaged")
                .at(path)
                .because(why)
                .hint("Make it again: `krun plan RUNBOOK --out FILE`.")
        };
        let value: Value =
            serde_json::from_slice(text).map_err(|error| damaged(error.to_string()))?;
        match value.get(VERSION).and_then(Value::as_u64) {
            Some(PLAN_FILE_VERSION) => {}
            Some(version) if version > PLAN_FILE_VERSION => {
                return Err(newer(path, version, &value));
            }
            _ => return Err(damaged(format!("it has no valid field `{VERSION}`"))),
        }
        let sealed: Sealed =
            serde_json::from_value(value).map_err(|error| damaged(error.to_string()))?;
        if Digest::of_json(&sealed.body) != sealed.digest {
            return Err(damaged(
                "its contents are not those that were written".into(),
            ));
        }
        let file: Self =
            serde_json::from_value(sealed.body).map_err(|error| damaged(error.to_string()))?;
        for source in &file.sources {
            if Digest::of(&source.text) != source.digest {
                return Err(damaged(format!("{} is not what it was", source.path)));
            }
        }
        Ok(file)
    }

    /// What would be done otherwise now than was agreed to, one line each; nothing where all is as it
    /// was. What the plan leaves alone may look otherwise as long as it stays so.
    pub fn differences(&self, now: &Plan, seen: &BTreeMap<Address, Digest>) -> Vec<String> {
        let mut lines = vec![];
        for agreed in &self.plan.steps {
            let Some(now) = now.step(&agreed.address) else {
                lines.push(format!("{}: it is no step any more", agreed.address));
                continue;
            };
            if (agreed.change, &agreed.diff) != (now.change, &now.diff) {
                lines.push(format!(
                    "{}: {} was agreed to, now it is {}",
                    agreed.address,
                    words(agreed.change, &agreed.reason),
                    words(now.change, &now.reason)
                ));
                lines.extend(diff_lines(&agreed.diff, &now.diff));
            } else if agreed.change.is_change()
                && self.seen.get(&agreed.address) != seen.get(&agreed.address)
            {
                lines.push(format!(
                    "{}: what is there is not what was seen then",
                    agreed.address
                ));
            }
        }
        let steps = now.steps.iter();
        lines.extend(
            steps
                .filter(|step| self.plan.step(&step.address).is_none())
                .map(|step| format!("{}: it was no step", step.address)),
        );
        lines
    }
}

/// Whether what a step turns out to do in a run is what was agreed to. What was to be known only after
/// an earlier step may be anything of the same class, or nothing.
pub fn keeps_to(agreed: &PlannedStep, change: Change, diff: &[DiffLine]) -> bool {
    let class = |change| match change {
        Change::Update => Change::Create,
        other => other,
    };
    match agreed.reason {
        Reason::KnownAfterApply(_) => {
            change == Change::NoOp || class(change) == class(agreed.change)
        }
        // A change of a file that was announced shows its lines only once it was made.
        Reason::Upstream { .. } => change == agreed.change,
        _ => change == agreed.change && diff == agreed.diff,
    }
}

/// The file as it lies on disk.
#[derive(Serialize, Deserialize)]
struct Sealed {
    krun_plan: u64,
    digest: Digest,
    body: Value,
}

fn newer(path: &str, version: u64, value: &Value) -> Fault {
    let krun = value.pointer("/body/krun").and_then(Value::as_str);
    let who = krun.map_or("a newer krun".to_owned(), |krun| format!("krun {krun}"));
    Fault::new(FaultCode::Usage, "this plan is of a newer krun")
        .at(path)
        .because(format!(
            "{who} wrote it in format {version}, and this krun knows formats up to {PLAN_FILE_VERSION}"
        ))
        .hint("Use a krun that is at least as new as the one that wrote it.")
}

fn words(change: Change, reason: &Reason) -> String {
    format!("{} ({reason})", change.word())
}

/// The lines in which two differences differ.
fn diff_lines(agreed: &[DiffLine], now: &[DiffLine]) -> Vec<String> {
    let text = |line: &DiffLine| {
        let before = line.before.as_deref().unwrap_or("(none)");
        format!("{}: {before} → {}", line.key, line.after)
    };
    let only = |these: &[DiffLine], those: &[DiffLine], what: &str| {
        these
            .iter()
            .filter(|line| !those.contains(line))
            .map(|line| format!("  {what} {}", text(line)))
            .collect::<Vec<_>>()
    };
    let mut lines = only(agreed, now, "then");
    lines.extend(only(now, agreed, "now "));
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use krun_model::kind::UndoClass;

    fn step(change: Change, diff: &[(&str, &str)]) -> PlannedStep {
        PlannedStep {
            address: "s".parse().unwrap(),
            kind: "file".into(),
            phase: None,
            change,
            reason: Reason::Drift("it differs".into()),
            diff: diff
                .iter()
                .map(|(key, after)| DiffLine::new(*key, None, *after))
                .collect(),
            undo: UndoClass::Reversible,
            notes: vec![],
        }
    }

    fn plan(step: PlannedStep) -> Plan {
        Plan {
            steps: vec![step],
            ..Plan::default()
        }
    }

    fn file() -> PlanFile {
        PlanFile {
            krun: "0.1.0".into(),
            made_ms: 1,
            deployment: "d".parse().unwrap(),
            id: "id".into(),
            head: None,
            path: "/r.rhai".into(),
            sources: vec![PlannedSource {
                path: "r.rhai".into(),
                digest: Digest::of("x"),
                text: "x".into(),
            }],
            params: [("f".to_owned(), serde_json::json!(0.1))].into(),
            given: Map::new(),
            prove: false,
            choice: Choice {
                targets: vec!["s".into()],
                ..Choice::default()
            },
            plan: plan(step(Change::Update, &[("a", "1")])),
            seen: [("s".parse().unwrap(), Digest::of("seen"))].into(),
        }
    }

    #[test]
    fn round_trip() {
        let text = file().to_text().unwrap();
        assert!(PlanFile::is_meant("x", text.as_bytes()));
        assert_eq!(PlanFile::from_text("f", text.as_bytes()).unwrap(), file());
    }

    #[test]
    fn what_is_refused() {
        let text = file().to_text().unwrap();
        let refused = |text: &str| PlanFile::from_text("f", text.as_bytes()).unwrap_err();
        for cut in [0, 1, text.len() / 2, text.len() - 3] {
            assert_eq!(refused(&text[..cut]).what, "this plan is damaged", "{cut}");
        }
        let edited = text.replace("\"update\"", "\"delete\"");
        assert_ne!(edited, text);
        assert_eq!(refused(&edited).what, "this plan is damaged");
        let newer = refused(&text.replace("\"krun_plan\": 1", "\"krun_plan\": 7"));
        let why = newer.why.unwrap();
        assert!(
            why.contains("krun 0.1.0") && why.contains("format 7"),
            "{why}"
        );
    }

    #[test]
    fn what_differs() {
        let file = file();
        let same = file.plan.clone();
        assert_eq!(file.differences(&same, &file.seen), [""; 0]);
        let other = plan(step(Change::Update, &[("a", "2")]));
        insta::assert_snapshot!(file.differences(&other, &file.seen).join("\n"), @r"
        s: update (it differs) was agreed to, now it is update (it differs)
          then a: (none) → 1
          now  a: (none) → 2
        ");
        insta::assert_snapshot!(
            file.differences(&same, &BTreeMap::new()).join("\n"),
            @"s: what is there is not what was seen then"
        );
        insta::assert_snapshot!(
            file.differences(&Plan::default(), &file.seen).join("\n"),
            @"s: it is no step any more"
        );
    }

    #[test]
    fn what_keeps_to_a_plan() {
        let mut agreed = step(Change::Create, &[("a", "1")]);
        let diff = agreed.diff.clone();
        assert!(keeps_to(&agreed, Change::Create, &diff));
        assert!(!keeps_to(&agreed, Change::Create, &[]));
        assert!(!keeps_to(&agreed, Change::NoOp, &[]));
        agreed.reason = Reason::KnownAfterApply("x".into());
        for change in [Change::Create, Change::Update, Change::NoOp] {
            assert!(keeps_to(&agreed, change, &[]), "{change:?}");
        }
        assert!(!keeps_to(&agreed, Change::Restart, &[]));
    }
}
