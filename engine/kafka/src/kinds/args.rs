//! Arguments that several kinds have, and looking at arguments before they are known in full.

use krun_model::{
    Fault, FaultCode, Map, Value,
    schema::{ArgSpec, ArgType},
};

/// Where a cluster is reached.
pub const BOOTSTRAP: ArgSpec = ArgSpec::required(
    "bootstrap",
    ArgType::List(&ArgType::Str),
    "host:port of brokers.",
);

/// Which topic a step is about.
pub const TOPIC: ArgSpec = ArgSpec::required("topic", ArgType::Str, "The topic's name.");

/// How many records a kafka::produce sent.
pub const SENT_COUNT: ArgSpec =
    ArgSpec::required("count", ArgType::Int, "Output `count` of kafka::produce.");

/// What they add up to.
pub const SENT_CHECKSUM: ArgSpec = ArgSpec::required(
    "checksum",
    ArgType::Str,
    "Output `checksum` of kafka::produce.",
);

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
