//! Every file of tests belongs to the one binary.

use krun_tests::lab::repository;

#[test]
fn every_file_is_declared() {
    let folder = repository().join("tests/it");
    let declared = ["main.rs", "lib.rs"].map(|root| {
        std::fs::read_to_string(folder.join(root)).unwrap_or_else(|error| panic!("{root}: {error}"))
    });
    for entry in std::fs::read_dir(&folder).expect("tests/it").flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let Some(module) = name
            .strip_suffix(".rs")
            .filter(|m| !matches!(*m, "main" | "lib"))
        else {
            continue;
        };
        let line = format!("mod {module};");
        assert!(
            declared.iter().any(|text| text.contains(&line)),
            "{name} is in no test binary"
        );
    }
}
