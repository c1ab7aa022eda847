//! One source file: its text, its tokens, and the way from Rhai's positions to bytes.
//!
//! Owns what is handed to the parser in place of the text. Never evaluates anything.

use std::sync::Arc;

use rhai::{Engine, Position, Token};

use crate::{diagnostic::Place, doc, rewrite};

/// Beyond this many lines, or characters in a line, Rhai's positions saturate.
const MAX_POSITION: usize = u16::MAX as usize - 1;

/// A stretch of text that Rhai reads as one token.
#[derive(Clone, Debug)]
pub(crate) struct Lexeme {
    /// Byte where it begins.
    pub start: usize,
    /// Byte after its end.
    pub end: usize,
    /// What Rhai makes of it.
    pub token: Token,
}

/// Whether a token stands right behind the `$` of a text: a brace there belongs to the text.
pub(crate) fn in_text(lexemes: &[Lexeme], index: usize) -> bool {
    let before = index.checked_sub(1).map(|before| &lexemes[before].token);
    matches!(before, Some(Token::InterpolatedString(_)))
}

/// A source file.
#[derive(Debug)]
pub(crate) struct Source {
    /// Path relative to the runbook's folder; Rhai's name for it as well.
    pub id: String,
    /// The file as the user named it.
    pub name: Arc<str>,
    /// Its text.
    pub text: Arc<str>,
    /// What Rhai compiles: the text with the rewrites of [`rewrite`].
    pub compiled: String,
    lines: Vec<usize>,
    lexemes: Vec<Lexeme>,
    inserts: Vec<rewrite::Insert>,
}

impl Source {
    pub fn new(engine: &Engine, id: String, name: Arc<str>, text: Arc<str>) -> Self {
        let mut lines = vec![0];
        lines.extend(text.match_indices('\n').map(|(at, _)| at + 1));
        let mut source = Self {
            id,
            name,
            compiled: String::new(),
            lines,
            lexemes: vec![],
            inserts: vec![],
            text,
        };
        source.lexemes = source.lex(engine);
        let (compiled, inserts) = rewrite::rewrite(&source);
        source.compiled = compiled;
        source.inserts = inserts;
        source
    }

    fn lex(&self, engine: &Engine) -> Vec<Lexeme> {
        let inputs = [&*self.text];
        let (mut tokens, control) = engine.lex(&inputs);
        let mut found = vec![];
        let mut depth = 0_usize;
        // The depths at which an interpolation in a text began: the parser tells the lexer when one
        // ends, so whoever lexes without a parser must do that.
        let mut texts = vec![];
        while let Some((token, start)) = tokens.next() {
            match &token {
                Token::EOF => break,
                Token::LeftBrace | Token::MapStart => depth += 1,
                Token::RightBrace => {
                    depth = depth.saturating_sub(1);
                    if texts.last() == Some(&depth) {
                        control.borrow_mut().is_within_text = true;
                    }
                }
                Token::InterpolatedString(_) if texts.last() != Some(&depth) => texts.push(depth),
                Token::StringConstant(_) if texts.last() == Some(&depth) => {
                    texts.pop();
                }
                _ => {}
            }
            // The rest of a text behind an interpolation comes without a position.
            let last = found.last().map_or(0, |lexeme: &Lexeme| lexeme.end);
            let start = self.raw_offset(start).max(last);
            let end = self.raw_end(tokens.pos).max(start);
            let trimmed = self.text[start..end].trim_end_matches(['\n', '\r']).len();
            found.push(Lexeme {
                start,
                end: start + trimmed,
                token,
            });
            if found.len() > self.text.len() {
                break;
            }
        }
        found
    }

    /// Whether the file is larger than positions can say.
    pub fn too_large(&self) -> bool {
        self.lines.len() > MAX_POSITION
            || self
                .text
                .lines()
                .any(|line| line.len() > MAX_POSITION && line.chars().count() > MAX_POSITION)
    }

    /// The byte at a line and column, both from 1; the line's end where it is shorter.
    fn offset_at(&self, line: usize, column: usize) -> usize {
        let start = self
            .lines
            .get(line.saturating_sub(1))
            .copied()
            .unwrap_or(self.text.len());
        let end = self.lines.get(line).copied().unwrap_or(self.text.len());
        self.text[start..end]
            .char_indices()
            .nth(column.saturating_sub(1))
            .map_or(end, |(at, _)| start + at)
    }

    fn raw_offset(&self, position: Position) -> usize {
        self.offset_at(
            position.line().unwrap_or(1),
            position.position().unwrap_or(1),
        )
    }

    /// The byte after the last character that was read, where `position` is its place.
    fn raw_end(&self, position: Position) -> usize {
        self.offset_at(
            position.line().unwrap_or(1),
            position.position().unwrap_or(0) + 1,
        )
    }

    /// The byte that a position in the compiled text stands for.
    pub fn offset(&self, position: Position) -> usize {
        let line = position.line().unwrap_or(1);
        let column = position.position().unwrap_or(1);
        let inserted: usize = self
            .inserts
            .iter()
            .filter(|insert| insert.line == line && insert.column < column)
            .map(|insert| insert.len.min(column - insert.column - 1))
            .sum();
        self.offset_at(line, column - inserted)
    }

    /// The line that a byte is on, from 1.
    pub fn line(&self, offset: usize) -> usize {
        self.lines.partition_point(|&start| start <= offset)
    }

    /// The column of a byte in characters, from 1.
    pub fn column(&self, offset: usize) -> usize {
        let start = self.lines[self.line(offset).max(1) - 1];
        self.text
            .get(start..offset)
            .map_or(1, |before| before.chars().count() + 1)
    }

