//! Components that were built for another version of the contract than this krun has.

use camino::{Utf8Path, Utf8PathBuf};

use crate::lab::{Lab, WIT, component, describing_text, real};

/// A real component; nothing in its file but the names of its interfaces says which version it was built for.
fn built_for(version: &str) -> Vec<u8> {
    let text = real();
    let (from, to) = (b"@1.0.0", format!("@{version}"));
    assert_eq!(from.len(), to.len(), "names have their length before them");
    let mut bytes = text.clone();
    for at in 0..text.len() - from.len() {
        if text[at..].starts_with(from) {
            bytes[at..at + from.len()].copy_from_slice(to.as_bytes());
        }
    }
    bytes
}

/// The files of a later version, in which `log` has one more function.
fn later(lab: &Lab, version: &str) -> Utf8PathBuf {
    let folder = lab.path("wit");
    std::fs::create_dir(&folder).unwrap();
    for entry in Utf8Path::new(WIT).read_dir_utf8().unwrap() {
        let path = entry.unwrap().into_path();
        let text = std::fs::read_to_string(&path).unwrap();
        let more = "progress: func(text: string);\n    shout: func(text: string);";
        let text = text
            .replace("@1.0.0", &format!("@{version}"))
            .replace("progress: func(text: string);", more);
        std::fs::write(folder.join(path.file_name().unwrap()), text).unwrap();
    }
    folder
}

#[test]
fn what_uses_nothing_new_opens() {
    for version in ["1.0.0", "1.1.0", "1.0.7"] {
        let plugin = Lab::new().open(&built_for(version)).unwrap();
        assert_eq!(plugin.name(), "owners");
        assert_eq!(plugin.api(), version);
    }
}

/// The refusal names what is missing, the version that has it, and what to do.
#[test]
fn what_uses_something_new_does_not() {
    let lab = Lab::new();
    let folder = later(&lab, "1.1.0");
    let text = describing_text("unreachable").replace("@1.0.0", "@1.1.0");
    let import = "(import \"krun:plugin/log@1.1.0\" \"shout\" (func (param i32 i32)))";
    let text = text.replacen("(module", &format!("(module {import}"), 1);
    let fault = lab.open(&component(&text, &folder)).err().expect("refused");
    assert!(
        fault.what.contains("does not fit krun:plugin@1.0.0"),
        "{fault}"
    );
    let why = fault.why.unwrap_or_default();
    assert!(why.contains("shout"), "{why}");
    assert!(why.contains("krun:plugin/log@1.1.0"), "{why}");
    assert!(
        fault.hints[0].starts_with("It was built for krun:plugin@1.1.0: use a newer krun"),
        "{:?}",
        fault.hints
    );
}

#[test]
fn another_major_version_does_not_open() {
    let fault = Lab::new().open(&built_for("2.0.0")).err().expect("refused");
    assert!(
        fault.what.contains("does not fit krun:plugin@1.0.0"),
        "{fault}"
    );
    assert!(
        fault.hints[0].starts_with("It was built for krun:plugin@2.0.0"),
        "{:?}",
        fault.hints
    );
}
