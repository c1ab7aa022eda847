//! The words and columns of a status.

use super::{ProcessState, StatusProcess, StatusRun, StatusStep, StatusView};
use crate::{
    Style,
    history::{status_word, verb_word, who_words},
    seconds, stamp,
    style::{Mark, Tone},
    table::{Column, Side, table},
    text::{clean, clean_line, count, fill, pad},
};

/// A deployment as it is now. Steps that are settled are counted unless the style is verbose.
pub fn status_text(view: &StatusView, style: Style) -> String {
    let name = style.paint(Tone::Strong, &view.deployment);
    let mut text = fill(
        &format!("{name}: "),
        &clean(style, &view.summary),
        style.width,
    );
    let mut part = |word: &str, said: String| {
        text.push_str(&fill(&format!("  {word:<9} "), &said, style.width));
    };
    if let Some(runbook) = &view.runbook {
        part("runbook", clean_line(style, runbook));
    }
    if let Some(root) = &view.root {
        part("root", clean_line(style, root));
    }
    match &view.last_run {
        Some(run) => part("last run", run_words(run, style)),
        None => part("last run", "none".to_owned()),
    }
    if let Some(holder) = &view.holder {
        let who = who_words(holder, style);
        part("held by", format!("{who}, krun's pid {}", holder.pid));
    }
    text.push_str(&steps_text(&view.steps, style));
    text.push_str(&processes_text(&view.processes, style));
    text
}

fn run_words(run: &StatusRun, style: Style) -> String {
    let took = run
        .duration_ms
        .map_or(String::new(), |ms| format!(" after {}", seconds(ms)));
    format!(
        "{} ({}) {}{took}, started {}",
        run.id,
        verb_word(run.verb),
        status_word(run.status, style),
        stamp(run.started_ms)
    )
}

fn steps_text(steps: &[StatusStep], style: Style) -> String {
    if steps.is_empty() {
        return String::new();
    }
    let shown: Vec<&StatusStep> = steps
        .iter()
        .filter(|step| style.verbose() || !step.state.is_settled())
        .collect();
    let width = |of: &dyn Fn(&StatusStep) -> usize, most: usize| {
        shown
            .iter()
            .map(|step| of(step))
            .fold(0, usize::max)
            .min(most)
    };
    let addresses = width(&|step| step.address.as_str().len(), 40);
    let kinds = width(&|step| step.kind.len(), 28);
    let mut text = format!("\n{}\n", style.paint(Tone::Strong, "steps"));
    for step in &shown {
        let mark = if step.state.is_settled() {
            Mark::Unchanged
        } else {
            Mark::Noted
        };
        let kind = pad(&clean_line(style, &step.kind), kinds);
        let prefix = format!(
            "  {} {}  {}  ",
            style.mark(mark),
            pad(step.address.as_str(), addresses),
            style.paint(Tone::Faint, kind)
        );
        let detail = step.detail.as_ref().map_or(String::new(), |detail| {
            format!(": {}", clean(style, detail))
        });
        let said = format!("{}{detail}", step.state.words());
        text.push_str(&fill(&prefix, &said, style.width));
    }
    let hidden = steps.len() - shown.len();
    if hidden > 0 {
        let said = format!("{} as wanted", count(hidden, "step"));
        let mark = style.mark(Mark::Unchanged);
        text.push_str(&format!("  {mark} {}\n", style.paint(Tone::Faint, said)));
    }
    text
}

fn processes_text(processes: &[StatusProcess], style: Style) -> String {
    if processes.is_empty() {
        return String::new();
    }
    let columns = [
        Column("process", Side::Left),
        Column("pid", Side::Right),
        Column("state", Side::Left),
        Column("listens at", Side::Left),
        Column("log", Side::Left),
    ];
    let rows: Vec<Vec<String>> = processes
        .iter()
        .map(|process| {
            let tone = match process.state {
                ProcessState::Running => Tone::Good,
                ProcessState::Outdated | ProcessState::Silent => Tone::Warn,
                ProcessState::Stopped => Tone::Bad,
            };
            vec![
                process.step.to_string(),
                process.pid.map_or(String::new(), |pid| pid.to_string()),
                style.paint(tone, process.state.word()),
                clean_line(style, process.endpoint.as_deref().unwrap_or_default()),
                clean_line(style, &process.log),
            ]
        })
        .collect();
    format!("\n{}", table(style, &columns, &rows, 0))
}
