//! What a changed runbook means for what the journal knows: whose history is whose, and which steps are
//! reused, redone, new or orphaned.
//!
//! Steps are matched by address, through `moved(…)`, and compared by kind, arguments and order: how the
//! script is written plays no part. What can't be done safely is refused with the reason.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use krun_model::{
    Address, History, Kind, Runbook, Step, Value,
    kind::Kinds,
    reconcile::{Fate, Move, Moved, Reconciled},
};
use serde_json::{Value as Json, json};

/// What becomes of a deployment's history under a runbook.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Reconciliation {
    /// Histories that change their address; processes are still to be filled in.
    pub moves: Vec<Move>,
    /// One line a step; empty where nothing changed that matters.
    pub table: Vec<Reconciled>,
}

impl Reconciliation {
    /// The lines that can't be done safely.
    pub fn refused(&self) -> impl Iterator<Item = (&Address, &str)> {
        self.table.iter().filter_map(|row| match &row.fate {
            Fate::Refused { why } => Some((&row.step, why.as_str())),
            _ => None,
        })
    }
}

/// Reconciles a runbook with a history. `before` is the runbook of the last run, where it is another
/// one and can still be read.
pub fn reconcile(
    before: Option<&Runbook>,
    runbook: &Runbook,
    kinds: &Kinds,
    history: &History,
) -> Reconciliation {
    let (moves, mut table) = moves(runbook, history);
    for one in &moves {
        table.push(row(
            &one.to,
            Fate::Moved {
                from: one.from.clone(),
            },
        ));
    }
    if let Some(before) = before {
        compare(before, runbook, kinds, history, &moves, &mut table);
    }
    if table.iter().all(|row| row.fate == Fate::Reused) {
        table.clear();
    }
    Reconciliation { moves, table }
}

fn row(step: &Address, fate: Fate) -> Reconciled {
    Reconciled {
        step: step.clone(),
        fate,
    }
}

/// The histories that move, and the lines of those that can't.
fn moves(runbook: &Runbook, history: &History) -> (Vec<Move>, Vec<Reconciled>) {
    let next: BTreeMap<_, _> = runbook
        .moved
        .iter()
        .map(|one| (&one.from, &one.to))
        .collect();
    let (mut moves, mut refused) = (Vec::<Move>::new(), vec![]);
    // Nothing is known of an address whose history has moved already.
    for Moved { from, .. } in runbook.moved.iter().filter(|one| history.knows(&one.from)) {
        let to = last(from, &next);
        let taken = moves.iter().find(|one| one.to == *to);
        let kind = runbook.step(to).map(|step| step.kind.as_str());
        let why = match (history.kind_of(from), kind) {
            _ if history.knows(to) => Some(format!(
                "{to} has a history of its own; roll it back or give the step another address"
            )),
            _ if taken.is_some() => Some(format!("another history moves to {to}")),
            (Some(was), Some(is)) if was != is => Some(format!(
                "{from} was of kind {was}, and {to} is of kind {is}"
            )),
            _ => None,
        };
        match why {
            Some(why) => refused.push(row(from, Fate::Refused { why })),
            None => moves.push(Move {
                from: from.clone(),
                to: to.clone(),
                process: None,
            }),
        }
    }
    (moves, refused)
}

/// The end of a chain of moves; circles were found at check.
fn last<'a>(from: &'a Address, next: &BTreeMap<&'a Address, &'a Address>) -> &'a Address {
    let mut at = from;
    for _ in 0..=next.len() {
        match next.get(at) {
            Some(to) => at = to,
            None => break,
        }
    }
    at
}

/// Compares two runbooks step by step.
fn compare(
    before: &Runbook,
    runbook: &Runbook,
    kinds: &Kinds,
    history: &History,
    moves: &[Move],
    table: &mut Vec<Reconciled>,
) {
    let new_name = |old: &Address| {
        let moved = moves.iter().find(|one| one.from == *old);
        moved.map_or_else(|| old.clone(), |one| one.to.clone())
    };
    let old: BTreeMap<Address, &Step> = before
        .steps
        .iter()
        .map(|step| (new_name(&step.address), step))
        .collect();
    for step in &runbook.steps {
        let Some(was) = old.get(&step.address) else {
            table.push(row(&step.address, Fate::New));
            continue;
        };
        let changed = changed(was, step, kinds, &new_name);
        let (added, dropped) = reordered(was, step, &new_name);
        if changed.is_empty() && added.is_empty() && dropped.is_empty() {
            if moves.iter().all(|one| one.to != step.address) {
                table.push(row(&step.address, Fate::Reused));
            }
            continue;
        }
        if !changed.is_empty() {
            table.push(row(&step.address, Fate::Redone { changed }));
        }
        if !(added.is_empty() && dropped.is_empty()) {
            table.push(row(&step.address, Fate::Reordered { added, dropped }));
        }
    }
    let now: HashSet<_> = runbook.steps.iter().map(|step| &step.address).collect();
    let refused: HashSet<_> = table.iter().map(|row| row.step.clone()).collect();
    let gone = old.keys().filter(|address| !now.contains(*address));
    let orphaned = gone.filter(|address| !refused.contains(*address) && history.knows(address));
    table.extend(orphaned.map(|address| row(address, Fate::Orphaned)));
}

/// The arguments in which two steps differ; those that only say how a thing is reached don't count.
fn changed(
    was: &Step,
    is: &Step,
    kinds: &Kinds,
    new_name: &dyn Fn(&Address) -> Address,
) -> Vec<String> {
    let mut changed = vec![];
    if was.kind != is.kind {
        changed.push("kind".to_owned());
    }
    let ways = match kinds.get(&is.kind) {
        Some(Kind::Once(kind)) => kind.ways(),
        _ => &[],
    };
    let same = |name: &Address| name.clone();
    let names: BTreeSet<_> = was.args.keys().chain(is.args.keys()).collect();
    for name in names {
        let before = was.args.get(name).map(|value| canonical(value, new_name));
        let now = is.args.get(name).map(|value| canonical(value, &same));
        if before != now && !ways.contains(&name.as_str()) {
            changed.push(name.clone());
        }
    }
    changed
}

/// The steps that a step comes directly after now and did not before, and the other way round.
fn reordered(
    was: &Step,
    is: &Step,
    new_name: &dyn Fn(&Address) -> Address,
) -> (Vec<Address>, Vec<Address>) {
    let before: BTreeSet<_> = was.after.iter().map(new_name).collect();
    let now: BTreeSet<_> = is.after.iter().cloned().collect();
    let added = now.difference(&before).cloned().collect();
    (added, before.difference(&now).cloned().collect())
}

/// A value as data that can be compared, with the outputs of steps under their new addresses.
fn canonical(value: &Value, new_name: &dyn Fn(&Address) -> Address) -> Json {
    match value {
        Value::List(list) => list.iter().map(|one| canonical(one, new_name)).collect(),
        Value::Map(map) => map
            .iter()
            .map(|(key, one)| (key.clone(), canonical(one, new_name)))
            .collect::<serde_json::Map<_, _>>()
            .into(),
        Value::Output { step, name } => json!({"output": [new_name(step), name]}),
        Value::Condition(condition) => {
            let mut steps = vec![];
            condition.each_output(&mut |step, name| steps.push(json!([new_name(step), name])));
            // Its text names steps by their old address: their places say which they are.
            let mut text = condition.to_string();
            condition.each_output(&mut |step, _| {
                text = text.replace(step.as_str(), new_name(step).as_str());
            });
            json!({"condition": text, "of": steps})
        }
        plain => serde_json::to_value(plain).unwrap_or_default(),
    }
}
