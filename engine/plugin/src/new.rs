//! The files of a new plugin's project: an example of krun's own under another name, with the contract
//! beside it and in Rust the library for authors, so that it builds without anything else of krun.
//!
//! Pure: text by path; whoever asks for it writes it.

mod copied;

use std::str::FromStr;

use krun_model::{Fault, FaultCode};

use self::copied::COPIED;
use crate::schema::is_name;

const WORKSPACE: &str = include_str!("../../../plugins/Cargo.toml");
const KINDS_IN_RUST: &str = include_str!("../../../plugins/owners/src/lib.rs");
const USED_IN_RUST: &str = include_str!("../../../plugins/owners/example.rhai");
const RUNBOOK_IN_RUST: &str = include_str!("../../../plugins/team-topics/src/lib.rs");

/// One of krun's own plugins, which a project begins as under another name.
struct Example {
    name: &'static str,
    files: &'static [(&'static str, &'static str)],
}

/// The files of a plugin in a language that is built from one source.
macro_rules! example {
    ($name:literal: $($file:literal),+; $ignored:literal) => {
        Example {
            name: $name,
            files: &[
                $((
                    $file,
                    include_str!(concat!("../../../plugins/", $name, "/", $file)),
                ),)+
                (".gitignore", $ignored),
            ],
        }
    };
}

const KINDS_IN_JAVASCRIPT: Example =
    example!("http-health": "plugin.js", "package.json", "example.rhai"; "/target\nnode_modules\n");
const RUNBOOK_IN_JAVASCRIPT: Example =
    example!("client-files": "plugin.js", "package.json"; "/target\nnode_modules\n");
const KINDS_IN_PYTHON: Example =
    example!("capacity": "plugin.py", "requirements.txt", "example.rhai"; "/target\n__pycache__\n");
const RUNBOOK_IN_PYTHON: Example =
    example!("scrape-targets": "plugin.py", "requirements.txt"; "/target\n__pycache__\n");

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

impl Language {
    /// The commands that build a project of this name, typed where its folder is.
    pub fn commands(self, name: &str) -> Vec<String> {
        let first = match self {
            Self::Rust => None,
            Self::JavaScript => Some(format!("npm install --prefix {name}")),
            Self::Python => Some(format!("pip install -r {name}/requirements.txt")),
        };
        let build = format!("krun plugin build {name}");
        first.into_iter().chain([build]).collect()
    }
}

/// What a project is to begin as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// Step kinds.
    Kinds,
    /// A whole runbook.
    Runbook,
}

/// Each file of a project: its path, and its text. The first is the one that says what the plugin does.
///
/// # Errors
/// [`FaultCode::Usage`] where the name can't be a plugin's.
pub fn project(
    name: &str,
    language: Language,
    shape: Shape,
) -> Result<Vec<(String, String)>, Fault> {
    named(name)?;
    Ok(match (language, shape) {
        (Language::Rust, Shape::Kinds) => {
            let mut files = rust(name, &kinds(name));
            files.push(("example.rhai".to_owned(), used(name)));
            files
        }
        (Language::Rust, Shape::Runbook) => rust(name, &runbook(name)),
        (Language::JavaScript, Shape::Kinds) => from_example(name, &KINDS_IN_JAVASCRIPT),
        (Language::JavaScript, Shape::Runbook) => from_example(name, &RUNBOOK_IN_JAVASCRIPT),
        (Language::Python, Shape::Kinds) => from_example(name, &KINDS_IN_PYTHON),
        (Language::Python, Shape::Runbook) => from_example(name, &RUNBOOK_IN_PYTHON),
    })
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
fn from_example(name: &str, example: &Example) -> Vec<(String, String)> {
    let module = |name: &str| format!("{}::", name.replace('-', "_"));
    let renamed = example.files.iter().map(|(path, text)| {
        let text = text
            .replace("../wit/", "wit/")
            .replace(&module(example.name), &module(name))
            .replace(example.name, name);
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
    let example = without_head(KINDS_IN_RUST).replace("owners::", &format!("{module}::"));
    example.replace("name: \"owners\",", &format!("name: \"{name}\","))
}

/// The runbook that uses it, likewise.
fn used(name: &str) -> String {
    let module = name.replace('-', "_");
    let example = USED_IN_RUST.replace("owners::", &format!("{module}::"));
    example.replace("owners", name)
}

/// The example of whole runbooks, likewise.
fn runbook(name: &str) -> String {
    without_head(RUNBOOK_IN_RUST).replace("team-topics", name)
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
    // What is said of krun's own plugins, and which of them are built, is not of this one.
    let is_own = |line: &&str| !line.starts_with('#') && !line.starts_with("default-members");
    let rest = WORKSPACE.lines().filter(is_own);
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
        let files = project("rack-aware", Language::Rust, Shape::Kinds).unwrap();
        let text = |name: &str| &files.iter().find(|(path, _)| path == name).unwrap().1;
        assert!(text("src/lib.rs").contains("name: \"rack-aware\","));
        assert!(text("Cargo.toml").contains("\nmembers = [\"sdk\"]"));
        assert!(!text("Cargo.toml").contains("topic-policy"));
        assert!(text("example.rhai").contains("rack_aware::owner(\"owner\""));
        assert!(!text("example.rhai").contains("owners"));
        let files = project("rack-aware", Language::Rust, Shape::Runbook).unwrap();
        let (path, text) = &files[0];
        assert_eq!(path, "src/lib.rs");
        assert!(text.contains("const NAME: &'static str = \"rack-aware\";"));
        assert!(!text.contains("team-topics"));
        for name in ["Rack", "rack_aware", "../rack", ""] {
            assert!(
                project(name, Language::Rust, Shape::Kinds).is_err(),
                "{name}"
            );
        }
    }

    #[test]
    fn so_has_one_in_another_language() {
        for (language, shape, example) in [
            (Language::JavaScript, Shape::Kinds, &KINDS_IN_JAVASCRIPT),
            (Language::JavaScript, Shape::Runbook, &RUNBOOK_IN_JAVASCRIPT),
            (Language::Python, Shape::Kinds, &KINDS_IN_PYTHON),
            (Language::Python, Shape::Runbook, &RUNBOOK_IN_PYTHON),
        ] {
            let files = project("rack-aware", language, shape).unwrap();
            let (path, text) = &files[0];
            assert!(text.contains("rack-aware"), "{path}");
            assert_eq!(
                text.contains("rack_aware::"),
                shape == Shape::Kinds,
                "{path}"
            );
            let module = format!("{}::", example.name.replace('-', "_"));
            for (path, text) in &files {
                let is_left = text.contains(example.name) || text.contains(&module);
                // The contract speaks of nobody.
                assert!(!is_left || path.starts_with("wit/"), "{path}");
            }
            assert!(
                files
                    .iter()
                    .any(|(path, _)| path == "wit/1.0.0/runbook.wit")
            );
        }
    }
}
