//! A plan as people read it before they agree to it.

use std::collections::BTreeMap;

use krun_model::{
    Address, Change, Plan,
    kind::UndoClass,
    plan::{PlannedGate, PlannedStep},
};

use crate::{
    Style,
    reconciled::reconciled_text,
    style::{Mark, Tone},
    text::{clean, clean_line, count, fill, pad},
};

mod diff;
#[cfg(test)]
mod tests;

/// The widest columns for addresses and kinds; longer ones push their own line only.
const ADDRESS: usize = 40;
const KIND: usize = 28;
/// How many steps are named where only their names are told.
const NAMED: usize = 40;

/// What would be done to each step, section by section, with reasons and differences.
///
/// Steps that stay as they are become one count a section, unless the style is verbose; a quiet
/// style shows one line a step.
pub fn plan_text(plan: &Plan, style: Style) -> String {
    let skipped = |step: &PlannedStep| step.reason.is_skip() && !step.reason.is_choice();
    let shown = |step: &&PlannedStep| {
        step.change != Change::NoOp || skipped(step) || style.verbose() || !step.notes.is_empty()
    };
    let columns = Columns::of(plan.steps.iter().filter(shown));
    let sections = sections(&plan.steps);
    let mut gates = Gates::of(plan);
    let mut text = String::new();
    for (at, (title, steps)) in sections.iter().enumerate() {
        // Steps before the first section need no heading; later ones must not stand under a wrong one.
        if let Some(title) = title.or((at > 0).then_some("Other steps")) {
            text.push_str(&style.paint(Tone::Strong, clean_line(style, title)));
            text.push('\n');
        }
        let mut hidden = Hidden::default();
        for step in steps {
            text.push_str(&gates.before(step, style));
            if shown(step) {
                text.push_str(&step_text(step, columns, style));
            } else {
                hidden.count(step);
            }
        }
        for line in hidden.lines() {
            let mark = pad(
                &style.mark(Mark::Unchanged),
                if style.unicode { 1 } else { 3 },
            );
            text.push_str(&format!("  {mark} {}\n", style.paint(Tone::Faint, line)));
        }
        text.push('\n');
    }
    if !plan.reconciled.is_empty() {
        let title = style.paint(Tone::Strong, "The runbook changed since the last run");
        let table = reconciled_text(&plan.reconciled, style);
        text.push_str(&format!("{title}\n{table}\n"));
    }
    text.push_str(&orphans_text(plan, style));
    if !plan.left_behind.is_empty() {
        text.push_str("Skipped now and done before; what they made stays until rollback:\n");
        text.push_str(&names(&plan.left_behind, style));
        text.push('\n');
    }
    text.push_str(&irreversible(plan, style));
    text.push_str(&footer(plan, style));
    text
}

/// What a rollback can do about a step, in words.
pub fn undo_words(class: UndoClass) -> &'static str {
    match class {
        UndoClass::Reversible => "restored to the byte",
        UndoClass::Compensable => "stopped or deleted again",
        UndoClass::Contained => "goes away with what contains it",
        UndoClass::Kept => "stays, on purpose",
        UndoClass::Irreversible => "not possible",
        UndoClass::Nothing => "nothing to take back",
    }
}

/// How many steps of each change: `3 to create, 1 to restart, 12 as wanted`; none is an empty text.
pub(crate) fn counts(plan: &Plan) -> String {
    let mut numbers: BTreeMap<Change, usize> = BTreeMap::new();
    let mut skips = Hidden::default();
    for step in &plan.steps {
        if step.reason.is_skip() {
            skips.count(step);
        } else {
            *numbers.entry(step.change).or_default() += 1;
        }
    }
    let order = [
        Change::Create,
        Change::Update,
        Change::Restart,
        Change::Delete,
        Change::Act,
        Change::Prove,
        Change::NoOp,
    ];
    let part = |change: &Change| {
        let number = *numbers.get(change)?;
        Some(match change {
            Change::NoOp => format!("{number} as wanted"),
            Change::Act => format!("{} to do", count(number, "act")),
            change => format!("{number} to {}", change.word()),
        })
    };
    let parts = order.iter().filter_map(part);
    parts.chain(skips.words()).collect::<Vec<_>>().join(", ")
}

/// Steps that nothing is done to, counted by why.
#[derive(Default)]
struct Hidden {
    as_wanted: usize,
    skipped: usize,
    not_chosen: usize,
}

impl Hidden {
    fn count(&mut self, step: &PlannedStep) {
        *match (step.reason.is_skip(), step.reason.is_choice()) {
            (_, true) => &mut self.not_chosen,
            (true, false) => &mut self.skipped,
            (false, false) => &mut self.as_wanted,
        } += 1;
    }

    /// `2 skipped`, `27 not chosen`.
    fn words(&self) -> Vec<String> {
        let counts = [(self.skipped, "skipped"), (self.not_chosen, "not chosen")];
        let counts = counts.iter().filter(|(number, _)| *number > 0);
        counts
            .map(|(number, what)| format!("{number} {what}"))
            .collect()
    }

    fn lines(&self) -> Vec<String> {
        let counts = [
            (self.as_wanted, "as wanted"),
            (self.skipped, "skipped"),
            (self.not_chosen, "not chosen"),
        ];
        let counts = counts.iter().filter(|(number, _)| *number > 0);
        counts
            .map(|(number, what)| format!("{} {what}", count(*number, "step")))
            .collect()
    }
}

/// The gates of a plan, each to be shown before the first step behind it.
struct Gates<'a> {
    open: BTreeMap<&'a Address, Vec<&'a PlannedGate>>,
}

