//! The text that is compiled in place of a source: Rhai's grammar made to fit the language.
//!
//! Two things are changed, and neither moves a line. Rhai allows `///` before functions only, so
//! elsewhere it becomes an ordinary comment of the same length. And `switch` on a custom type
//! silently takes the default branch, which would let a script look at a value that is not known
//! yet; so what `switch` looks at is passed through a function that refuses it.

use rhai::Token;

use crate::source::{Lexeme, Source, in_text};

/// The function that what `switch` looks at is passed through.
pub(crate) const SEEN_BY_SWITCH: &str = "krun_seen_by_switch";

/// Text that is in what is compiled and not in the source.
#[derive(Debug)]
pub(crate) struct Insert {
    /// Line, from 1.
    pub line: usize,
    /// Column in the compiled line after which it stands, in characters from 1.
    pub column: usize,
    /// Its length in characters.
    pub len: usize,
}

/// The text to compile, and what was inserted into it.
pub(crate) fn rewrite(source: &Source) -> (String, Vec<Insert>) {
    let mut masked = source.text.to_string();
    for lexeme in loose_docs(source.lexemes()) {
        // The rest of a broken comment is one too, without these marks.
        let text = &masked[lexeme.start..];
        if !text.starts_with("///") && !text.starts_with("/**") {
            continue;
        }
        masked.replace_range(lexeme.start + 2..lexeme.start + 3, " ");
    }
    let mut inserts = vec![];
    let mut compiled = String::with_capacity(masked.len());
    let mut copied = 0;
    for (at, text) in switch_wraps(source.lexemes()) {
        let line = source.line(at);
        let shifted: usize = inserts
            .iter()
            .filter(|insert: &&Insert| insert.line == line)
            .map(|insert| insert.len)
            .sum();
        inserts.push(Insert {
            line,
            // Positions are from 1 and the text stands before the character at `at`.
            column: source.column(at) - 1 + shifted,
            len: text.chars().count(),
        });
        compiled.push_str(&masked[copied..at]);
        compiled.push_str(&text);
        copied = at;
    }
    compiled.push_str(&masked[copied..]);
    (compiled, inserts)
}

/// The doc comments that no function follows.
fn loose_docs(lexemes: &[Lexeme]) -> Vec<&Lexeme> {
    let mut loose = vec![];
    let mut run = vec![];
    for lexeme in lexemes {
        match lexeme.token {
            Token::Comment(_) => run.push(lexeme),
            Token::Fn | Token::Private => run.clear(),
            _ => loose.append(&mut run),
        }
    }
    loose.append(&mut run);
    loose
}

/// Where to insert what around the things that `switch` looks at, in order.
fn switch_wraps(lexemes: &[Lexeme]) -> Vec<(usize, String)> {
    let mut wraps = vec![];
    for (index, switch) in lexemes.iter().enumerate() {
        if switch.token != Token::Switch {
            continue;
        }
        let mut depth = 0_usize;
        for (at, lexeme) in lexemes.iter().enumerate().skip(index + 1) {
            match lexeme.token {
                Token::LeftBrace if depth == 0 && !in_text(lexemes, at) => {
                    wraps.push((switch.end, format!(" {SEEN_BY_SWITCH}(")));
                    wraps.push((lexeme.start, ")".to_owned()));
                    break;
                }
                // A block as the thing looked at: its braces can't be told from the cases'.
                Token::If | Token::Switch | Token::Loop | Token::SemiColon if depth == 0 => break,
                Token::LeftParen | Token::LeftBracket | Token::LeftBrace | Token::MapStart => {
                    depth += 1;
                }
                Token::RightParen | Token::RightBracket | Token::RightBrace => {
                    depth = depth.saturating_sub(1);
                }
                _ => {}
            }
        }
    }
    wraps.sort_by_key(|(at, _)| *at);
    wraps
}
