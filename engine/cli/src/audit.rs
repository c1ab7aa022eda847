//! A deployment's runs as an audit log: who, when, from which sources and plugins, and what changed.
//!
//! Only digests of sources and parameters are shown, and no content of a file or value of a setting,
//! so that the log can be kept where secrets must not be.

use krun_model::{
    DeploymentName, Digest, Effect, Entry, RunId, TargetState,
    history::RunMemory,
    journal::{Outcome, Pin, Record, Seq},
};
use serde_json::{Value, json};

mod plugins;

use plugins::Plugins;

/// One object a run, in order. `text` reads a source that a run pinned, if it is still kept.
pub fn runs(
    deployment: &DeploymentName,
    runs: &[RunMemory],
    records: &[Record],
    text: &dyn Fn(&Digest) -> Option<String>,
) -> Vec<Value> {
    let mut plugins = Plugins::new(text);
    runs.iter()
        .map(|run| {
            let own: Vec<&Record> = records
                .iter()
                .filter(|record| record.run == run.id)
                .collect();
            object(deployment, run, &own, records, &mut plugins)
        })
        .collect()
}

fn object(
    deployment: &DeploymentName,
    run: &RunMemory,
    own: &[&Record],
    all: &[Record],
    plugins: &mut Plugins<'_>,
) -> Value {
    let pin = own.iter().find_map(|record| match &record.entry {
        Entry::RunStarted { pin, .. } => pin.as_ref(),
        _ => None,
    });
    let resumed: Vec<Value> = own
        .iter()
        .filter_map(|record| match &record.entry {
            Entry::RunResumed { who } => Some(json!({"at_ms": record.at_ms, "who": who})),
            _ => None,
        })
        .collect();
    json!({
        "event": "run", "deployment": deployment, "run": run.id, "verb": run.verb,
        "who": run.who, "started_ms": run.started_ms,
        "status": run.finished.map(|(status, _)| status),
        "duration_ms": run.finished.map(|(_, ms)| ms),
        "changed": run.counts.0, "unchanged": run.counts.1, "failed": run.counts.2,
        "resumed": resumed,
        "source": pin.map(|pin| source(pin, plugins)),
        "changes": changes(run.id, own, all),
    })
}

fn source(pin: &Pin, plugins: &mut Plugins<'_>) -> Value {
    let files: Vec<Value> = pin
        .sources
        .iter()
        .map(|(name, digest)| json!({"name": name, "sha256": digest}))
        .collect();
    json!({
        "runbook": pin.path, "files": files, "plugins": plugins.of(pin),
        "params_sha256": Digest::of_json(&pin.params),
    })
}

/// What a run did to the world, and what it took back.
fn changes(run: RunId, own: &[&Record], all: &[Record]) -> Vec<Value> {
    let change = |record: &&Record| match &record.entry {
        Entry::Intent {
            step,
            effect,
            before,
            ..
        } => {
            let ended = outcome(record.seq, all);
            Some(json!({
                "entry": record.seq, "at_ms": record.at_ms, "step": step,
                "effect": name(effect), "target": effect.target().to_string(),
                "before": words(before),
                "outcome": ended.map(outcome_name), "after": ended.and_then(after),
            }))
        }
        Entry::Undone { intents, how } => Some(json!({
            "entry": record.seq, "at_ms": record.at_ms, "takes_back": intents, "how": how,
        })),
        Entry::Adopted { step, running, .. } => Some(json!({
            "entry": record.seq, "at_ms": record.at_ms, "step": step, "adopted_pid": running.pid,
        })),
        Entry::Resolved {
            step,
            intent,
            decision,
            found,
            who,
        } => Some(json!({
            "entry": record.seq, "at_ms": record.at_ms, "step": step, "resolved": intent,
            "decision": decision, "found": words(found), "who": who,
        })),
        Entry::Reconciled { moves, table } => Some(json!({
            "entry": record.seq, "at_ms": record.at_ms, "reconciled": table, "moves": moves,
        })),
        Entry::Checkpoint { name } => Some(json!({
            "entry": record.seq, "at_ms": record.at_ms, "checkpoint": name,
        })),
        Entry::Returned { part, .. } => Some(json!({
            "entry": record.seq, "at_ms": record.at_ms, "taken_back": part, "run": run,
        })),
        Entry::RolledBack => Some(json!({
            "entry": record.seq, "at_ms": record.at_ms, "rolled_back": true, "run": run,
        })),
        _ => None,
    };
    own.iter().filter_map(change).collect()
}

/// How an intent ended, in whichever run that was found out.
fn outcome(intent: Seq, all: &[Record]) -> Option<&Outcome> {
    let from = all.partition_point(|record| record.seq <= intent);
    all[from..].iter().find_map(|record| match &record.entry {
        Entry::Outcome {
            intent: of,
            outcome,
        } if *of == intent => Some(outcome),
        _ => None,
    })
}

fn outcome_name(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Done(_) => "done",
        Outcome::Recovered(_) => "recovered",
        Outcome::NotDone(_) => "not_done",
    }
}

fn after(outcome: &Outcome) -> Option<String> {
    match outcome {
        Outcome::Done(state) | Outcome::Recovered(state) => Some(words(state)),
        Outcome::NotDone(_) => None,
    }
}

/// A state without values: of settings only which there are.
fn words(state: &TargetState) -> String {
    match state {
        TargetState::Configs(configs) => {
            let keys: Vec<&str> = configs.keys().map(String::as_str).collect();
            format!("settings {}", keys.join(", "))
        }
        TargetState::File { digest, mode, .. } => format!("file {digest} mode {mode:04o}"),
        state => state.to_string(),
    }
}

/// The name that an effect has in the journal.
fn name(effect: &Effect) -> String {
    match serde_json::to_value(effect) {
        Ok(Value::Object(fields)) => fields.keys().next().cloned().unwrap_or_default(),
        Ok(Value::String(name)) => name,
        _ => String::new(),
    }
}
