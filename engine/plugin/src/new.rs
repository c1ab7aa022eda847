//! The files of a new plugin's project: an example of krun's own under another name, with the contract
//! beside it and in Rust the library for authors, so that it builds without anything else of krun.
//!
//! Pure: text by path; whoever asks for it writes it.

use std::str::FromStr;

use krun_model::{Fault, FaultCode};

use crate::schema::is_name;

const WORKSPACE: &str = include_str!("../../../plugins/Cargo.toml");
const EXAMPLE: &str = include_str!("../../../plugins/owners/src/lib.rs");
const RUNBOOK: &str = include_str!("../../../plugins/team-topics/src/lib.rs");

/// A project in JavaScript.
const JAVASCRIPT: &[(&str, &str)] = &[
    (
        "plugin.js",
        include_str!("../../../plugins/http-health/plugin.js"),
    ),
    (
        "package.json",
        include_str!("../../../plugins/http-health/package.json"),
    ),
    (".gitignore", "/target\nnode_modules\n"),
];

/// A project in Python.
const PYTHON: &[(&str, &str)] = &[
    (
        "plugin.py",
        include_str!("../../../plugins/capacity/plugin.py"),
    ),
    (
        "requirements.txt",
        include_str!("../../../plugins/capacity/requirements.txt"),
    ),
    (".gitignore", "/target\n__pycache__\n"),
];

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
        "sdk/src/runbook.rs",
        include_str!("../../../plugins/sdk/src/runbook.rs"),
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
        "wit/1.0.0/runbook.wit",
        include_str!("../../../plugins/wit/1.0.0/runbook.wit"),
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

/// The languages that a project can be made in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Language {
    /// Rust.
    Rust,
    /// JavaScript.
    JavaScript,
    /// Python.
    Python,
}

impl FromStr for Language {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "rust" => Ok(Self::Rust),
            "js" => Ok(Self::JavaScript),
            "python" => Ok(Self::Python),
            _ => Err("there are `rust`, `js` and `python`".to_owned()),
        }
    }
}

/// Each file of a project: its path, and its text. The first is the one that says what the plugin does.
///
/// # Errors
/// [`FaultCode::Usage`] where the name can't be a plugin's.
pub fn project(name: &str, language: Language) -> Result<Vec<(String, String)>, Fault> {
    named(name)?;
    Ok(match language {
        Language::Rust => rust(name, &kinds(name)),
        Language::JavaScript => from_example(name, "http-health", JAVASCRIPT),
        Language::Python => from_example(name, "capacity", PYTHON),
    })
}

/// The same of a whole runbook, in Rust.
///
/// # Errors
/// [`FaultCode::Usage`] where the name can't be a plugin's.
pub fn runbook(name: &str) -> Result<Vec<(String, String)>, Fault> {
    named(name)?;
    Ok(rust(
        name,
        &without_head(RUNBOOK).replace("team-topics", name),
    ))
}

fn named(name: &str) -> Result<(), Fault> {
    if !is_name(&name.replace('-', "_")) || name.contains('_') {
        return Err(Fault::new(FaultCode::Usage, "this can't be a plugin's name")
            .at(name)
            .hint("It is made of lower-case letters, digits and hyphens, and begins with a letter."));
    }
    Ok(())
}

/// Files of one of krun's plugins, under another name, with the contract.
fn from_example(name: &str, example: &str, files: &[(&str, &str)]) -> Vec<(String, String)> {
    let module = |name: &str| format!("{}::", name.replace('-', "_"));
    let renamed = files.iter().map(|(path, text)| {
        let text = text
            .replace("../wit/", "wit/")
            .replace(&module(example), &module(name))
            .replace(example, name);
        ((*path).to_owned(), text)
    });
    let contract = COPIED.iter().filter(|(path, _)| path.starts_with("wit/"));
    let contract = contract.map(|(path, text)| ((*path).to_owned(), (*text).to_owned()));
    renamed.chain(contract).collect()
}

/// A text without the prose at its head, which is of krun's own plugin.
fn without_head(text: &str) -> String {
    let lines = text.lines().filter(|line| !line.starts_with("//!"));
    lines.map(|line| format!("{line}\n")).collect()
}

/// The example of step kinds under another name.
fn kinds(name: &str) -> String {
    let module = name.replace('-', "_");
    let example = without_head(EXAMPLE).replace("owners::", &format!("{module}::"));
    example.replace("name: \"owners\",", &format!("name: \"{name}\","))
}

fn rust(name: &str, example: &str) -> Vec<(String, String)> {
    let mut files = vec![
        (
            "src/lib.rs".to_owned(),
            format!("//! The krun plugin `{name}`.\n{example}"),
        ),
        ("Cargo.toml".to_owned(), manifest(name)),
        (".gitignore".to_owned(), "/target\n".to_owned()),
    ];
    let copied = COPIED
        .iter()
        .map(|(path, text)| ((*path).to_owned(), (*text).to_owned()));
    files.extend(copied);
    files
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
        let files = project("rack-aware", Language::Rust).unwrap();
        let text = |name: &str| &files.iter().find(|(path, _)| path == name).unwrap().1;
        assert!(text("src/lib.rs").contains("name: \"rack-aware\","));
        assert!(text("Cargo.toml").contains("members = [\"sdk\"]"));
        for (language, of) in [
            (Language::JavaScript, "http"),
            (Language::Python, "capacity"),
        ] {
            let files = project("rack-aware", language).unwrap();
            let (path, text) = &files[0];
            assert!(
                text.contains("rack-aware") && text.contains("rack_aware::"),
                "{path}"
            );
            assert!(
                !text.contains(&format!("{of}-")) && !text.contains(&format!("{of}_")),
                "{path}"
            );
            assert!(files.iter().any(|(path, _)| path == "wit/1.0.0/world.wit"));
        }
        let files = runbook("rack-aware").unwrap();
        let (path, text) = &files[0];
        assert_eq!(path, "src/lib.rs");
        assert!(text.contains("const NAME: &'static str = \"rack-aware\";"));
        assert!(!text.contains("team-topics"));
        for name in ["Rack", "rack_aware", "../rack", ""] {
            assert!(project(name, Language::Rust).is_err(), "{name}");
        }
    }
}
