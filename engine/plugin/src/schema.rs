//! JSON Schema of a kind's arguments as krun's own [`ArgSpec`]s, so that `krun check` treats a plugin's
//! kind like any other.
//!
//! Arguments of steps are less than JSON Schema can say; what goes beyond is refused by name when the
//! plugin is opened, never dropped.

use krun_model::schema::{ArgSpec, ArgType};
use serde_json::Value;

/// How deep types may nest.
const MAX_DEPTH: usize = 8;

/// The arguments of an object's schema, in the order of their names.
///
/// # Errors
/// What arguments of steps can't be, as a lower-case fragment.
pub(crate) fn arguments(schema: &Value) -> Result<Vec<ArgSpec>, String> {
    if schema["type"] != "object" {
        return Err("the schema of the arguments is of no object".into());
    }
    let nothing = serde_json::Map::new();
    let properties = match &schema["properties"] {
        Value::Null => &nothing,
        Value::Object(properties) => properties,
        _ => return Err("`properties` is no object".into()),
    };
    let required = schema["required"].as_array();
    let is_required = |name: &str| required.is_some_and(|list| list.iter().any(|one| one == name));
    properties
        .iter()
        .map(|(name, property)| {
            let ty =
                type_of(schema, property, 0).map_err(|why| format!("argument `{name}`: {why}"))?;
            if !is_name(name) {
                return Err(format!("`{name}` is no name of an argument"));
            }
            Ok(ArgSpec {
                name: leak(name),
                ty,
                required: is_required(name),
                doc: leak(property["description"].as_str().unwrap_or_default()),
                // What a plugin does with an argument is not known, so that no secret may stand in it.
                secret: false,
            })
        })
        .collect()
}

/// The annotation of an argument that only says how a thing is reached, such as bootstrap servers: an act is not
/// done again because it has another value.
const WAY: &str = "x-krun-way";

/// The arguments that only say how a thing is reached.
///
/// # Errors
/// An annotation that is no truth value, as a lower-case fragment.
pub(crate) fn ways(schema: &Value) -> Result<Vec<&'static str>, String> {
    let properties = schema["properties"].as_object();
    let mut ways = vec![];
    for (name, property) in properties.into_iter().flatten() {
        match &property[WAY] {
            Value::Null | Value::Bool(false) => {}
            Value::Bool(true) => ways.push(leak(name)),
            _ => {
                return Err(format!(
                    "argument `{name}`: `{WAY}` is neither true nor false"
                ));
            }
        }
    }
    Ok(ways)
}

/// Whether a text can be the name of an argument, an output or a kind.
pub(crate) fn is_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.len() <= 64
        && name
            .chars()
            .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
}

/// A text for the life of the process: kinds are described by such, and a plugin is opened once.
pub(crate) fn leak(text: &str) -> &'static str {
    String::leak(text.to_owned())
}

fn type_of(root: &Value, schema: &Value, depth: usize) -> Result<ArgType, String> {
    if depth > MAX_DEPTH {
        return Err("its type nests too deep".into());
    }
    if let Some(reference) = schema["$ref"].as_str() {
        let name = reference.strip_prefix("#/$defs/").unwrap_or_default();
        return match root["$defs"].get(name) {
            Some(definition) => type_of(root, definition, depth + 1),
            None => Err(format!("`{reference}` leads nowhere")),
        };
    }
    if let Some(choices) = schema["anyOf"].as_array().or(schema["oneOf"].as_array()) {
        return one_of(root, choices, depth);
    }
    if let Some(words) = words(schema) {
        return Ok(words);
    }
    match types(schema).as_slice() {
        ["string"] if schema["format"] == "path" => Ok(ArgType::Path),
        ["string"] => Ok(ArgType::Str),
        ["integer"] if schema["format"] == "port" => Ok(ArgType::Port),
        ["integer"] => Ok(ArgType::Int),
        ["boolean"] => Ok(ArgType::Bool),
        ["array"] if schema["items"].is_object() => Ok(ArgType::List(Box::leak(Box::new(
            type_of(root, &schema["items"], depth + 1)?,
        )))),
        ["object"]
            if schema["additionalProperties"].is_object() && schema["properties"].is_null() =>
        {
            let item = type_of(root, &schema["additionalProperties"], depth + 1)?;
            Ok(ArgType::MapOf(Box::leak(Box::new(item))))
        }
        ["object"] => Err("a map with names of its own; use arguments instead".into()),
        ["number"] => Err("a fraction; arguments are whole numbers, or texts".into()),
        [] => Err("it says no type".into()),
        several
            if several
                .iter()
                .all(|ty| ["string", "integer", "boolean"].contains(ty)) =>
        {
            Ok(ArgType::Scalar)
        }
        several => Err(format!("it may be {}", several.join(" or "))),
    }
}

