//! Errors of the evaluation as diagnostics: where, in the words of the language, and called from
//! where.

use rhai::{EvalAltResult, Position};

use crate::{
    check::is_closure,
    condition::{TEST, Test},
    diagnostic::{Diagnostic, Place},
    gather::Units,
    handle::{HANDLE, Handle, OUTPUT, Output, unknown_value},
    secrets::{SECRET, Secret, first_secret, looked_at},
    syntax::fragment,
    world::{self, Denied},
};

/// More callers than this help nobody.
const MAX_CALLERS: usize = 5;

/// The diagnostic of an error.
pub(crate) fn diagnostic(units: &Units, error: &EvalAltResult) -> Diagnostic {
    let main = units.iter().next().map(|unit| unit.source.id.clone());
    let mut id = main.unwrap_or_default();
    let mut callers = vec![];
    let mut inner = error;
    loop {
        match inner {
            EvalAltResult::ErrorInFunctionCall(name, source, cause, position) => {
                let label = if is_closure(name) {
                    "in a call of a closure".to_owned()
                } else {
                    format!("in a call of `{name}`")
                };
                callers.push((place(units, &id, *position), label));
                if !source.is_empty() {
                    id.clone_from(source);
                }
                inner = cause;
            }
            EvalAltResult::ErrorInModule(module, cause, position) => {
                callers.push((place(units, &id, *position), "imported here".to_owned()));
                id.clone_from(module);
                inner = cause;
            }
            _ => break,
        }
    }
    let mut diagnostic = explain(inner, place(units, &id, inner.position()));
    for (place, label) in callers.into_iter().rev().take(MAX_CALLERS) {
        diagnostic = diagnostic.related(place, label);
    }
    diagnostic
}

fn place(units: &Units, id: &str, position: Position) -> Place {
    let source = units.source(id);
    match units.sites.get(id, position) {
        Some(site) => source.place(site.callee.start, site.callee.end),
        None if position.is_none() => source.place(0, 0),
        None => source.token_place(position),
    }
}

fn explain(error: &EvalAltResult, place: Place) -> Diagnostic {
    use EvalAltResult as E;
    if let Some(limit) = limit(error) {
        return Diagnostic::new("krun::limit", place, limit)
            .help("Is there a loop or a function that never ends?");
    }
    match error {
        E::ErrorFunctionNotFound(signature, _) => not_found(signature, place),
        E::ErrorMismatchDataType(_, found, _) | E::ErrorMismatchOutputType(_, found, _)
            if is_output(found) =>
        {
            unknown_value(place, None)
        }
        E::ErrorMismatchDataType(_, found, _) | E::ErrorMismatchOutputType(_, found, _)
            if is_secret(found) =>
        {
            looked_at(place, "")
        }
        E::ErrorMismatchDataType(wanted, found, _)
        | E::ErrorMismatchOutputType(wanted, found, _) => {
            let message = format!("expected {}, found {}", words(wanted), words(found));
            Diagnostic::new("krun::type", place, message)
        }
        E::ErrorVariableNotFound(name, _) => {
            let message = format!("there is no variable `{name}`");
            Diagnostic::new("krun::unknown-variable", place, message)
                .help("A function sees its own parameters only.")
        }
        E::ErrorPropertyNotFound(name, _) => {
            let message = format!("the map has no `{}`", bare(name));
            Diagnostic::new("krun::unknown-property", place, message)
                .help("Where it may be missing, ask with `in` or `get`.")
        }
        E::ErrorArrayBounds(len, index, _) => {
            let message = format!("there is nothing at {index} in a list of length {len}");
            Diagnostic::new("krun::out-of-bounds", place, message)
        }
        E::ErrorStringBounds(len, index, _) => {
            let message = format!("there is nothing at {index} in a string of length {len}");
            Diagnostic::new("krun::out-of-bounds", place, message)
        }
        E::ErrorFor(_) => {
            Diagnostic::new("krun::type", place, "a loop needs a list, a range or a map")
        }
        E::ErrorModuleNotFound(name, _) => {
            let message = format!("there is no module `{name}`");
            Diagnostic::new("krun::import", place, message)
        }
        E::ErrorRuntime(thrown, _) => match thrown.read_lock::<Denied>() {
            Some(denied) => not_available(denied.0, denied.1, place),
            None if first_secret(thrown).is_some() => {
                looked_at(place, &first_secret(thrown).unwrap_or_default())
            }
            None if thrown.is::<Output>() || thrown.is::<Test>() => unknown_value(place, None),
            None => Diagnostic::new("krun::thrown", place, thrown_text(&thrown.to_string())),
        },
        E::ErrorArithmetic(why, _) => Diagnostic::new("krun::arithmetic", place, fragment(why)),
        E::ErrorIndexingType(types, _) => {
            let found = types.split(' ').next().unwrap_or_default();
            let message = format!("{} has nothing at an index", words(found));
            Diagnostic::new("krun::type", place, message)
        }
        E::ErrorDotExpr(why, _) => Diagnostic::new("krun::unknown-property", place, property(why)),
        E::ErrorAssignmentToConstant(name, _) => {
            let message = format!("`{name}` is a constant");
            Diagnostic::new("krun::constant", place, message)
        }
        other => {
            let mut copy = other.to_string();
            if let Some(at) = copy.rfind(" (line ") {
                copy.truncate(at);
            }
            Diagnostic::new("krun::script", place, fragment(&copy))
        }
    }
}

