//! The table of a sweep: a line a trial, and how it ended.

use krun_model::Whose;
use krun_sweep::{Row, Totals, Trial};
use serde_json::{Value, json};

use crate::context::Context;

/// The width of the columns `record` and `killed`.
const RECORD: usize = 58;
const KILLED: usize = 23;

/// The table's head.
pub fn heading(context: &Context) -> String {
    if context.global.json || context.global.quiet {
        return String::new();
    }
    let (what, then) = ("record", "then");
    format!(
        "{:>5}  {what:<RECORD$}  {:<KILLED$}  {then:<18}  ended    time\n",
        "", "killed"
    )
}

/// A trial that was not made.
pub fn listed(context: &Context, trial: &Trial) -> String {
    if context.global.json {
        return format!("{}\n", object("trial", trial));
    }
    format!("{}\n", columns(trial))
}

/// A trial that was made.
pub fn shown(context: &Context, row: &Row) -> String {
    let ms = row.took.as_millis() as u64;
    if context.global.json {
        let mut object = object("trial", &row.trial);
        object["ok"] = row.wrong.is_empty().into();
        object["reached"] = row.reached.into();
        object["wrong"] = row.wrong.clone().into();
        object["took_ms"] = ms.into();
        object["kept"] = json!(row.kept);
        return format!("{object}\n");
    }
    let outcome = match (row.reached, row.wrong.is_empty()) {
        (true, true) => "ok",
        (false, true) => "none",
        (_, false) => "WRONG",
    };
    let mut text = format!(
        "{}  {outcome:<5}  {:>6.2} s\n",
        columns(&row.trial),
        row.took.as_secs_f64()
    );
    for wrong in &row.wrong {
        text.push_str(&format!("       {wrong}\n"));
    }
    if let Some(kept) = &row.kept {
        text.push_str(&format!("       kept for a look: {kept}\n"));
    }
    text
}

/// The last line.
pub fn closing(context: &Context, totals: &Totals, all: usize) -> String {
    let (made, failed) = (totals.trials, totals.failed);
    if context.global.json {
        let object = json!({
            "event": "sweep_finished", "all": all, "trials": made, "failed": failed,
            "missed": totals.missed, "classes": totals.classes, "starts": totals.starts, "took_ms": totals.took.as_millis() as u64,
        });
        return format!("{object}\n");
    }
    let part = if made < all {
        format!(" (of {all} there are)")
    } else {
        String::new()
    };
    let mut text = format!(
        "{} of {made} kills{part} survived, in {:.1} s\n",
        made - failed - totals.missed,
        totals.took.as_secs_f64()
    );
    if totals.missed > 0 {
        text.push_str(&format!(
            "{} were not made: chance had it that krun wrote no such record\n",
            totals.missed
        ));
    }
    text
}

fn object(event: &str, trial: &Trial) -> Value {
    let point = &trial.point;
    let folder = match &point.kill.whose {
        Whose::Folder(path) => Some(path),
        Whose::Run | Whose::Step(_) => None,
    };
    json!({
        "event": event, "number": trial.number, "step": point.kill.whose.step(), "folder": folder, "record": point.record,
        "class": point.class, "point": point.kill.to_string(), "killed": trial.moment(),
        "then": trial.what.words(),
    })
}

fn columns(trial: &Trial) -> String {
    let record = shortened(&format!("{}  {}", trial.whose(), trial.point.record));
    format!(
        "{:>5}  {record:<RECORD$}  {:<KILLED$}  {:<18}",
        trial.number,
        trial.moment(),
        trial.what.words()
    )
}

/// The end of a record says what it is about.
fn shortened(text: &str) -> String {
    let long = text.chars().count();
    if long <= RECORD {
        return text.to_owned();
    }
    let head: String = text.chars().take(RECORD / 2).collect();
    let tail: String = text
        .chars()
        .skip(long - (RECORD - RECORD / 2 - 1))
        .collect();
    format!("{head}…{tail}")
}
