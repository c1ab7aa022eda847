//! Text that fits: cleaned of what a terminal would obey, and wrapped at words.

use std::borrow::Cow;

use console::measure_text_width;

use crate::Style;

/// A text from outside, safe to show: without escape sequences and control characters but line
/// breaks; symbols that krun's own words hold are spelled out where the style has none.
pub(crate) fn clean(style: Style, text: &str) -> String {
    let plain: Cow<'_, str> = console::strip_ansi_codes(text);
    let mut clean = String::with_capacity(plain.len());
    for c in plain.chars() {
        match c {
            '\n' => clean.push('\n'),
            '\t' => clean.push_str("    "),
            c if c.is_control() => {}
            '→' if !style.unicode => clean.push_str("->"),
            '×' if !style.unicode => clean.push('x'),
            '…' if !style.unicode => clean.push_str("..."),
            '–' | '—' if !style.unicode => clean.push('-'),
            c => clean.push(c),
        }
    }
    clean
}

/// A text from outside in one line: line breaks are shown as `\n`.
pub(crate) fn clean_line(style: Style, text: &str) -> String {
    clean(style, text.trim_end()).replace('\n', "\\n")
}

/// How far lines are indented below a prefix that takes more than half of the width.
const NARROW: usize = 6;

/// `prefix` and then `text`, wrapped at words; all lines but the first are indented to where the
/// text began. Words are never broken, so that a path can be copied; neither is what stands in
/// backticks, if a line can hold it. Ends with a line break.
pub(crate) fn fill(prefix: &str, text: &str, width: usize) -> String {
    let prefix_width = measure_text_width(prefix);
    let indent = if width == 0 || prefix_width <= width / 2 {
        prefix_width
    } else {
        NARROW.min(prefix_width)
    };
    let mut filled = String::from(prefix);
    let mut column = prefix_width;
    for (number, line) in text.lines().enumerate() {
        if number > 0 {
            break_line(&mut filled, &mut column, indent);
        }
        let mut first = true;
        for word in words(line, width.saturating_sub(indent)) {
            let needs = measure_text_width(&word) + usize::from(!first);
            if width > 0 && column + needs > width && column > indent {
                break_line(&mut filled, &mut column, indent);
                first = true;
            }
            if !first {
                filled.push(' ');
                column += 1;
            }
            filled.push_str(&word);
            column += measure_text_width(&word);
            first = false;
        }
    }
    let kept = filled.trim_end().len();
    filled.truncate(kept);
    filled.push('\n');
    filled
}

/// The words of a line; what stands in backticks is one of them, unless it is wider than `most`.
fn words(line: &str, most: usize) -> Vec<String> {
    let mut words: Vec<String> = vec![];
    for word in line.split(' ') {
        match words.last_mut() {
            Some(last)
                if last.matches('`').count() % 2 == 1
                    && measure_text_width(last) + measure_text_width(word) < most =>
            {
                last.push(' ');
                last.push_str(word);
            }
            _ => words.push(word.to_owned()),
        }
    }
    words
}

fn break_line(filled: &mut String, column: &mut usize, indent: usize) {
    let kept = filled.trim_end_matches(' ').len();
    filled.truncate(kept);
    filled.push('\n');
    filled.push_str(&" ".repeat(indent));
    *column = indent;
}

/// Each line of a text behind some columns of nothing.
pub(crate) fn indent(text: &str, columns: usize) -> String {
    let mut indented = String::with_capacity(text.len());
    for line in text.lines() {
        if !line.is_empty() {
            indented.push_str(&" ".repeat(columns));
            indented.push_str(line);
        }
        indented.push('\n');
    }
    indented
}

/// A text padded on its right to a width, whatever escape sequences it holds.
pub(crate) fn pad(text: &str, width: usize) -> String {
    let missing = width.saturating_sub(measure_text_width(text));
    format!("{text}{}", " ".repeat(missing))
}

/// `1 step`, `2 steps`.
pub(crate) fn count(number: usize, one: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {one}{plural}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wraps_at_words_and_hangs() {
        assert_eq!(
            fill("ab: ", "one two three", 11),
            "ab: one two\n    three\n"
        );
        assert_eq!(fill("ab: ", "one two three", 0), "ab: one two three\n");
        assert_eq!(
            fill("", "/a/very/long/path that stays", 10),
            "/a/very/long/path\nthat stays\n"
        );
        assert_eq!(fill("", "use `one two` or", 12), "use\n`one two` or\n");
        assert_eq!(
            fill("a long prefix: ", "and then some", 24),
            "a long prefix: and then\n      some\n"
        );
        assert_eq!(fill("x ", "a\nb", 80), "x a\n  b\n");
        assert_eq!(fill("  at: ", "", 80), "  at:\n");
    }

    #[test]
    fn obeys_no_escape_sequence() {
        let style = Style::default();
        assert_eq!(
            clean(style, "\u{1b}[31mred\u{1b}[0m\u{7}\tx\r\ny"),
            "red    x\ny"
        );
        let ascii = Style {
            unicode: false,
            ..style
        };
        assert_eq!(clean(ascii, "a → b…"), "a -> b...");
        assert_eq!(clean_line(style, "a\nb\n"), "a\\nb");
    }
}
