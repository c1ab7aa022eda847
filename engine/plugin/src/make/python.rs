//! Python: componentize-py, on the search path.

use std::process::Command;

use camino::{Utf8Path, Utf8PathBuf};
use krun_model::{Fault, FaultCode};

/// The source of a plugin in Python.
pub(super) const SOURCE: &str = "plugin.py";

/// What the world calls its exports, as Python does.
const EXPORTS: [&str; 2] = ["StepKinds", "Runbook"];

/// Prints the names that a source gives to something at its top, without running it.
const NAMES: &str = "
import ast, sys
for node in ast.parse(open(sys.argv[1], encoding='utf-8').read(), sys.argv[1]).body:
    if isinstance(node, ast.ClassDef): print(node.name)
    elif isinstance(node, ast.ImportFrom): print(*(one.asname or one.name for one in node.names), sep='\\n')
    elif isinstance(node, ast.Assign): print(*(one.id for one in node.targets if isinstance(one, ast.Name)), sep='\\n')
";

pub(super) fn build(folder: &Utf8Path, target: &Utf8Path) -> Result<Utf8PathBuf, Fault> {
    let missing = |what: &str, hint: &str| {
        Fault::new(
            FaultCode::Prerequisite,
            format!("{what} is not there, which plugins in Python need"),
        )
        .at(folder)
        .hint(hint)
    };
    let (source, contract) = (folder.join(SOURCE), super::contract(folder)?);
    let mut looks = Command::new("python3");
    looks.args(["-c", NAMES, source.as_str()]);
    let exported = super::exported(looks, folder, missing("python3", "Install Python 3."))?;
    let world = super::world(&source, &exported, EXPORTS)?;
    let component = super::component_of(folder, target)?;
    let mut makes = Command::new("componentize-py");
    makes
        .args(["-d", contract.as_str(), "-w", world, "componentize"])
        // What a Python asks of WASI traps: a plugin has no clock, no files and no environment.
        .args([
            "--stub-wasi",
            "-p",
            folder.as_str(),
            "plugin",
            "-o",
            component.as_str(),
        ]);
    let hint = "Install it: `pip install componentize-py`.";
    super::compile(makes, folder, missing("componentize-py", hint))?;
    Ok(component)
}
