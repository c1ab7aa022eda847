//! Files of krun's own folder `plugins/` that each project has: the contract, and the library for authors in Rust.

/// Each with its path, as it is there.
pub(super) const COPIED: &[(&str, &str)] = &[
    // The versions that krun's own plugins are built with.
    ("Cargo.lock", include_str!("../../../../plugins/Cargo.lock")),
    (
        "sdk/Cargo.toml",
        include_str!("../../../../plugins/sdk/Cargo.toml"),
    ),
    (
        "sdk/src/adapter.rs",
        include_str!("../../../../plugins/sdk/src/adapter.rs"),
    ),
    (
        "sdk/src/fault.rs",
        include_str!("../../../../plugins/sdk/src/fault.rs"),
    ),
    (
        "sdk/src/finding.rs",
        include_str!("../../../../plugins/sdk/src/finding.rs"),
    ),
    (
        "sdk/src/handles.rs",
        include_str!("../../../../plugins/sdk/src/handles.rs"),
    ),
    (
        "sdk/src/kind.rs",
        include_str!("../../../../plugins/sdk/src/kind.rs"),
    ),
    (
        "sdk/src/lib.rs",
        include_str!("../../../../plugins/sdk/src/lib.rs"),
    ),
    (
        "sdk/src/runbook.rs",
        include_str!("../../../../plugins/sdk/src/runbook.rs"),
    ),
    (
        "wit/1.0.0/kafka.wit",
        include_str!("../../../../plugins/wit/1.0.0/kafka.wit"),
    ),
    (
        "wit/1.0.0/machine.wit",
        include_str!("../../../../plugins/wit/1.0.0/machine.wit"),
    ),
    (
        "wit/1.0.0/runbook.wit",
        include_str!("../../../../plugins/wit/1.0.0/runbook.wit"),
    ),
    (
        "wit/1.0.0/types.wit",
        include_str!("../../../../plugins/wit/1.0.0/types.wit"),
    ),
    (
        "wit/1.0.0/world.wit",
        include_str!("../../../../plugins/wit/1.0.0/world.wit"),
    ),
];
