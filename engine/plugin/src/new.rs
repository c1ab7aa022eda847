//! The files of a new plugin's project: the book's example under another name, with the library for
//! authors and the contract beside it, so that it builds without anything else of krun.
//!
//! Pure: text by path; whoever asks for it writes it.

use krun_model::{Fault, FaultCode};

use crate::schema::is_name;

const WORKSPACE: &str = include_str!("../../../plugins/Cargo.toml");
const EXAMPLE: &str = include_str!("../../../plugins/owners/src/lib.rs");

/// Files that a project has as they are in krun's own folder `plugins/`.
const COPIED: &[(&str, &str)] = &[
    // The versions that krun's own plugins are built with.
    ("Cargo.lock", include_str!("../../../plugins/Cargo.lock")),
    (
        "sdk/Cargo.toml",
        include_str!("../../../plugins/sdk/Cargo.toml"),
    ),
    (
        "sdk/src/adapter.rs",
        include_str!("../../../plugins/sdk/src/adapter.rs"),
    ),
    (
        "sdk/src/fault.rs",
        include_str!("../../../plugins/sdk/src/fault.rs"),
    ),
    (
        "sdk/src/finding.rs",
        include_str!("../../../plugins/sdk/src/finding.rs"),
    ),
    (
        "sdk/src/handles.rs",
        include_str!("../../../plugins/sdk/src/handles.rs"),
    ),
    (
        "sdk/src/kind.rs",
        include_str!("../../../plugins/sdk/src/kind.rs"),
    ),
    (
        "sdk/src/lib.rs",
        include_str!("../../../plugins/sdk/src/lib.rs"),
    ),
    (
        "wit/1.0.0/kafka.wit",
        include_str!("../../../plugins/wit/1.0.0/kafka.wit"),
    ),
    (
        "wit/1.0.0/machine.wit",
        include_str!("../../../plugins/wit/1.0.0/machine.wit"),
    ),
    (
        "wit/1.0.0/types.wit",
        include_str!("../../../plugins/wit/1.0.0/types.wit"),
    ),
    (
        "wit/1.0.0/world.wit",
        include_str!("../../../plugins/wit/1.0.0/world.wit"),
    ),
];

/// Each file of a project in Rust: its path, and its text.
///
/// # Errors
/// [`FaultCode::Usage`] where the name can't be a plugin's.
pub fn rust(name: &str) -> Result<Vec<(String, String)>, Fault> {
    if !is_name(&name.replace('-', "_")) || name.contains('_') {
        return Err(Fault::new(FaultCode::Usage, "this can't be a plugin's name")
            .at(name)
            .hint("It is made of lower-case letters, digits and hyphens, and begins with a letter."));
    }
    let example = EXAMPLE
        .lines()
        .filter(|line| !line.starts_with("//!"))
        .map(|line| match line.trim() {
            "name: \"owners\"," => format!("    name: \"{name}\",\n"),
            _ => format!("{line}\n"),
        })
        .collect::<String>();
    let mut files = vec![
        ("Cargo.toml".to_owned(), manifest(name)),
        (".gitignore".to_owned(), "/target\n".to_owned()),
        (
            "src/lib.rs".to_owned(),
            format!("//! The krun plugin `{name}`.\n{example}"),
        ),
    ];
    let copied = COPIED
        .iter()
        .map(|(path, text)| ((*path).to_owned(), (*text).to_owned()));
    files.extend(copied);
    Ok(files)
}

/// The workspace of krun's own plugins, with this one package beside the library for authors.
fn manifest(name: &str) -> String {
    let package = format!(
        "[package]\nname = \"{name}\"\nversion = \"0.1.0\"\nedition = \"2024\"\npublish = false\n\n\
         [lib]\ncrate-type = [\"cdylib\"]\n\n\
         [dependencies]\nkrun-plugin-sdk.workspace = true\nschemars.workspace = true\nserde.workspace = true\n\n"
    );
    let rest = WORKSPACE.lines().skip_while(|line| line.starts_with('#'));
    let rest = rest.map(|line| match line.starts_with("members = ") {
        true => "members = [\"sdk\"]\n".to_owned(),
        false => format!("{line}\n"),
    });
    package + &rest.collect::<String>()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn every_file_of_the_library_is_in_it() {
        let plugins = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../plugins");
        for folder in ["sdk", "sdk/src", "wit/1.0.0"] {
            for entry in std::fs::read_dir(plugins.join(folder)).unwrap() {
                let path = entry.unwrap().path();
                let named = format!("{folder}/{}", path.file_name().unwrap().to_string_lossy());
                let is_copied = COPIED.iter().any(|(copied, _)| *copied == named);
                assert!(path.is_dir() || is_copied, "{named} is missing");
            }
        }
    }

    #[test]
    fn a_project_has_its_own_name() {
        let files = rust("rack-aware").unwrap();
        let text = |name: &str| &files.iter().find(|(path, _)| path == name).unwrap().1;
        assert!(text("src/lib.rs").contains("name: \"rack-aware\","));
        assert!(text("Cargo.toml").contains("members = [\"sdk\"]"));
        for name in ["Rack", "rack_aware", "../rack", ""] {
            assert!(rust(name).is_err(), "{name}");
        }
    }
}
