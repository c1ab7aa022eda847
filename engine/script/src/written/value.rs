//! Values as expressions: literals, and what stands for more than JSON has.
//!
//! Owns that nothing of a value is code but what it was declared as.

use std::fmt::Write as _;

use serde_json::Value as Json;

use super::Body;

/// Lists and maps nest at most so deep, as in every script.
const MAX_DEPTH: usize = 32;
/// The longest piece of a text in one line, in bytes: columns of a script are counted by 16 bits.
const MAX_PIECE: usize = 40_000;

/// A value of JSON; with steps that it may refer to, also what stands for more than JSON has.
///
/// # Errors
/// What can't be, as a fragment: "an output of …".
pub(super) fn value(json: &Json, depth: usize, body: Option<&Body<'_>>) -> Result<String, String> {
    if depth > MAX_DEPTH {
        return Err("lists or maps that are nested too deep".to_owned());
    }
    Ok(match json {
        Json::Null => "()".to_owned(),
        Json::Bool(bool) => bool.to_string(),
        Json::Number(number) => match number.as_i64() {
            Some(number) => int(number),
            None => return Err(format!("{number}, which is no whole number of 64 bits")),
        },
        Json::String(given) => text(given),
        Json::Array(list) => {
            let items = list.iter().map(|item| value(item, depth + 1, body));
            format!("[{}]", items.collect::<Result<Vec<_>, _>>()?.join(", "))
        }
        Json::Object(given) => match given.iter().next() {
            Some((mark, of)) if given.len() == 1 && mark.starts_with('$') => {
                let body = body.ok_or_else(|| format!("`{}` in it", shown(mark)))?;
                special(mark, of, depth, body)?
            }
            _ => {
                let mut entries = vec![];
                for (key, item) in given {
                    entries.push((key.as_str(), value(item, depth + 1, body)?));
                }
                map(entries, depth)
            }
        },
    })
}

/// What stands for something that JSON does not have.
fn special(mark: &str, of: &Json, depth: usize, body: &Body<'_>) -> Result<String, String> {
    let wrong = |shape: &str| format!("a `{mark}` that is not written as {shape}");
    let list = || of.as_array().map(Vec::as_slice);
    let inner = |json: &Json| value(json, depth + 1, Some(body));
    let all = |items: &[Json]| items.iter().map(inner).collect::<Result<Vec<_>, _>>();
    match mark {
        "$output" => match list() {
            Some([Json::String(step), Json::String(name)]) => body.output(step, name),
            _ => Err(wrong("[ADDRESS, NAME]")),
        },
        "$secret" => match of {
            Json::String(name) => Ok(format!("secret({})", text(name))),
            _ => Err(wrong("a name")),
        },
        "$text" => match list() {
            Some(parts) if !parts.is_empty() => {
                let is_text = |part: &Json| {
                    part.is_string() || part.as_object().is_some_and(|o| o.contains_key("$secret"))
                };
                match parts.iter().all(is_text) {
                    true => Ok(format!("({})", all(parts)?.join(" + "))),
                    false => Err(wrong("a list of texts and secrets")),
                }
            }
            _ => Err(wrong("a list of texts and secrets")),
        },
        "$compare" => match list() {
            Some([left, Json::String(relation), right])
                if ["==", "!=", "<", "<=", ">", ">="].contains(&relation.as_str()) =>
            {
                Ok(format!("({} {relation} {})", inner(left)?, inner(right)?))
            }
            _ => Err(wrong("[LEFT, \"==\", RIGHT]")),
        },
        "$all" | "$any" => match list() {
            Some(parts) => Ok(format!("{}_of([{}])", &mark[1..], all(parts)?.join(", "))),
            None => Err(wrong("a list of conditions")),
        },
        "$not" => Ok(format!("not({})", inner(of)?)),
        _ => Err(format!(
            "`{}`, which is none of $all, $any, $compare, $not, $output, $secret and $text",
            shown(mark)
        )),
    }
}

pub(super) fn int(number: i64) -> String {
    match number {
        // Its digits alone are one more than fits.
        i64::MIN => format!("({} - 1)", i64::MIN + 1),
        number => number.to_string(),
    }
}

/// A literal map, one entry a line.
pub(super) fn map<'a>(
    entries: impl IntoIterator<Item = (&'a str, String)>,
    depth: usize,
) -> String {
    let margin = "    ".repeat(depth);
    let mut out = String::new();
    for (key, value) in entries {
        let _ = write!(out, "\n{margin}    {}: {value},", literal(key));
    }
    match out.is_empty() {
        true => "#{}".to_owned(),
        false => format!("#{{{out}\n{margin}}}"),
    }
}

/// A text as an expression: one literal, or several that are put together where it is long.
pub(super) fn text(given: &str) -> String {
    if given.len() <= MAX_PIECE {
        return literal(given);
    }
    let mut pieces = vec![];
    let mut rest = given;
    while !rest.is_empty() {
        let (piece, after) = rest.split_at(rest.floor_char_boundary(MAX_PIECE));
        pieces.push(literal(piece));
        rest = after;
    }
    format!("({})", pieces.join("\n    + "))
}

/// A literal of one line, in which nothing is code.
fn literal(given: &str) -> String {
    let mut out = String::with_capacity(given.len() + 2);
    out.push('"');
    for c in given.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            '\r' => out.push_str("\\r"),
            c if c.is_control() => {
                let _ = write!(out, "\\u{:04x}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

/// A name in a message: short, and in one line.
pub(super) fn shown(name: &str) -> String {
    let plain: String = name.chars().filter(|c| !c.is_control()).take(100).collect();
    match plain.len() < name.len() {
        true => format!("{plain}…"),
        false => plain,
    }
}
