//! The contract's versions: which one this krun has, which one a component was built for, and what is said where
//! those do not fit.
//!
//! wasmtime links a component of any 1.x to this krun's 1.x, as long as it imports nothing that is missing here.
//! So a component of an older 1.x opens, and one of a newer that uses nothing new.

use camino::Utf8Path;
use krun_model::{Fault, FaultCode};
use semver::Version;
use wasmtime::component::Component;

use crate::{Runtime, component::one_line};

/// The version of `krun:plugin` that this krun has.
pub const API: Version = Version::new(1, 0, 0);

/// The version of `krun:plugin` that a component was built for: the highest that it imports or exports. None where
/// it knows nothing of it.
pub(crate) fn built_for(runtime: &Runtime, component: &Component) -> Option<Version> {
    let ty = component.component_type();
    let imports = ty.imports(&runtime.engine).map(|(name, _)| name);
    let exports = ty.exports(&runtime.engine).map(|(name, _)| name);
    imports.chain(exports).filter_map(version).max()
}

/// The version in the name of one of its interfaces.
fn version(interface: &str) -> Option<Version> {
    let (_, version) = interface.strip_prefix("krun:plugin/")?.split_once('@')?;
    version.parse().ok()
}

/// Why a component can't be linked.
pub(crate) fn unfit(
    file: &Utf8Path,
    built_for: Option<&Version>,
    error: &wasmtime::Error,
) -> Fault {
    let fault = Fault::new(
        FaultCode::Plugin,
        format!("the component does not fit krun:plugin@{API}"),
    )
    .at(file)
    .because(one_line(error));
    let inspect = "`krun plugin inspect` shows what it imports and exports.";
    match built_for {
        Some(wanted) if *wanted > API => fault
            .hint(format!(
                "It was built for krun:plugin@{wanted}: use a newer krun, or build it for {API}."
            ))
            .hint(inspect),
        _ => fault.hint(inspect).hint("A plugin has no clock, no files, no network and no environment but through krun:plugin; a guest that was built for WASI asks for those."),
    }
}
