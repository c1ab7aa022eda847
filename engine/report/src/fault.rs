//! A fault in full: what failed, where, why, what shows it, and what to do next.

use krun_model::{Fault, journal::Again};

use crate::{
    Style, seconds,
    style::Tone,
    text::{clean, fill},
};

/// A fault as a block of lines. Each hint begins a line of its own; evidence is never wrapped, so
/// that lines of a log stay as they are.
///
/// ```text
/// error[krun::port-taken]: the broker cannot listen
///   at: 127.0.0.1:9092
///   why: java (pid 4242) listens there
///   | LISTEN 0 50 127.0.0.1:9092
///   help: Stop that process, or choose another port.
/// ```
pub fn fault_text(fault: &Fault, style: Style) -> String {
    let head = format!("error[{}]", fault.code.name());
    let mut text = fill(
        &format!("{}: ", style.paint(Tone::Bad, head)),
        &clean(style, &fault.what),
        style.width,
    );
    let mut part = |word: &str, tone: Tone, said: &str| {
        let word = style.paint(tone, format!("{word}:"));
        text.push_str(&fill(
            &format!("  {word} "),
            &clean(style, said),
            style.width,
        ));
    };
    if let Some(place) = &fault.place {
        part("at", Tone::Strong, place);
    }
    if let Some(why) = &fault.why {
        part("why", Tone::Strong, why);
    }
    for line in &fault.evidence {
        for line in clean(style, line).lines() {
            text.push_str(format!("  {} {line}", style.paint(Tone::Faint, "|")).trim_end());
            text.push('\n');
        }
    }
    for hint in &fault.hints {
        let word = style.paint(Tone::Hint, "help:");
        text.push_str(&fill(
            &format!("  {word} "),
            &clean(style, hint),
            style.width,
        ));
    }
    text
}

/// Which attempt failed and when the next comes.
pub(crate) fn retry_words(again: &Again) -> String {
    format!(
        "attempt {} of {} failed, again in {}",
        again.attempt,
        again.of,
        seconds(again.wait_ms)
    )
}

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;
    use krun_model::FaultCode;

    use super::*;
    use crate::samples::{narrow, port_taken};

    #[test]
    fn in_full() {
        assert_snapshot!(fault_text(&port_taken(), Style::default()), @r#"
    error[krun::port-taken]: the broker cannot listen on its port
      at: 127.0.0.1:9092
      why: java (pid 4242, user kafka) listens there since before this run
      | LISTEN 0 50 127.0.0.1:9092 users:(("java",pid=4242,fd=121))
      | java -Xmx1g kafka.Kafka /srv/old/server.properties
      help: Stop that process, or take it over with `krun adopt broker-1/start`.
      help: Or choose another port with `--param port=9192`.
    "#);
    }

    #[test]
    fn wrapped() {
        assert_snapshot!(fault_text(&port_taken(), narrow()), @r#"
    error[krun::port-taken]: the broker cannot
          listen on its port
      at: 127.0.0.1:9092
      why: java (pid 4242, user kafka) listens
           there since before this run
      | LISTEN 0 50 127.0.0.1:9092 users:(("java",pid=4242,fd=121))
      | java -Xmx1g kafka.Kafka /srv/old/server.properties
      help: Stop that process, or take it over
            with `krun adopt broker-1/start`.
      help: Or choose another port with
            `--param port=9192`.
    "#);
    }

    #[test]
    fn short() {
        let fault = Fault::new(FaultCode::Cancelled, "the run was told to stop");
        assert_snapshot!(fault_text(&fault, Style::default()), @"error[krun::cancelled]: the run was told to stop");
    }

    #[test]
    fn coloured() {
        let style = Style {
            color: true,
            ..Style::default()
        };
        let text = fault_text(&port_taken(), style);
        assert!(text.contains("\u{1b}["));
        assert_eq!(
            console::strip_ansi_codes(&text),
            fault_text(&port_taken(), Style::default())
        );
    }
}
