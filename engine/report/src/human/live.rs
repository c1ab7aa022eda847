//! Draws the tree at the bottom of a terminal and lets lines pass above it.

use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use indicatif::{
    ProgressBar, ProgressDrawTarget, ProgressFinish, ProgressState, ProgressStyle, TermLike,
};
use krun_model::Event;

use super::{Width, tree::Tree};
use crate::Style;

/// What makes the spinners turn.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pulse {
    /// How often the tree is drawn; none draws it only when a line passes above it.
    pub(super) tick: Option<Duration>,
    /// What time it is.
    pub(super) clock: fn() -> Instant,
}

impl Default for Pulse {
    fn default() -> Self {
        Self {
            tick: Some(Duration::from_millis(100)),
            clock: Instant::now,
        }
    }
}

/// How many times a second the terminal is drawn at most.
const HZ: u8 = 20;

/// The live area. One bar whose only element is the whole tree, so that it is always drawn from
/// one state.
pub(super) struct Live {
    bar: ProgressBar,
    tree: Arc<Mutex<Tree>>,
    pulse: Pulse,
}

impl Live {
    pub(super) fn new(
        terminal: impl TermLike + 'static,
        style: Style,
        width: Width,
        pulse: Pulse,
    ) -> Self {
        let tree = Arc::new(Mutex::new(Tree::new(style, (pulse.clock)())));
        let target = ProgressDrawTarget::term_like_with_hz(Box::new(terminal), HZ);
        let bar = ProgressBar::with_draw_target(None, target).with_finish(ProgressFinish::AndClear);
        let drawn = tree.clone();
        let draw = move |_: &ProgressState, out: &mut dyn fmt::Write| {
            let tree = drawn.lock().unwrap_or_else(PoisonError::into_inner);
            let lines = tree.lines(super::terminal::columns(&width), (pulse.clock)());
            // A drawing that fails is tried again with the next tick.
            let _ = out.write_str(&lines.join("\n"));
        };
        bar.set_style(
            ProgressStyle::with_template("{tree}")
                .unwrap_or_else(|_| ProgressStyle::default_spinner())
                .with_key("tree", draw),
        );
        if let Some(tick) = pulse.tick {
            bar.enable_steady_tick(tick);
        }
        Self { bar, tree, pulse }
    }

    /// Takes an event in; it is seen with the next tick.
    pub(super) fn update(&self, event: &Event, heading: Option<&str>) {
        let mut tree = self.tree.lock().unwrap_or_else(PoisonError::into_inner);
        tree.update(event, heading, (self.pulse.clock)());
    }

    /// Clears the tree, writes something in its place, and draws it again below.
    pub(super) fn above<R>(&self, write: impl FnOnce() -> R) -> R {
        self.bar.suspend(write)
    }

    /// Takes the tree away.
    pub(super) fn end(self) {
        self.bar.finish_and_clear();
    }
}