/// The limit that was reached, in words.
fn limit(error: &EvalAltResult) -> Option<String> {
    use EvalAltResult as E;
    Some(match error {
        E::ErrorTooManyOperations(_) => format!(
            "the script takes more than {} million operations",
            world::MAX_OPERATIONS / 1_000_000
        ),
        E::ErrorStackOverflow(_) => {
            format!("calls nest deeper than {} levels", world::MAX_CALL_LEVELS)
        }
        E::ErrorTerminated(..) => "the script takes too long".to_owned(),
        E::ErrorTooManyVariables(_) => {
            format!("there are more than {} variables", world::MAX_VARIABLES)
        }
        E::ErrorTooManyModules(_) => {
            format!("more than {} files are imported", world::MAX_MODULES)
        }
        E::ErrorDataTooLarge(what, _) => {
            let (what, limit) = match what.to_lowercase() {
                w if w.contains("string") => ("string", format!("{} bytes", world::MAX_STRING)),
                w if w.contains("array") => ("list", format!("{} items", world::MAX_ARRAY)),
                _ => ("map", format!("{} entries", world::MAX_MAP)),
            };
            format!("a {what} grows beyond {limit}")
        }
        _ => return None,
    })
}

fn not_found(signature: &str, place: Place) -> Diagnostic {
    let (name, types) = signature.split_once(" (").unwrap_or((signature, ""));
    let types = types.trim_end_matches(')');
    let types: Vec<_> = types.split(", ").filter(|t| !t.is_empty()).collect();
    if types.iter().any(|found| is_output(found)) {
        return unknown_value(place, None);
    }
    if types.iter().any(|found| is_secret(found)) {
        return looked_at(place, "");
    }
    let with: Vec<_> = types.iter().map(|found| words(found)).collect();
    let is_operator = !name.contains(|c: char| c.is_alphanumeric());
    let message = match (is_operator, with.as_slice()) {
        (true, [a, b]) => format!("`{name}` can't be applied to {a} and {b}"),
        (true, [a]) => format!("`{name}` can't be applied to {a}"),
        (_, []) => format!("there is no function `{name}` without arguments"),
        _ => format!("there is no function `{name}` for {}", with.join(" and ")),
    };
    let code = if is_operator {
        "krun::type"
    } else {
        "krun::unknown-function"
    };
    Diagnostic::new(code, place, message)
}

/// Whether a type is that of outputs: Rhai says a registered name in some messages and Rust's in
/// others.
fn is_output(ty: &str) -> bool {
    [OUTPUT, TEST].contains(&ty)
        || ty == std::any::type_name::<Output>()
        || ty == std::any::type_name::<Test>()
}

/// Whether a type is that of secrets.
fn is_secret(ty: &str) -> bool {
    ty == SECRET || ty == std::any::type_name::<Secret>()
}

/// A type of Rhai in the language's words.
fn words(ty: &str) -> String {
    match ty {
        "i64" | "int" => "an int",
        "f64" | "float" => "a fraction",
        "bool" => "a bool",
        "()" => "nothing",
        "char" => "a character",
        "array" => "a list",
        "map" => "a map",
        "Fn" | "FnPtr" => "a function",
        HANDLE => "a step",
        output if is_output(output) => "a step's output",
        secret if is_secret(secret) => "a secret",
        handle if handle == std::any::type_name::<Handle>() => "a step",
        ty if ty.contains("String") || ty.contains("str") => "a string",
        other => return format!("`{other}`"),
    }
    .to_owned()
}

fn bare(name: &str) -> &str {
    name.trim_matches(['\'', '"'])
}

/// The diagnostic of a function that the language leaves out.
pub(crate) fn not_available(name: &str, why: &str, place: Place) -> Diagnostic {
    let message = format!("`{name}` is not available in a runbook");
    Diagnostic::new("krun::closed-world", place, message).label(why)
}

/// What a script throws is the author's sentence; it stays as it is unless it is empty.
fn thrown_text(thrown: &str) -> String {
    if thrown.is_empty() {
        "the script gave up".to_owned()
    } else {
        thrown.to_owned()
    }
}

/// Rhai says "Unknown property 'x' - a getter is not registered for type 'y'".
fn property(why: &str) -> String {
    let mut quoted = why.split('\'').skip(1).step_by(2);
    match (quoted.next(), quoted.next()) {
        (Some(name), Some(ty)) => format!("{} has no `{name}`", words(ty)),
        _ => fragment(why),
    }
}