    /// The text of a line, from 1, without its end.
    pub fn line_text(&self, line: usize) -> &str {
        let end = self.lines.get(line).copied().unwrap_or(self.text.len());
        match line.checked_sub(1).and_then(|at| self.lines.get(at)) {
            Some(&start) => self.text[start..end].trim_end_matches(['\n', '\r']),
            None => "",
        }
    }

    /// A place from one byte to another; only its first line is underlined.
    pub fn place(&self, start: usize, end: usize) -> Place {
        let start = start.min(self.text.len());
        let rest = self
            .text
            .get(start..end.clamp(start, self.text.len()))
            .unwrap_or("");
        Place {
            file: self.name.clone(),
            offset: start,
            len: rest.lines().next().unwrap_or("").trim_end().len(),
            line: self.line(start),
            column: self.column(start),
        }
    }

    /// The tokens in order.
    pub fn lexemes(&self) -> &[Lexeme] {
        &self.lexemes
    }

    fn index_at(&self, offset: usize) -> Option<usize> {
        let next = self.lexemes.partition_point(|l| l.start <= offset);
        let index = next.checked_sub(1)?;
        (offset < self.lexemes[index].end).then_some(index)
    }

    /// The token at a position. Where the position is that of `.` or `?.`, the name after it; where
    /// it is that of `{`, as for `${…}` in a text, what stands in it.
    pub fn token_place(&self, position: Position) -> Place {
        let offset = self.offset(position);
        let Some(mut index) = self.index_at(offset) else {
            return self.place(offset, offset + 1);
        };
        let at = &self.lexemes[index].token;
        let of_text = matches!(at, Token::LeftBrace);
        if matches!(at, Token::Period | Token::Elvis | Token::LeftBrace)
            && index + 1 < self.lexemes.len()
        {
            index += 1;
        }
        let Lexeme { start, end, .. } = self.lexemes[index];
        if of_text {
            return self.place(start, self.expression_end(start));
        }
        self.place(start, end)
    }

    /// The byte after the expression that begins at a byte: up to the comma, semicolon or closing
    /// bracket that ends it.
    pub fn expression_end(&self, start: usize) -> usize {
        let from = self.lexemes.partition_point(|l| l.start < start);
        let mut depth = 0_usize;
        let mut end = start;
        for (index, lexeme) in self.lexemes.iter().enumerate().skip(from) {
            match lexeme.token {
                Token::LeftBrace if depth == 0 && end > start && !in_text(&self.lexemes, index) => {
                    break;
                }
                Token::LeftParen
                | Token::LeftBracket
                | Token::LeftBrace
                | Token::MapStart
                | Token::QuestionBracket => {
                    depth += 1;
                }
                Token::RightParen | Token::RightBracket | Token::RightBrace => {
                    if depth == 0 {
                        break;
                    }
                    depth -= 1;
                }
                Token::Comma | Token::SemiColon if depth == 0 => break,
                _ => {}
            }
            end = lexeme.end;
        }
        end
    }

    /// Where the token begins that stands behind the next one from an offset on.
    pub fn behind_next(&self, offset: usize) -> Option<usize> {
        let next = self.lexemes.partition_point(|l| l.start < offset);
        self.lexemes.get(next + 1).map(|lexeme| lexeme.start)
    }

    /// The prose right above a line.
    pub fn doc_above(&self, line: usize) -> String {
        doc::above(self, line)
    }

    /// The prose at the head of the file.
    pub fn head_doc(&self) -> String {
        doc::head(self)
    }
}

#[cfg(test)]
mod tests {
    use krun_model::kind::Kinds;

    use super::*;

    fn source(text: &str) -> Source {
        let engine = crate::world::engine(&Kinds::default());
        Source::new(&engine, "x".into(), "x".into(), text.into())
    }

    #[test]
    fn tokens_are_found_where_they_stand() {
        let source = source("fn f(ü) {\n  /// Doc.\r\n  g(`ä-${ #{a: 1} }-b`, \"é\"); // x\n}\n");
        let found: Vec<_> = source
            .lexemes()
            .iter()
            .map(|l| &source.text[l.start..l.end])
            .collect();
        assert_eq!(
            found,
            [
                "fn", "f", "(", "ü", ")", "{", "/// Doc.", "g", "(", "`ä-$", "{", "#{", "a", ":",
                "1", "}", "}", "-b`", ",", "\"é\"", ")", ";", "}"
            ]
        );
    }

    #[test]
    fn what_is_compiled_keeps_lines_and_places() {
        let source = source(
            "/// A.\nlet x = 1;\n/// F.\nfn f() {}\nlet y = switch x { 1 => switch `${x}` { _ => 2 } };",
        );
        assert_eq!(
            source.compiled,
            "//  A.\nlet x = 1;\n/// F.\nfn f() {}\nlet y = switch krun_seen_by_switch( x ){ 1 => \
             switch krun_seen_by_switch( `${x}` ){ _ => 2 } };"
        );
        let line: Vec<_> = source.compiled.lines().nth(4).unwrap().chars().collect();
        let original = source.line_text(5).to_owned();
        let start = source.offset_at(5, 1);
        for (at, compiled) in line.iter().enumerate() {
            let position = Position::new(5, u16::try_from(at + 1).unwrap());
            let found = original[source.offset(position) - start..]
                .chars()
                .next()
                .unwrap();
            let inserted = !"1234567890 {}`$=>;_".contains(found) && found != *compiled;
            // Behind each insertion places are exact again.
            if "{}`$=>;_".contains(*compiled) && *compiled != '_' {
                assert_eq!((found, inserted), (*compiled, false), "at {at}");
            }
        }
    }
}
