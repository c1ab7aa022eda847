//! Values bound to a parameter's type, and held against its limits.
//!
//! A value comes as text (`--param`), as data (a file of parameters) or from the script (a default);
//! text is read as what the parameter's type says.

use krun_model::{ParamSpec, ParamType, names::listed};
use serde_json::Value as Json;

use crate::paths::PathBase;

/// The value as the type has it, or why it is none, as a lower-case fragment.
pub(crate) fn bind(ty: &ParamType, given: &Json, base: &PathBase) -> Result<Json, String> {
    let mismatch = || format!("not {}", words(ty));
    match (ty, given) {
        (ParamType::String, Json::String(_)) => Ok(given.clone()),
        (ParamType::String, Json::Number(_) | Json::Bool(_)) => {
            Err("not a string: write it in quotes".to_owned())
        }
        (ParamType::Int, _) => int(given).map(Json::from).ok_or_else(mismatch),
        (ParamType::Bool, Json::Bool(_)) => Ok(given.clone()),
        (ParamType::Bool, Json::String(text)) => match text.trim() {
            "true" => Ok(true.into()),
            "false" => Ok(false.into()),
            _ => Err(mismatch()),
        },
        (ParamType::Location, Json::String(text)) if is_url(text) => Ok(text.trim().into()),
        (ParamType::Path | ParamType::Location, Json::String(text)) => base
            .absolute(text)
            .map(|path| path.into_string().into())
            .map_err(str::to_owned),
        (ParamType::Port, _) => int(given)
            .filter(|port| (1..=65535).contains(port))
            .map(Json::from)
            .ok_or_else(mismatch),
        (ParamType::Memory, Json::String(text)) if is_memory(text.trim()) => Ok(text.trim().into()),
        (ParamType::List(item), Json::Array(list)) => bind_all(item, list, base),
        (ParamType::List(item), Json::String(text)) => {
            bind_all(item, &split(text).ok_or_else(mismatch)?, base)
        }
        _ => Err(mismatch()),
    }
}

/// Whether a location is one of a server.
fn is_url(text: &str) -> bool {
    let text = text.trim_start().to_ascii_lowercase();
    text.starts_with("http://") || text.starts_with("https://")
}

fn bind_all(item: &ParamType, list: &[Json], base: &PathBase) -> Result<Json, String> {
    let bind_one = |json: &Json| {
        bind(item, json, base).map_err(|why| format!("a list in which {} is {why}", shown(json)))
    };
    Ok(Json::Array(
        list.iter().map(bind_one).collect::<Result<_, _>>()?,
    ))
}

/// The items of a list in text: `a,b` or `[a, b]`, with or without quotes.
fn split(text: &str) -> Option<Vec<Json>> {
    let text = text.trim();
    let inner = match text.strip_prefix('[') {
        Some(rest) => {
            if let Ok(Json::Array(list)) = serde_json::from_str(text) {
                return Some(list);
            }
            rest.strip_suffix(']')?.trim()
        }
        None => text,
    };
    if inner.is_empty() {
        return Some(vec![]);
    }
    let unquoted = |item: &str| {
        let item = item.trim();
        let quoted = item.strip_prefix('"').and_then(|i| i.strip_suffix('"'));
        Json::from(quoted.unwrap_or(item))
    };
    Some(inner.split(',').map(unquoted).collect())
}

fn int(given: &Json) -> Option<i64> {
    match given {
        Json::Number(number) => number.as_i64(),
        Json::String(text) => text.trim().parse().ok(),
        _ => None,
    }
}

fn is_memory(text: &str) -> bool {
    text.strip_suffix(['k', 'K', 'm', 'M', 'g', 'G'])
        .and_then(|digits| digits.parse::<u32>().ok())
        .is_some_and(|amount| amount > 0)
}

/// The limit that a bound value breaks, as a lower-case fragment: "less than 1".
pub(crate) fn outside(spec: &ParamSpec, value: &Json) -> Option<String> {
    let size = match value {
        Json::Number(number) => number.as_i64(),
        Json::String(text) if measures_length(&spec.ty) => i64::try_from(text.chars().count()).ok(),
        Json::Array(list) => i64::try_from(list.len()).ok(),
        _ => None,
    };
    let unit = if matches!(value, Json::Number(_)) {
        ""
    } else if matches!(value, Json::Array(_)) {
        " items"
    } else {
        " characters"
    };
    if let (Some(size), Some(min)) = (size, spec.min)
        && size < min
    {
        return Some(format!("less than {min}{unit}"));
    }
    if let (Some(size), Some(max)) = (size, spec.max)
        && size > max
    {
        return Some(format!("more than {max}{unit}"));
    }
    let is_choice = |item: &Json| spec.choices.is_empty() || spec.choices.contains(item);
    let chosen = match value {
        Json::Array(list) => list.iter().all(is_choice),
        other => is_choice(other),
    };
    (!chosen).then(|| "not among its choices".to_owned())
}