impl<'a> Gates<'a> {
    fn of(plan: &'a Plan) -> Self {
        let mut open = BTreeMap::<&Address, Vec<&PlannedGate>>::new();
        for gate in &plan.gates {
            if let Some(behind) = plan.steps.get(gate.steps) {
                open.entry(&behind.address).or_default().push(gate);
            }
        }
        Self { open }
    }

    fn before(&mut self, step: &PlannedStep, style: Style) -> String {
        let names = self.open.remove(&step.address).unwrap_or_default();
        let line = |gate: &&PlannedGate| {
            let what = if gate.checkpoint {
                "checkpoint"
            } else {
                "gate"
            };
            let rule = if style.unicode { "──" } else { "--" };
            let said = format!("{rule} {what}: {}", clean_line(style, &gate.name));
            format!("  {}\n", style.paint(Tone::Faint, said))
        };
        names.iter().map(line).collect()
    }
}

/// How wide the columns of this plan are.
#[derive(Clone, Copy)]
struct Columns {
    address: usize,
    kind: usize,
}

impl Columns {
    fn of<'a>(steps: impl Iterator<Item = &'a PlannedStep>) -> Self {
        steps.fold(
            Self {
                address: 0,
                kind: 0,
            },
            |columns, step| Self {
                address: columns
                    .address
                    .max(step.address.as_str().len())
                    .min(ADDRESS),
                kind: columns.kind.max(step.kind.len()).min(KIND),
            },
        )
    }
}

/// Steps by section, sections in the order in which they first appear.
fn sections(steps: &[PlannedStep]) -> Vec<(Option<&str>, Vec<&PlannedStep>)> {
    let mut sections: Vec<(Option<&str>, Vec<&PlannedStep>)> = vec![];
    for step in steps {
        let title = step.phase.as_deref();
        match sections.iter_mut().find(|(other, _)| *other == title) {
            Some((_, steps)) => steps.push(step),
            None => sections.push((title, vec![step])),
        }
    }
    sections
}

fn step_text(step: &PlannedStep, columns: Columns, style: Style) -> String {
    let head = format!(
        "  {} {}  {}  ",
        style.symbol(step.change),
        style.paint(Tone::Strong, pad(step.address.as_str(), columns.address)),
        style.paint(
            Tone::Faint,
            pad(&clean_line(style, &step.kind), columns.kind)
        ),
    );
    let word = if step.reason.is_skip() {
        "skip"
    } else {
        step.change.word()
    };
    let said = format!("{word}: {}", clean(style, &step.reason.to_string()));
    let mut text = fill(&head, &said, style.width);
    if style.quiet() {
        return text;
    }
    for note in &step.notes {
        text.push_str(&fill("      note: ", &clean(style, note), style.width));
    }
    if step.change.is_change() && step.undo != UndoClass::Nothing {
        let words = undo_words(step.undo);
        let words = match step.undo {
            UndoClass::Irreversible => style.paint(Tone::Bad, words),
            _ => style.paint(Tone::Faint, words),
        };
        text.push_str(&format!("      undo: {words}\n"));
    }
    text.push_str(&diff::diff_text(step, style));
    text
}

/// The steps that left the runbook, and what becomes of them.
fn orphans_text(plan: &Plan, style: Style) -> String {
    if plan.orphans.is_empty() {
        return String::new();
    }
    if plan.prune {
        let title = style.paint(Tone::Strong, "No longer in the runbook");
        let rows = plan.orphans.iter().map(|step| {
            let step = style.paint(Tone::Strong, step.as_str());
            let symbol = style.symbol(Change::Delete);
            format!("  {symbol} {step}  delete: what it did is taken back after the run\n")
        });
        return format!("{title}\n{}\n", rows.collect::<String>());
    }
    let names = names(&plan.orphans, style);
    format!("No longer in the runbook; they stay until a run with --prune, or rollback:\n{names}\n")
}

/// Steps by name, the first of them if they are many.
fn names(steps: &[Address], style: Style) -> String {
    let most = if style.verbose() { usize::MAX } else { NAMED };
    let mut names: Vec<&str> = steps.iter().take(most).map(Address::as_str).collect();
    let more = format!("and {} more (-v names all)", steps.len() - names.len());
    if names.len() < steps.len() {
        names.push(&more);
    }
    fill("  ", &names.join(", "), style.width)
}

/// What nobody can take back, named once more where the decision is made.
fn irreversible(plan: &Plan, style: Style) -> String {
    let names: Vec<&str> = plan
        .steps
        .iter()
        .filter(|step| step.change.is_change() && step.undo == UndoClass::Irreversible)
        .map(|step| step.address.as_str())
        .collect();
    if names.is_empty() {
        return String::new();
    }
    let word = style.paint(Tone::Bad, "Cannot be taken back:");
    fill(&format!("{word} "), &names.join(", "), style.width)
}

fn footer(plan: &Plan, style: Style) -> String {
    let proofs = plan.steps.iter().any(|step| step.change == Change::Prove);
    let prunes = plan.prune && !plan.orphans.is_empty();
    let said = if plan.steps.is_empty() {
        "the runbook has no steps; nothing was changed.".to_owned()
    } else if plan.changes() == 0 && !proofs && !prunes {
        let mut kept = Hidden::default();
        plan.steps.iter().for_each(|step| kept.count(step));
        let wanted = format!("{} as wanted", count(kept.as_wanted, "step"));
        let all: Vec<_> = std::iter::once(wanted).chain(kept.words()).collect();
        format!("nothing to do, {}; nothing was changed.", all.join(", "))
    } else {
        format!("{}; nothing was changed.", counts(plan))
    };
    let word = style.paint(Tone::Strong, "Plan:");
    fill(&format!("{word} "), &said, style.width)
}
