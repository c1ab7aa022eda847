//! All runs of a deployment, one a line.

use krun_model::{
    event::RunStatus,
    history::RunMemory,
    journal::{Verb, Who},
};

use crate::{
    Style, seconds, stamp,
    style::Tone,
    table::{Column, Side, table},
    text::clean_line,
};

/// The runs in the order given, one a line.
pub fn history_text(runs: &[RunMemory], style: Style) -> String {
    if runs.is_empty() {
        return "no runs yet\n".to_owned();
    }
    let columns = [
        Column("run", Side::Right),
        Column("started", Side::Left),
        Column("command", Side::Left),
        Column("ended", Side::Left),
        Column("after", Side::Right),
        Column("changed", Side::Right),
        Column("unchanged", Side::Right),
        Column("failed", Side::Right),
        Column("by", Side::Left),
    ];
    let rows: Vec<Vec<String>> = runs.iter().map(|run| row(run, style)).collect();
    table(style, &columns, &rows, 0)
}

fn row(run: &RunMemory, style: Style) -> Vec<String> {
    let mut row = vec![
        run.id.to_string(),
        stamp(run.started_ms),
        verb_word(run.verb).to_owned(),
        status_word(run.finished.map(|(status, _)| status), style),
        run.finished.map_or(String::new(), |(_, ms)| seconds(ms)),
    ];
    let (changed, unchanged, failed) = run.counts;
    let counted = |number: usize| match run.finished {
        Some(_) => number.to_string(),
        None => String::new(),
    };
    row.extend([counted(changed), counted(unchanged), counted(failed)]);
    row.push(who_words(&run.who, style));
    row
}

/// The command that a run served.
pub(crate) fn verb_word(verb: Verb) -> &'static str {
    match verb {
        Verb::Run => "run",
        Verb::Rollback => "rollback",
        Verb::Stop => "stop",
        Verb::Prune => "prune",
        Verb::Start => "start",
        Verb::Adopt => "adopt",
    }
}

/// How a run ended; a run without an end goes on or was interrupted, which its journal cannot tell.
pub(crate) fn status_word(status: Option<RunStatus>, style: Style) -> String {
    match status {
        Some(RunStatus::Succeeded) => style.paint(Tone::Good, "succeeded"),
        Some(RunStatus::Failed) => style.paint(Tone::Bad, "failed"),
        Some(RunStatus::Cancelled) => style.paint(Tone::Warn, "cancelled"),
        Some(RunStatus::Conflict) => style.paint(Tone::Bad, "conflict"),
        None => style.paint(Tone::Warn, "not finished"),
    }
}

/// `user@host`.
pub(crate) fn who_words(who: &Who, style: Style) -> String {
    clean_line(style, &format!("{}@{}", who.user, who.host))
}

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;

    use super::*;
    use crate::samples::runs;

    #[test]
    fn all_runs() {
        assert_snapshot!(history_text(&runs(), Style::default()), @r#"
    run  started               command   ended              after  changed  unchanged  failed  by
      1  2026-11-21T09:12:05Z  run       succeeded          4.2 s       21          0       0  ana@build-1
      2  2026-11-21T09:13:05Z  run       failed        1 min 12 s        3         17       1  ana@build-1
      3  2026-11-21T09:14:05Z  rollback  not finished                                          ana@build-1
    "#);
    }

    #[test]
    fn none() {
        assert_snapshot!(history_text(&[], Style::default()), @"no runs yet");
    }
}
