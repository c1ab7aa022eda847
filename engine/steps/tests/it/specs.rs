//! What all kinds say of themselves.

use std::collections::BTreeSet;

#[test]
fn kinds_are_well_formed() {
    let kinds = krun_steps::kinds();
    let names: Vec<_> = kinds.iter().map(|kind| kind.spec().name).collect();
    assert!(names.is_sorted(), "{names:?}");
    assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), names.len());
    for kind in &kinds {
        let spec = kind.spec();
        assert!(spec.doc.ends_with('.'), "{}", spec.name);
        for arg in spec.args {
            assert!(!arg.doc.is_empty(), "{} {}", spec.name, arg.name);
        }
        // Nothing is known of outputs of other steps, and that is no error.
        kind.common()
            .declare(&"a".parse().unwrap(), "d", &krun_model::Map::new())
            .unwrap();
    }
}
