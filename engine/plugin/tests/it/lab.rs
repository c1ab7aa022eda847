//! Components from the text of a core module, and a runtime with limits that a test can wait for.

use std::time::Duration;

use camino::{Utf8Path, Utf8PathBuf};
use krun_model::Fault;
use krun_plugin::{Limits, Plugin, Runtime};
use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::Resolve;

/// A folder with a cache and files in it.
pub struct Lab {
    folder: tempfile::TempDir,
}

impl Lab {
    pub fn new() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
        }
    }

    pub fn path(&self, name: &str) -> Utf8PathBuf {
        Utf8Path::from_path(self.folder.path()).unwrap().join(name)
    }

    pub fn runtime(&self) -> Runtime {
        let limits = Limits {
            computing: Duration::from_millis(300),
            memory: 32 << 20,
            ..Limits::default()
        };
        Runtime::new(Some(self.path("cache")), limits).unwrap()
    }

    /// Opens what these bytes are.
    pub fn open(&self, bytes: &[u8]) -> Result<Plugin, Fault> {
        let file = self.path("plugin.wasm");
        std::fs::write(&file, bytes).unwrap();
        self.runtime().open(&file, None)
    }

    /// A folder with the WIT files that plugins are built for, each changed.
    pub fn changed_wit(&self, change: impl Fn(&str, &str) -> String) -> Utf8PathBuf {
        let folder = self.path("wit");
        std::fs::create_dir(&folder).unwrap();
        for entry in Utf8Path::new(WIT).read_dir_utf8().unwrap() {
            let entry = entry.unwrap();
            let text = std::fs::read_to_string(entry.path()).unwrap();
            let changed = change(entry.file_name(), &text);
            std::fs::write(folder.join(entry.file_name()), changed).unwrap();
        }
        folder
    }

    /// Why these bytes are refused, with what shows it.
    #[track_caller]
    pub fn refusal(&self, bytes: &[u8]) -> String {
        match self.open(bytes) {
            Ok(plugin) => panic!("{} is opened", plugin.name()),
            Err(fault) => format!(
                "{}: {}\n{}",
                fault.what,
                fault.why.unwrap_or_default(),
                fault.evidence.join("\n")
            ),
        }
    }
}

/// A component for the world `step-plugin` of which `describe` is this: WAT of a function's body, with
/// the memory's first page free from 1024 on and whatever else stands before it.
pub fn describing(describe: &str, more: &str) -> Vec<u8> {
    guest(MEMORY, describe, more)
}

const MEMORY: &str = "(memory (export \"memory\") 1)";

/// The same with a memory of its own.
pub fn guest(memory: &str, describe: &str, more: &str) -> Vec<u8> {
    component(&text(memory, describe, more), Utf8Path::new(WIT))
}

/// The text of the core module for [`describing`].
pub fn describing_text(describe: &str) -> String {
    text(MEMORY, describe, "")
}

fn text(memory: &str, describe: &str, more: &str) -> String {
    let step = "(param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32)";
    let kinds = "krun:plugin/step-kinds@1.0.0";
    format!(
        r#"(module
        {memory}
        {more}
        (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) unreachable)
        (func $describe (export "{kinds}#describe") (result i32) {describe})
        (func (export "{kinds}#validate") (param i32 i32 i32 i32) (result i32) unreachable)
        (func (export "{kinds}#check") {step} (result i32) unreachable)
        (func (export "{kinds}#incarnation") {step} (result i32) unreachable)
        (func (export "{kinds}#apply") (param i32 i32) {step} (result i32) unreachable)
        (func (export "{kinds}#verify") {step} (result i32) unreachable)
        (func (export "{kinds}#undo") (param i32) {step} (result i32) unreachable)
        (func (export "{kinds}#upgrade") (param i32 i32 i32 i32 i32 i32) (result i32) unreachable)
    )"#
    )
}

/// The WIT files that plugins are built for.
pub const WIT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../plugins/wit/1.0.0");

/// A component of a core module's text, for the world in a folder of WIT files.
pub fn component(text: &str, wit: &Utf8Path) -> Vec<u8> {
    let mut module = wat::parse_str(text).unwrap();
    let mut resolve = Resolve::default();
    let (package, _) = resolve.push_path(wit).unwrap();
    let world = resolve
        .select_world(&[package], Some("step-plugin"))
        .unwrap();
    embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8).unwrap();
    let mut encoder = ComponentEncoder::default().module(&module).unwrap();
    encoder.encode().unwrap()
}

/// A description at 1024: a name, a version, and lists of kinds and wants (address, length).
pub fn description(name: &str, version: &str, kinds: (u32, u32), wants: (u32, u32)) -> String {
    let words = [
        (2048, name.len() as u32),
        (3072, version.len() as u32),
        (0, 0),
        kinds,
        wants,
    ];
    let bytes: String = words
        .iter()
        .flat_map(|(address, length)| [address, length])
        .flat_map(|word: &u32| word.to_le_bytes())
        .map(|byte| format!("\\{byte:02x}"))
        .collect();
    format!(
        "(data (i32.const 1024) \"{bytes}\")(data (i32.const 2048) \"{name}\")(data (i32.const 3072) \"{version}\")"
    )
}

/// A component that a compiler made.
pub fn real() -> Vec<u8> {
    let file = "/../../tests/fixtures/plugins/1.0.0/owners.wasm";
    std::fs::read(format!("{}{file}", env!("CARGO_MANIFEST_DIR"))).unwrap()
}
