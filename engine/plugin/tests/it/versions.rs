//! Components that were built for another version of the contract than this krun has.

use crate::lab::{Lab, component, describing_text, real};

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
    let more = "progress: func(text: string);\n    shout: func(text: string);";
    let folder = lab.changed_wit(|_, text| {
        text.replace("@1.0.0", "@1.1.0")
            .replace("progress: func(text: string);", more)
    });
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
