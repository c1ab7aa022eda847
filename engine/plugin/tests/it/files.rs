//! Files that are no plugin: refused, with what to do.

use krun_model::FaultCode;

use crate::lab::{Lab, component, describing, describing_text};

#[test]
fn other_files() {
    let lab = Lab::new();
    let sound = describing("unreachable", "");
    let module = wat::parse_str("(module)").unwrap();
    for (bytes, said) in [
        (vec![], "the file is no WebAssembly component"),
        (
            b"#!/bin/sh\n".to_vec(),
            "the file is no WebAssembly component",
        ),
        (module, "the file is no WebAssembly component"),
        (
            sound[..sound.len() / 2].to_vec(),
            "the file is no WebAssembly component",
        ),
        (
            sound[..sound.len() - 1].to_vec(),
            "the file is no WebAssembly component",
        ),
    ] {
        let refusal = lab.refusal(&bytes);
        assert!(refusal.contains(said), "{refusal}");
    }
}

#[test]
fn a_core_module_is_told_from_others() {
    let lab = Lab::new();
    let fault = lab
        .open(&wat::parse_str("(module)").unwrap())
        .err()
        .unwrap();
    assert!(
        fault.hints[0].starts_with("It is a core module"),
        "{:?}",
        fault.hints
    );
}

/// Whatever a bit makes of it: it is refused, or ends in `describe`; nothing else can come of it.
#[test]
fn flipped_bits() {
    let lab = Lab::new();
    let sound = describing("unreachable", "");
    let step = (sound.len() / 150).max(1);
    for at in (0..sound.len()).step_by(step) {
        let mut bytes = sound.clone();
        bytes[at] ^= 1 << (at % 8);
        let fault = lab.open(&bytes).err().expect("it has no description");
        assert_eq!(fault.code, FaultCode::Plugin, "bit in byte {at}: {fault}");
    }
}

#[test]
fn imports_that_krun_does_not_have() {
    let lab = Lab::new();
    for import in [
        "wasi:clocks/monotonic-clock@0.2.0",
        "krun:plugin/files@2.0.0",
        "krun:plugin/processes@1.0.0",
    ] {
        let text = format!(
            "(component (import \"{import}\" (instance (export \"now\" (func (result u64))))))"
        );
        let refusal = lab.refusal(&wat::parse_str(text).unwrap());
        assert!(
            refusal.contains("does not fit krun:plugin@1.0.0"),
            "{refusal}"
        );
        assert!(refusal.contains(import), "{refusal}");
    }
}

/// `check` is handed a reader. A component in which it wants to be handed a writer is no plugin: to write
/// in `check` is not refused, there is no way to say it.
#[test]
fn a_check_that_wants_to_write() {
    let lab = Lab::new();
    let check = "check: func(step: step, look: borrow<reader>)";
    let wants = check.replace("reader", "writer");
    let folder = lab.changed_wit(|name, text| {
        assert_eq!(text.contains(check), name == "world.wit");
        text.replace(check, &wants)
    });
    let bytes = component(&describing_text("unreachable"), &folder);
    let refusal = lab.refusal(&bytes);
    assert!(refusal.contains("resource type mismatch"), "{refusal}");
}

#[test]
fn another_file_than_the_pinned_one() {
    let lab = Lab::new();
    let file = lab.path("plugin.wasm");
    std::fs::write(&file, describing("unreachable", "")).unwrap();
    let fault = lab
        .runtime()
        .open(&file, Some(&"0".repeat(64)))
        .err()
        .unwrap();
    assert_eq!(fault.what, "the plugin's file is not the one in krun.lock");
}
