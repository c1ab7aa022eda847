//! Parse errors as diagnostics, with a hint where people coming from other languages trip.

use rhai::{LexError, ParseError, ParseErrorType, Position};

use crate::{diagnostic::Diagnostic, source::Source};

/// The diagnostic of a parse error.
pub(crate) fn diagnostic(source: &Source, error: &ParseError) -> Diagnostic {
    let place = match error.position() {
        Position::NONE => source.place(source.text.len(), source.text.len()),
        position => source.token_place(position),
    };
    let limit = matches!(
        error.err_type(),
        ParseErrorType::ExprTooDeep
            | ParseErrorType::TooManyFunctions
            | ParseErrorType::LiteralTooLarge(..)
    );
    let code = if limit { "krun::limit" } else { "krun::syntax" };
    let diagnostic = Diagnostic::new(code, place, fragment(&error.err_type().to_string()));
    match hint(error.err_type()) {
        Some(hint) => diagnostic.help(hint),
        None => diagnostic,
    }
}

fn hint(error: &ParseErrorType) -> Option<String> {
    Some(match error {
        ParseErrorType::BadInput(LexError::UnterminatedString) => {
            "A string in double quotes ends on its line. One that goes over lines, or has `${…}` in \
             it, stands in backticks."
                .to_owned()
        }
        ParseErrorType::BadInput(LexError::MalformedChar(_)) => {
            "Strings stand in double quotes; single quotes are for one character.".to_owned()
        }
        ParseErrorType::BadInput(LexError::UnexpectedInput(text)) if text == "#" => {
            "A map begins with `#{`, a comment with `//`.".to_owned()
        }
        ParseErrorType::Reserved(word) if matches!(word.as_str(), "null" | "nil" | "void") => {
            "Nothing is written `()`.".to_owned()
        }
        ParseErrorType::Reserved(word) if word == "eval" => {
            "A runbook says all it does in its own text.".to_owned()
        }
        ParseErrorType::Reserved(word) if word == "match" => {
            "Rhai's word for it is `switch`.".to_owned()
        }
        ParseErrorType::Reserved(word) => format!("Use another name than `{word}`."),
        ParseErrorType::MissingToken(token, _) if token == ";" => {
            "A statement ends with `;`.".to_owned()
        }
        ParseErrorType::MissingToken(token, _) => format!("Is a `{token}` missing before this?"),
        ParseErrorType::DuplicatedProperty(key) => format!("Keep one of the two `{key}`."),
        _ => return None,
    })
}

/// Rhai's message as a lower-case fragment, with names in backticks.
pub(crate) fn fragment(message: &str) -> String {
    let mut chars = message.chars();
    let first: String = chars
        .next()
        .into_iter()
        .flat_map(char::to_lowercase)
        .collect();
    (first + chars.as_str()).replace('\'', "`")
}