/// Whether `min` and `max` of a type mean a length in characters.
pub(crate) fn measures_length(ty: &ParamType) -> bool {
    matches!(ty, ParamType::String)
}

/// What may be given, for a hint: "an int from 1 to 9".
pub(crate) fn allowed(spec: &ParamSpec) -> String {
    let mut words = words(&spec.ty);
    let (with, unit) = match spec.ty {
        ParamType::List(_) => (", with", " items"),
        ParamType::String => (" of", " characters"),
        _ => (" of", ""),
    };
    match (spec.min, spec.max) {
        (Some(min), Some(max)) if unit.is_empty() => words += &format!(" from {min} to {max}"),
        (Some(min), Some(max)) => words += &format!("{with} {min} to {max}{unit}"),
        (Some(min), None) => words += &format!("{with} at least {min}{unit}"),
        (None, Some(max)) => words += &format!("{with} at most {max}{unit}"),
        (None, None) => {}
    }
    if !spec.choices.is_empty() {
        let choices: Vec<_> = spec.choices.iter().map(shown).collect();
        words += &format!(": one of {}", listed(choices.iter().map(String::as_str)));
    }
    words
}

/// A type in words.
pub(crate) fn words(ty: &ParamType) -> String {
    match ty {
        ParamType::String => "a string".into(),
        ParamType::Int => "an int".into(),
        ParamType::Bool => "a bool (`true` or `false`)".into(),
        ParamType::Path => "a path".into(),
        ParamType::Location => "a path or a URL".into(),
        ParamType::Port => "a port (1 to 65535)".into(),
        ParamType::Memory => "an amount of memory (such as `512m` or `4g`)".into(),
        ParamType::List(item) => format!("a list of which each is {}", words(item)),
    }
}

/// A value as people write it.
pub(crate) fn shown(value: &Json) -> String {
    match value {
        Json::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// A value of a parameter that nobody gave, so that a script can be read for its description.
pub(crate) fn placeholder(spec: &ParamSpec) -> Json {
    if let Some(choice) = spec.choices.first() {
        return match spec.ty {
            ParamType::List(_) => Json::Array(vec![choice.clone()]),
            _ => choice.clone(),
        };
    }
    placeholder_of(&spec.ty, &spec.name, spec.min)
}

fn placeholder_of(ty: &ParamType, name: &str, min: Option<i64>) -> Json {
    match ty {
        ParamType::String => name.replace('_', "-").to_lowercase().into(),
        ParamType::Int => min.unwrap_or(1).max(1).into(),
        ParamType::Bool => false.into(),
        ParamType::Path | ParamType::Location => format!("/{name}").into(),
        ParamType::Port => 1024.into(),
        ParamType::Memory => "1g".into(),
        ParamType::List(item) => {
            let count = min.unwrap_or(1).clamp(1, 100);
            (0..count)
                .map(|_| placeholder_of(item, name, None))
                .collect()
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn check(ty: &str, given: Json, wanted: Result<Json, &str>) {
        let base = PathBase {
            cwd: "/w".into(),
            home: None,
        };
        let ty = ParamType::parse(ty).unwrap();
        let found = bind(&ty, &given, &base);
        assert_eq!(found, wanted.map_err(str::to_owned), "{ty:?} {given}");
    }

    #[test]
    fn text_is_read_as_the_type_says() {
        check("int", json!("5"), Ok(json!(5)));
        check("int", json!("5.5"), Err("not an int"));
        check("bool", json!("true"), Ok(json!(true)));
        check("bool", json!("yes"), Err("not a bool (`true` or `false`)"));
        check("port", json!("70000"), Err("not a port (1 to 65535)"));
        check("path", json!("x"), Ok(json!("/w/x")));
        check("location", json!("x.tgz"), Ok(json!("/w/x.tgz")));
        check(
            "location",
            json!(" HTTPS://m/x.tgz"),
            Ok(json!("HTTPS://m/x.tgz")),
        );
        check("location", json!(5), Err("not a path or a URL"));
        check("memory", json!("512m"), Ok(json!("512m")));
        check(
            "memory",
            json!("0m"),
            Err("not an amount of memory (such as `512m` or `4g`)"),
        );
        check("list<port>", json!("9091,9092"), Ok(json!([9091, 9092])));
        check("list<port>", json!("[9091, 9092]"), Ok(json!([9091, 9092])));
        check("list<string>", json!("[a, \"b\"]"), Ok(json!(["a", "b"])));
        check("list<string>", json!(""), Ok(json!([])));
        check("list<path>", json!(["a"]), Ok(json!(["/w/a"])));
        check(
            "string",
            json!(3.10),
            Err("not a string: write it in quotes"),
        );
        check(
            "list<int>",
            json!("1,x"),
            Err("a list in which x is not an int"),
        );
    }
}
