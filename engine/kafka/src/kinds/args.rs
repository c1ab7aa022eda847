//! Looking at arguments before they are known in full.

use krun_model::{Fault, FaultCode, Map, Value};

/// The text of an argument, where it is known.
pub fn text<'a>(args: &'a Map<Value>, name: &str) -> Option<&'a str> {
    match args.get(name) {
        Some(Value::Str(text)) => Some(text),
        _ => None,
    }
}

/// The number of an argument, where it is known.
pub fn int(args: &Map<Value>, name: &str) -> Option<i64> {
    match args.get(name) {
        Some(Value::Int(number)) => Some(*number),
        _ => None,
    }
}

/// The texts of a list, where all of them are known.
pub fn texts(args: &Map<Value>, name: &str) -> Option<Vec<String>> {
    let Some(Value::List(list)) = args.get(name) else {
        return None;
    };
    list.iter()
        .map(|value| match value {
            Value::Str(text) => Some(text.clone()),
            _ => None,
        })
        .collect()
}

/// Refuses a number below 1.
///
/// # Errors
/// [`FaultCode::Script`].
pub fn at_least_one(args: &Map<Value>, name: &str) -> Result<(), Fault> {
    match int(args, name) {
        Some(number) if number < 1 => Err(Fault::new(
            FaultCode::Script,
            format!("`{name}` is {number}, and must be 1 or more"),
        )),
        _ => Ok(()),
    }
}
