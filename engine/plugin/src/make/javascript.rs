//! JavaScript: componentize-js, out of the project's own `node_modules`.

use std::process::Command;

use camino::{Utf8Path, Utf8PathBuf};
use krun_model::{Fault, FaultCode};

/// The source of a plugin in JavaScript.
pub(super) const SOURCE: &str = "plugin.js";

/// Without these a component imports nothing but krun's interfaces: a plugin has no clock, no randomness
/// and no output of its own.
const SCRIPT: &str = "
import { componentize } from '@bytecodealliance/componentize-js';
import { writeFile } from 'node:fs/promises';
const [sourcePath, witPath, out] = process.argv.slice(1);
const disableFeatures = ['random', 'stdio', 'clocks', 'http', 'fetch-event'];
const { component } = await componentize({ sourcePath, witPath, worldName: 'step-plugin', disableFeatures });
await writeFile(out, component);
";

pub(super) fn build(folder: &Utf8Path, target: &Utf8Path) -> Result<Utf8PathBuf, Fault> {
    let missing = |what: &str, hint: &str| {
        Fault::new(
            FaultCode::Prerequisite,
            format!("{what} is not there, which plugins in JavaScript need"),
        )
        .at(folder)
        .hint(hint)
    };
    let package = "node_modules/@bytecodealliance/componentize-js";
    if !folder.join(package).exists() {
        let hint = "Install it in the plugin's folder: `npm install`.";
        return Err(missing("componentize-js", hint));
    }
    let component = super::component_of(folder, target)?;
    let mut node = Command::new("node");
    node.current_dir(folder)
        .args(["--input-type=module", "-e", SCRIPT])
        .args([
            folder.join(SOURCE),
            super::contract(folder)?,
            component.clone(),
        ]);
    super::compile(node, folder, missing("node", "Install Node.js."))?;
    Ok(component)
}
