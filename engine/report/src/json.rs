//! The event stream for programs: one JSON object a line.

use std::io::{self, Write};

use krun_model::{Event, Reporter};

/// Writes each event as one line, `{"event":"run_started","version":1,…}`, and flushes it, so that
/// a reader sees it as it happens. The stream's version stands in its first event.
#[derive(Debug)]
pub struct JsonReporter<W> {
    out: W,
    error: Option<io::Error>,
}

impl<W: Write> JsonReporter<W> {
    /// A reporter that writes there.
    pub fn new(out: W) -> Self {
        Self { out, error: None }
    }

    /// The first write that failed: nothing was written after it, and the run went on.
    pub fn error(&self) -> Option<&io::Error> {
        self.error.as_ref()
    }

    /// The writer.
    pub fn into_inner(self) -> W {
        self.out
    }

    fn write(&mut self, event: &Event) -> io::Result<()> {
        let mut line = serde_json::to_vec(event)?;
        line.push(b'\n');
        self.out.write_all(&line)?;
        self.out.flush()
    }
}

impl<W: Write + Send> Reporter for JsonReporter<W> {
    fn event(&mut self, event: &Event) {
        if self.error.is_none() {
            self.error = self.write(event).err();
        }
    }
}

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;

    use super::*;
    use crate::samples::{Closed, events};

    fn lines() -> String {
        let mut reporter = JsonReporter::new(Vec::new());
        events().iter().for_each(|event| reporter.event(event));
        assert!(reporter.error().is_none());
        String::from_utf8(reporter.into_inner()).unwrap()
    }

    #[test]
    fn lines_parse_back() {
        let parsed: Vec<Event> = lines()
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        assert_eq!(parsed, events());
    }

    #[test]
    fn first_and_last() {
        let lines = lines();
        assert_snapshot!(lines.lines().next().unwrap(), @r#"{"event":"run_started","version":1,"deployment":"staging","run":3,"verb":"run","resumed":true}"#);
        assert_snapshot!(lines.lines().last().unwrap(), @r#"{"event":"run_finished","status":"failed","changed":2,"unchanged":3,"failed":1,"duration_ms":4210}"#);
    }

    #[test]
    fn a_closed_pipe_is_remembered() {
        let mut reporter = JsonReporter::new(Closed);
        events().iter().for_each(|event| reporter.event(event));
        assert_eq!(
            reporter.error().map(io::Error::kind),
            Some(io::ErrorKind::BrokenPipe)
        );
    }
}
