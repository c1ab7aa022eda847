//! A terminal behind any writer: the few escape sequences that drawing again takes.

use std::{
    fmt,
    io::{self, Write},
    sync::{Arc, Mutex, PoisonError},
};

use indicatif::TermLike;

use super::Width;

/// How many columns are assumed where none are known.
const COLUMNS: usize = 80;

/// The columns that a width says, or those that are assumed.
pub(super) fn columns(width: &Width) -> usize {
    match width() {
        0 => COLUMNS,
        columns => columns.min(usize::from(u16::MAX)),
    }
}

/// Writes escape sequences to a writer that others share.
pub(super) struct Terminal<W> {
    out: Arc<Mutex<W>>,
    width: Width,
}

impl<W: Write> Terminal<W> {
    pub(super) fn new(out: Arc<Mutex<W>>, width: Width) -> Self {
        Self { out, width }
    }

    fn write(&self, text: &str) -> io::Result<()> {
        let mut out = self.out.lock().unwrap_or_else(PoisonError::into_inner);
        out.write_all(text.as_bytes())
    }

    fn go(&self, n: usize, way: char) -> io::Result<()> {
        if n == 0 {
            return Ok(());
        }
        self.write(&format!("\u{1b}[{n}{way}"))
    }
}

impl<W: Write + Send> TermLike for Terminal<W> {
    fn width(&self) -> u16 {
        u16::try_from(columns(&self.width)).unwrap_or(u16::MAX)
    }

    fn move_cursor_up(&self, n: usize) -> io::Result<()> {
        self.go(n, 'A')
    }

    fn move_cursor_down(&self, n: usize) -> io::Result<()> {
        self.go(n, 'B')
    }

    fn move_cursor_right(&self, n: usize) -> io::Result<()> {
        self.go(n, 'C')
    }

    fn move_cursor_left(&self, n: usize) -> io::Result<()> {
        self.go(n, 'D')
    }

    fn write_line(&self, text: &str) -> io::Result<()> {
        self.write(&format!("{text}\n"))
    }

    fn write_str(&self, text: &str) -> io::Result<()> {
        self.write(text)
    }

    fn clear_line(&self) -> io::Result<()> {
        self.write("\r\u{1b}[2K")
    }

    fn flush(&self) -> io::Result<()> {
        self.out
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .flush()
    }
}

impl<W> fmt::Debug for Terminal<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Terminal").finish_non_exhaustive()
    }
}
