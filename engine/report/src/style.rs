//! How output looks: colour, symbols, width, and how much of it there is.
//!
//! Decides nothing by itself: whoever reads flags, `NO_COLOR` and the terminal fills in a [`Style`].

use std::fmt::Display;

use krun_model::Change;

/// How much is said.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verbosity {
    /// Only what went wrong.
    Quiet,
    /// What was done; what was not is counted.
    #[default]
    Normal,
    /// Everything.
    Verbose,
}

/// How output looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Style {
    /// Whether to colour; every meaning stands in words or marks as well.
    pub color: bool,
    /// Whether symbols beyond ASCII can be shown.
    pub unicode: bool,
    /// Whether the writer is a terminal on which lines can be drawn again.
    pub live: bool,
    /// How much is said.
    pub verbosity: Verbosity,
    /// Columns to wrap at; 0 never wraps.
    pub width: usize,
}

impl Default for Style {
    /// Plain lines of 100 columns, without colour.
    fn default() -> Self {
        Self {
            color: false,
            unicode: true,
            live: false,
            verbosity: Verbosity::Normal,
            width: 100,
        }
    }
}

/// What a colour stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tone {
    Good,
    Bad,
    Warn,
    Hint,
    Strong,
    Faint,
}

/// The mark in front of a line about a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mark {
    Started,
    Changed,
    Unchanged,
    Failed,
    Skipped,
    Noted,
}

impl Style {
    /// Whether unchanged things are listed one by one.
    pub(crate) fn verbose(self) -> bool {
        self.verbosity == Verbosity::Verbose
    }

    /// Whether only what went wrong is said.
    pub(crate) fn quiet(self) -> bool {
        self.verbosity == Verbosity::Quiet
    }

    /// The same within fewer columns.
    pub(crate) fn narrower(self, by: usize) -> Self {
        let width = if self.width == 0 {
            0
        } else {
            self.width.saturating_sub(by).max(20)
        };
        Self { width, ..self }
    }

    /// A text in its tone.
    pub(crate) fn paint(self, tone: Tone, text: impl Display) -> String {
        if !self.color {
            return text.to_string();
        }
        let style = console::Style::new().force_styling(true);
        let style = match tone {
            Tone::Good => style.green(),
            Tone::Bad => style.red().bold(),
            Tone::Warn => style.yellow(),
            Tone::Hint => style.cyan(),
            Tone::Strong => style.bold(),
            Tone::Faint => style.dim(),
        };
        style.apply_to(text).to_string()
    }

    /// What stands between before and after.
    pub(crate) fn arrow(self) -> &'static str {
        if self.unicode { "→" } else { "->" }
    }

    /// What stands where something was cut.
    pub(crate) fn ellipsis(self) -> &'static str {
        if self.unicode { "…" } else { "..." }
    }

    /// A mark: one column, whatever the style.
    pub(crate) fn mark(self, mark: Mark) -> String {
        let (unicode, ascii, tone) = match mark {
            Mark::Started => ("▸", ">", Tone::Hint),
            Mark::Changed => ("✓", "*", Tone::Good),
            Mark::Unchanged => ("·", ".", Tone::Faint),
            Mark::Failed => ("✗", "x", Tone::Bad),
            Mark::Skipped => ("○", "o", Tone::Warn),
            Mark::Noted => ("!", "!", Tone::Warn),
        };
        self.paint(tone, if self.unicode { unicode } else { ascii })
    }

    /// The symbol of a change in a plan, padded to one width.
    pub(crate) fn symbol(self, change: Change) -> String {
        let (symbol, tone) = match change {
            Change::NoOp => (" ", Tone::Faint),
            Change::Prove => ("?", Tone::Hint),
            Change::Create => ("+", Tone::Good),
            Change::Update => ("~", Tone::Warn),
            Change::Restart if self.unicode => ("±", Tone::Warn),
            Change::Restart => ("-/+", Tone::Warn),
            Change::Delete => ("-", Tone::Bad),
            Change::Act => ("!", Tone::Warn),
        };
        let width = if self.unicode { 1 } else { 3 };
        self.paint(tone, format!("{symbol:<width$}"))
    }
}
