//! JavaScript: componentize-js, out of the project's own `node_modules`.

use std::process::Command;

use camino::{Utf8Path, Utf8PathBuf};
use krun_model::{Fault, FaultCode};

/// The source of a plugin in JavaScript.
pub(super) const SOURCE: &str = "plugin.js";

/// What the world calls its exports, as JavaScript does.
const EXPORTS: [&str; 2] = ["stepKinds", "runbook"];

/// Prints the names that a source exports, by the parser of componentize-js.
const NAMES: &str = "
import { createRequire } from 'node:module';
import { readFile } from 'node:fs/promises';
const [source] = process.argv.slice(1);
const parser = createRequire(import.meta.resolve('@bytecodealliance/componentize-js'))('oxc-parser');
const { errors, module } = await parser.parseAsync(source, await readFile(source, 'utf8'));
for (const error of errors) console.error(error.codeframe ?? error.message);
if (errors.length > 0) process.exit(1);
for (const { entries } of module.staticExports) for (const { exportName } of entries) console.log(exportName.name);
";

/// Without these a component imports nothing but krun's interfaces: a plugin has no clock, no randomness
/// and no output of its own.
const SCRIPT: &str = "
import { componentize } from '@bytecodealliance/componentize-js';
import { writeFile } from 'node:fs/promises';
const [sourcePath, witPath, worldName, out] = process.argv.slice(1);
const disableFeatures = ['random', 'stdio', 'clocks', 'http', 'fetch-event'];
const { component } = await componentize({ sourcePath, witPath, worldName, disableFeatures });
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
    let node = |script: &str| {
        let mut node = Command::new("node");
        node.current_dir(folder)
            .args(["--input-type=module", "-e", script]);
        node
    };
    let no_node = || missing("node", "Install Node.js.");
    let (source, contract) = (folder.join(SOURCE), super::contract(folder)?);
    let mut looks = node(NAMES);
    looks.arg(&source);
    let exported = super::exported(looks, folder, no_node())?;
    let world = super::world(&source, &exported, EXPORTS)?;
    let component = super::component_of(folder, target)?;
    let mut makes = node(SCRIPT);
    makes.args([
        source.as_str(),
        contract.as_str(),
        world,
        component.as_str(),
    ]);
    super::compile(makes, folder, no_node())?;
    Ok(component)
}
