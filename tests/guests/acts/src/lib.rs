//! An act, done once for what is acted on: a line that is added to a file, which counts.

use krun_plugin_sdk::{
    Change, Fault, Finding, Kind, Mode, Outputs, Reader, Step, Target, UndoClass, Writer,
};
use schemars::JsonSchema;
use serde::Deserialize;

/// The kind.
pub struct Sign;

/// Its arguments.
#[derive(Deserialize, JsonSchema)]
pub struct Args {
    /// The file.
    #[schemars(extend("format" = "path"))]
    book: String,
    /// What is written.
    line: String,
    /// How the book is reached: no part of what is done.
    #[schemars(extend("x-krun-way" = true))]
    #[serde(rename = "through")]
    _through: String,
}

impl Args {
    /// Which book it is.
    fn edition(&self) -> String {
        format!("{}.edition", self.book)
    }
}

impl Kind for Sign {
    const NAME: &'static str = "sign";
    const DOC: &'static str = "Adds a line to a book, once for each edition of it.";
    const MODE: Mode = Mode::Once;
    const UNDO: UndoClass = UndoClass::Reversible;
    type Args = Args;

    fn validate(args: &Args) -> Result<Vec<Target>, Fault> {
        Ok(vec![Target::Path(args.book.clone())])
    }

    fn check(_: &Step<Args>, _: &Reader) -> Result<Finding, Fault> {
        Ok(Finding::Satisfied(Outputs::new()))
    }

    fn incarnation(step: &Step<Args>, look: &Reader) -> Result<Option<String>, Fault> {
        let edition = look.read(&step.args.edition())?;
        Ok(edition.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()))
    }

    fn apply(step: &Step<Args>, _: Change, look: &Reader, act: &Writer) -> Result<Outputs, Fault> {
        let mut book = look.read(&step.args.book)?.unwrap_or_default();
        book.extend_from_slice(format!("{}\n", step.args.line).as_bytes());
        act.write(&step.args.book, &book, 0o644)?;
        Ok(Outputs::new())
    }
}

krun_plugin_sdk::plugin! {
    name: "acts",
    doc: "Acts, for krun's tests.",
    kinds: [Sign],
}
