//! Single lines of files that others write too, such as `/etc/hosts`: the book's example of a plugin with an
//! undo of its own. Putting the whole file back would throw away what others wrote since; this takes out the
//! one line that a step put in.

use krun_plugin_sdk::{
    After, Change, DiffLine, Drift, Fault, FaultCode, Finding, Kind, Mode, Outputs, Reader, Step,
    Target, UndoClass, Writer,
};
use schemars::JsonSchema;
use serde::Deserialize;

/// The kind.
pub struct Line;

/// Its arguments.
#[derive(Deserialize, JsonSchema)]
pub struct Args {
    /// The file.
    #[schemars(extend("format" = "path"))]
    file: String,
    /// The line that it must have, wherever.
    line: String,
}

/// What is kept until the undo: whether the file was there before the line.
const WAS_THERE: &str = "file-was-there";

impl Kind for Line {
    const NAME: &'static str = "line";
    const DOC: &'static str = "Puts a line at the end of a file that others write too, unless it has it. A \
        rollback takes out that line, and leaves what others wrote.";
    const MODE: Mode = Mode::State;
    const UNDO: UndoClass = UndoClass::Compensable;
    const UNDOES: bool = true;
    const EXAMPLES: &'static [&'static str] = &[include_str!("../examples/line.rhai")];
    type Args = Args;

    fn validate(args: &Args) -> Result<Vec<Target>, Fault> {
        match args.line.is_empty() || args.line.contains(['\n', '\r']) {
            true => Err(Fault::new(
                FaultCode::Script,
                "`line` is one line, with something in it",
            )),
            false => Ok(vec![Target::Path(args.file.clone())]),
        }
    }

    fn check(step: &Step<Args>, look: &Reader) -> Result<Finding, Fault> {
        let there = text(look, &step.args.file)?;
        if there
            .iter()
            .flat_map(|text| text.lines())
            .any(|line| line == step.args.line)
        {
            return Ok(Finding::Satisfied(Outputs::new()));
        }
        Ok(Finding::Drift(Drift {
            change: Change::Update,
            why: "the line is not in the file".into(),
            diff: vec![DiffLine {
                key: "line".into(),
                before: None,
                after: After::Value(step.args.line.clone()),
            }],
        }))
    }

    fn apply(step: &Step<Args>, _: Change, look: &Reader, act: &Writer) -> Result<Outputs, Fault> {
        let there = text(look, &step.args.file)?;
        act.keep(WAS_THERE, Some(&there.is_some().to_string()))?;
        let mut all = there.unwrap_or_default();
        if !all.is_empty() && !all.ends_with('\n') {
            all.push('\n');
        }
        all.push_str(&step.args.line);
        all.push('\n');
        act.write(
            &step.args.file,
            all.as_bytes(),
            mode(look, &step.args.file)?,
        )?;
        Ok(Outputs::new())
    }

    fn undo(step: &Step<Args>, look: &Reader, act: &Writer) -> Result<(), Fault> {
        let Some(there) = text(look, &step.args.file)? else {
            return Ok(());
        };
        let left: String = there
            .split_inclusive('\n')
            .filter(|line| line.trim_end_matches('\n') != step.args.line)
            .collect();
        let was_there = look.kept(WAS_THERE)?.is_none_or(|was| was == "true");
        if left.is_empty() && !was_there {
            return act.remove(&step.args.file);
        }
        match left == there {
            true => Ok(()),
            false => act.write(
                &step.args.file,
                left.as_bytes(),
                mode(look, &step.args.file)?,
            ),
        }
    }
}

fn text(look: &Reader, file: &str) -> Result<Option<String>, Fault> {
    let bytes = look.read(file)?;
    bytes
        .map(String::from_utf8)
        .transpose()
        .map_err(|_| Fault::new(FaultCode::Io, "the file is no text").at(file))
}

fn mode(look: &Reader, file: &str) -> Result<u32, Fault> {
    Ok(look.stat(file)?.map_or(0o644, |there| there.mode))
}

krun_plugin_sdk::plugin! {
    name: "shared-line",
    doc: "Single lines of files that others write too.",
    kinds: [Line],
    wants: ["write:FILE" => "the line is put into it"],
}
