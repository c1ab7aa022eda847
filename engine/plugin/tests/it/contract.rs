//! The published versions of `krun:plugin` are what they were when they were published.

use std::fs;

use krun_model::Digest;

/// Each version's folder and what its files come to, without comments and blanks.
const FROZEN: [(&str, &str); 1] = [(
    "1.0.0",
    "eb15ab9792f2915f9c12707a986b1df81157e0a62c4402e96a35a985fe0a5bb6",
)];

/// The text of a version's files, by name, as far as a component depends on it.
fn text(version: &str) -> String {
    let folder = format!("{}/../../plugins/wit/{version}", env!("CARGO_MANIFEST_DIR"));
    let entries = fs::read_dir(folder).unwrap();
    let mut files: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let mut text = String::new();
    for file in files {
        text.push_str(file.file_name().unwrap().to_str().unwrap());
        for line in fs::read_to_string(&file).unwrap().lines() {
            let said = line.split("//").next().unwrap_or_default();
            text.extend(said.split_whitespace().flat_map(|word| [" ", word]));
        }
        text.push('\n');
    }
    text
}

#[test]
fn published_versions_are_frozen() {
    for (version, frozen) in FROZEN {
        assert_eq!(
            Digest::of(text(version)).to_string(),
            frozen,
            "plugins/wit/{version} is published: components that were built for it would not load any more. What \
             is new goes into a folder of its own, with an adapter in engine/plugin (see engine/ARCHITECTURE.md, \
             \"A new version of the contract\")"
        );
    }
}

/// A folder that nobody holds to what it was is no published one.
#[test]
fn every_folder_is_held() {
    let folders = fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../../plugins/wit")).unwrap();
    let mut folders: Vec<_> = folders
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    folders.sort();
    assert_eq!(folders, FROZEN.map(|(version, _)| version));
}
