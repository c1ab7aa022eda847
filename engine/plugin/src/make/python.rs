//! Python: componentize-py, on the search path.

use std::process::Command;

use camino::{Utf8Path, Utf8PathBuf};
use krun_model::{Fault, FaultCode};

/// The source of a plugin in Python.
pub(super) const SOURCE: &str = "plugin.py";

pub(super) fn build(folder: &Utf8Path, target: &Utf8Path) -> Result<Utf8PathBuf, Fault> {
    let component = super::component_of(folder, target)?;
    let wit = super::contract(folder)?;
    let mut python = Command::new("componentize-py");
    python
        .args(["-d", wit.as_str(), "-w", "step-plugin", "componentize"])
        // What a Python asks of WASI traps: a plugin has no clock, no files and no environment.
        .args([
            "--stub-wasi",
            "-p",
            folder.as_str(),
            "plugin",
            "-o",
            component.as_str(),
        ]);
    let missing = Fault::new(
        FaultCode::Prerequisite,
        "componentize-py is not there, which plugins in Python need",
    )
    .at(folder)
    .hint("Install it: `pip install componentize-py`.");
    super::compile(python, folder, missing)?;
    Ok(component)
}
