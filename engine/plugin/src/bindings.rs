//! What wasmtime makes of the WIT files of `krun:plugin@1.0.0`.

#![expect(missing_docs, reason = "generated; the WIT files have the docs")]

wasmtime::component::bindgen!({
    path: "../../plugins/wit/1.0.0",
    world: "step-plugin",
    imports: {
        "krun:plugin/log": trappable,
        default: async | trappable,
    },
    exports: { default: async },
    additional_derives: [serde::Serialize, serde::Deserialize],
    with: {
        "krun:plugin/host.reader": crate::guest::Look,
        "krun:plugin/host.writer": crate::guest::Act,
    },
});

pub use runbook_plugin::{RunbookPluginPre, exports::krun::plugin::runbook};

/// The world `runbook-plugin`, with the types of the other.
mod runbook_plugin {
    wasmtime::component::bindgen!({
        path: "../../plugins/wit/1.0.0",
        world: "runbook-plugin",
        imports: { default: trappable },
        exports: { default: async },
        additional_derives: [serde::Serialize, serde::Deserialize],
        with: {
            "krun:plugin/log": crate::bindings::krun::plugin::log,
            "krun:plugin/types": crate::bindings::krun::plugin::types,
        },
    });
}
