//! Plugins: built by `krun plugin build`, pinned and granted in a krun.lock, run by the real binary.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    sync::OnceLock,
};

use krun_tests::lab::{Done, Lab, krun_binary, repository};

use crate::cluster::Cluster;

mod acts;
mod audit;
mod corpus;
mod hostile;
mod languages;
mod machines;
mod own;
mod owners;
mod policy;
mod projects;
mod quotas;
mod reaching;
mod runbook;
mod simulated;
mod typed;
mod undo;

/// The component of a plugin in `plugins/` or `tests/guests`; all are built together, once.
fn component(name: &str) -> PathBuf {
    static BUILT: OnceLock<Vec<PathBuf>> = OnceLock::new();
    let built = BUILT.get_or_init(|| {
        let built = ["plugins", "tests/guests"].map(|workspace| {
            let output = Command::new(krun_binary())
                .args(["plugin", "build"])
                .arg(repository().join(workspace))
                .arg("--target-dir")
                .arg(guests_target())
                .output()
                .expect("krun starts");
            let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
            assert!(output.status.success(), "{}", text(&output.stderr));
            let files = text(&output.stdout);
            files.lines().map(PathBuf::from).collect::<Vec<_>>()
        });
        built.concat()
    });
    let file = format!("{name}.component.wasm");
    let found = built.iter().find(|path| path.ends_with(&file));
    found
        .unwrap_or_else(|| panic!("no {file} in {built:?}"))
        .clone()
}

/// Where guests are built, with what they have in common.
fn guests_target() -> PathBuf {
    let target = krun_binary();
    target
        .ancestors()
        .nth(2)
        .expect("a target folder")
        .join("guests")
}

/// A lab whose folder has a plugin with some grants.
fn lab_with(plugin: &str, grants: &[String]) -> Lab {
    let lab = Lab::new(0);
    add(&lab, &lab.path(""), &component(plugin), grants).expect(0);
    lab
}

/// A lab whose folder has a plugin that may write to a folder there.
fn lab_for_writing(plugin: &str, folder: &str) -> Lab {
    let lab = Lab::new(0);
    fs::create_dir_all(lab.path(folder)).expect("a folder");
    let grants = [format!("write:{}", lab.path(folder).display())];
    add(&lab, &lab.path(""), &component(plugin), &grants).expect(0);
    lab
}

fn add(lab: &Lab, folder: &Path, file: &Path, grants: &[String]) -> Done {
    let mut arguments = vec!["plugin", "add", file.to_str().expect("UTF-8")];
    arguments.extend(["--folder", folder.to_str().expect("UTF-8")]);
    for grant in grants {
        arguments.extend(["--grant", grant]);
    }
    lab.run(&arguments)
}

/// Writes a runbook that uses a plugin.
fn runbook(lab: &Lab, plugin: &str, steps: &str) {
    let head = format!(
        "runbook(#{{ name: \"test\", version: \"1\", summary: \"a test\" }});\nuse_plugin(\"{plugin}\");\n"
    );
    lab.write("test.rhai", &format!("{head}{steps}"));
}

/// What krun said, in one line: diagnostics are broken where they fit a terminal.
pub fn flat(text: &str) -> String {
    let words = text.split_whitespace().filter(|word| *word != "│");
    words.collect::<Vec<_>>().join(" ")
}

fn text(lab: &Lab, name: &str) -> String {
    fs::read_to_string(lab.path(name)).unwrap_or_default()
}
