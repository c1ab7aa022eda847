//! Doc comments as prose: `///` above a statement, `//!` at the head of a file.
//!
//! Never looks into Rhai's own doc comments, which exist for functions only.

use rhai::Token;

use crate::source::Source;

/// Whether a token is a `///` comment that stands alone on its line.
fn is_doc_line(source: &Source, start: usize, token: &Token) -> bool {
    let line = source.line_text(source.line(start));
    matches!(token, Token::Comment(text) if text.starts_with("///"))
        && line.trim_start().starts_with("///")
}

/// The block of `///` lines that ends right above a line.
pub(crate) fn above(source: &Source, line: usize) -> String {
    let mut found = vec![];
    let mut wanted = line.saturating_sub(1);
    let lexemes = source.lexemes();
    let before = lexemes.partition_point(|l| source.line(l.start) < line);
    for lexeme in lexemes[..before].iter().rev() {
        if source.line(lexeme.start) != wanted || !is_doc_line(source, lexeme.start, &lexeme.token)
        {
            break;
        }
        found.push(strip(source.line_text(wanted), "///"));
        wanted -= 1;
    }
    found.reverse();
    joined(&found)
}

/// The block of `//!` lines at the head of a file.
pub(crate) fn head(source: &Source) -> String {
    let lines: Vec<_> = source
        .text
        .lines()
        .skip_while(|line| line.trim().is_empty())
        .take_while(|line| line.trim_start().starts_with("//!"))
        .map(|line| strip(line, "//!"))
        .collect();
    joined(&lines)
}

fn strip<'a>(line: &'a str, mark: &str) -> &'a str {
    let text = line.trim().strip_prefix(mark).unwrap_or("");
    text.strip_prefix(' ').unwrap_or(text)
}

fn joined(lines: &[&str]) -> String {
    lines.join("\n").trim_matches('\n').to_owned()
}

/// The first paragraph on one line.
pub(crate) fn first_paragraph(doc: &str) -> String {
    let lines: Vec<_> = doc
        .lines()
        .take_while(|line| !line.trim().is_empty())
        .map(str::trim)
        .collect();
    lines.join(" ")
}
