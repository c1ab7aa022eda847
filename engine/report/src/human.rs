//! A run for people, while it happens: a live tree on a terminal, plain lines elsewhere.
//!
//! Three parts: the [`Narrator`] turns events into lines that stay, the [`Tree`](tree::Tree) knows
//! what is running now, and [`Live`] draws the tree below the lines. Only the last two read a
//! clock, and only to show how long a step has been running.

use std::{
    fmt,
    io::{self, Write},
    sync::{Arc, Mutex, PoisonError},
};

use krun_model::{Event, Reporter};

use crate::{
    Style,
    human::{
        live::{Live, Pulse},
        narrator::Narrator,
        terminal::Terminal,
    },
};

mod live;
mod narrator;
mod terminal;
#[cfg(test)]
mod tests;
mod tree;

/// How wide the terminal is now, in columns.
type Width = Arc<dyn Fn() -> usize + Send + Sync>;

/// Shows events to people.
pub struct HumanReporter<W: Write + Send + 'static> {
    style: Style,
    width: Width,
    narrator: Narrator,
    out: Arc<Mutex<W>>,
    live: Option<Live>,
    pulse: Pulse,
    error: Option<io::Error>,
}

impl<W: Write + Send + 'static> HumanReporter<W> {
    /// A reporter that writes there. Where `style.live` is set, the writer must be a terminal of
    /// `style.width` columns, on which nothing else is written until the run is finished.
    pub fn new(style: Style, out: W) -> Self {
        let width = style.width;
        Self {
            style,
            width: Arc::new(move || width),
            narrator: Narrator::new(style),
            out: Arc::new(Mutex::new(out)),
            live: None,
            pulse: Pulse::default(),
            error: None,
        }
    }

    /// Asks `width` before each drawing how many columns there are, so that the reader may resize
    /// the terminal.
    #[must_use]
    pub fn width_from(mut self, width: impl Fn() -> usize + Send + Sync + 'static) -> Self {
        self.width = Arc::new(width);
        self
    }

    /// The first write that failed: nothing was written after it, and the run went on.
    pub fn error(&self) -> Option<&io::Error> {
        self.error.as_ref()
    }

    fn print(&mut self, text: &str) {
        if text.is_empty() || self.error.is_some() {
            return;
        }
        let out = &self.out;
        let write = || {
            let mut out = out.lock().unwrap_or_else(PoisonError::into_inner);
            out.write_all(text.as_bytes())?;
            out.flush()
        };
        let written = match &self.live {
            Some(live) => live.above(write),
            None => write(),
        };
        self.error = written.err();
    }
}

impl<W: Write + Send + 'static> Reporter for HumanReporter<W> {
    fn event(&mut self, event: &Event) {
        self.style.width = (self.width)();
        let text = self.narrator.tell(event, self.style.width);
        match event {
            Event::RunStarted { .. } if self.style.live && !self.style.quiet() => {
                let terminal = Terminal::new(self.out.clone(), self.width.clone());
                self.live = Some(Live::new(
                    terminal,
                    self.style,
                    self.width.clone(),
                    self.pulse,
                ));
            }
            Event::RunFinished { .. } => {
                if let Some(live) = self.live.take() {
                    live.end();
                }
            }
            event => {
                if let Some(live) = &self.live {
                    live.update(event, self.narrator.heading());
                }
            }
        }
        self.print(&text);
    }
}

impl<W: Write + Send + 'static> fmt::Debug for HumanReporter<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HumanReporter")
            .field("style", &self.style)
            .field("error", &self.error)
            .finish_non_exhaustive()
    }
}
