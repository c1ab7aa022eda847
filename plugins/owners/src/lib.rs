//! Who owns which folder: the smallest useful plugin, shown in the book as it stands here.

use krun_plugin_sdk::{
    Change, Drift, Fault, Finding, Kind, Mode, Outputs, Reader, Step, Target, UndoClass, Writer,
};
use schemars::JsonSchema;
use serde::Deserialize;

/// The kind.
pub struct Owner;

/// Its arguments.
#[derive(Deserialize, JsonSchema)]
pub struct Args {
    /// The folder.
    #[schemars(extend("format" = "path"))]
    folder: String,
    /// The team that owns it.
    team: String,
}

impl Args {
    fn file(&self) -> String {
        format!("{}/OWNER", self.folder)
    }
}

impl Kind for Owner {
    const NAME: &'static str = "owner";
    const DOC: &'static str = "Says in a folder, in the file OWNER, which team owns it.";
    const MODE: Mode = Mode::State;
    const UNDO: UndoClass = UndoClass::Reversible;
    const EXAMPLES: &'static [&'static str] =
        &["owners::owner(\"owner\", #{ folder: root, team: \"payments\" });"];
    type Args = Args;

    fn validate(args: &Args) -> Result<Vec<Target>, Fault> {
        Ok(vec![Target::Path(args.file())])
    }

    fn check(step: &Step<Args>, look: &Reader) -> Result<Finding, Fault> {
        let there = look.read(&step.args.file())?;
        if there.as_deref() == Some(step.args.team.as_bytes()) {
            return Ok(Finding::Satisfied(Outputs::new()));
        }
        Ok(Finding::Drift(Drift {
            change: if there.is_none() {
                Change::Create
            } else {
                Change::Update
            },
            why: "another owner is named".into(),
            diff: vec![],
        }))
    }

    fn apply(step: &Step<Args>, _: Change, _: &Reader, act: &Writer) -> Result<Outputs, Fault> {
        act.write(&step.args.file(), step.args.team.as_bytes(), 0o644)?;
        Ok(Outputs::new())
    }
}

krun_plugin_sdk::plugin! {
    name: "owners",
    doc: "Who owns what.",
    kinds: [Owner],
    wants: ["write:FOLDER" => "the file OWNER is written into it"],
}