/// The types that a schema names, but for null: whether an argument may be left out is said elsewhere.
fn types(schema: &Value) -> Vec<&str> {
    match &schema["type"] {
        Value::String(one) => vec![one],
        Value::Array(several) => several
            .iter()
            .filter_map(Value::as_str)
            .filter(|ty| *ty != "null")
            .collect(),
        _ => vec![],
    }
}

/// One of some words, where the schema says so.
fn words(schema: &Value) -> Option<ArgType> {
    let one = |word: &Value| word.as_str().map(leak);
    let list: Vec<_> = match (&schema["enum"], &schema["const"]) {
        (Value::Array(several), _) => several
            .iter()
            .filter(|word| !word.is_null())
            .map(one)
            .collect::<Option<_>>()?,
        (_, word @ Value::String(_)) => vec![one(word)?],
        _ => return None,
    };
    Some(ArgType::OneOf(Vec::leak(list)))
}

/// Several schemas: words of which each has a description of its own, or something that may be null.
fn one_of(root: &Value, choices: &[Value], depth: usize) -> Result<ArgType, String> {
    let some: Vec<_> = choices
        .iter()
        .filter(|choice| choice["type"] != "null")
        .collect();
    if let [only] = some.as_slice() {
        return type_of(root, only, depth + 1);
    }
    let mut all = vec![];
    for choice in some {
        match words(choice) {
            Some(ArgType::OneOf(words)) => all.extend_from_slice(words),
            _ => return Err("it may be of several types".into()),
        }
    }
    Ok(ArgType::OneOf(Vec::leak(all)))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn of(property: Value) -> Result<ArgType, String> {
        let schema = json!({"type": "object", "properties": {"a": property}, "$defs": {"Word": {"enum": ["x", "y"]}}});
        arguments(&schema).map(|args| args[0].ty)
    }

    #[test]
    fn types_of_arguments() {
        for (property, ty) in [
            (json!({"type": "string"}), ArgType::Str),
            (json!({"type": ["string", "null"]}), ArgType::Str),
            (json!({"type": "string", "format": "path"}), ArgType::Path),
            (
                json!({"type": "integer", "format": "uint32", "minimum": 0}),
                ArgType::Int,
            ),
            (json!({"type": "boolean"}), ArgType::Bool),
            (
                json!({"type": ["string", "integer", "boolean"]}),
                ArgType::Scalar,
            ),
            (json!({"$ref": "#/$defs/Word"}), ArgType::OneOf(&["x", "y"])),
            (
                json!({"anyOf": [{"$ref": "#/$defs/Word"}, {"type": "null"}]}),
                ArgType::OneOf(&["x", "y"]),
            ),
            (
                json!({"oneOf": [{"const": "x"}, {"const": "y"}]}),
                ArgType::OneOf(&["x", "y"]),
            ),
            (
                json!({"type": "array", "items": {"type": "integer"}}),
                ArgType::List(&ArgType::Int),
            ),
            (
                json!({"type": "object", "additionalProperties": {"type": "string"}}),
                ArgType::MapOf(&ArgType::Str),
            ),
        ] {
            assert_eq!(of(property.clone()), Ok(ty), "{property}");
        }
    }

    #[test]
    fn ways_are_annotated() {
        let schema = |way: Value| {
            let bootstrap = json!({"type": "array", "items": {"type": "string"}, WAY: way});
            json!({"type": "object", "properties": {"bootstrap": bootstrap, "topic": {"type": "string"}}})
        };
        assert_eq!(ways(&schema(json!(true))), Ok(vec!["bootstrap"]));
        assert_eq!(ways(&schema(json!(false))), Ok(vec![]));
        assert!(ways(&schema(json!("yes"))).is_err());
    }

    #[test]
    fn what_arguments_can_not_be() {
        for property in [
            json!({}),
            json!({"type": "number"}),
            json!({"type": "object", "properties": {"b": {"type": "string"}}}),
            json!({"$ref": "#/$defs/Nothing"}),
            json!({"$ref": "#/properties/a"}),
            json!({"oneOf": [{"type": "string"}, {"type": "array"}]}),
        ] {
            assert!(of(property.clone()).is_err(), "{property}");
        }
    }
}
