//! Aligned columns with a line of titles.

use console::measure_text_width;

use crate::{
    Style,
    style::Tone,
    text::{indent, pad},
};

/// A column's title, and whether its cells stand at its right.
pub(crate) struct Column(pub &'static str, pub Side);

/// At which side of a column its cells stand.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    Left,
    Right,
}

/// The rows below their titles, two spaces between columns, behind some columns of nothing.
/// A column that is empty in all rows is left out.
pub(crate) fn table(
    style: Style,
    columns: &[Column],
    rows: &[Vec<String>],
    indented: usize,
) -> String {
    let cell = |row: &Vec<String>, at: usize| row.get(at).cloned().unwrap_or_default();
    let shown: Vec<usize> = (0..columns.len())
        .filter(|at| rows.iter().any(|row| !cell(row, *at).is_empty()))
        .collect();
    let widths: Vec<usize> = shown
        .iter()
        .map(|at| {
            let cells = rows.iter().map(|row| measure_text_width(&cell(row, *at)));
            cells.fold(measure_text_width(columns[*at].0), usize::max)
        })
        .collect();
    let mut text = String::new();
    let mut line = |tone: Option<Tone>, cells: &dyn Fn(usize) -> String| {
        let mut line = String::new();
        for (at, width) in shown.iter().zip(&widths) {
            let cell = cells(*at);
            let space = " ".repeat(width.saturating_sub(measure_text_width(&cell)));
            let placed = match columns[*at].1 {
                Side::Left => pad(&cell, *width),
                Side::Right => format!("{space}{cell}"),
            };
            line.push_str(&placed);
            line.push_str("  ");
        }
        let line = line.trim_end();
        match tone {
            Some(tone) => text.push_str(&style.paint(tone, line)),
            None => text.push_str(line),
        }
        text.push('\n');
    };
    line(Some(Tone::Strong), &|at| columns[at].0.to_owned());
    for row in rows {
        line(None, &|at| cell(row, at));
    }
    indent(&text, indented)
}
