//! What the arguments of a step say before anything ran. An output of another step says nothing yet.

use camino::Utf8PathBuf;
use krun_model::{Map, Target, Value, kind::Declared};

/// A text argument.
pub fn text<'a>(args: &'a Map<Value>, name: &str) -> Option<&'a str> {
    match args.get(name) {
        Some(Value::Str(text)) => Some(text),
        _ => None,
    }
}

/// That the step writes the path of an argument.
pub fn writes(args: &Map<Value>, name: &str) -> Declared {
    Declared {
        writes: text(args, name)
            .map(|path| Target::Path(Utf8PathBuf::from(path)))
            .into_iter()
            .collect(),
        ..Declared::default()
    }
}

/// The path of an argument as the handle's property `path`.
pub fn computed_path(args: &Map<Value>, name: &str) -> Map<Value> {
    text(args, name)
        .map(|path| ("path".to_owned(), path.into()))
        .into_iter()
        .collect()
}
