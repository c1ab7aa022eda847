//! The pages of the book that are made are those that this krun makes.

use std::fs;

use krun_tests::lab::{Done, Lab, repository};

/// What krun says when it is asked for a page, in the repository's folder.
fn page(arguments: &[&str]) -> Done {
    let lab = Lab::new(0);
    let mut command = lab.krun(&[&["doc"], arguments].concat());
    command.current_dir(repository());
    Done::of(command)
}

#[track_caller]
fn is_fresh(file: &str, arguments: &[&str]) {
    let made = page(arguments).expect(0).out();
    let there = fs::read_to_string(repository().join(file))
        .unwrap_or_else(|error| panic!("{file}: {error}; `book/refresh` makes it"));
    if made == there {
        return;
    }
    let differs = made.lines().zip(there.lines()).position(|(a, b)| a != b);
    let at = differs.unwrap_or(made.lines().count().min(there.lines().count()));
    panic!(
        "{file} is stale from line {} on; `book/refresh` makes it anew\n  made:  {:?}\n  there: {:?}",
        at + 1,
        made.lines().nth(at),
        there.lines().nth(at)
    );
}

#[test]
fn references_are_fresh() {
    is_fresh("book/src/kinds.md", &["--kinds"]);
    is_fresh("book/src/errors/faults.md", &["--errors"]);
    is_fresh("book/src/errors/diagnostics.md", &["--diagnostics"]);
}

/// The runbooks that have a guide: those of which a run was captured.
fn guides() -> Vec<String> {
    let captures = fs::read_dir(repository().join("book/captures")).expect("book/captures");
    captures
        .flatten()
        .filter_map(|entry| {
            let name = entry.file_name().into_string().ok()?;
            name.strip_suffix(".json").map(str::to_owned)
        })
        .collect()
}

/// The languages of the guides, with the folder of each below `book/src`.
fn languages() -> Vec<(String, String)> {
    let mut found = vec![("en".to_owned(), "guides".to_owned())];
    let translations = fs::read_dir(repository().join("book/translations")).expect("translations");
    for entry in translations.flatten() {
        let language = entry.file_name().into_string().expect("UTF-8");
        found.push((language.clone(), format!("{language}/guides")));
    }
    found
}

#[test]
fn guides_are_fresh_and_wholly_translated() {
    let (guides, languages) = (guides(), languages());
    assert!(!guides.is_empty() && languages.len() > 1);
    for name in &guides {
        let (runbook, capture) = (
            format!("runbooks/{name}.rhai"),
            format!("book/captures/{name}.json"),
        );
        for (language, folder) in &languages {
            let arguments = [
                &*runbook,
                "--capture",
                &capture,
                "--lang",
                language,
                "--complete",
            ];
            is_fresh(&format!("book/src/{folder}/{name}.md"), &arguments);
        }
    }
}

#[test]
fn every_guide_stands_in_the_summary() {
    let summary = fs::read_to_string(repository().join("book/src/SUMMARY.md")).expect("summary");
    for name in guides() {
        for (_, folder) in languages() {
            let link = format!("({folder}/{name}.md)");
            assert!(summary.contains(&link), "{link} is not in SUMMARY.md");
        }
    }
}

#[test]
fn a_missing_translation_is_printed_as_lines_to_fill_in() {
    let lab = Lab::new(0);
    lab.write(
        "r.rhai",
        "//! What it is for.\n\nrunbook(#{ name: \"r\", version: \"1\", summary: \"A summary\" });\n",
    );
    lab.write(
        "t/xx/r.yaml",
        "- en: A summary\n  to: ein Titel\n- en: Gone\n  to: weg\n",
    );
    let arguments = ["doc", "r.rhai", "--lang", "xx", "--translations", "t"];
    let lenient = lab.run(&arguments).expect(0);
    assert!(lenient.out().contains("# ein Titel\n"), "{}", lenient.out());
    let strict = lab
        .run(&[&arguments[..], &["--complete"]].concat())
        .expect(1);
    for wanted in ["\n- en: What it is for.\n  to: ''\n", "of nothing: Gone"] {
        assert!(
            strict.err().contains(wanted),
            "{wanted} in\n{}",
            strict.err()
        );
    }
    // Asked to, it writes them where they belong, once.
    for _ in 0..2 {
        let added = lab.run(&[&arguments[..], &["--complete", "--stub"]].concat());
        assert!(added.expect(1).err().contains("Fill in each empty `to`"));
    }
    let file = fs::read_to_string(lab.path("t/xx/r.yaml")).expect("translations");
    let filled = file.replace(
        "What it is for.\n  to: ''\n",
        "What it is for.\n  to: wozu\n",
    );
    assert_eq!(filled.matches("- en: What it is for.").count(), 1, "{file}");
    lab.write("t/xx/r.yaml", &filled);
    let filled = lab.run(&arguments).expect(0);
    assert!(filled.out().contains("wozu\n"), "{}", filled.out());
    let unknown = lab.run(&["doc", "r.rhai", "--lang", "zz"]).expect(2);
    assert!(unknown.err().contains("no translations into `zz`"));
    lab.run(&["doc"]).expect(2);
}
